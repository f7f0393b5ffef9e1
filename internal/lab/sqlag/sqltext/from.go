package sqltext

func (p *parser) source() (Source, error) {
	if err := p.enter(); err != nil {
		return Source{}, err
	}
	defer p.leave()
	s, err := p.sourceHead()
	if err != nil {
		return s, err
	}
	for {
		kind := p.joinKind()
		if kind == "" {
			return s, nil
		}
		j := Join{Kind: kind}
		if j.Right, err = p.sourceHead(); err != nil {
			return s, err
		}
		if kind == "INNER" || kind == "LEFT" || kind == "RIGHT" || kind == "FULL" {
			if err := p.needWord("ON"); err != nil {
				return s, err
			}
			if j.On, err = p.condition(); err != nil {
				return s, err
			}
		}
		s.Joins = append(s.Joins, j)
	}
}

func (p *parser) joinKind() string {
	switch {
	case p.word("CROSS", "JOIN"):
		return "CROSS"
	case p.word("CROSS", "APPLY"):
		return "APPLY"
	case p.word("OUTER", "APPLY"):
		return "OUTER APPLY"
	case p.word("JOIN"), p.word("INNER", "JOIN"):
		return "INNER"
	}
	for _, side := range []string{"LEFT", "RIGHT", "FULL"} {
		if p.word(side, "JOIN") || p.word(side, "OUTER", "JOIN") {
			return side
		}
	}
	return ""
}

func (p *parser) sourceHead() (Source, error) {
	var s Source
	var err error
	if p.isSymbol("(") {
		next := p.peekAt(1)
		if is(next, "SELECT") || is(next, "WITH") || is(next, "VALUES") || next.text == "(" && next.kind == symbol && is(p.peekAt(2), "SELECT") {
			if s.Query, err = p.subquery(); err != nil {
				return s, err
			}
		} else { // a join in parentheses
			p.take()
			if s, err = p.source(); err != nil {
				return s, err
			}
			return s, p.need(")")
		}
	} else {
		if s.Name, err = p.objectName(); err != nil {
			return s, err
		}
		if p.isSymbol("(") && !is(p.peekAt(1), "NOLOCK") {
			p.take()
			s.Call = true
			if !p.isSymbol(")") {
				if s.Args, err = p.list(p.additive); err != nil {
					return s, err
				}
			}
			if err := p.need(")"); err != nil {
				return s, err
			}
		}
	}
	if p.word("AS") || p.isName() {
		if s.Alias, err = p.name(); err != nil {
			return s, err
		}
		if p.isSymbol("(") && !is(p.peekAt(1), "NOLOCK") {
			if s.Columns, err = p.names(); err != nil {
				return s, err
			}
		}
	}
	if p.isWord("WITH") && p.peekAt(1).text == "(" { // table hints
		p.take()
		return s, p.skipParentheses()
	}
	if p.isSymbol("(") && is(p.peekAt(1), "NOLOCK") {
		return s, p.skipParentheses()
	}
	return s, nil
}

// skipParentheses passes over (...).
func (p *parser) skipParentheses() error {
	if err := p.need("("); err != nil {
		return err
	}
	for depth := 1; depth > 0; {
		t := p.take()
		switch {
		case t.kind == end:
			return p.fail()
		case t.kind == symbol && t.text == "(":
			depth++
		case t.kind == symbol && t.text == ")":
			depth--
		}
	}
	return nil
}
