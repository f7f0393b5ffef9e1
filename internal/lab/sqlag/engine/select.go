package engine

import (
	"slices"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// selection is one SELECT, compiled.
type selection struct {
	b        *batch
	source   rows
	where    compiled
	filtered bool
	group    *grouping
	having   compiled
	haves    bool
	windows  []*windowSpec
	items    []compiled
	order    []orderKey
	distinct bool
	top      int
}

type orderKey struct {
	index int // in the select list; -1: by
	by    compiled
	desc  bool
}

// rows gives the rows of a source, each within the row around the query.
type rows func(outer *row) ([]*row, error)

func (b *batch) selectOne(s sqltext.Select, order []sqltext.Order, outer *scope) (*plan, error) {
	switch {
	case s.Nested != nil:
		if len(order) > 0 {
			q := *s.Nested
			if len(q.Order) == 0 {
				q.Order = order
			}
			return b.query(&q, outer)
		}
		return b.query(s.Nested, outer)
	case s.Values != nil:
		return b.rowValues(s.Values, outer)
	}
	sc := &scope{outer: outer}
	sel := &selection{b: b, distinct: s.Distinct, top: -1}
	var err error
	if sel.source, err = b.from(s.From, sc); err != nil {
		return nil, err
	}
	if s.Where != nil {
		sel.filtered = true
		if sel.where, err = b.condition(s.Where, sc); err != nil {
			return nil, err
		}
	}
	if len(s.Group) > 0 || s.Having != nil || hasAggregate(s.Items, order) {
		if sel.group, err = b.grouping(s.Group, sc); err != nil {
			return nil, err
		}
	}
	over := *sc
	over.group = sel.group
	over.window = &sel.windows
	if s.Having != nil {
		sel.haves = true
		if sel.having, err = b.condition(s.Having, &over); err != nil {
			return nil, err
		}
	}
	p := &plan{}
	if err := sel.project(s.Items, &over, p); err != nil {
		return nil, err
	}
	if err := sel.orderBy(order, &over, p.columns); err != nil {
		return nil, err
	}
	if s.Top != nil {
		if sel.top, err = b.count(s.Top, outer); err != nil {
			return nil, err
		}
	}
	p.run = sel.run
	return p, nil
}

func (b *batch) count(x sqltext.Expr, outer *scope) (int, error) {
	c, err := b.value(x, &scope{outer: outer})
	if err != nil {
		return 0, err
	}
	v, err := c.eval(&row{})
	if err != nil {
		return 0, err
	}
	v, err = sqltype.Convert(v, sqltype.Of(sqltype.BigInt), 0)
	if err != nil {
		return 0, err
	}
	n, ok := v.(int64)
	if !ok || n < 0 {
		return 0, sqlerr.New(1060, "The number of rows provided for a TOP or FETCH clauses row count parameter must be an integer.")
	}
	return int(min(n, 1<<30)), nil
}

func (b *batch) rowValues(list [][]sqltext.Expr, outer *scope) (*plan, error) {
	var all [][]compiled
	p := &plan{}
	for i, exprs := range list {
		cs, err := b.values(exprs, &scope{outer: outer})
		if err != nil {
			return nil, err
		}
		if i == 0 {
			p.columns = make([]Column, len(cs))
		}
		if len(cs) != len(p.columns) {
			return nil, sqlerr.Class(15, 10709, "The number of columns for each row in a table value constructor must be the same.")
		}
		for j, c := range cs {
			p.columns[j].Type = sqltype.Wider(p.columns[j].Type, c.typ)
		}
		all = append(all, cs)
	}
	p.run = func(r *row) ([][]any, error) {
		var out [][]any
		for _, cs := range all {
			values := make([]any, len(cs))
			for j, c := range cs {
				v, err := c.eval(&row{outer: r})
				if err != nil {
					return nil, err
				}
				if values[j], err = implicit(v, p.columns[j].Type); err != nil {
					return nil, err
				}
			}
			out = append(out, values)
		}
		return out, nil
	}
	return p, nil
}

// project compiles the select list and expands its stars.
func (sel *selection) project(items []sqltext.Item, s *scope, p *plan) error {
	for _, it := range items {
		if it.Star {
			found := false
			for _, f := range s.frames {
				if it.Of != "" && !equalFold(f.alias, it.Of) {
					continue
				}
				found = true
				for _, c := range f.columns {
					x, err := sel.b.column(sqltext.Column{Qualifier: f.alias, Name: c.Name}, s)
					if err != nil {
						return err
					}
					sel.items = append(sel.items, x)
					p.columns = append(p.columns, c)
				}
			}
			if !found {
				return sqlerr.Class(15, 107, "The column prefix '%s' does not match with a table name or alias name used in the query.", it.Of)
			}
			continue
		}
		x, err := sel.b.value(it.X, s)
		if err != nil {
			return err
		}
		if x.typ.Kind == sqltype.Null {
			x.typ = sqltype.Of(sqltype.Int) // what the product makes of a bare NULL
		}
		sel.items = append(sel.items, x)
		p.columns = append(p.columns, Column{Name: it.Alias, Type: x.typ})
		if it.Into != "" {
			p.into = append(p.into, it.Into)
		}
	}
	if len(p.into) > 0 && len(p.into) != len(items) {
		return sqlerr.New(141, "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval operations.")
	}
	return nil
}

func (sel *selection) orderBy(terms []sqltext.Order, s *scope, columns []Column) error {
	for _, t := range terms {
		k := orderKey{index: position(t.X, columns), desc: t.Desc}
		if k.index < 0 {
			var err error
			if k.by, err = sel.b.value(t.X, s); err != nil {
				return err
			}
			if sel.distinct {
				return sqlerr.Class(15, 145, "ORDER BY items must appear in the select list if SELECT DISTINCT is specified.")
			}
		}
		sel.order = append(sel.order, k)
	}
	return nil
}

// run gives the rows of the select list.
func (sel *selection) run(outer *row) ([][]any, error) {
	from, err := sel.source(outer)
	if err != nil {
		return nil, err
	}
	if err := sel.b.work(len(from) + 1); err != nil {
		return nil, err
	}
	if sel.filtered {
		if from, err = keep(from, sel.where); err != nil {
			return nil, err
		}
	}
	if sel.group != nil {
		if from, err = sel.group.run(from, outer); err != nil {
			return nil, err
		}
	}
	if sel.haves {
		if from, err = keep(from, sel.having); err != nil {
			return nil, err
		}
	}
	for i, w := range sel.windows {
		if err := w.run(i, len(sel.windows), from); err != nil {
			return nil, err
		}
	}
	type pair struct{ values, keys []any }
	var pairs []pair
	seen := map[string]bool{}
	for _, r := range from {
		p := pair{values: make([]any, len(sel.items))}
		for i, c := range sel.items {
			if p.values[i], err = c.eval(r); err != nil {
				return nil, err
			}
		}
		if sel.distinct {
			k := rowKey(p.values)
			if seen[k] {
				continue
			}
			seen[k] = true
		}
		for _, k := range sel.order {
			var v any
			if k.index >= 0 {
				v = p.values[k.index]
			} else if v, err = k.by.eval(r); err != nil {
				return nil, err
			}
			p.keys = append(p.keys, v)
		}
		pairs = append(pairs, p)
	}
	slices.SortStableFunc(pairs, func(x, y pair) int {
		for i, k := range sel.order {
			if n := compareNull(x.keys[i], y.keys[i], k.desc); n != 0 {
				return n
			}
		}
		return 0
	})
	if sel.top >= 0 {
		pairs = pairs[:min(sel.top, len(pairs))]
	}
	out := make([][]any, len(pairs))
	for i, p := range pairs {
		out[i] = p.values
	}
	return out, nil
}

func keep(from []*row, c compiled) ([]*row, error) {
	var out []*row
	for _, r := range from {
		v, err := c.eval(r)
		if err != nil {
			return nil, err
		}
		if v == true {
			out = append(out, r)
		}
	}
	return out, nil
}
