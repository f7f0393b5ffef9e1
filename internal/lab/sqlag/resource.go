package sqlag

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bcctl/bcctl/internal/lab"
)

// Resource implements lab.System.
func (g *Group) Resource(ref func(secret string) string, ca string) string {
	var endpoints strings.Builder
	for _, n := range g.nodes {
		fmt.Fprintf(&endpoints, "    - {name: %s, site: %s, address: %q}\n", n.name, n.site, n.address)
	}
	identity := ""
	if id := g.GroupID(); id != "" {
		identity = fmt.Sprintf("  # The group's own number: a clone or another group of the same name is noticed.\n  identity: {groupId: %q}\n", id)
	}
	options := "    options: {availabilityGroup: " + g.options.Name + ", databases: " + strconv.Quote(strings.Join(g.options.Databases, ", ")) + "}\n"
	execute, procedures := "", ""
	if planned, forced := g.procedures(); planned != "" {
		execute = fmt.Sprintf("    # Only runs use it: ALTER ANY AVAILABILITY GROUP, and in the databases ALTER and the heartbeat.\n    execute: {username: %s, password: %q}\n", UserExecute, ref(UserExecute))
		procedures = fmt.Sprintf("  # How sides are changed; bcctl runbook show %s/switchover prints one.\n  procedures:\n    switchover: {name: %s}\n    failback: {name: %s}\n", planned, planned, planned)
		if forced != "" {
			procedures += "    failover: {name: " + forced + "}\n"
		}
		procedures += fmt.Sprintf("  # Where applications connect to.\n  clientPath: {address: %q}\n", g.Listener())
	}
	rpo := "1m"
	heartbeat := fmt.Sprintf("    heartbeat: {username: %s, password: %q}\n  # A row the primary writes and the others show later: seconds to reach and be redone.\n  heartbeat: {interval: 10s, write: true}\n", UserHeartbeat, ref(UserHeartbeat))
	if g.options.Form == LogShipping {
		options = "    options: {form: log-shipping, databases: " + strconv.Quote(g.options.Databases[0]) + "}\n"
		rpo = "30m"    // backups are made every five minutes and have a way to go
		heartbeat = "" // a database that is being restored cannot be read
	}
	what := map[Form]string{
		AG:          "An availability group on a Windows cluster",
		Distributed: "Two availability groups with a distributed one above them",
		Clusterless: "An availability group without a cluster",
		LogShipping: "A database whose log backups are copied and restored elsewhere",
	}[g.options.Form]
	return fmt.Sprintf(`
# %s: SQL Server, from the laboratory.
apiVersion: bcctl/v1
kind: Resource
metadata: {name: %s, labels: {app: %s}}
spec:
  platform: sqlserver
  tier: 1 # 1 is the more important of two
  environment: lab
  owner: %s-dba
  # How much may be lost, and how long may it take to be back?
  objectives: {rpo: %s, rto: 15m}
  # Where the primary belongs. After a failover it is elsewhere, and bcctl says so.
  home: {primary: %s, dr: %s}
%s  # Direct addresses of the instances, never a listener: it follows the role and hides
  # a second primary.
  endpoints:
%s  connection:
    tls: {mode: verify-full, ca: %s} # a path in this repository
%s  # References, never values. The files are the laboratory's own.
  credentials:
    monitor: {username: %s, password: %q}
%s%s%s`, what, g.options.Name, g.options.Name, g.options.Name, rpo, lab.PrimarySite, lab.DRSite, identity, endpoints.String(), ca, options, UserMonitor, ref(UserMonitor), execute, heartbeat, procedures)
}

// procedures are those of the runbooks that fit the form.
func (g *Group) procedures() (planned, forced string) {
	switch g.options.Form {
	case AG:
		return "mssql.ag-planned", "mssql.ag-forced"
	case Distributed:
		return "mssql.dag-planned", ""
	default:
		return "", ""
	}
}
