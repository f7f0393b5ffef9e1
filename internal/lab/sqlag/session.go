package sqlag

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/engine"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/tds"
)

// heartbeatTable is in every database of the laboratory, in schema dbo.
const heartbeatTable = "bcctl_heartbeat"

// session is one client's. Each question to the model is asked under the group's
// lock; a query sees each table as of one moment, and several tables as of moments
// close to each other, as on a real server.
type session struct {
	group    *Group
	inst     *model.Instance
	account  account
	login    tds.Login
	id       int
	database string
	asked    string // database the view being computed was asked in
	reply    *tds.Reply
	ctx      context.Context // of the batch that runs
	run      *engine.Session
}

func (s *session) world() *model.World { return s.inst.World }

// catalog is all views and tables by name; it is never changed once made.
type catalog struct{ sys, msdb map[string]view }

var views = sync.OnceValue(func() catalog {
	c := catalog{sys: map[string]view{}, msdb: msdbTables()}
	for _, part := range []map[string]view{hadrViews(), databaseViews(), serverViews()} {
		for name, v := range part {
			c.sys[name] = v
		}
	}
	return c
})

func (s *session) Database() string { return s.database }

func (s *session) Close() {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	delete(s.group.sessions, s)
}

func (s *session) Reset() {
	if s.login.Database != "" {
		s.database = s.login.Database
	} else {
		s.database = "master"
	}
}

func (s *session) Batch(ctx context.Context, text string, parameters []tds.Parameter, reply *tds.Reply) error {
	s.group.mu.Lock()
	s.inst = s.group.world.Instance(s.inst.Name) // a repair may have made it anew
	s.group.mu.Unlock()
	changes := sqltext.Changes(text)
	s.group.count(s.inst, changes, text)
	s.reply, s.ctx = reply, ctx
	list := make([]engine.Parameter, len(parameters))
	for i, p := range parameters {
		list[i] = engine.Parameter(p)
	}
	if s.group.refuses(s.inst.Name, text) {
		return sqlerr.New(15151, "Cannot alter the availability group, because it does not exist or you do not have permission.")
	}
	lost, applied := s.group.cutFor(s.inst.Name, text)
	if lost && !applied || changes > 0 && s.group.watched(s.inst.Name, text, false) {
		return tds.ErrHangUp
	}
	err := s.run.Run(ctx, text, list, reply)
	if changes > 0 && s.group.watched(s.inst.Name, text, true) || lost {
		return tds.ErrHangUp
	}
	return err
}

func (s *session) Now() time.Time { return s.inst.Time() }

// can says whether the login has a permission on the server.
func (s *session) can(permission string) bool {
	s.group.grants.RLock()
	defer s.group.grants.RUnlock()
	return slices.ContainsFunc(s.group.granted[s.account.name], func(have string) bool { return covers(have, permission) })
}

// covers says whether one permission implies another, as the documentation of
// GRANT server permissions has it.
func covers(have, want string) bool {
	switch {
	case have == want, have == "CONTROL SERVER":
		return true
	case have == "VIEW SERVER STATE":
		return want == "VIEW SERVER PERFORMANCE STATE" || want == "VIEW SERVER SECURITY STATE"
	case have == "VIEW ANY DEFINITION":
		return want == "VIEW ANY DATABASE" || want == "VIEW ANY SECURITY DEFINITION" || want == "VIEW ANY PERFORMANCE DEFINITION"
	}
	return false
}

func (s *session) databaseNamed(name string) (string, bool) {
	for _, d := range systemDatabases {
		if strings.EqualFold(d, name) {
			return d, true
		}
	}
	if c := s.inst.Database(name); c != nil {
		return c.DB.Name, true
	}
	return "", false
}

func (s *session) idOf(name string) any {
	for i, d := range systemDatabases {
		if strings.EqualFold(d, name) {
			return int64(i + 1)
		}
	}
	if c := s.inst.Database(name); c != nil {
		return int64(c.ID)
	}
	return nil
}

func (s *session) databaseID() any { return s.idOf(s.database) }

// open says whether a database can be used by this session now, and with which error
// not.
func (s *session) open(name string) error {
	c := s.inst.Database(name)
	if c == nil {
		return nil
	}
	if !s.can("CONNECT ANY DATABASE") && !s.account.user {
		return sqlerr.NoAccess(s.account.name, c.DB.Name)
	}
	switch {
	case c.Status == "RESTORING":
		return sqlerr.Class(14, 927, "Database '%s' cannot be opened. It is in the middle of a restore.", c.DB.Name)
	case c.Status != "ONLINE":
		return sqlerr.Class(14, 922, "Database '%s' is being recovered. Waiting until recovery is finished.", c.DB.Name)
	case c.Group == nil:
		return nil
	}
	r := c.Group.ReplicaOn(s.inst)
	if r == nil {
		return nil
	}
	switch {
	case r.Role == model.Resolving || r.Role == model.Primary && c.Group.Type == model.WSFC && !s.inst.Quorum():
		return sqlerr.Class(14, 983, "Unable to access availability database '%s' because the database replica is not in the PRIMARY or SECONDARY role. Connections to an availability database is permitted only when the database replica is in the PRIMARY or SECONDARY role.", c.DB.Name)
	case r.Role == model.Primary:
		return nil
	case r.Readable == "NO" || c.Suspended || !c.Joined:
		return sqlerr.Class(14, 976, "The target database, '%s', is participating in an availability group and is currently not accessible for queries. Either data movement is suspended or the availability replica is not enabled for read access.", c.DB.Name)
	case r.Readable == "READ_ONLY" && !s.login.ReadOnly:
		return sqlerr.Class(14, 978, "The target database ('%s') is in an availability group and is currently accessible for connections when the application intent is set to read only.", c.DB.Name)
	}
	return nil
}

// Use implements engine.Env.
func (s *session) Use(database string) error {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	s.world().Advance()
	name, ok := s.databaseNamed(database)
	if !ok {
		return sqlerr.New(911, "Database '%s' does not exist. Make sure that the name is entered correctly.", database)
	}
	if err := s.open(name); err != nil {
		return err
	}
	s.reply.Database(name, s.database)
	s.database = name
	return nil
}
