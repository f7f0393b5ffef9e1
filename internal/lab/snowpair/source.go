package snowpair

import (
	"slices"
	"strings"
)

// source gives the rows of what comes after FROM.
func (r *execution) source(s *source) ([]column, [][]any) {
	if s.sub != nil {
		return r.rows(s.sub)
	}
	if s.function {
		return r.function(s)
	}
	name := slices.Clone(s.name)
	if len(name) == 3 && name[0] == sharedDatabase && name[1] == "ACCOUNT_USAGE" && name[2] == "REPLICATION_GROUP_REFRESH_HISTORY" {
		r.wake()
		return r.accountUsage()
	}
	if len(name) == 3 && name[1] == "INFORMATION_SCHEMA" && name[2] == "TABLES" {
		d := r.account.database(name[0])
		if d == nil || !r.databaseVisible(name[0]) {
			r.fail(unknownObject("Database", name[0]))
			return nil, nil
		}
		columns, rows := r.tablesView(d)
		r.wake()
		return columns, rows
	}
	db, table := r.tableNamed(name)
	if r.err != nil {
		return nil, nil
	}
	columns, rows, ok := db.rows(table, r.now)
	if !ok || !r.account.has(r.session.role, onTable, db.name+"."+table, "SELECT", "OWNERSHIP") {
		r.fail(unknownObject("Object", strings.Join(name, ".")))
		return nil, nil
	}
	r.wake()
	return columns, rows
}

// tableNamed finds the database of a table and its name below it.
func (r *execution) tableNamed(name []string) (*database, string) {
	switch len(name) {
	case 1:
		name = []string{r.session.database, r.session.schema, name[0]}
	case 2:
		name = []string{r.session.database, name[0], name[1]}
	}
	if name[0] == "" {
		r.fail(fail(90105, "22000", "Cannot perform SELECT. This session does not have a current database. Call 'USE DATABASE', or use a qualified name."))
		return nil, ""
	}
	db := r.account.database(name[0])
	if db == nil || !r.account.has(r.session.role, onDatabase, name[0]) || len(name) != 3 {
		r.fail(unknownObject("Database", name[0]))
		return nil, ""
	}
	return db, name[1] + "." + name[2]
}

// function gives the rows of a table function.
func (r *execution) function(s *source) ([]column, [][]any) {
	last := s.name[len(s.name)-1]
	if last == "RESULT_SCAN" && len(s.name) == 1 {
		return r.resultScan(s)
	}
	if len(s.name) >= 2 && s.name[len(s.name)-2] == "INFORMATION_SCHEMA" {
		db := r.session.database
		if len(s.name) == 3 {
			db = s.name[0]
		}
		if db == "" {
			r.fail(fail(90105, "22000", "Cannot perform SELECT. This session does not have a current database. Call 'USE DATABASE', or use a qualified name."))
			return nil, nil
		}
		if !r.databaseVisible(db) {
			r.fail(unknownObject("Database", db))
			return nil, nil
		}
		if f, ok := tableFunctions[last]; ok {
			columns, rows := f(r, s)
			if r.err == nil {
				r.wake()
			}
			if r.err != nil {
				return nil, nil
			}
			return r.edit(last, columns, rows)
		}
	}
	r.fail(fail(2141, "42601", "SQL compilation error:\nUnknown table function %s", strings.Join(s.name, ".")))
	return nil, nil
}

var tableFunctions = map[string]func(*execution, *source) ([]column, [][]any){
	"REPLICATION_GROUP_REFRESH_HISTORY":         (*execution).refreshHistory,
	"REPLICATION_GROUP_REFRESH_HISTORY_ALL":     (*execution).refreshHistoryAll,
	"REPLICATION_GROUP_REFRESH_PROGRESS":        (*execution).refreshProgress,
	"REPLICATION_GROUP_REFRESH_PROGRESS_BY_JOB": (*execution).refreshProgressByJob,
	"REPLICATION_GROUP_REFRESH_PROGRESS_ALL":    (*execution).refreshProgressAll,
	"REPLICATION_GROUP_DANGLING_REFERENCES":     (*execution).danglingReferences,
	"QUERY_HISTORY_BY_USER":                     (*execution).queryHistoryByUser,
	"TASK_HISTORY":                              (*execution).taskHistory,
}

func (r *execution) resultScan(s *source) ([]column, [][]any) {
	r.wake()
	if len(s.args) != 1 || r.err != nil {
		r.fail(fail(938, "22023", "SQL compilation error: not enough arguments for function [RESULT_SCAN], expected 1, got %d", len(s.args)))
		return nil, nil
	}
	sc := scope{run: r, row: []any{}}
	id := text(sc.eval(s.args[0]))
	q := r.pair.queries[id]
	if q == nil || q.result == nil || q.user != r.session.user {
		r.fail(fail(709, "02000", "Statement %s not found", id))
		return nil, nil
	}
	return q.result.columns, q.result.rows
}

// argument evaluates the first argument: a name or an id in quotes.
func (r *execution) argument(s *source) string {
	if len(s.args) < 1 {
		r.fail(fail(938, "22023", "SQL compilation error: error line %d at position %d\nnot enough arguments for function [%s], expected 1, got 0", s.tok.line, s.tok.pos, s.name[len(s.name)-1]))
		return ""
	}
	sc := scope{run: r, row: []any{}}
	return text(sc.eval(s.args[0]))
}

func identifierText(s string) string {
	s = strings.TrimSpace(s)
	if inner, n, ok := quoted(s+" ", '"'); strings.HasPrefix(s, `"`) && ok && n == len(s) {
		return inner
	}
	return strings.ToUpper(s)
}
