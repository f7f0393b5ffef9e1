package sqltext

func (p *parser) update() (Statement, error) {
	p.take()
	var s Update
	var err error
	if s.Table, err = p.objectName(); err != nil {
		return nil, err
	}
	if p.isWord("WITH") {
		p.take()
		if err := p.skipParentheses(); err != nil {
			return nil, err
		}
	}
	if err := p.needWord("SET"); err != nil {
		return nil, err
	}
	for {
		var a Assign
		if a.Column, err = p.name(); err != nil {
			return nil, err
		}
		op := ""
		switch {
		case p.symbol("="):
		case p.symbol("+="):
			op = "+"
		case p.symbol("-="):
			op = "-"
		default:
			return nil, p.fail()
		}
		if a.X, err = p.additive(); err != nil {
			return nil, err
		}
		if op != "" {
			a.X = Binary{op, Column{Name: a.Column}, a.X}
		}
		s.Sets = append(s.Sets, a)
		if !p.symbol(",") {
			break
		}
	}
	if p.word("OUTPUT") {
		if s.Output, err = p.items(); err != nil {
			return nil, err
		}
	}
	if p.word("WHERE") {
		s.Where, err = p.condition()
	}
	return s, err
}

func (p *parser) insert() (Statement, error) {
	p.take()
	p.word("INTO")
	var s Insert
	var err error
	if s.Table, err = p.objectName(); err != nil {
		return nil, err
	}
	if p.isSymbol("(") && !is(p.peekAt(1), "SELECT") {
		if s.Columns, err = p.names(); err != nil {
			return nil, err
		}
	}
	if p.word("OUTPUT") {
		if s.Output, err = p.items(); err != nil {
			return nil, err
		}
	}
	if !p.isWord("VALUES") && !p.isWord("SELECT") && !p.isWord("WITH") && !p.isSymbol("(") {
		return nil, p.fail()
	}
	s.Query, err = p.query()
	return s, err
}

func (p *parser) delete() (Statement, error) {
	p.take()
	p.word("FROM")
	var s Delete
	var err error
	if s.Table, err = p.objectName(); err != nil {
		return nil, err
	}
	if p.word("WHERE") {
		s.Where, err = p.condition()
	}
	return s, err
}
