package snowpair

import "slices"

// order sorts rows. NULL counts as larger than everything, as the product does by
// default.
func (r *execution) order(s *selection, columns []column, rows [][]any, scopes []scope) {
	if len(s.order) == 0 || r.err != nil {
		return
	}
	type sortable struct {
		row  []any
		keys []any
	}
	all := make([]sortable, len(rows))
	for i, row := range rows {
		all[i].row = row
		for _, o := range s.order {
			all[i].keys = append(all[i].keys, r.orderKey(o.x, columns, row, i, scopes))
		}
	}
	slices.SortStableFunc(all, func(x, y sortable) int {
		for k, o := range s.order {
			a, b := x.keys[k], y.keys[k]
			var c int
			switch {
			case a == nil && b == nil:
				continue
			case a == nil || b == nil:
				c = -1
				if a == nil {
					c = 1
				}
				switch {
				case o.nulls == "FIRST":
					return -c
				case o.nulls == "LAST":
					return c
				case o.descending:
					return -c
				}
				return c
			}
			c, _ = compare(a, b)
			if o.descending {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	for i := range rows {
		rows[i] = all[i].row
	}
}

func (r *execution) orderKey(x any, columns []column, row []any, i int, scopes []scope) any {
	switch x := x.(type) {
	case literal: // ORDER BY 1
		if n, ok := x.value.(int64); ok && n >= 1 && int(n) <= len(row) {
			return row[n-1]
		}
	case columnRef:
		for j, c := range columns {
			if c.name == x.name {
				return row[j]
			}
		}
	}
	if scopes == nil {
		sc := scope{run: r, columns: columns, row: row}
		return sc.eval(x)
	}
	return scopes[i].eval(x)
}
