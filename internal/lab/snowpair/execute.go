package snowpair

import (
	"slices"
	"strings"
	"time"
)

// result is what a statement answers.
type result struct {
	columns []column
	rows    [][]any
	kind    int64 // statementTypeId
}

// Kinds of statements, as drivers know them.
const (
	kindSelect = 0x1000
	kindInsert = 0x3100
	kindUpdate = 0x3200
	kindMerge  = 0x3400
	kindAlter  = 0x4100 // ALTER SESSION
	kindUse    = 0x4300
	kindShow   = 0x4400
	kindBegin  = 0x5000
	kindDDL    = 0x6000
)

// execution is one statement being run. Pair.mu is held all the while.
type execution struct {
	pair    *Pair
	account *account
	session *session
	now     time.Time
	err     *failure
	woken   bool     // the warehouse was used
	waits   *refresh // a refresh the statement waits for
	group   *group   // its group
}

func (r *execution) fail(f *failure) {
	if r.err == nil {
		r.err = f
	}
}

// done is the answer of statements that have nothing to say.
func done(kind int64) *result {
	return &result{columns: []column{{"status", kindText}}, rows: [][]any{{"Statement executed successfully."}}, kind: kind}
}

// statement runs a parsed statement.
func (r *execution) statement(s any) *result {
	switch s := s.(type) {
	case show:
		return r.show(s)
	case *selection:
		return r.selection(s)
	case alterGroup:
		return r.alterGroup(s)
	case alterConnection:
		return r.alterConnection(s)
	case alterSession:
		for k, v := range s.set {
			r.session.parameters[k] = v
		}
		for _, k := range s.unset {
			delete(r.session.parameters, k)
		}
		return done(kindAlter)
	case use:
		return r.use(s)
	case transaction:
		return done(kindBegin)
	case insert:
		return r.insert(s)
	case update:
		return r.update(s)
	case merge:
		return r.merge(s)
	case unsupported:
		r.fail(fail(2, "0A000", "Unsupported feature '%s'.", s.verb))
	}
	return nil
}

// wake uses the session's warehouse, once for a statement.
func (r *execution) wake() {
	if r.woken || r.err != nil {
		return
	}
	w := r.account.warehouse(r.session.warehouse)
	if r.session.warehouse == "" || w == nil || !r.account.has(r.session.role, onWarehouse, w.name, "USAGE", "OPERATE", "MONITOR", "OWNERSHIP") {
		r.fail(noWarehouse())
		return
	}
	r.woken = true
	w.use(r.now)
}

func (r *execution) use(s use) *result {
	a := r.account
	switch s.what {
	case "WAREHOUSE":
		if a.warehouse(s.name) == nil || !a.has(r.session.role, onWarehouse, s.name) {
			r.fail(fail(2043, "02000", "SQL compilation error:\nObject does not exist, or operation cannot be performed."))
			return nil
		}
		r.session.warehouse = s.name
	case "ROLE":
		if !slices.Contains(r.session.available, s.name) {
			r.fail(fail(3013, "42501", "SQL access control error:\nRequested role '%s' is not assigned to the executing user. Specify another role to activate.", s.name))
			return nil
		}
		r.session.role = s.name
	case "DATABASE", "SCHEMA":
		name, schema, two := strings.Cut(s.name, ".")
		if s.what == "SCHEMA" && !two {
			name, schema = r.session.database, s.name
		}
		if !r.databaseVisible(name) {
			r.fail(fail(2043, "02000", "SQL compilation error:\nObject does not exist, or operation cannot be performed."))
			return nil
		}
		r.session.database, r.session.schema = name, schema
		if schema == "" {
			r.session.schema = "PUBLIC"
		}
	}
	return done(kindUse)
}

// sharedDatabase is there in every account.
const sharedDatabase = "SNOWFLAKE"

func (r *execution) databaseVisible(name string) bool {
	return name == sharedDatabase || r.account.database(name) != nil && r.account.has(r.session.role, onDatabase, name)
}

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
