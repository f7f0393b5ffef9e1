package snowpair

import "strings"

func (r *execution) selection(s *selection) *result {
	columns, rows := r.rows(s)
	if r.err != nil {
		return nil
	}
	return &result{columns, rows, kindSelect}
}

// rows evaluates a SELECT.
func (r *execution) rows(s *selection) ([]column, [][]any) {
	columns, rows := r.arm(s)
	if r.err == nil && s.another != nil {
		more, moreRows := r.rows(s.another)
		if r.err == nil && len(more) != len(columns) {
			r.fail(fail(1789, "42601", "SQL compilation error:\ninvalid number of result columns for set operator input branches, expected %d, got %d in branch 2", len(columns), len(more)))
		}
		rows = append(rows, moreRows...)
		for i := range columns {
			if columns[i].kind == kindText && i < len(more) {
				columns[i].kind = more[i].kind
			}
		}
		r.order(s, columns, rows, nil)
	}
	if s.offset > 0 {
		rows = rows[min(int(s.offset), len(rows)):]
	}
	if s.limit >= 0 {
		rows = rows[:min(int(s.limit), len(rows))]
	}
	return columns, rows
}

// arm evaluates one SELECT of a union, ordered when it is the only one.
func (r *execution) arm(s *selection) ([]column, [][]any) {
	base := scope{run: r, row: []any{}, items: s.items}
	input := [][]any{{}}
	if s.from != nil {
		base.columns, input = r.source(s.from)
	}
	if r.err != nil {
		return nil, nil
	}
	if s.where != nil {
		var kept [][]any
		for _, row := range input {
			sc := base
			sc.row = row
			if v := sc.eval(s.where); v != nil && truth(v) {
				kept = append(kept, row)
			}
		}
		if len(input) == 0 {
			r.check(base, s.where)
		}
		input = kept
	}
	if r.err != nil {
		return nil, nil
	}
	scopes := r.groups(s, base, input)
	columns := r.head(s, base)
	var rows [][]any
	var kept []scope
	for _, sc := range scopes {
		if s.having != nil {
			if v := sc.eval(s.having); v == nil || !truth(v) {
				continue
			}
		}
		var out []any
		for _, it := range s.items {
			if it.star {
				out = append(out, sc.row...)
				continue
			}
			out = append(out, sc.eval(it.x))
		}
		rows, kept = append(rows, out), append(kept, sc)
	}
	if len(scopes) == 0 {
		for _, it := range s.items {
			if !it.star {
				r.check(base, it.x)
			}
		}
	}
	if r.err != nil {
		return nil, nil
	}
	for i := range columns {
		if columns[i].kind != kindText {
			continue
		}
		for _, row := range rows {
			if row[i] != nil {
				columns[i].kind = kindOf(row[i])
				break
			}
		}
	}
	if s.another == nil {
		r.order(s, columns, rows, kept)
	}
	return columns, rows
}

// check finds names that are unknown where there is no row to evaluate with.
func (r *execution) check(base scope, x any) {
	base.group = [][]any{}
	base.row = nil
	base.eval(x)
}

// groups are the scopes of the output's rows: the input's rows, or one for each
// group of them.
func (r *execution) groups(s *selection, base scope, input [][]any) []scope {
	whole := s.having != nil && aggregated(s.having)
	for _, it := range s.items {
		whole = whole || !it.star && aggregated(it.x)
	}
	for _, o := range s.order {
		whole = whole || aggregated(o.x)
	}
	var out []scope
	if len(s.group) == 0 && !whole {
		for _, row := range input {
			sc := base
			sc.row = row
			out = append(out, sc)
		}
		if s.unique {
			return r.distinct(s, out)
		}
		return out
	}
	if len(s.group) == 0 {
		sc := base
		sc.group, sc.row = input, nil
		if sc.group == nil {
			sc.group = [][]any{}
		}
		if len(input) > 0 {
			sc.row = input[0]
		}
		return []scope{sc}
	}
	index := map[string]int{}
	for _, row := range input {
		sc := base
		sc.row = row
		key := ""
		for _, g := range s.group {
			if n, ok := g.(literal); ok { // GROUP BY 1
				if i, ok := n.value.(int64); ok && i >= 1 && int(i) <= len(s.items) {
					g = s.items[i-1].x
				}
			}
			v := sc.eval(g)
			key += string(kindOf(v)) + ":" + text(v) + "\x00"
		}
		i, known := index[key]
		if !known {
			i = len(out)
			index[key] = i
			sc.group = [][]any{}
			out = append(out, sc)
		}
		out[i].group = append(out[i].group, row)
	}
	return out
}

func (r *execution) distinct(s *selection, in []scope) []scope {
	seen := map[string]bool{}
	var out []scope
	for _, sc := range in {
		key := ""
		for _, it := range s.items {
			if it.star {
				for _, v := range sc.row {
					key += text(v) + "\x00"
				}
				continue
			}
			key += text(sc.eval(it.x)) + "\x00"
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, sc)
		}
	}
	return out
}

// head are the columns of a SELECT.
func (r *execution) head(s *selection, base scope) []column {
	var out []column
	for _, it := range s.items {
		if it.star {
			if s.from == nil {
				r.fail(fail(2081, "42601", "SQL compilation error:\nSELECT with no columns"))
				return nil
			}
			out = append(out, base.columns...)
			continue
		}
		out = append(out, column{it.label, base.kind(it.x)})
	}
	return out
}

// kind is the type an expression has whatever its value; kindText when only the
// value tells.
func (s *scope) kind(x any) kind {
	switch x := x.(type) {
	case columnRef:
		for _, c := range s.columns {
			if c.name == x.name {
				return c.kind
			}
		}
	case call:
		switch x.name {
		case "COUNT", "COUNT_IF", "DATEDIFF", "TIMESTAMPDIFF", "DATE_PART", "EXTRACT":
			return kindFixed
		case "MAX", "MIN", "ANY_VALUE", "COALESCE", "NVL", "GREATEST", "LEAST":
			if len(x.args) > 0 {
				return s.kind(x.args[0])
			}
		case "DATEADD":
			return kindTime
		}
	case binary:
		if !strings.Contains(" + - * / % || ", " "+x.op+" ") {
			return kindBoolean
		}
	case isNull, inList:
		return kindBoolean
	case cast:
		switch x.to {
		case "TIMESTAMP_LTZ", "TIMESTAMP_TZ", "TIMESTAMP":
			return kindTime
		case "NUMBER", "INT", "INTEGER", "BIGINT":
			return kindFixed
		}
	}
	return kindText
}
