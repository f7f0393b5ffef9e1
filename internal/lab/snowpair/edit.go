package snowpair

import (
	"slices"
	"strings"
)

// Override replaces what a column shows, for tests that want to know what happens
// when a service says something odd: NULL, the future, a negative number, a word
// nobody has heard of.
type Override struct {
	Source string // "SHOW FAILOVER GROUPS", or a table function's name
	Column string
	Of     string // the account the row is about, where rows have account_name; empty: all rows
	Value  any    // nil is NULL; Raw goes over the wire as it is
	Type   string // type of the column, such as text; empty: as it is
	Last   bool   // only the first row, which in a history is the last refresh
	Drop   bool   // leave the row out instead
}

// edit is what happens to every answer on its way out: columns the account does
// not have are left out, and overrides are applied.
func (r *execution) edit(source string, columns []column, rows [][]any) ([]column, [][]any) {
	columns = slices.Clone(columns)
	about := slices.IndexFunc(columns, func(c column) bool { return c.name == "account_name" })
	for _, o := range r.account.overrides {
		if o.Source != source {
			continue
		}
		i := slices.IndexFunc(columns, func(c column) bool { return c.name == o.Column })
		if i < 0 && !o.Drop {
			continue
		}
		if o.Type != "" {
			columns[i].kind = kind(o.Type)
		}
		var kept [][]any
		for n, row := range rows {
			match := (o.Of == "" || about < 0 || strings.HasSuffix(text(row[about]), o.Of)) && (!o.Last || n == 0)
			switch {
			case match && o.Drop:
				continue
			case match:
				row = slices.Clone(row)
				row[i] = o.Value
			}
			kept = append(kept, row)
		}
		rows = kept
	}
	hidden := r.pair.options.Without
	if !slices.ContainsFunc(columns, func(c column) bool { return slices.Contains(hidden, c.name) }) {
		return columns, rows
	}
	var out []column
	var keep []int
	for i, c := range columns {
		if !slices.Contains(hidden, c.name) {
			out, keep = append(out, c), append(keep, i)
		}
	}
	cut := make([][]any, len(rows))
	for n, row := range rows {
		for _, i := range keep {
			cut[n] = append(cut[n], row[i])
		}
	}
	return out, cut
}
