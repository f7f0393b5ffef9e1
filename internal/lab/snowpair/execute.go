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
	steps   int      // expressions evaluated
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
	case alterWork:
		return r.alterWork(s)
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
