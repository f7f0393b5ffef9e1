package engine

import (
	"slices"
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// plan is a query that can be run, again for each row around it.
type plan struct {
	columns []Column
	run     func(outer *row) ([][]any, error)
	into    []string // variables of SELECT @x = ...; empty otherwise
}

// work counts row visits and notices a client that has cancelled.
func (b *batch) work(n int) error {
	b.budget -= n
	if b.budget < 0 {
		return sqlerr.Class(17, 701, "There is insufficient system memory in resource pool 'default' to run this query.")
	}
	return b.ctx.Err()
}

func (b *batch) query(q *sqltext.Query, outer *scope) (*plan, error) {
	if len(q.With) > 0 {
		with := &scope{outer: outer, ctes: map[string]*plan{}}
		for _, w := range q.With {
			p, err := b.query(w.Query, with)
			if err != nil {
				return nil, err
			}
			if p, err = renamed(p, w.Columns, w.Name); err != nil {
				return nil, err
			}
			// Its own frame is not on the path of rows, so a row of it has no place here.
			run := p.run
			p.run = func(r *row) ([][]any, error) { return run(&row{outer: r}) }
			with.ctes[strings.ToLower(w.Name)] = p
		}
		inner := *q
		inner.With = nil
		p, err := b.query(&inner, with)
		if err != nil {
			return nil, err
		}
		run := p.run
		return &plan{p.columns, func(r *row) ([][]any, error) { return run(&row{outer: r}) }, p.into}, nil
	}
	var p *plan
	var err error
	if len(q.Rest) == 0 {
		if p, err = b.selectOne(q.First, q.Order, outer); err != nil {
			return nil, err
		}
	} else if p, err = b.union(q, outer); err != nil {
		return nil, err
	}
	if q.Offset == nil {
		return p, nil
	}
	return b.page(p, q, outer)
}

func (b *batch) page(p *plan, q *sqltext.Query, outer *scope) (*plan, error) {
	count := func(x sqltext.Expr) (int, error) {
		c, err := b.value(x, &scope{outer: outer})
		if err != nil {
			return 0, err
		}
		v, err := c.eval(&row{})
		if err != nil {
			return 0, err
		}
		n, ok := v.(int64)
		if !ok || n < 0 {
			return 0, sqlerr.New(10742, "The offset specified in a OFFSET clause may not be negative.")
		}
		return int(min(n, 1<<30)), nil
	}
	skip, err := count(q.Offset)
	if err != nil {
		return nil, err
	}
	take := 1 << 30
	if q.Fetch != nil {
		if take, err = count(q.Fetch); err != nil {
			return nil, err
		}
	}
	run := p.run
	return &plan{columns: p.columns, run: func(r *row) ([][]any, error) {
		rows, err := run(r)
		rows = rows[min(skip, len(rows)):]
		return rows[:min(take, len(rows))], err
	}}, nil
}

// renamed gives a query the column names of (a, b, c).
func renamed(p *plan, names []string, of string) (*plan, error) {
	out := &plan{columns: slices.Clone(p.columns), run: p.run}
	if len(names) == 0 {
		for _, c := range out.columns {
			if c.Name == "" {
				return nil, sqlerr.New(8155, "No column name was specified for a column of '%s'.", of)
			}
		}
		return out, nil
	}
	if len(names) != len(p.columns) {
		return nil, sqlerr.New(8158, "'%s' has more columns than were specified in the column list.", of)
	}
	for i, n := range names {
		out.columns[i].Name = n
	}
	return out, nil
}

func (b *batch) union(q *sqltext.Query, outer *scope) (*plan, error) {
	first, err := b.selectOne(q.First, nil, outer)
	if err != nil {
		return nil, err
	}
	parts := []*plan{first}
	columns := slices.Clone(first.columns)
	for _, s := range q.Rest {
		p, err := b.selectOne(s.Select, nil, outer)
		if err != nil {
			return nil, err
		}
		if len(p.columns) != len(columns) {
			return nil, sqlerr.New(205, "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.")
		}
		for i := range columns {
			columns[i].Type = sqltype.Wider(columns[i].Type, p.columns[i].Type)
		}
		parts = append(parts, p)
	}
	order, err := orderOf(q.Order, columns)
	if err != nil {
		return nil, err
	}
	return &plan{columns: columns, run: func(r *row) ([][]any, error) {
		var all [][]any
		for i, p := range parts {
			rows, err := p.run(r)
			if err != nil {
				return nil, err
			}
			converted := make([][]any, len(rows))
			for j, values := range rows {
				converted[j] = make([]any, len(values))
				for k, v := range values {
					if converted[j][k], err = implicit(v, columns[k].Type); err != nil {
						return nil, err
					}
				}
			}
			if i == 0 {
				all = converted
				continue
			}
			all = combine(q.Rest[i-1].Op, all, converted)
		}
		return order(all), nil
	}}, nil
}

func rowKey(values []any) string {
	var k strings.Builder
	for _, v := range values {
		k.WriteString(sqltype.Key(v))
		k.WriteByte(0)
	}
	return k.String()
}

func distinct(rows [][]any) [][]any {
	seen := map[string]bool{}
	return slices.DeleteFunc(rows, func(values []any) bool {
		k := rowKey(values)
		old := seen[k]
		seen[k] = true
		return old
	})
}

func combine(op string, a, c [][]any) [][]any {
	if op == "UNION ALL" {
		return append(a, c...)
	}
	if op == "UNION" {
		return distinct(append(a, c...))
	}
	in := map[string]bool{}
	for _, values := range c {
		in[rowKey(values)] = true
	}
	return distinct(slices.DeleteFunc(a, func(values []any) bool { return in[rowKey(values)] == (op == "EXCEPT") }))
}

// orderOf is ORDER BY over the result of a union: names and positions only.
func orderOf(terms []sqltext.Order, columns []Column) (func([][]any) [][]any, error) {
	type key struct {
		index int
		desc  bool
	}
	var keys []key
	for _, t := range terms {
		i := position(t.X, columns)
		if i < 0 {
			return nil, sqlerr.New(104, "ORDER BY items must appear in the select list if the statement contains a UNION, INTERSECT or EXCEPT operator.")
		}
		keys = append(keys, key{i, t.Desc})
	}
	return func(rows [][]any) [][]any {
		slices.SortStableFunc(rows, func(x, y []any) int {
			for _, k := range keys {
				if n := compareNull(x[k.index], y[k.index], k.desc); n != 0 {
					return n
				}
			}
			return 0
		})
		return rows
	}, nil
}

// position finds what ORDER BY means in the select list; -1 if nothing there.
func position(x sqltext.Expr, columns []Column) int {
	switch x := x.(type) {
	case sqltext.Literal:
		if n, ok := x.Value.(int64); ok && n >= 1 && int(n) <= len(columns) {
			return int(n) - 1
		}
	case sqltext.Column:
		if x.Qualifier == "" {
			return slices.IndexFunc(columns, func(c Column) bool { return strings.EqualFold(c.Name, x.Name) })
		}
	}
	return -1
}

// compareNull orders NULL before everything, as the product does.
func compareNull(x, y any, desc bool) int {
	n := 0
	switch {
	case x == nil && y == nil:
	case x == nil:
		n = -1
	case y == nil:
		n = 1
	default:
		n = sqltype.Compare(x, y)
	}
	if desc {
		return -n
	}
	return n
}
