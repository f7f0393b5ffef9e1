package sqltext

import "strings"

// subquery reads a query in parentheses.
func (p *parser) subquery() (*Query, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	if err := p.need("("); err != nil {
		return nil, err
	}
	if p.isWord("WITH") { // only a statement may begin with one
		return nil, p.fail()
	}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	return q, p.need(")")
}

func (p *parser) query() (*Query, error) {
	q := &Query{}
	var err error
	if p.word("WITH") {
		if q.With, err = p.with(); err != nil {
			return nil, err
		}
	}
	if q.First, err = p.term(); err != nil {
		return nil, err
	}
	for {
		op := ""
		switch {
		case p.word("UNION", "ALL"):
			op = "UNION ALL"
		case p.word("UNION"):
			op = "UNION"
		case p.word("EXCEPT"):
			op = "EXCEPT"
		case p.word("INTERSECT"):
			op = "INTERSECT"
		}
		if op == "" {
			break
		}
		s, err := p.term()
		if err != nil {
			return nil, err
		}
		q.Rest = append(q.Rest, SetOp{op, s})
	}
	if p.isWord("ORDER") {
		if q.Order, err = p.orderBy(); err != nil {
			return nil, err
		}
	}
	if p.word("OFFSET") {
		if err := p.paging(q); err != nil {
			return nil, err
		}
	}
	if p.word("OPTION") { // hints change no answer
		if err := p.skipParentheses(); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func (p *parser) paging(q *Query) error {
	var err error
	if q.Offset, err = p.additive(); err != nil {
		return err
	}
	if !p.word("ROWS") && !p.word("ROW") {
		return p.fail()
	}
	if p.word("FETCH") {
		if !p.word("NEXT") && !p.word("FIRST") {
			return p.fail()
		}
		if q.Fetch, err = p.additive(); err != nil {
			return err
		}
		if !p.word("ROWS") && !p.word("ROW") {
			return p.fail()
		}
		return p.needWord("ONLY")
	}
	return nil
}

func (p *parser) with() ([]With, error) {
	var out []With
	for {
		var w With
		var err error
		if w.Name, err = p.name(); err != nil {
			return nil, err
		}
		if p.isSymbol("(") {
			if w.Columns, err = p.names(); err != nil {
				return nil, err
			}
		}
		if err := p.needWord("AS"); err != nil {
			return nil, err
		}
		if w.Query, err = p.subquery(); err != nil {
			return nil, err
		}
		out = append(out, w)
		if !p.symbol(",") {
			return out, nil
		}
	}
}

// names reads (a, b, c).
func (p *parser) names() ([]string, error) {
	if err := p.need("("); err != nil {
		return nil, err
	}
	var out []string
	for {
		s, err := p.name()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
		if !p.symbol(",") {
			return out, p.need(")")
		}
	}
}

func (p *parser) term() (Select, error) {
	if p.isSymbol("(") {
		q, err := p.subquery()
		return Select{Nested: q}, err
	}
	if p.word("VALUES") {
		return p.values()
	}
	if err := p.needWord("SELECT"); err != nil {
		return Select{}, err
	}
	return p.selectBody()
}

func (p *parser) values() (Select, error) {
	var s Select
	for {
		if err := p.need("("); err != nil {
			return s, err
		}
		row, err := p.list(p.additive)
		if err != nil {
			return s, err
		}
		s.Values = append(s.Values, row)
		if err := p.need(")"); err != nil {
			return s, err
		}
		if !p.symbol(",") {
			return s, nil
		}
	}
}

func (p *parser) selectBody() (Select, error) {
	var s Select
	var err error
	s.Distinct = p.word("DISTINCT")
	p.word("ALL")
	if p.word("TOP") {
		if s.Top, err = p.primary(); err != nil {
			return s, err
		}
		if p.isWord("PERCENT") {
			return s, p.fail()
		}
	}
	if s.Items, err = p.items(); err != nil {
		return s, err
	}
	if p.word("FROM") {
		for {
			source, err := p.source()
			if err != nil {
				return s, err
			}
			s.From = append(s.From, source)
			if !p.symbol(",") {
				break
			}
		}
	}
	if p.word("WHERE") {
		if s.Where, err = p.condition(); err != nil {
			return s, err
		}
	}
	if p.word("GROUP") {
		if err := p.needWord("BY"); err != nil {
			return s, err
		}
		if s.Group, err = p.list(p.additive); err != nil {
			return s, err
		}
	}
	if p.word("HAVING") {
		s.Having, err = p.condition()
	}
	return s, err
}

func (p *parser) items() ([]Item, error) {
	var out []Item
	for {
		it, err := p.item()
		if err != nil {
			return nil, err
		}
		out = append(out, it)
		if !p.symbol(",") {
			return out, nil
		}
	}
}

func (p *parser) item() (Item, error) {
	var it Item
	var err error
	if p.symbol("*") {
		it.Star = true
		return it, nil
	}
	if p.isName() && p.peekAt(1).text == "." && p.peekAt(2).kind == symbol && p.peekAt(2).text == "*" {
		it.Star, it.Of = true, p.take().text
		p.at += 2
		return it, nil
	}
	if p.peek().kind == variable && p.peekAt(1).kind == symbol && p.peekAt(1).text == "=" {
		it.Into = p.take().text
		p.take()
		it.X, err = p.additive()
		return it, err
	}
	if p.isName() && p.peekAt(1).kind == symbol && p.peekAt(1).text == "=" { // alias = value
		it.Alias = p.take().text
		p.take()
		it.X, err = p.additive()
		return it, err
	}
	if it.X, err = p.additive(); err != nil {
		return it, err
	}
	switch {
	case p.word("AS"):
		it.Alias, err = p.nameOrText()
	case p.isName() || p.peek().kind == text:
		it.Alias = p.take().text
	default:
		if c, ok := it.X.(Column); ok {
			it.Alias = c.Name
		}
	}
	return it, err
}

func (p *parser) orderBy() ([]Order, error) {
	if err := p.needWord("ORDER", "BY"); err != nil {
		return nil, err
	}
	var out []Order
	for {
		x, err := p.additive()
		if err != nil {
			return nil, err
		}
		o := Order{X: x, Desc: p.word("DESC")}
		p.word("ASC")
		out = append(out, o)
		if !p.symbol(",") {
			return out, nil
		}
	}
}

// upper is a token's text as a keyword.
func upper(t token) string { return strings.ToUpper(t.text) }
