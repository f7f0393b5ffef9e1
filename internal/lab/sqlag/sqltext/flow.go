package sqltext

func (p *parser) ifElse() (Statement, error) {
	p.take()
	var s If
	var err error
	if s.Condition, err = p.condition(); err != nil {
		return nil, err
	}
	if s.Then, err = p.statement(); err != nil {
		return nil, err
	}
	before := p.at
	for p.symbol(";") {
	}
	if !p.word("ELSE") {
		p.at = before
		return s, nil
	}
	s.Else, err = p.statement()
	return s, err
}

func (p *parser) begin() (Statement, error) {
	p.take()
	switch {
	case p.word("TRANSACTION"), p.word("TRAN"):
		if p.isName() {
			p.take()
		}
		return Transaction{"BEGIN"}, nil
	case p.word("TRY"):
		var s Try
		var err error
		if s.Body, err = p.batch(func() bool { return p.isWord("END") }); err != nil {
			return nil, err
		}
		if err := p.needWord("END", "TRY"); err != nil {
			return nil, err
		}
		for p.symbol(";") {
		}
		if err := p.needWord("BEGIN", "CATCH"); err != nil {
			return nil, err
		}
		if s.Catch, err = p.batch(func() bool { return p.isWord("END") }); err != nil {
			return nil, err
		}
		return s, p.needWord("END", "CATCH")
	}
	body, err := p.batch(func() bool { return p.isWord("END") })
	if err != nil {
		return nil, err
	}
	return Block{body}, p.needWord("END")
}

func (p *parser) throw() (Statement, error) {
	p.take()
	var s Throw
	if t := p.peek(); t.kind == end || t.kind == symbol || t.kind == word {
		return s, nil
	}
	args, err := p.list(p.primary)
	if err != nil {
		return nil, err
	}
	if len(args) != 3 {
		return nil, p.fail()
	}
	return Throw{args[0], args[1]}, nil
}

func (p *parser) raise() (Statement, error) {
	p.take()
	if err := p.need("("); err != nil {
		return nil, err
	}
	args, err := p.list(p.additive)
	if err != nil {
		return nil, err
	}
	if err := p.need(")"); err != nil {
		return nil, err
	}
	if p.word("WITH") {
		p.take()
	}
	return Throw{nil, args[0]}, nil
}

func (p *parser) execute() (Statement, error) {
	p.take()
	if p.isSymbol("(") {
		p.take()
		x, err := p.additive()
		if err != nil {
			return nil, err
		}
		return Execute{Text: x}, p.need(")")
	}
	if p.peek().kind == variable && p.peekAt(1).text == "=" { // EXEC @rc = proc
		p.at += 2
	}
	return p.procedure()
}

func (p *parser) procedure() (Statement, error) {
	var s Execute
	var err error
	if s.Name, err = p.objectName(); err != nil {
		return nil, err
	}
	for t := p.peek(); t.kind == variable || t.kind == text || t.kind == number || t.kind == binary || is(t, "NULL") || t.text == "-"; t = p.peek() {
		var a Arg
		if t.kind == variable && p.peekAt(1).text == "=" {
			a.Name = p.take().text
			p.take()
		}
		if p.isName() { // a bare word is a string
			a.X = Literal{Value: p.take().text}
		} else if a.X, err = p.unary(); err != nil {
			return nil, err
		}
		if !p.word("OUTPUT") {
			p.word("OUT")
		}
		s.Args = append(s.Args, a)
		if !p.symbol(",") {
			break
		}
	}
	return s, nil
}
