package snowpair

import (
	"strconv"
	"strings"
)

// Expressions of SELECT, WHERE and VALUES.
type (
	literal   struct{ value any }
	columnRef struct {
		name  string
		table string // alias or name before the dot; empty: none
		tok   token
	}
	call struct {
		name  string
		args  []any
		named map[string]any
		star  bool // COUNT(*)
		tok   token
	}
	unary struct {
		op string
		x  any
	}
	binary struct {
		op   string
		l, r any
	}
	isNull struct {
		x   any
		not bool
	}
	inList struct {
		x    any
		list []any
		not  bool
	}
	cast struct {
		x  any
		to string
	}
	path struct {
		x    any
		keys []string
	}
	caseWhen struct {
		when, then []any
		otherwise  any
	}
)

func (p *parser) expr() any {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.peek())
		return literal{}
	}
	defer func() { p.depth-- }()
	x := p.and()
	for p.err == nil && p.word("OR") {
		x = binary{"OR", x, p.and()}
	}
	return x
}

func (p *parser) and() any {
	x := p.not()
	for p.err == nil && p.word("AND") {
		x = binary{"AND", x, p.not()}
	}
	return x
}

func (p *parser) not() any {
	if p.isWord("NOT") {
		if p.depth++; p.depth > maxDepth {
			p.fail(p.peek())
			return literal{}
		}
		defer func() { p.depth-- }()
		p.next()
		return unary{"NOT", p.not()}
	}
	return p.comparison()
}

func (p *parser) comparison() any {
	x := p.sum()
	for p.err == nil {
		switch {
		case p.word("IS", "NOT", "NULL"):
			x = isNull{x, true}
		case p.word("IS", "NULL"):
			x = isNull{x, false}
		case p.isWord("NOT", "IN") || p.isWord("IN"):
			not := p.word("NOT")
			p.next()
			p.wantSymbol("(")
			list := p.list()
			p.wantSymbol(")")
			x = inList{x, list, not}
		case p.isWord("NOT", "LIKE") || p.isWord("LIKE") || p.isWord("NOT", "ILIKE") || p.isWord("ILIKE"):
			not := p.word("NOT")
			op := p.next().text
			x = binary{op, x, p.sum()}
			if not {
				x = unary{"NOT", x}
			}
		case p.isWord("NOT", "BETWEEN") || p.isWord("BETWEEN"):
			not := p.word("NOT")
			p.next()
			low := p.sum()
			p.wantWord("AND")
			between := any(binary{"AND", binary{">=", x, low}, binary{"<=", x, p.sum()}})
			if not {
				between = unary{"NOT", between}
			}
			x = between
		default:
			t := p.peek()
			if t.kind != tokenSymbol || !strings.Contains(" = <> != < <= > >= ", " "+t.text+" ") {
				return x
			}
			p.next()
			op := t.text
			if op == "!=" {
				op = "<>"
			}
			x = binary{op, x, p.sum()}
		}
	}
	return x
}

func (p *parser) sum() any {
	x := p.product()
	for p.err == nil && (p.isSymbol("+") || p.isSymbol("-") || p.isSymbol("||")) {
		x = binary{p.next().text, x, p.product()}
	}
	return x
}

func (p *parser) product() any {
	x := p.postfix()
	for p.err == nil && (p.isSymbol("*") || p.isSymbol("/") || p.isSymbol("%")) {
		x = binary{p.next().text, x, p.postfix()}
	}
	return x
}

// postfix reads casts and paths into variants: x::text, x:key.key[0].
func (p *parser) postfix() any {
	x := p.primary()
	for p.err == nil {
		switch {
		case p.symbol("::"):
			x = cast{x, p.typeName()}
		case p.isSymbol(":") && p.toks[p.i+1].kind != tokenNumber:
			p.next()
			x = path{x, p.keys()}
		case p.symbol("["):
			t := p.next()
			p.wantSymbol("]")
			x = path{x, []string{t.text}}
		default:
			return x
		}
	}
	return x
}

func (p *parser) keys() []string {
	key := func() string {
		t := p.next()
		switch t.kind {
		case tokenWord:
			return t.raw // keys of objects keep their case
		case tokenQuoted:
			return t.text
		}
		p.fail(t)
		return ""
	}
	keys := []string{key()}
	for p.err == nil && p.symbol(".") {
		keys = append(keys, key())
	}
	return keys
}

func (p *parser) primary() any {
	t := p.peek()
	if v, ok := p.bind(); ok {
		return literal{v}
	}
	switch {
	case t.kind == tokenString:
		p.next()
		return literal{t.text}
	case t.kind == tokenNumber:
		p.next()
		if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
			return literal{n}
		}
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			p.fail(t)
		}
		return literal{f}
	case p.isSymbol("(") || p.isSymbol("-") || p.isSymbol("+"):
		if p.depth++; p.depth > maxDepth {
			p.fail(t)
			return literal{}
		}
		defer func() { p.depth-- }()
		p.next()
		switch t.text {
		case "-":
			return unary{"-", p.postfix()}
		case "+":
			return p.postfix()
		}
		x := p.expr()
		p.wantSymbol(")")
		return x
	case p.word("NULL"):
		return literal{nil}
	case p.word("TRUE"):
		return literal{true}
	case p.word("FALSE"):
		return literal{false}
	case p.word("CASE"):
		return p.caseWhen()
	case t.kind == tokenWord || t.kind == tokenQuoted:
		return p.reference()
	}
	p.fail(t)
	p.next()
	return literal{}
}

func (p *parser) caseWhen() any {
	var c caseWhen
	var subject any
	if !p.isWord("WHEN") {
		subject = p.expr()
	}
	for p.err == nil && p.word("WHEN") {
		when := p.expr()
		if subject != nil {
			when = binary{"=", subject, when}
		}
		p.wantWord("THEN")
		c.when, c.then = append(c.when, when), append(c.then, p.expr())
	}
	if len(c.when) == 0 {
		p.fail(p.peek())
	}
	if p.word("ELSE") {
		c.otherwise = p.expr()
	}
	p.wantWord("END")
	return c
}

// reservedWords cannot be columns.
const reservedWords = " FROM WHERE SELECT ORDER GROUP BY HAVING AND OR NOT AS ON UNION THEN WHEN ELSE IN IS LIKE BETWEEN SET VALUES INTO "

// bareFunctions may be called without parentheses.
const bareFunctions = " CURRENT_TIMESTAMP CURRENT_DATE CURRENT_USER LOCALTIMESTAMP "

// reference reads a column or a function call.
func (p *parser) reference() any {
	t := p.peek()
	if t.kind == tokenWord && strings.Contains(reservedWords, " "+t.text+" ") {
		p.fail(t)
		return literal{}
	}
	name := p.name()
	last := name[len(name)-1]
	if !p.symbol("(") {
		if t.kind == tokenWord && len(name) == 1 && strings.Contains(bareFunctions, " "+last+" ") {
			return call{name: last, tok: t}
		}
		c := columnRef{name: last, tok: t}
		if len(name) > 1 {
			c.table = name[len(name)-2]
		}
		return c
	}
	c := call{name: last, tok: t}
	switch {
	case p.symbol("*"):
		c.star = true
	case last == "EXTRACT":
		unit := p.next().text
		p.wantWord("FROM")
		c.args = []any{literal{unit}, p.expr()}
	case last == "CAST" || last == "TRY_CAST":
		x := p.expr()
		p.wantWord("AS")
		to := p.typeName()
		p.wantSymbol(")")
		return cast{x, to}
	default:
		p.word("DISTINCT")
		c.args, c.named = p.arguments()
	}
	p.wantSymbol(")")
	return c
}

// typeName reads a type; its size does not matter here.
func (p *parser) typeName() string {
	to := p.identifier()
	if p.symbol("(") {
		for p.err == nil && !p.symbol(")") {
			if p.next().kind == tokenEnd {
				p.fail(p.peek())
			}
		}
	}
	return to
}

// arguments reads positional and then named arguments.
func (p *parser) arguments() (args []any, named map[string]any) {
	for p.err == nil && !p.isSymbol(")") {
		if p.peek().kind == tokenWord && p.toks[p.i+1].kind == tokenSymbol && p.toks[p.i+1].text == "=>" {
			key := p.next().text
			p.next()
			if named == nil {
				named = map[string]any{}
			}
			named[key] = p.expr()
		} else {
			args = append(args, p.expr())
		}
		if !p.symbol(",") {
			break
		}
	}
	return args, named
}

func (p *parser) list() []any {
	var out []any
	for p.err == nil && !p.isSymbol(")") {
		out = append(out, p.expr())
		if !p.symbol(",") {
			break
		}
	}
	return out
}
