package snowpair

import (
	"slices"
	"time"
)

// HeartbeatTable is the table the heartbeat user may write, in each account: a row
// written at the primary shows up at a secondary with the refresh whose snapshot
// is later.
const HeartbeatTable = homeDatabase + ".PUBLIC.BCCTL_HEARTBEAT"

// database is a database of an account. Those that belong to a secondary group are
// read-only.
type database struct {
	account *account
	name    string
	created time.Time
	tables  map[string]*table // by SCHEMA.TABLE
	tasks   []*task
	pipes   []*pipe
}

func newDatabase(a *account, name string, created time.Time) *database {
	d := &database{account: a, name: name, created: created, tables: map[string]*table{}}
	d.tasks, d.pipes = workOf(name)
	if name == homeDatabase {
		d.tables["PUBLIC.BCCTL_HEARTBEAT"] = heartbeatTable()
	}
	return d
}

// table holds what it held, so that a secondary can be shown a snapshot.
type table struct {
	columns  []column
	versions []version // oldest first
}

type version struct {
	at   time.Time
	rows [][]any
}

// maxVersions bounds the memory of a table that is written for ever. The oldest
// versions go first; a snapshot older than that shows nothing.
const maxVersions = 4096

func (t *table) asOf(at time.Time) [][]any {
	for _, v := range slices.Backward(t.versions) {
		if !v.at.After(at) {
			return v.rows
		}
	}
	return nil
}

func (t *table) write(at time.Time, rows [][]any) {
	if n := len(t.versions); n >= maxVersions {
		t.versions = slices.Delete(t.versions, 0, n-maxVersions+1)
	}
	t.versions = append(t.versions, version{at, rows})
}

// group is the group a database belongs to, or nil.
func (d *database) group() *group {
	for _, g := range d.account.groups {
		if slices.Contains(g.databases, d.name) {
			return g
		}
	}
	return nil
}

// readOnly says whether the database is a copy.
func (d *database) readOnly() bool {
	g := d.group()
	return g != nil && !g.primary
}

// rows is what a table shows now.
func (d *database) rows(name string, now time.Time) ([]column, [][]any, bool) {
	t := d.tables[name]
	if t == nil {
		return nil, nil, false
	}
	g := d.group()
	if g == nil || g.primary {
		return t.columns, t.asOf(now), true
	}
	s := g.consistent(now)
	if s.IsZero() || s.Before(g.demoted) {
		return t.columns, t.asOf(now), true // what it held itself, until a refresh overwrites it
	}
	p := g.link()
	if p == nil {
		return t.columns, t.asOf(now), true
	}
	source := p.account.database(d.name)
	if source == nil || source.tables[name] == nil {
		return nil, nil, false
	}
	return source.tables[name].columns, source.tables[name].asOf(s), true
}

// settle makes what a copy shows its own data: what happens to it when its group
// is promoted.
func (d *database) settle(now time.Time) {
	for name, t := range d.tables {
		if columns, rows, ok := d.rows(name, now); ok {
			t.columns = columns
			t.versions = []version{{now, rows}}
		}
	}
}

func heartbeatTable() *table {
	return &table{columns: []column{
		{name: "ID", kind: kindFixed}, {name: "SEQ", kind: kindFixed}, {name: "AT", kind: kindTime}, {name: "WRITER", kind: kindText},
	}}
}
