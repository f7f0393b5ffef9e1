package engine

import (
	"reflect"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// value compiles an expression that must be a value.
func (b *batch) value(x sqltext.Expr, s *scope) (compiled, error) {
	c, err := b.compile(x, s)
	if err == nil && c.condition {
		return c, sqlerr.Syntax(operatorOf(x))
	}
	return c, err
}

// condition compiles an expression that must be true, false or unknown.
func (b *batch) condition(x sqltext.Expr, s *scope) (compiled, error) {
	c, err := b.compile(x, s)
	if err == nil && !c.condition {
		return c, sqlerr.Class(15, 4145, "An expression of non-boolean type specified in a context where a condition is expected.")
	}
	return c, err
}

func operatorOf(x sqltext.Expr) string {
	switch x := x.(type) {
	case sqltext.Binary:
		return x.Op
	case sqltext.IsNull:
		return "IS"
	case sqltext.In:
		return "IN"
	case sqltext.Like:
		return "LIKE"
	case sqltext.Exists:
		return "EXISTS"
	case sqltext.Between:
		return "BETWEEN"
	}
	return "NOT"
}

func (b *batch) values(xs []sqltext.Expr, s *scope) ([]compiled, error) {
	out := make([]compiled, len(xs))
	for i, x := range xs {
		var err error
		if out[i], err = b.value(x, s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (b *batch) compile(x sqltext.Expr, s *scope) (compiled, error) {
	if g := s.group; g != nil { // an expression that is grouped by may be used as a whole
		for _, by := range g.by {
			if sameExpr(by, x) {
				inner := *s
				inner.group = nil
				return b.compile(x, &inner)
			}
		}
	}
	switch x := x.(type) {
	case sqltext.Literal:
		return constant(x.Value, x.Type), nil
	case sqltext.Column:
		return b.column(x, s)
	case sqltext.Variable:
		return b.variable(x.Name)
	case sqltext.Call:
		return b.call(x, s)
	case sqltext.Cast:
		return b.cast(x, s)
	case sqltext.Unary:
		return b.unary(x, s)
	case sqltext.Binary:
		return b.binary(x, s)
	case sqltext.Case:
		return b.caseOf(x, s)
	case sqltext.In:
		return b.in(x, s)
	case sqltext.Between:
		low := sqltext.Binary{Op: ">=", L: x.X, R: x.Low}
		high := sqltext.Binary{Op: "<=", L: x.X, R: x.High}
		var whole sqltext.Expr = sqltext.Binary{Op: "AND", L: low, R: high}
		if x.Not {
			whole = sqltext.Unary{Op: "NOT", X: whole}
		}
		return b.compile(whole, s)
	case sqltext.Like:
		return b.like(x, s)
	case sqltext.IsNull:
		c, err := b.value(x.X, s)
		return compiled{condition: true, eval: func(r *row) (any, error) {
			v, err := c.eval(r)
			return (v == nil) != x.Not, err
		}}, err
	case sqltext.Exists:
		p, err := b.query(x.Query, s)
		return compiled{condition: true, eval: func(r *row) (any, error) {
			rows, err := p.run(r)
			return len(rows) > 0, err
		}}, err
	case sqltext.Subquery:
		return b.scalar(x.Query, s)
	case sqltext.AtTimeZone:
		return b.atTimeZone(x, s)
	}
	return compiled{}, sqlerr.Syntax("expression")
}

// sameExpr compares two expressions as GROUP BY does: names without regard to case,
// and without their qualifier where one has none.
func sameExpr(a, b sqltext.Expr) bool {
	x, ok := a.(sqltext.Column)
	y, ok2 := b.(sqltext.Column)
	if ok && ok2 {
		return strings.EqualFold(x.Name, y.Name) && (x.Qualifier == "" || y.Qualifier == "" || strings.EqualFold(x.Qualifier, y.Qualifier))
	}
	return reflect.DeepEqual(a, b)
}

func (b *batch) column(x sqltext.Column, s *scope) (compiled, error) {
	index, depth, typ, err := s.find(x.Qualifier, x.Name)
	if err != nil {
		return compiled{}, err
	}
	if depth == 0 && s.group != nil {
		name := x.Name
		if x.Qualifier != "" {
			name = x.Qualifier + "." + name
		}
		return compiled{}, sqlerr.New(8120, "Column '%s' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause.", name)
	}
	return compiled{typ: typ, eval: func(r *row) (any, error) {
		for range depth {
			r = r.outer
		}
		if index >= len(r.values) { // of a side of an outer join that found no partner
			return nil, nil
		}
		return r.values[index], nil
	}}, nil
}

func (b *batch) variable(name string) (compiled, error) {
	if strings.HasPrefix(name, "@@") {
		v, t, ok := b.env.Variable(name)
		if !ok {
			return compiled{}, sqlerr.Class(15, 137, "Must declare the scalar variable \"%s\".", name)
		}
		return constant(v, t), nil
	}
	v, ok := b.vars[name]
	if !ok {
		return compiled{}, sqlerr.Class(15, 137, "Must declare the scalar variable \"%s\".", name)
	}
	return compiled{typ: v.typ, eval: func(*row) (any, error) { return v.value, nil }}, nil
}

func (b *batch) scalar(q *sqltext.Query, s *scope) (compiled, error) {
	p, err := b.query(q, s)
	if err != nil {
		return compiled{}, err
	}
	if len(p.columns) != 1 {
		return compiled{}, sqlerr.New(116, "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.")
	}
	return compiled{typ: p.columns[0].Type, eval: func(r *row) (any, error) {
		rows, err := p.run(r)
		switch {
		case err != nil || len(rows) == 0:
			return nil, err
		case len(rows) > 1:
			return nil, sqlerr.New(512, "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or when the subquery is used as an expression.")
		}
		return rows[0][0], nil
	}}, nil
}

func (b *batch) cast(x sqltext.Cast, s *scope) (compiled, error) {
	c, err := b.value(x.X, s)
	if err != nil {
		return c, err
	}
	style := 0
	if x.Style != nil {
		sc, err := b.value(x.Style, s)
		if err != nil {
			return c, err
		}
		v, err := sc.eval(nil)
		if err != nil {
			return c, err
		}
		if n, ok := v.(int64); ok {
			style = int(n)
		}
	}
	if style == 0 && c.typ.Kind == sqltype.DateTime && x.To.IsText() {
		style = 100 // the default of datetime alone
	}
	return compiled{typ: x.To, eval: func(r *row) (any, error) {
		v, err := c.eval(r)
		if err != nil {
			return nil, err
		}
		out, err := sqltype.Convert(v, x.To, style)
		if err != nil && x.Try {
			return nil, nil
		}
		return out, err
	}}, nil
}

func (b *batch) unary(x sqltext.Unary, s *scope) (compiled, error) {
	if x.Op == "NOT" {
		c, err := b.condition(x.X, s)
		return compiled{condition: true, eval: func(r *row) (any, error) {
			v, err := c.eval(r)
			if truth, ok := v.(bool); ok {
				return !truth, err
			}
			return nil, err
		}}, err
	}
	c, err := b.value(x.X, s)
	if err != nil || x.Op == "+" {
		return c, err
	}
	if x.Op == "~" {
		return compiled{typ: c.typ, eval: func(r *row) (any, error) {
			v, err := c.eval(r)
			if n, ok := v.(int64); ok {
				return ^n, err
			}
			return nil, err
		}}, nil
	}
	return b.arithmetic("-", constant(int64(0), sqltype.Of(sqltype.Int)), c)
}

func (b *batch) binary(x sqltext.Binary, s *scope) (compiled, error) {
	switch x.Op {
	case "AND", "OR":
		return b.logical(x, s)
	}
	l, err := b.value(x.L, s)
	if err != nil {
		return l, err
	}
	r, err := b.value(x.R, s)
	if err != nil {
		return r, err
	}
	switch x.Op {
	case "=", "<>", "<", "<=", ">", ">=":
		return compare(x.Op, l, r), nil
	}
	return b.arithmetic(x.Op, l, r)
}

func (b *batch) caseOf(x sqltext.Case, s *scope) (compiled, error) {
	type branch struct{ when, then compiled }
	var branches []branch
	var typ sqltype.Type
	for _, w := range x.Whens {
		test := w.If
		if x.Operand != nil {
			test = sqltext.Binary{Op: "=", L: x.Operand, R: w.If}
		}
		when, err := b.condition(test, s)
		if err != nil {
			return when, err
		}
		then, err := b.value(w.Then, s)
		if err != nil {
			return then, err
		}
		typ = sqltype.Wider(typ, then.typ)
		branches = append(branches, branch{when, then})
	}
	otherwise := constant(nil, sqltype.Type{})
	if x.Else != nil {
		var err error
		if otherwise, err = b.value(x.Else, s); err != nil {
			return otherwise, err
		}
		typ = sqltype.Wider(typ, otherwise.typ)
	}
	return compiled{typ: typ, eval: func(r *row) (any, error) {
		chosen := otherwise
		for _, br := range branches {
			v, err := br.when.eval(r)
			if err != nil {
				return nil, err
			}
			if v == true {
				chosen = br.then
				break
			}
		}
		v, err := chosen.eval(r)
		if err != nil {
			return nil, err
		}
		return implicit(v, typ)
	}}, nil
}

func (b *batch) atTimeZone(x sqltext.AtTimeZone, s *scope) (compiled, error) {
	c, err := b.value(x.X, s)
	if err != nil {
		return c, err
	}
	zone, err := b.value(x.Zone, s)
	typ := sqltype.Type{Kind: sqltype.DateTimeOffset, Scale: 7}
	return compiled{typ: typ, eval: func(r *row) (any, error) {
		v, err := c.eval(r)
		if err != nil || v == nil {
			return nil, err
		}
		name, err := zone.eval(r)
		if err != nil {
			return nil, err
		}
		if text, _ := name.(string); !strings.EqualFold(text, "UTC") {
			return nil, sqlerr.New(9820, "The time zone parameter '%v' provided to AT TIME ZONE clause is invalid.", name)
		}
		t, ok := v.(time.Time)
		if !ok {
			return nil, sqlerr.New(8116, "Argument data type is invalid for argument 1 of AT TIME ZONE function.")
		}
		return sqltype.Truncate(t.UTC(), typ), nil
	}}, err
}
