package sqltext

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

func (p *parser) primary() (Expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	t := p.peek()
	switch t.kind {
	case number, text, binary:
		return literal(p.take())
	case variable:
		p.take()
		return Variable{t.text}, nil
	case symbol:
		if t.text != "(" {
			return nil, p.fail()
		}
		if is(p.peekAt(1), "SELECT") || is(p.peekAt(1), "WITH") {
			q, err := p.subquery()
			return Subquery{q}, err
		}
		p.take()
		x, err := p.condition()
		if err != nil {
			return nil, err
		}
		return x, p.need(")")
	case quoted:
		return p.nameOrCall()
	case word:
		switch strings.ToUpper(t.text) {
		case "NULL":
			p.take()
			return Literal{nil, sqltype.Of(sqltype.Null)}, nil
		case "CASE":
			return p.caseOf()
		case "CAST", "TRY_CAST":
			if p.peekAt(1).text == "(" {
				return p.cast(strings.EqualFold(t.text, "TRY_CAST"))
			}
		case "CONVERT", "TRY_CONVERT":
			return p.convert(strings.EqualFold(t.text, "TRY_CONVERT"))
		case "COALESCE", "NULLIF", "LEFT", "RIGHT":
			if p.peekAt(1).text == "(" {
				p.take()
				return p.call(strings.ToLower(t.text))
			}
		case "CURRENT_TIMESTAMP", "SESSION_USER", "SYSTEM_USER", "CURRENT_USER", "USER":
			p.take()
			return Call{Name: strings.ToLower(t.text)}, nil
		}
		return p.nameOrCall()
	}
	return nil, p.fail()
}

func literal(t token) (Expr, error) {
	switch t.kind {
	case text:
		ty := sqltype.Type{Kind: sqltype.VarChar, Length: max(1, len(t.text))}
		if t.wide {
			ty.Kind = sqltype.NVarChar
		}
		return Literal{t.text, ty}, nil
	case binary:
		digits := t.text
		if len(digits)%2 == 1 {
			digits = "0" + digits
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, sqlerr.Syntax(t.text)
		}
		return Literal{b, sqltype.Type{Kind: sqltype.VarBinary, Length: max(1, len(b))}}, nil
	}
	if strings.ContainsAny(t.text, "eE") {
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, sqlerr.Syntax(t.text)
		}
		return Literal{f, sqltype.Of(sqltype.Float)}, nil
	}
	if !strings.Contains(t.text, ".") {
		if n, err := strconv.ParseInt(t.text, 10, 32); err == nil {
			return Literal{n, sqltype.Type{Kind: sqltype.Int, Precision: uint8(len(strconv.FormatInt(n, 10)))}}, nil
		}
	}
	d, ok := sqltype.ParseDecimal(t.text)
	if !ok {
		return nil, sqlerr.Syntax(t.text)
	}
	digits := len(strings.ReplaceAll(t.text, ".", ""))
	if digits > 38 {
		return nil, sqlerr.Class(15, 1007, "The number '%.50s' is out of the range for numeric representation (maximum precision 38).", t.text)
	}
	return Literal{d, sqltype.Type{Kind: sqltype.Numeric, Precision: uint8(max(digits, int(d.Scale), 1)), Scale: d.Scale}}, nil
}

// nameOrCall reads a column, or a function by its name, possibly of a schema.
func (p *parser) nameOrCall() (Expr, error) {
	var parts []string
	for {
		s, err := p.name()
		if err != nil {
			return nil, err
		}
		parts = append(parts, s)
		if !p.symbol(".") {
			break
		}
		if len(parts) == 4 {
			return nil, p.fail()
		}
	}
	if p.isSymbol("(") {
		return p.call(strings.ToLower(strings.Join(parts, ".")))
	}
	c := Column{Name: parts[len(parts)-1]}
	if len(parts) > 1 {
		c.Qualifier = parts[len(parts)-2]
	}
	return c, nil
}

func (p *parser) call(name string) (Expr, error) {
	if err := p.need("("); err != nil {
		return nil, err
	}
	c := Call{Name: name}
	switch {
	case p.symbol("*"):
		c.Star = true
	case p.isSymbol(")"):
	default:
		c.Distinct = p.word("DISTINCT")
		p.word("ALL")
		var err error
		one := p.additive
		if name == "iif" {
			one = p.condition
		}
		if c.Args, err = p.list(one); err != nil {
			return nil, err
		}
	}
	if err := p.need(")"); err != nil {
		return nil, err
	}
	if p.word("WITHIN") {
		if err := p.needWord("GROUP"); err != nil {
			return nil, err
		}
		if err := p.need("("); err != nil {
			return nil, err
		}
		var err error
		if c.Order, err = p.orderBy(); err != nil {
			return nil, err
		}
		if err := p.need(")"); err != nil {
			return nil, err
		}
	}
	if p.word("OVER") {
		return p.over(c)
	}
	return c, nil
}

func (p *parser) over(c Call) (Expr, error) {
	if err := p.need("("); err != nil {
		return nil, err
	}
	c.Over = &Over{}
	var err error
	if p.word("PARTITION", "BY") {
		if c.Over.Partition, err = p.list(p.additive); err != nil {
			return nil, err
		}
	}
	if p.isWord("ORDER") {
		if c.Over.Order, err = p.orderBy(); err != nil {
			return nil, err
		}
	}
	return c, p.need(")")
}

func (p *parser) caseOf() (Expr, error) {
	p.take()
	var c Case
	var err error
	if !p.isWord("WHEN") {
		if c.Operand, err = p.additive(); err != nil {
			return nil, err
		}
	}
	for p.word("WHEN") {
		var w When
		one := p.condition
		if c.Operand != nil {
			one = p.additive
		}
		if w.If, err = one(); err != nil {
			return nil, err
		}
		if err := p.needWord("THEN"); err != nil {
			return nil, err
		}
		if w.Then, err = p.additive(); err != nil {
			return nil, err
		}
		c.Whens = append(c.Whens, w)
	}
	if len(c.Whens) == 0 {
		return nil, p.fail()
	}
	if p.word("ELSE") {
		if c.Else, err = p.additive(); err != nil {
			return nil, err
		}
	}
	return c, p.needWord("END")
}

func (p *parser) cast(try bool) (Expr, error) {
	p.take()
	if err := p.need("("); err != nil {
		return nil, err
	}
	x, err := p.additive()
	if err != nil {
		return nil, err
	}
	if err := p.needWord("AS"); err != nil {
		return nil, err
	}
	to, err := p.typeName()
	if err != nil {
		return nil, err
	}
	return Cast{X: x, To: to, Try: try}, p.need(")")
}

func (p *parser) convert(try bool) (Expr, error) {
	p.take()
	if err := p.need("("); err != nil {
		return nil, err
	}
	to, err := p.typeName()
	if err != nil {
		return nil, err
	}
	if err := p.need(","); err != nil {
		return nil, err
	}
	c := Cast{To: to, Try: try}
	if c.X, err = p.additive(); err != nil {
		return nil, err
	}
	if p.symbol(",") {
		if c.Style, err = p.additive(); err != nil {
			return nil, err
		}
	}
	return c, p.need(")")
}

func (p *parser) typeName() (sqltype.Type, error) {
	t := p.peek()
	name, err := p.name()
	if err != nil {
		return sqltype.Type{}, err
	}
	if p.isSymbol(".") && strings.EqualFold(name, "sys") {
		p.take()
		if name, err = p.name(); err != nil {
			return sqltype.Type{}, err
		}
	}
	var args []int
	if p.symbol("(") {
		for {
			switch a := p.take(); {
			case is(a, "MAX"):
				args = append(args, sqltype.Max)
			case a.kind == number:
				n, err := strconv.Atoi(a.text)
				if err != nil || n > 8000 {
					return sqltype.Type{}, sqlerr.Class(15, 131, "The size (%s) given to the type '%s' exceeds the maximum allowed.", a.text, name)
				}
				args = append(args, n)
			default:
				p.at--
				return sqltype.Type{}, p.fail()
			}
			if !p.symbol(",") {
				break
			}
		}
		if err := p.need(")"); err != nil {
			return sqltype.Type{}, err
		}
	}
	ty, ok := sqltype.Named(strings.ToLower(name), args...)
	if !ok {
		return ty, sqlerr.New(243, "Type %s is not a defined system type.", t.text)
	}
	return ty, nil
}
