package sqltext

import (
	"math"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
)

// condition reads OR and everything that binds tighter: both values and
// conditions. Who needs which looks at what came out.
func (p *parser) condition() (Expr, error) {
	return p.chain(p.conjunction, func() string {
		if p.word("OR") {
			return "OR"
		}
		return ""
	})
}

func (p *parser) conjunction() (Expr, error) {
	return p.chain(p.negation, func() string {
		if p.word("AND") {
			return "AND"
		}
		return ""
	})
}

func (p *parser) chain(operand func() (Expr, error), operator func() string) (Expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	x, err := operand()
	for n := 0; err == nil; n++ {
		op := operator()
		if op == "" {
			return x, nil
		}
		if n > 500 { // a left-deep tree is walked by recursion
			return nil, sqlerr.TooDeep()
		}
		var y Expr
		if y, err = operand(); err == nil {
			x = Binary{op, x, y}
		}
	}
	return nil, err
}

func (p *parser) negation() (Expr, error) {
	if p.word("NOT") {
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer p.leave()
		x, err := p.negation()
		return Unary{"NOT", x}, err
	}
	return p.comparison()
}

func (p *parser) comparison() (Expr, error) {
	if p.isWord("EXISTS") {
		p.take()
		q, err := p.subquery()
		return Exists{q}, err
	}
	x, err := p.additive()
	if err != nil {
		return nil, err
	}
	for _, op := range []string{"=", "<>", "!=", "<=", ">=", "<", ">", "!<", "!>"} {
		if p.symbol(op) {
			y, err := p.additive()
			switch op {
			case "!=":
				op = "<>"
			case "!<":
				op = ">="
			case "!>":
				op = "<="
			}
			return Binary{op, x, y}, err
		}
	}
	if p.word("IS") {
		not := p.word("NOT")
		return IsNull{x, not}, p.needWord("NULL")
	}
	not := p.word("NOT")
	switch {
	case p.word("IN"):
		return p.in(x, not)
	case p.word("BETWEEN"):
		low, err := p.additive()
		if err != nil {
			return nil, err
		}
		if err := p.needWord("AND"); err != nil {
			return nil, err
		}
		high, err := p.additive()
		return Between{x, low, high, not}, err
	case p.word("LIKE"):
		pattern, err := p.additive()
		l := Like{X: x, Pattern: pattern, Not: not}
		if err == nil && p.word("ESCAPE") {
			l.Escape, err = p.additive()
		}
		return l, err
	}
	if not {
		return nil, p.fail()
	}
	return x, nil
}

func (p *parser) in(x Expr, not bool) (Expr, error) {
	if is(p.peekAt(1), "SELECT") || is(p.peekAt(1), "WITH") {
		q, err := p.subquery()
		return In{X: x, Query: q, Not: not}, err
	}
	if err := p.need("("); err != nil {
		return nil, err
	}
	list, err := p.list(p.additive)
	if err != nil {
		return nil, err
	}
	return In{X: x, List: list, Not: not}, p.need(")")
}

func (p *parser) list(one func() (Expr, error)) ([]Expr, error) {
	var out []Expr
	for {
		x, err := one()
		if err != nil {
			return nil, err
		}
		out = append(out, x)
		if !p.symbol(",") {
			return out, nil
		}
	}
}

func (p *parser) operator(symbols ...string) func() string {
	return func() string {
		for _, s := range symbols {
			if p.symbol(s) {
				return s
			}
		}
		return ""
	}
}

func (p *parser) additive() (Expr, error) {
	return p.chain(p.multiplicative, p.operator("+", "-", "&", "|", "^"))
}

func (p *parser) multiplicative() (Expr, error) {
	return p.chain(p.unary, p.operator("*", "/", "%"))
}

func (p *parser) unary() (Expr, error) {
	for _, op := range []string{"-", "+", "~"} {
		if p.symbol(op) {
			if err := p.enter(); err != nil {
				return nil, err
			}
			defer p.leave()
			x, err := p.unary()
			if n, ok := x.(Literal); ok && op == "-" && err == nil {
				if v, ok := n.Value.(int64); ok && v != math.MinInt64 {
					return Literal{-v, n.Type}, nil
				}
			}
			return Unary{op, x}, err
		}
	}
	x, err := p.primary()
	for err == nil {
		switch {
		case p.word("COLLATE"): // all comparisons here are of one collation
			_, err = p.name()
		case p.word("AT", "TIME", "ZONE"):
			var zone Expr
			zone, err = p.primary()
			x = AtTimeZone{x, zone}
		default:
			return x, nil
		}
	}
	return nil, err
}
