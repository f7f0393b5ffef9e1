package engine

import (
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
)

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }

// from compiles FROM; the scope gains its columns.
func (b *batch) from(sources []sqltext.Source, s *scope) (rows, error) {
	if len(sources) == 0 {
		return func(outer *row) ([]*row, error) { return []*row{{outer: outer}}, nil }, nil
	}
	var left rows
	for _, src := range sources {
		right, err := b.source(src, s)
		if err != nil {
			return nil, err
		}
		if left == nil {
			left = right
			continue
		}
		left = b.cross(left, right)
	}
	return left, nil
}

// source compiles one source with its joins. Rows of a source that stands to the
// right hold their columns at their place, so joining is laying one over the other.
func (b *batch) source(src sqltext.Source, s *scope) (rows, error) {
	left, err := b.single(src, s)
	if err != nil {
		return nil, err
	}
	for _, j := range src.Joins {
		start := s.width
		var right rows
		apply := j.Kind == "APPLY" || j.Kind == "OUTER APPLY"
		if apply {
			right, err = b.lateral(j.Right, s)
		} else if len(j.Right.Joins) > 0 {
			right, err = b.source(j.Right, s)
		} else {
			right, err = b.single(j.Right, s)
		}
		if err != nil {
			return nil, err
		}
		if apply {
			left = b.apply(left, right, j.Kind == "OUTER APPLY")
			continue
		}
		if j.Kind == "CROSS" {
			left = b.cross(left, right)
			continue
		}
		on, err := b.condition(j.On, s)
		if err != nil {
			return nil, err
		}
		left = b.join(j.Kind, left, right, on, start)
	}
	return left, nil
}

func (b *batch) single(src sqltext.Source, s *scope) (rows, error) {
	alias := src.Alias
	if alias == "" {
		alias = src.Name.Object
	}
	for _, f := range s.frames {
		if strings.EqualFold(f.alias, alias) {
			return nil, sqlerr.New(1013, "The objects \"%s\" and \"%s\" in the FROM clause have the same exposed names. Use correlation names to distinguish them.", src.Name, alias)
		}
	}
	at := s.width
	var columns []Column
	var run func(outer *row) ([][]any, error)
	switch {
	case src.Query != nil:
		if alias == "" {
			return nil, sqlerr.Syntax(")")
		}
		p, err := b.query(src.Query, s.outer)
		if err != nil {
			return nil, err
		}
		if p, err = renamed(p, src.Columns, alias); err != nil {
			return nil, err
		}
		columns, run = p.columns, p.run
	case src.Call:
		return b.tableFunction(src, s, alias)
	default:
		if src.Name.Schema == "" && src.Name.Database == "" {
			if p := s.cte(src.Name.Object); p != nil {
				columns = p.columns
				run = func(*row) ([][]any, error) { return p.run(nil) }
				break
			}
		}
		t, err := b.env.Table(src.Name)
		if err != nil {
			return nil, err
		}
		columns = t.Columns
		run = func(*row) ([][]any, error) { return t.Rows, nil }
	}
	s.add(alias, columns)
	return placed(run, at), nil
}

func placed(run func(*row) ([][]any, error), at int) rows {
	return func(outer *row) ([]*row, error) {
		list, err := run(outer)
		if err != nil {
			return nil, err
		}
		out := make([]*row, len(list))
		for i, values := range list {
			wide := make([]any, at+len(values))
			copy(wide[at:], values)
			out[i] = &row{values: wide, outer: outer}
		}
		return out, nil
	}
}

func (b *batch) tableFunction(src sqltext.Source, s *scope, alias string) (rows, error) {
	args, err := b.values(src.Args, &scope{outer: s.outer})
	if err != nil {
		return nil, err
	}
	var values []any
	for _, a := range args {
		v, err := a.eval(&row{})
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	t, err := b.env.TableFunction(src.Name, values)
	if err != nil {
		return nil, err
	}
	at := s.width
	s.add(alias, t.Columns)
	return placed(func(*row) ([][]any, error) { return t.Rows, nil }, at), nil
}

// lateral compiles the right side of APPLY, which sees the left side as its outer
// scope.
func (b *batch) lateral(src sqltext.Source, s *scope) (rows, error) {
	if src.Query == nil {
		return nil, sqlerr.Class(15, 102, "Incorrect syntax near '%s'.", src.Name)
	}
	p, err := b.query(src.Query, s)
	if err != nil {
		return nil, err
	}
	if p, err = renamed(p, src.Columns, src.Alias); err != nil {
		return nil, err
	}
	at := s.width
	s.add(src.Alias, p.columns)
	return placed(p.run, at), nil
}

// overlay is one row with the columns of both.
func overlay(l, r *row) *row {
	values := make([]any, max(len(l.values), len(r.values)))
	copy(values, r.values)
	copy(values, l.values)
	if len(r.values) > len(l.values) {
		copy(values[len(l.values):], r.values[len(l.values):])
	}
	return &row{values: values, outer: l.outer}
}

func (b *batch) cross(left, right rows) rows {
	return func(outer *row) ([]*row, error) {
		ls, err := left(outer)
		if err != nil {
			return nil, err
		}
		rs, err := right(outer)
		if err != nil {
			return nil, err
		}
		if err := b.work(len(ls) * len(rs)); err != nil {
			return nil, err
		}
		var out []*row
		for _, l := range ls {
			for _, r := range rs {
				out = append(out, overlay(l, r))
			}
		}
		return out, nil
	}
}

func (b *batch) apply(left, right rows, outerToo bool) rows {
	return func(outer *row) ([]*row, error) {
		ls, err := left(outer)
		if err != nil {
			return nil, err
		}
		var out []*row
		for _, l := range ls {
			rs, err := right(l)
			if err != nil {
				return nil, err
			}
			if err := b.work(len(rs) + 1); err != nil {
				return nil, err
			}
			for _, r := range rs {
				out = append(out, overlay(l, r))
			}
			if len(rs) == 0 && outerToo {
				out = append(out, l)
			}
		}
		return out, nil
	}
}

// join is every join with ON. Columns of a side that found no partner are NULL;
// start is where the right side's columns begin.
func (b *batch) join(kind string, left, right rows, on compiled, start int) rows {
	return func(outer *row) ([]*row, error) {
		ls, err := left(outer)
		if err != nil {
			return nil, err
		}
		rs, err := right(outer)
		if err != nil {
			return nil, err
		}
		if err := b.work(len(ls)*len(rs) + 1); err != nil {
			return nil, err
		}
		met := make([]bool, len(rs))
		var out []*row
		for _, l := range ls {
			matched := false
			for i, r := range rs {
				both := overlay(l, r)
				v, err := on.eval(both)
				if err != nil {
					return nil, err
				}
				if v == true {
					matched, met[i] = true, true
					out = append(out, both)
				}
			}
			if !matched && (kind == "LEFT" || kind == "FULL") {
				out = append(out, l)
			}
		}
		if kind == "RIGHT" || kind == "FULL" {
			for i, r := range rs {
				if !met[i] {
					out = append(out, overlay(&row{values: make([]any, start), outer: outer}, r))
				}
			}
		}
		return out, nil
	}
}
