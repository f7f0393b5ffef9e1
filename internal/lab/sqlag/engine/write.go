package engine

import (
	"slices"
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// target is a table whose rows are about to be replaced.
type target struct {
	table *Table
	scope *scope
}

func (b *batch) target(name sqltext.Name, verb string) (*target, error) {
	t, err := b.env.Write(name, verb)
	if err != nil {
		return nil, err
	}
	s := &scope{}
	s.add(name.Object, t.Columns)
	return &target{t, s}, nil
}

func (t *target) column(name string) (int, error) {
	i := slices.IndexFunc(t.table.Columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		return 0, sqlerr.InvalidColumn(name)
	}
	return i, nil
}

// finish keeps the new rows and sends what OUTPUT asks for.
func (b *batch) finish(t *target, verb string, output []sqltext.Item, all, inserted, deleted [][]any) error {
	if err := t.table.Replace(all); err != nil {
		return err
	}
	if len(output) == 0 {
		b.sink.Done(verb, int64(len(inserted)))
		return nil
	}
	s := &scope{}
	s.add("inserted", t.table.Columns)
	s.add("deleted", t.table.Columns)
	sel := &selection{b: b, top: -1}
	sel.source = func(*row) ([]*row, error) {
		var out []*row
		for i, values := range inserted {
			wide := slices.Clone(values)
			if i < len(deleted) {
				wide = append(wide, deleted[i]...)
			} else {
				wide = append(wide, make([]any, len(values))...)
			}
			out = append(out, &row{values: wide})
		}
		return out, nil
	}
	p := &plan{}
	if err := sel.project(output, s, p); err != nil {
		return err
	}
	rows, err := sel.run(nil)
	if err != nil {
		return err
	}
	return b.sink.Result(verb, p.columns, rows)
}

func (b *batch) update(u sqltext.Update) error {
	t, err := b.target(u.Table, "UPDATE")
	if err != nil {
		return err
	}
	where := constant(true, sqltype.Of(sqltype.Bit))
	if u.Where != nil {
		if where, err = b.condition(u.Where, t.scope); err != nil {
			return err
		}
	}
	indexes := make([]int, len(u.Sets))
	news := make([]compiled, len(u.Sets))
	for i, a := range u.Sets {
		if indexes[i], err = t.column(a.Column); err != nil {
			return err
		}
		if news[i], err = b.value(a.X, t.scope); err != nil {
			return err
		}
	}
	var all, inserted, deleted [][]any
	for _, old := range t.table.Rows {
		at := &row{values: old}
		v, err := where.eval(at)
		if err != nil {
			return err
		}
		if v != true {
			all = append(all, old)
			continue
		}
		changed := slices.Clone(old)
		for i, n := range news {
			v, err := n.eval(at)
			if err != nil {
				return err
			}
			if changed[indexes[i]], err = sqltype.Convert(v, t.table.Columns[indexes[i]].Type, 0); err != nil {
				return err
			}
		}
		all = append(all, changed)
		inserted = append(inserted, changed)
		deleted = append(deleted, old)
	}
	return b.finish(t, "UPDATE", u.Output, all, inserted, deleted)
}

func (b *batch) insert(in sqltext.Insert) error {
	t, err := b.target(in.Table, "INSERT")
	if err != nil {
		return err
	}
	names := in.Columns
	if len(names) == 0 {
		for _, c := range t.table.Columns {
			names = append(names, c.Name)
		}
	}
	p, err := b.query(in.Query, nil)
	if err != nil {
		return err
	}
	if len(p.columns) != len(names) {
		return sqlerr.New(213, "Column name or number of supplied values does not match table definition.")
	}
	rows, err := p.run(&row{})
	if err != nil {
		return err
	}
	var inserted [][]any
	for _, values := range rows {
		made := make([]any, len(t.table.Columns))
		for i, name := range names {
			at, err := t.column(name)
			if err != nil {
				return err
			}
			if made[at], err = sqltype.Convert(values[i], t.table.Columns[at].Type, 0); err != nil {
				return err
			}
		}
		inserted = append(inserted, made)
	}
	return b.finish(t, "INSERT", in.Output, append(slices.Clone(t.table.Rows), inserted...), inserted, nil)
}

func (b *batch) delete(d sqltext.Delete) error {
	t, err := b.target(d.Table, "DELETE")
	if err != nil {
		return err
	}
	where := constant(true, sqltype.Of(sqltype.Bit))
	if d.Where != nil {
		if where, err = b.condition(d.Where, t.scope); err != nil {
			return err
		}
	}
	var all, gone [][]any
	for _, old := range t.table.Rows {
		v, err := where.eval(&row{values: old})
		if err != nil {
			return err
		}
		if v == true {
			gone = append(gone, old)
		} else {
			all = append(all, old)
		}
	}
	return b.finish(t, "DELETE", nil, all, gone, nil)
}
