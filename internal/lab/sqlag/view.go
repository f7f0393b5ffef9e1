package sqlag

import (
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/engine"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// record is one row of a system view by column; a column it lacks is NULL.
type record map[string]any

// need is what a login must have to see a view.
type need uint8

const (
	nothing        need = iota
	definition          // VIEW ANY DEFINITION; without it rows are missing, silently
	state               // VIEW SERVER STATE, or from 2022 on VIEW SERVER PERFORMANCE STATE; an error without
	security            // the same with VIEW SERVER SECURITY STATE
	databaseState       // the same, of the database the view is asked in
	agentOrGranted      // a table in msdb: SELECT granted
)

// view is a system view or table.
type view struct {
	columns []viewColumn
	need    need
	rows    func(*session) []record
}

type viewColumn struct {
	engine.Column
	since int // major version
}

// columns reads "name type, name type@14": the number is the first major version
// that has the column.
func columns(spec string) []viewColumn {
	var out []viewColumn
	for _, part := range splitOutside(spec) {
		name, typ, _ := strings.Cut(strings.TrimSpace(part), " ")
		typ, since, _ := strings.Cut(typ, "@")
		base, rest, _ := strings.Cut(typ, "(")
		var args []int
		for _, a := range strings.Split(strings.TrimSuffix(rest, ")"), ",") {
			if n, err := strconv.Atoi(a); err == nil {
				args = append(args, n)
			} else if a == "max" {
				args = append(args, sqltype.Max)
			}
		}
		if base == "guid" {
			base = "uniqueidentifier"
		}
		t, ok := sqltype.Named(base, args...)
		if !ok {
			panic("sqlag: no type " + base + " for column " + name) // a mistake in this package; every test would see it
		}
		v, _ := strconv.Atoi(since)
		out = append(out, viewColumn{engine.Column{Name: name, Type: t}, v})
	}
	return out
}

// splitOutside splits at commas that are not within parentheses.
func splitOutside(s string) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// table makes the table that a query sees. Odd values that a test asked for take
// the place of true ones here.
func (v view) table(s *session, name string, rows []record) *engine.Table {
	t := &engine.Table{}
	var cols []viewColumn
	for _, c := range v.columns {
		if c.since <= s.inst.Version {
			cols = append(cols, c)
			t.Columns = append(t.Columns, c.Column)
		}
	}
	for _, r := range rows {
		values := make([]any, len(cols))
		for i, c := range cols {
			values[i] = plain(r[c.Name])
			if odd, ok := s.inst.Odd[name+"."+c.Name]; ok {
				if f, isFunc := odd.(func(any) any); isFunc {
					odd = f(values[i])
				}
				values[i] = plain(odd)
			}
			if at, isTime := values[i].(time.Time); isTime {
				values[i] = sqltype.Truncate(at, c.Type)
			}
		}
		t.Rows = append(t.Rows, values)
	}
	return t
}

// plain makes a Go value one that sqltype knows.
func plain(v any) any {
	switch x := v.(type) {
	case int:
		return int64(x)
	case uint8:
		return int64(x)
	case model.Role:
		return int64(x)
	case model.State:
		return int64(x)
	case model.Health:
		return int64(x)
	case model.ClusterType:
		return int64(x)
	case time.Time:
		if x.IsZero() {
			return nil
		}
	case sqltype.GUID:
		if x == (sqltype.GUID{}) {
			return nil
		}
	}
	return v
}

// number is the position of a text in a list, for columns that have both.
func number(list []string, text string) any {
	for i, s := range list {
		if s == text {
			return int64(i)
		}
	}
	return nil
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-len(s))) }
