package sqlag

import (
	"fmt"
	"strings"
)

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
		case "ALTER":
			return bit(s.account.alters || s.can("CONTROL SERVER"))
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
