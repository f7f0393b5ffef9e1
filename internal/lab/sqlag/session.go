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
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
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
	database string
	asked    string // database the view being computed was asked in
	reply    *tds.Reply
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

func (s *session) Close() {}

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
	s.group.count(s.inst, sqltext.Changes(text), text)
	s.reply = reply
	list := make([]engine.Parameter, len(parameters))
	for i, p := range parameters {
		list[i] = engine.Parameter(p)
	}
	return s.run.Run(ctx, text, list, reply)
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

// Table implements engine.Env.
func (s *session) Table(name sqltext.Name) (*engine.Table, error) {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	s.world().Advance()
	database := s.database
	if name.Database != "" {
		found, ok := s.databaseNamed(name.Database)
		if !ok {
			return nil, sqlerr.InvalidObject(name.String())
		}
		database = found
	}
	if err := s.open(database); err != nil {
		return nil, err
	}
	s.asked = database
	object := strings.ToLower(name.Object)
	if strings.EqualFold(name.Schema, "sys") {
		v, ok := views().sys[object]
		if !ok || v.hidden(s.inst.Version) {
			return nil, sqlerr.InvalidObject(name.String())
		}
		if err := s.may(v, object); err != nil {
			return nil, err
		}
		if v.need == definition && !s.can("VIEW ANY DEFINITION") {
			return v.table(s, object, nil), nil
		}
		return v.table(s, object, v.rows(s)), nil
	}
	if name.Schema != "" && !strings.EqualFold(name.Schema, "dbo") {
		return nil, sqlerr.InvalidObject(name.String())
	}
	if v, ok := views().msdb[object]; ok && database == "msdb" {
		if !s.canMsdb() {
			return nil, sqlerr.NoSelect("SELECT", object, "msdb", "dbo")
		}
		return v.table(s, object, v.rows(s)), nil
	}
	if object == heartbeatTable {
		return s.heartbeat(database, name, "SELECT")
	}
	return nil, sqlerr.InvalidObject(name.String())
}

// hidden says whether a view is not in a version: none of its columns is.
func (v view) hidden(version int) bool {
	return !slices.ContainsFunc(v.columns, func(c viewColumn) bool { return c.since <= version })
}

// canMsdb says whether the login was granted SELECT on the tables of msdb.
func (s *session) canMsdb() bool { return s.can("SELECT IN MSDB") }

// may refuses what needs a permission on the server's state.
func (s *session) may(v view, name string) error {
	want := ""
	switch v.need {
	case state, databaseState:
		want = "VIEW SERVER STATE"
		if s.inst.Version >= 16 {
			want = "VIEW SERVER PERFORMANCE STATE"
		}
		if v.need == databaseState && !s.can(want) {
			return sqlerr.List{
				sqlerr.Class(14, 262, "%s permission denied in database '%s'.", strings.Replace(want, "SERVER", "DATABASE", 1), s.asked),
				sqlerr.NoPermission(),
			}
		}
	case security:
		want = "VIEW SERVER STATE"
		if s.inst.Version >= 16 {
			want = "VIEW SERVER SECURITY STATE"
		}
	}
	if want == "" || s.can(want) {
		return nil
	}
	return sqlerr.List{sqlerr.NoServerState(want), sqlerr.NoPermission()}
}

// heartbeatColumns are those of the table that docs/sqlserver.md has people make.
func heartbeatColumns() []engine.Column {
	var out []engine.Column
	for _, c := range columns(`id tinyint, seq bigint, written_at datetimeoffset(3), writer sysname, reign guid, run_id nvarchar(64)`) {
		out = append(out, c.Column)
	}
	return out
}

func (s *session) heartbeat(database string, name sqltext.Name, verb string) (*engine.Table, error) {
	c := s.inst.Database(database)
	if c == nil || s.group.noHeartbeat {
		return nil, sqlerr.InvalidObject(name.String())
	}
	allowed := s.account.heartbeat
	if verb == "SELECT" {
		allowed = allowed || s.account.reads
	}
	if !allowed {
		return nil, sqlerr.NoSelect(verb, heartbeatTable, c.DB.Name, "dbo")
	}
	return &engine.Table{Columns: heartbeatColumns(), Rows: c.Rows()}, nil
}

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
		return nil
	}
	return t, nil
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

// TableFunction implements engine.Env.
func (s *session) TableFunction(name sqltext.Name, args []any) (*engine.Table, error) {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	s.world().Advance()
	switch object := strings.ToLower(name.Object); object {
	case "fn_my_permissions":
		v := view{columns: columns(`entity_name nvarchar(128), subentity_name nvarchar(128), permission_name nvarchar(60)`)}
		var rows []record
		for _, p := range serverPermissions {
			if s.can(p) {
				rows = append(rows, record{"entity_name": "server", "subentity_name": "", "permission_name": p})
			}
		}
		return v.table(s, object, rows), nil
	case "dm_db_log_stats":
		v := view{columns: columns(`database_id int, recovery_model nvarchar(60), log_min_lsn nvarchar(24), current_vlf_sequence_number bigint, total_log_size_mb float, active_log_size_mb float,
			log_truncation_holdup_reason nvarchar(60), log_backup_time datetime, log_since_last_log_backup_mb float`), need: state}
		if err := s.may(v, object); err != nil {
			return nil, err
		}
		for _, c := range s.inst.Databases {
			if len(args) == 1 && args[0] == int64(c.ID) {
				return v.table(s, object, []record{{"database_id": c.ID, "recovery_model": "FULL", "total_log_size_mb": float64(logSize >> 20), "active_log_size_mb": c.LogUsed * (logSize >> 20) / 100, "log_truncation_holdup_reason": logReuseWait(s, c), "log_since_last_log_backup_mb": 1.0}}), nil
			}
		}
		return v.table(s, object, nil), nil
	}
	return nil, sqlerr.InvalidObject(name.String())
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
		if c == nil || !s.can("ALTER ANY AVAILABILITY GROUP") {
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
		for _, m := range st.Members {
			if err := g.Modify(s.inst, m.Name, m.Options); err != nil {
				return err
			}
		}
		return nil
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
