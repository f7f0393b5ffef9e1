package sqlag

import (
	"fmt"
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/engine"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// release is what a major version calls itself.
type release struct {
	year  string
	build uint16
}

// releases are never changed.
var releases = map[int]release{13: {"2016", 6300}, 14: {"2017", 3456}, 15: {"2019", 4430}, 16: {"2022", 4215}, 17: {"2025", 1000}}

func (s *session) version() string {
	return fmt.Sprintf("%d.0.%d.1", s.inst.Version, releases[s.inst.Version].build)
}

// Variable implements engine.Env.
func (s *session) Variable(name string) (any, sqltype.Type, bool) {
	whole := sqltype.Of(sqltype.Int)
	switch name {
	case "@@version":
		return fmt.Sprintf("Microsoft SQL Server %s (RTM-CU) - %s (X64) \n\t%s (64-bit) on Windows Server 2022 Standard", releases[s.inst.Version].year, s.version(), s.inst.Edition), sqltype.Text(300), true
	case "@@servername":
		return s.inst.Name, sqltype.Text(128), true
	case "@@servicename":
		return "MSSQLSERVER", sqltype.Text(128), true
	case "@@spid":
		return int64(51), sqltype.Of(sqltype.SmallInt), true
	case "@@language":
		return "us_english", sqltype.Text(128), true
	case "@@trancount", "@@error", "@@rowcount", "@@nestlevel", "@@fetch_status", "@@options":
		return int64(0), whole, true
	case "@@max_precision":
		return int64(38), sqltype.Of(sqltype.TinyInt), true
	case "@@textsize":
		return int64(2147483647), whole, true
	case "@@lock_timeout":
		return int64(-1), whole, true
	case "@@datefirst":
		return int64(7), sqltype.Of(sqltype.TinyInt), true
	case "@@microsoftversion":
		return int64(s.inst.Version)<<24 | int64(releases[s.inst.Version].build), whole, true
	}
	return nil, whole, false
}

// properties are what SERVERPROPERTY knows.
func (s *session) property(name string) any {
	editions := map[string]int64{"Standard Edition": 2, "Enterprise Edition": 3, "Developer Edition": 3}
	switch strings.ToLower(name) {
	case "servername", "machinename", "computernamephysicalnetbios":
		return s.inst.Name
	case "productversion":
		return s.version()
	case "productmajorversion":
		return fmt.Sprint(s.inst.Version)
	case "productminorversion":
		return "0"
	case "productbuild":
		return fmt.Sprint(releases[s.inst.Version].build)
	case "productlevel":
		return "RTM"
	case "productupdatelevel":
		return "CU1"
	case "edition":
		return s.inst.Edition + " (64-bit)"
	case "engineedition":
		return editions[s.inst.Edition]
	case "ishadrenabled":
		return int64(enabled(s.inst.HADR))
	case "hadrmanagerstatus":
		return int64(enabled(s.inst.HADR))
	case "isclustered", "isintegratedsecurityonly", "issingleuser", "islocaldb", "isfulltextinstalled", "isxtpsupported":
		return int64(0)
	case "collation":
		return "SQL_Latin1_General_CP1_CI_AS"
	case "processid":
		return int64(4242)
	}
	return nil
}

// serverPermissions are those of the server that the laboratory knows; never
// changed. A name that is in no list is NULL to HAS_PERMS_BY_NAME.
var serverPermissions = []string{
	"CONNECT SQL", "VIEW ANY DATABASE", "VIEW ANY DEFINITION", "VIEW SERVER STATE", "CONNECT ANY DATABASE", "ALTER ANY AVAILABILITY GROUP", "ALTER ANY LOGIN",
	"ALTER ANY DATABASE", "CREATE ANY DATABASE", "CONTROL SERVER", "ALTER SERVER STATE", "ALTER ANY ENDPOINT", "ALTER ANY LINKED SERVER", "ALTER ANY CREDENTIAL",
	"SELECT ALL USER SECURABLES", "ALTER TRACE", "SHUTDOWN", "ADMINISTER BULK OPERATIONS",
}

// newPermissions came with version 16; never changed.
var newPermissions = []string{"VIEW SERVER PERFORMANCE STATE", "VIEW SERVER SECURITY STATE", "VIEW ANY SECURITY DEFINITION", "VIEW ANY PERFORMANCE DEFINITION"}

// permitted is HAS_PERMS_BY_NAME: 1, 0, or NULL for a question that makes no sense.
func (s *session) permitted(args []any) any {
	permission := strings.ToUpper(fmt.Sprint(args[2]))
	bit := func(b bool) any { return int64(enabled(b)) }
	class, _ := args[1].(string)
	object, _ := args[0].(string)
	switch strings.ToUpper(class) {
	case "":
		if args[0] != nil {
			return nil
		}
		for _, p := range serverPermissions {
			if p == permission {
				return bit(s.can(p) || p == "CONNECT SQL")
			}
		}
		for _, p := range newPermissions {
			if p == permission && s.inst.Version >= 16 {
				return bit(s.can(p))
			}
		}
		return nil
	case "AVAILABILITY GROUP":
		if _, err := s.world().GroupNamed(s.inst, strings.Trim(object, "[]")); err != nil {
			return nil
		}
		if permission == "VIEW DEFINITION" {
			return bit(s.can("VIEW ANY DEFINITION"))
		}
		return bit(s.can("ALTER ANY AVAILABILITY GROUP"))
	case "DATABASE":
		if object == "" {
			object = s.database
		}
		name, ok := s.databaseNamed(strings.Trim(object, "[]"))
		if !ok {
			return nil
		}
		switch permission {
		case "CONNECT", "ANY":
			return bit(s.inst.Database(name) == nil || s.account.user || s.can("CONNECT ANY DATABASE"))
		case "VIEW DATABASE STATE", "VIEW DATABASE PERFORMANCE STATE", "VIEW DATABASE SECURITY STATE":
			return bit(s.can(strings.Replace(permission, "DATABASE", "SERVER", 1)))
		case "VIEW DEFINITION":
			return bit(s.can("VIEW ANY DEFINITION"))
		}
		return bit(s.can("CONTROL SERVER"))
	case "OBJECT":
		parts := strings.Split(strings.NewReplacer("[", "", "]", "").Replace(object), ".")
		last := strings.ToLower(parts[len(parts)-1])
		if last == heartbeatTable {
			return bit(s.account.heartbeat || permission == "SELECT" && s.account.reads)
		}
		if _, ok := views().msdb[last]; ok {
			return bit(permission == "SELECT" && s.canMsdb())
		}
		if _, ok := views().sys[last]; ok {
			return bit(permission == "SELECT")
		}
		return nil
	}
	return nil
}

// Function implements engine.Env.
func (s *session) Function(name string) (engine.Function, bool) {
	f, ok := s.function(name)
	if ok {
		eval := f.Eval
		f.Eval = func(args []any) (any, error) {
			s.group.mu.Lock()
			defer s.group.mu.Unlock()
			return eval(args)
		}
	}
	return f, ok
}

func (s *session) function(name string) (engine.Function, bool) {
	whole, words := sqltype.Of(sqltype.Int), sqltype.Text(128)
	simple := func(t sqltype.Type, least, most int, eval func([]any) any) (engine.Function, bool) {
		return engine.Function{Type: t, Min: least, Max: most, Eval: func(args []any) (any, error) { return eval(args), nil }}, true
	}
	arg := func(args []any, i int) string {
		if i < len(args) {
			if text, ok := args[i].(string); ok {
				return text
			}
		}
		return ""
	}
	switch name {
	case "serverproperty":
		return simple(sqltype.Of(sqltype.Variant), 1, 1, func(a []any) any { return s.property(arg(a, 0)) })
	case "has_perms_by_name":
		return simple(whole, 3, 5, s.permitted)
	case "db_name":
		return simple(words, 0, 1, func(a []any) any {
			if len(a) == 0 {
				return s.database
			}
			for _, r := range databaseRows(s) {
				if plain(r["database_id"]) == a[0] {
					return r["name"]
				}
			}
			return nil
		})
	case "db_id":
		return simple(whole, 0, 1, func(a []any) any {
			if len(a) == 0 {
				return s.databaseID()
			}
			return s.idOf(arg(a, 0))
		})
	case "suser_sname", "suser_name", "original_login", "system_user":
		return simple(words, 0, 1, func(a []any) any {
			if len(a) == 0 {
				return s.account.name
			}
			for _, l := range s.inst.Objects.Logins {
				if b, ok := a[0].([]byte); ok && string(l.SID) == string(b) {
					return l.Name
				}
			}
			return nil
		})
	case "user_name", "current_user", "session_user", "user":
		return simple(words, 0, 1, func([]any) any { return s.account.name })
	case "app_name":
		return simple(words, 0, 0, func([]any) any { return s.login.App })
	case "host_name":
		return simple(words, 0, 0, func([]any) any { return s.login.Host })
	case "has_dbaccess":
		return simple(whole, 1, 1, func(a []any) any {
			n, ok := s.databaseNamed(arg(a, 0))
			if !ok {
				return nil
			}
			return int64(enabled(s.open(n) == nil))
		})
	case "is_srvrolemember", "is_member", "is_rolemember":
		return simple(whole, 1, 2, func(a []any) any { return int64(enabled(strings.EqualFold(arg(a, 0), "public"))) })
	case "databasepropertyex":
		return simple(sqltype.Of(sqltype.Variant), 2, 2, func(a []any) any { return s.databaseProperty(arg(a, 0), arg(a, 1)) })
	case "connectionproperty":
		return simple(sqltype.Of(sqltype.Variant), 1, 1, func(a []any) any {
			return text(map[string]string{"net_transport": "TCP", "protocol_type": "TSQL", "auth_scheme": "SQL"}[strings.ToLower(arg(a, 0))])
		})
	case "object_id":
		return simple(whole, 1, 2, func(a []any) any {
			parts := strings.Split(strings.NewReplacer("[", "", "]", "").Replace(strings.ToLower(arg(a, 0))), ".")
			last := parts[len(parts)-1]
			if last == heartbeatTable && !s.group.noHeartbeat {
				return int64(245575913)
			}
			if v, ok := views().sys[last]; ok && len(parts) > 1 && !v.hidden(s.inst.Version) {
				return int64(-1000 - len(last))
			}
			return nil
		})
	case "sys.fn_hadr_is_primary_replica", "fn_hadr_is_primary_replica":
		return simple(sqltype.Of(sqltype.Bit), 1, 1, func(a []any) any {
			c := s.inst.Database(arg(a, 0))
			if c == nil || c.Group == nil {
				return nil
			}
			r := c.Group.ReplicaOn(s.inst)
			return r != nil && r.Role == model.Primary
		})
	case "sys.fn_hadr_backup_is_preferred_replica", "fn_hadr_backup_is_preferred_replica":
		return simple(sqltype.Of(sqltype.Bit), 1, 1, func(a []any) any {
			c := s.inst.Database(arg(a, 0))
			return c == nil || c.Group == nil || c.Group.ReplicaOn(s.inst).Role == model.Secondary
		})
	}
	return engine.Function{}, false
}

func (s *session) databaseProperty(database, property string) any {
	name, ok := s.databaseNamed(database)
	if !ok {
		return nil
	}
	c := s.inst.Database(name)
	switch strings.ToLower(property) {
	case "status":
		if c == nil {
			return "ONLINE"
		}
		return c.Status
	case "updateability":
		if c == nil || c.Writer() {
			return "READ_WRITE"
		}
		return "READ_ONLY"
	case "recovery":
		if c == nil {
			return "SIMPLE"
		}
		return "FULL"
	case "collation":
		return "SQL_Latin1_General_CP1_CI_AS"
	}
	return nil
}
