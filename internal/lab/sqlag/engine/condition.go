package engine

import (
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

func (b *batch) logical(x sqltext.Binary, s *scope) (compiled, error) {
	l, err := b.condition(x.L, s)
	if err != nil {
		return l, err
	}
	r, err := b.condition(x.R, s)
	decides := x.Op == "OR" // the value that decides alone
	return compiled{condition: true, eval: func(at *row) (any, error) {
		a, err := l.eval(at)
		if err != nil || a == decides {
			return a, err
		}
		c, err := r.eval(at)
		if err != nil || c == decides {
			return c, err
		}
		if a == nil || c == nil {
			return nil, nil
		}
		return !decides, nil
	}}, err
}

func compare(op string, l, r compiled) compiled {
	to := sqltype.Wider(l.typ, r.typ)
	return compiled{condition: true, eval: func(at *row) (any, error) {
		a, c, err := both(l, r, to, at)
		if err != nil || a == nil || c == nil {
			return nil, err
		}
		n := sqltype.Compare(a, c)
		switch op {
		case "=":
			return n == 0, nil
		case "<>":
			return n != 0, nil
		case "<":
			return n < 0, nil
		case "<=":
			return n <= 0, nil
		case ">":
			return n > 0, nil
		}
		return n >= 0, nil
	}}
}

// both evaluates two operands and makes them one type.
func both(l, r compiled, to sqltype.Type, at *row) (any, any, error) {
	a, err := l.eval(at)
	if err != nil {
		return nil, nil, err
	}
	c, err := r.eval(at)
	if err != nil {
		return nil, nil, err
	}
	if a, err = implicit(a, to); err != nil {
		return nil, nil, err
	}
	c, err = implicit(c, to)
	return a, c, err
}

// implicit converts without cutting text.
func implicit(v any, to sqltype.Type) (any, error) {
	switch to.Kind {
	case sqltype.VarChar, sqltype.NVarChar:
		to.Length = sqltype.Max
	case sqltype.Numeric:
		if d, ok := v.(sqltype.Decimal); ok && d.Scale <= to.Scale {
			return d, nil
		}
		to.Precision = 38
	}
	return sqltype.Convert(v, to, 0)
}

func (b *batch) in(x sqltext.In, s *scope) (compiled, error) {
	needle, err := b.value(x.X, s)
	if err != nil {
		return needle, err
	}
	var list []compiled
	var query *plan
	if x.Query != nil {
		if query, err = b.query(x.Query, s); err != nil {
			return needle, err
		}
		if len(query.columns) != 1 {
			return needle, sqlerr.New(116, "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.")
		}
	} else if list, err = b.values(x.List, s); err != nil {
		return needle, err
	}
	return compiled{condition: true, eval: func(r *row) (any, error) {
		candidates := list
		if query != nil {
			rows, err := query.run(r)
			if err != nil {
				return nil, err
			}
			candidates = make([]compiled, len(rows))
			for i, values := range rows {
				candidates[i] = constant(values[0], query.columns[0].Type)
			}
		}
		unknown := false
		for _, c := range candidates {
			v, err := compare("=", needle, c).eval(r)
			if err != nil {
				return nil, err
			}
			if v == true {
				return !x.Not, nil
			}
			unknown = unknown || v == nil
		}
		if unknown {
			return nil, nil
		}
		return x.Not, nil
	}}, nil
}

func (b *batch) like(x sqltext.Like, s *scope) (compiled, error) {
	l, err := b.value(x.X, s)
	if err != nil {
		return l, err
	}
	r, err := b.value(x.Pattern, s)
	if err != nil {
		return r, err
	}
	escape := constant(nil, sqltype.Type{})
	if x.Escape != nil {
		if escape, err = b.value(x.Escape, s); err != nil {
			return escape, err
		}
	}
	return compiled{condition: true, eval: func(at *row) (any, error) {
		a, c, err := both(l, r, sqltype.Text(sqltype.Max), at)
		if err != nil || a == nil || c == nil {
			return nil, err
		}
		e, err := escape.eval(at)
		if err != nil {
			return nil, err
		}
		var sign rune
		if text, ok := e.(string); ok && text != "" {
			sign = []rune(text)[0]
		}
		return matches([]rune(strings.ToLower(a.(string))), []rune(strings.ToLower(c.(string))), sign) != x.Not, nil
	}}, nil
}
