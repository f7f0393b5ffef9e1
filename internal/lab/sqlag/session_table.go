package sqlag

import (
	"slices"
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/engine"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
)

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
