package sqlag

import (
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/engine"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// Write implements engine.Env: the heartbeat is the only table that can be written.
func (s *session) Write(name sqltext.Name, verb string) (*engine.Table, error) {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	s.world().Advance()
	database := s.database
	if name.Database != "" {
		database = name.Database
	}
	if found, ok := s.databaseNamed(database); ok {
		database = found
	}
	if err := s.open(database); err != nil {
		return nil, err
	}
	object := strings.ToLower(name.Object)
	if strings.EqualFold(name.Schema, "sys") {
		return nil, sqlerr.New(259, "Ad hoc updates to system catalogs are not allowed.")
	}
	if object != heartbeatTable {
		if _, ok := views().msdb[object]; ok && database == "msdb" {
			return nil, sqlerr.NoSelect(verb, object, "msdb", "dbo")
		}
		return nil, sqlerr.InvalidObject(name.String())
	}
	t, err := s.heartbeat(database, name, verb)
	if err != nil {
		return nil, err
	}
	c := s.inst.Database(database)
	if !c.Writer() {
		return nil, sqlerr.New(3906, "Failed to update database \"%s\" because the database is read-only.", c.DB.Name)
	}
	t.Replace = func(rows [][]any) error {
		s.group.mu.Lock()
		defer s.group.mu.Unlock()
		if !c.Writer() { // it may have changed meanwhile
			return sqlerr.New(3906, "Failed to update database \"%s\" because the database is read-only.", c.DB.Name)
		}
		if err := keyed(rows); err != nil {
			return err
		}
		s.world().Advance()
		c.SetRows(rows)
		s.world().Advance()
		return s.acknowledge(c)
	}
	return t, nil
}

// acknowledge waits until as many secondaries have a commit as are required, for ever
// if need be, as the product does; the client may leave, and the commit is in doubt
// then. It is called with the group's lock held, and lets others in while it waits.
func (s *session) acknowledge(c *model.Copy) error {
	for c.Group != nil && c.Group.Synchronized(c.DB.Name) < c.Group.RSSC {
		s.group.mu.Unlock()
		select {
		case <-s.ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
		s.group.mu.Lock()
		if err := s.ctx.Err(); err != nil {
			return err
		}
		s.world().Advance()
	}
	return nil
}

// keyed are the table's constraints: the only row has the number 1.
func keyed(rows [][]any) error {
	for _, r := range rows {
		if r[0] == nil || r[1] == nil || r[2] == nil || r[3] == nil {
			return sqlerr.New(515, "Cannot insert the value NULL into a column of table '%s'; column does not allow nulls.", heartbeatTable)
		}
		if r[0] != int64(1) {
			return sqlerr.New(547, "The statement conflicted with the CHECK constraint of table \"dbo.%s\", column 'id'.", heartbeatTable)
		}
	}
	if len(rows) > 1 {
		return sqlerr.Class(14, 2627, "Violation of PRIMARY KEY constraint. Cannot insert duplicate key in object 'dbo.%s'. The duplicate key value is (1).", heartbeatTable)
	}
	return nil
}

// Change implements engine.Env.
func (s *session) Change(st sqltext.Statement) error {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	s.world().Advance()
	switch st := st.(type) {
	case sqltext.AlterGroup:
		return s.alterGroup(st)
	case sqltext.AlterHadr:
		c := s.inst.Database(st.Database)
		if c == nil || !s.account.alters && !s.can("CONTROL SERVER") {
			return sqlerr.Class(14, 5011, "User does not have permission to alter database '%s', the database does not exist, or the database is not in a state that allows access checks.", st.Database)
		}
		switch st.Action {
		case "SUSPEND":
			return c.Suspend()
		case "RESUME":
			return c.Resume()
		}
	case sqltext.Execute:
		return sqlerr.New(2812, "Could not find stored procedure '%s'.", st.Name)
	}
	return sqlerr.Class(14, 262, "The statement is denied: the login lacks the permission, or the laboratory has no such object.")
}

func (s *session) alterGroup(st sqltext.AlterGroup) error {
	if !s.can("ALTER ANY AVAILABILITY GROUP") {
		return sqlerr.New(15151, "Cannot alter the availability group '%s', because it does not exist or you do not have permission.", st.Group)
	}
	g, err := s.world().GroupNamed(s.inst, st.Group)
	if err != nil {
		return err
	}
	switch st.Action {
	case "FAILOVER":
		return g.Failover(s.inst)
	case "FORCE_FAILOVER_ALLOW_DATA_LOSS":
		return g.Force(s.inst)
	case "SET":
		return setOptions(g, s.inst, st.Options)
	case "MODIFY REPLICA", "MODIFY AVAILABILITY GROUP":
		list := make([]model.Modification, len(st.Members))
		for i, m := range st.Members {
			list[i] = model.Modification{Replica: m.Name, Options: m.Options}
		}
		return g.Modify(s.inst, list)
	}
	return sqlerr.New(41190, "Availability group '%s' failed to process the %s command in this laboratory.", st.Group, st.Action)
}

func setOptions(g *model.Group, as *model.Instance, options map[string]string) error {
	for name, v := range options {
		switch name {
		case "ROLE":
			if v != "SECONDARY" {
				return sqlerr.Syntax(v)
			}
			if err := g.BecomeSecondary(as); err != nil {
				return err
			}
		case "REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT":
			n, err := sqltype.Convert(v, sqltype.Of(sqltype.Int), 0)
			if err != nil {
				return err
			}
			if err := g.SetRequired(as, int(n.(int64))); err != nil {
				return err
			}
		default:
			return sqlerr.New(41190, "Availability group '%s' failed to set %s in this laboratory.", g.Name, name)
		}
	}
	return nil
}
