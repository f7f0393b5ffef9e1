package snowpair

import "strings"

// selection reads SELECT and everything after it, UNION ALL included.
func (p *parser) selection() *selection {
	s := &selection{limit: -1, tok: p.peek()}
	if p.depth++; p.depth > maxDepth {
		p.fail(p.peek())
		return s
	}
	defer func() { p.depth-- }()
	p.wantWord("SELECT")
	s.unique = p.word("DISTINCT")
	p.word("ALL")
	if p.word("TOP") {
		s.limit = p.integer()
	}
	for p.err == nil {
		s.items = append(s.items, p.item())
		if !p.symbol(",") {
			break
		}
	}
	if p.word("FROM") {
		s.from = p.source()
		p.alias()
	}
	if p.word("WHERE") {
		s.where = p.expr()
	}
	if p.word("GROUP", "BY") {
		s.group = append(s.group, p.expr())
		for p.symbol(",") {
			s.group = append(s.group, p.expr())
		}
	}
	if p.word("HAVING") {
		s.having = p.expr()
	}
	if p.word("UNION", "ALL") {
		s.another = p.selection()
		s.order, s.another.order = s.another.order, nil // they are of the whole
		s.limit, s.another.limit = s.another.limit, -1
		s.offset, s.another.offset = s.another.offset, 0
		return s
	}
	if p.word("ORDER", "BY") {
		for p.err == nil {
			o := ordering{x: p.expr()}
			o.descending = p.word("DESC")
			if !o.descending {
				p.word("ASC")
			}
			if p.word("NULLS") {
				o.nulls = p.identifier()
			}
			s.order = append(s.order, o)
			if !p.symbol(",") {
				break
			}
		}
	}
	if p.word("LIMIT") {
		s.limit = p.integer()
	}
	if p.word("OFFSET") {
		s.offset = p.integer()
	}
	if p.word("FETCH") {
		_ = p.word("FIRST") || p.word("NEXT")
		s.limit = p.integer()
		_ = p.word("ROWS") || p.word("ROW")
		p.word("ONLY")
	}
	return s
}

func (p *parser) item() item {
	t := p.peek()
	if p.symbol("*") {
		return item{star: true, tok: t}
	}
	if t.kind == tokenWord && p.toks[min(p.i+1, len(p.toks)-1)].text == "." && p.toks[min(p.i+2, len(p.toks)-1)].text == "*" {
		p.i += 3 // alias.*
		return item{star: true, tok: t}
	}
	x := p.expr()
	it := item{x: x, tok: t}
	if p.err != nil {
		return it
	}
	if p.word("AS") {
		it.label = p.identifier()
		return it
	}
	if n := p.peek(); n.kind == tokenQuoted || n.kind == tokenWord && !strings.Contains(afterItem, " "+n.text+" ") {
		it.label = p.identifier()
		return it
	}
	it.bare = true
	if c, ok := x.(columnRef); ok {
		it.label = c.name
		return it
	}
	it.label = strings.ToUpper(strings.TrimSpace(p.sql[t.from:p.toks[p.i-1].to]))
	return it
}

// afterItem are words that may follow an item and are no alias.
const afterItem = " FROM WHERE ORDER GROUP HAVING LIMIT OFFSET FETCH UNION "

// source reads what comes after FROM.
func (p *parser) source() *source {
	s := &source{tok: p.peek()}
	switch {
	case p.word("TABLE"):
		p.wantSymbol("(")
		s.tok, s.name, s.function = p.peek(), p.name(), true
		p.wantSymbol("(")
		s.args, s.named = p.arguments()
		p.wantSymbol(")")
		p.wantSymbol(")")
	case p.symbol("("):
		s.sub = p.selection()
		p.wantSymbol(")")
	default:
		s.name = p.name()
	}
	return s
}

// alias reads [AS] name and returns the name.
func (p *parser) alias() string {
	if p.word("AS") {
		return p.identifier()
	}
	if t := p.peek(); t.kind == tokenQuoted || t.kind == tokenWord && !strings.Contains(afterItem+"ON USING WHEN SET ", " "+t.text+" ") {
		return p.identifier()
	}
	return ""
}

func (p *parser) assignments() []assignment {
	var out []assignment
	for p.err == nil {
		name := p.name()
		p.wantSymbol("=")
		out = append(out, assignment{name[len(name)-1], p.expr()})
		if !p.symbol(",") {
			break
		}
	}
	return out
}

func (p *parser) columns() []string {
	var out []string
	if !p.symbol("(") {
		return nil
	}
	for p.err == nil {
		name := p.name()
		out = append(out, name[len(name)-1])
		if !p.symbol(",") {
			break
		}
	}
	p.wantSymbol(")")
	return out
}

func (p *parser) insert(t token) any {
	s := insert{table: p.name(), columns: p.columns(), tok: t}
	if p.isWord("SELECT") {
		s.query = p.selection()
		return s
	}
	p.wantWord("VALUES")
	for p.err == nil {
		p.wantSymbol("(")
		s.rows = append(s.rows, p.list())
		p.wantSymbol(")")
		if !p.symbol(",") {
			break
		}
	}
	return s
}

// merge reads MERGE INTO t USING s ON .. WHEN MATCHED THEN UPDATE SET .. WHEN NOT
// MATCHED THEN INSERT .. VALUES ..
func (p *parser) merge(t token) any {
	s := merge{table: p.name(), tok: t}
	s.alias = p.alias()
	p.wantWord("USING")
	s.using = p.source()
	s.label = p.alias()
	p.wantWord("ON")
	s.on = p.expr()
	for p.err == nil && p.word("WHEN") {
		if p.word("MATCHED", "THEN", "UPDATE", "SET") {
			s.updating, s.matched = true, p.assignments()
			continue
		}
		p.wantWord("NOT", "MATCHED", "THEN", "INSERT")
		s.insert, s.columns = true, p.columns()
		p.wantWord("VALUES")
		p.wantSymbol("(")
		s.values = p.list()
		p.wantSymbol(")")
	}
	return s
}
