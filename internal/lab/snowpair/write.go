package snowpair

import (
	"slices"
	"strings"
)

// target finds a table to write and checks that it may be written.
func (r *execution) target(name []string) (*database, *table, string) {
	db, below := r.tableNamed(name)
	if r.err != nil {
		return nil, nil, ""
	}
	t := db.tables[below]
	if t == nil || !r.account.has(r.session.role, onTable, db.name+"."+below) {
		r.fail(unknownObject("Table", strings.Join(name, ".")))
		return nil, nil, ""
	}
	switch {
	case !r.account.has(r.session.role, onTable, db.name+"."+below, "INSERT", "UPDATE", "OWNERSHIP"):
		r.fail(refusedOn("table", below))
	case db.readOnly():
		r.fail(fail(3032, "55000", "SQL execution error: Cannot perform operation on secondary database %s. Database is read-only.", db.name))
	}
	r.wake()
	if r.err != nil {
		return nil, nil, ""
	}
	return db, t, below
}

// place turns values for some columns into a row.
func (r *execution) place(t *table, columns []string, values []any, tok token) []any {
	if columns == nil {
		for _, c := range t.columns {
			columns = append(columns, c.name)
		}
	}
	if len(columns) != len(values) {
		r.fail(fail(2020, "21S01", "SQL compilation error:\nInsert value list does not match column list expecting %d but got %d", len(columns), len(values)))
		return nil
	}
	row := make([]any, len(t.columns))
	for i, name := range columns {
		j := slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
		if j < 0 {
			r.fail(unknownColumn(name, tok))
			return nil
		}
		row[j] = r.fit(t.columns[j], values[i])
	}
	return row
}

// fit turns a value into one of a column's type.
func (r *execution) fit(c column, v any) any {
	s := scope{run: r}
	switch c.kind {
	case kindFixed:
		return s.cast(v, "NUMBER")
	case kindTime:
		return s.cast(v, "TIMESTAMP_LTZ")
	case kindText:
		return s.cast(v, "VARCHAR")
	}
	return v
}

func (r *execution) insert(s insert) *result {
	db, t, below := r.target(s.table)
	if r.err != nil {
		return nil
	}
	var values [][]any
	if s.query != nil {
		_, values = r.rows(s.query)
	}
	sc := scope{run: r, row: []any{}}
	for _, exprs := range s.rows {
		var row []any
		for _, x := range exprs {
			row = append(row, sc.eval(x))
		}
		values = append(values, row)
	}
	_, rows, _ := db.rows(below, r.now)
	rows = slices.Clone(rows)
	for _, v := range values {
		rows = append(rows, r.place(t, s.columns, v, s.tok))
	}
	if r.err != nil {
		return nil
	}
	t.write(r.now, rows)
	return &result{[]column{{"number of rows inserted", kindFixed}}, [][]any{{int64(len(values))}}, kindInsert}
}

func (r *execution) update(s update) *result {
	db, t, below := r.target(s.table)
	if r.err != nil {
		return nil
	}
	_, old, _ := db.rows(below, r.now)
	rows, n := slices.Clone(old), int64(0)
	for i, row := range rows {
		sc := scope{run: r, columns: t.columns, row: row}
		if s.where != nil {
			if v := sc.eval(s.where); v == nil || !truth(v) {
				continue
			}
		}
		rows[i] = r.assign(t, sc, s.set, s.tok)
		n++
	}
	if r.err != nil {
		return nil
	}
	t.write(r.now, rows)
	return &result{[]column{{"number of rows updated", kindFixed}, {"number of multi-joined rows updated", kindFixed}}, [][]any{{n, int64(0)}}, kindUpdate}
}

func (r *execution) assign(t *table, sc scope, set []assignment, tok token) []any {
	row := slices.Clone(sc.row)
	for _, a := range set {
		i := slices.IndexFunc(t.columns, func(c column) bool { return c.name == a.column })
		if i < 0 {
			r.fail(unknownColumn(a.column, tok))
			return row
		}
		row[i] = r.fit(t.columns[i], sc.eval(a.x))
	}
	return row
}

func (r *execution) merge(s merge) *result {
	db, t, below := r.target(s.table)
	if r.err != nil {
		return nil
	}
	columns, source := r.source(s.using)
	_, old, _ := db.rows(below, r.now)
	rows := slices.Clone(old)
	var inserted, updated int64
	for _, from := range source {
		matched := false
		for i, row := range rows {
			sc := r.pairScope(s, t, columns, row, from)
			if v := sc.eval(s.on); v == nil || !truth(v) {
				continue
			}
			matched = true
			if s.updating {
				rows[i] = r.assign(t, sc, s.matched, s.tok)
				updated++
			}
		}
		if matched || !s.insert {
			continue
		}
		sc := r.pairScope(s, t, columns, nil, from)
		var values []any
		for _, x := range s.values {
			values = append(values, sc.eval(x))
		}
		rows = append(rows, r.place(t, s.columns, values, s.tok))
		inserted++
	}
	if r.err != nil {
		return nil
	}
	t.write(r.now, rows)
	return &result{[]column{{"number of rows inserted", kindFixed}, {"number of rows updated", kindFixed}}, [][]any{{inserted, updated}}, kindMerge}
}

// pairScope is a row of the target beside a row of the source.
func (r *execution) pairScope(s merge, t *table, columns []column, row, from []any) scope {
	target := &scope{run: r, columns: t.columns, row: row}
	tables := map[string]*scope{s.table[len(s.table)-1]: target, s.label: {run: r, columns: columns, row: from}}
	if s.alias != "" {
		tables[s.alias] = target
	}
	sc := scope{run: r, columns: t.columns, row: row, tables: tables}
	if row == nil { // an insert sees the source alone
		sc.columns, sc.row = columns, from
	}
	return sc
}
