package sqlag

import (
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/engine"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

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
