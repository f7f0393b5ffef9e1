package sqlag

import (
	"fmt"
	"strings"

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
		return int64(s.id), sqltype.Of(sqltype.SmallInt), true
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
