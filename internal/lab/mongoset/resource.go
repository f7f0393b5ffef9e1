package mongoset

import (
	"fmt"
	"strings"

	"github.com/bcctl/bcctl/internal/lab"
)

// Resource returns the set as a Resource document.
func (s *Set) Resource(ref func(secret string) string, ca string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var endpoints, identity strings.Builder
	for _, srv := range s.listed {
		fmt.Fprintf(&endpoints, "    - {name: %s, site: %s, address: %q%s}\n", srv.node.name, srv.node.site, srv.node.host, s.endpointOptions(srv))
	}
	for i, w := range s.worlds {
		suffix := ""
		if s.sharded {
			suffix = "/config"
			if i > 0 {
				suffix = "/" + s.shardName(w)
			}
		}
		fmt.Fprintf(&identity, "    replicaSetId%s: %q\n    setName%s: %q\n", suffix, s.identities[i], suffix, w.name)
	}
	kind, heartbeat := "One replica set: the unit bcctl judges.", fmt.Sprintf(heartbeatYAML, UserHeartbeat, ref(UserHeartbeat))
	execute := fmt.Sprintf(executeYAML, UserExecute, ref(UserExecute))
	procedures := fmt.Sprintf(proceduresYAML, s.listed[len(s.listed)-1].node.host)
	if s.sharded {
		execute, procedures = "", ""
		kind, heartbeat = "One sharded cluster: config servers, shards and a mongos. It is as good as its worst set.", ""
	}
	return fmt.Sprintf(`
# %s
apiVersion: bcctl/v1
kind: Resource
metadata: {name: %s, labels: {app: %s}}
spec:
  platform: mongodb
  tier: 1 # 1 is the more important of two
  environment: lab
  owner: catalog-dba
  # How much may be lost, and how long may it take to be back?
  objectives: {rpo: 1m, rto: 15m}
  # Where the primary belongs. After a failover it is elsewhere, and bcctl says so.
  home: {primary: %s, dr: %s}
  # What every member must report (settings.replicaSetId of rs.conf()); an empty
  # member that was initiated anew under the same name is noticed.
  identity:
%s  # The members' own addresses, as rs.conf() has them, hidden ones too; never a
  # seed list. Which of them is the primary is found out each time.
  endpoints:
%s  connection:
    tls: {mode: verify-full, ca: %s} # a path in this repository
  # References, never values.
  credentials:
    monitor: {username: %s, password: %q}
%s%s%s`, kind, s.name, s.name, lab.PrimarySite, lab.DRSite, identity.String(), endpoints.String(), ca, UserMonitor, ref(UserMonitor), execute, heartbeat, procedures)
}

// executeYAML is a credential that only runs use.
const executeYAML = `    execute: {username: %s, password: %q} # clusterManager, and readWrite on bcctl; only runs use it
`

const proceduresYAML = `  # How roles are moved; bcctl runbook show mongodb.stepdown/switchover prints one.
  procedures:
    switchover: {name: mongodb.stepdown}
    failback: {name: mongodb.priority-move}
    failover: {name: mongodb.verify-election}
    drill: {name: mongodb.stepdown}
  # Where applications begin to look for the primary.
  clientPath: {address: %q}
`

const heartbeatYAML = `    heartbeat: {username: %s, password: %q}
  # A document the primary writes and the other members show later.
  heartbeat: {interval: 10s, write: true}
`

func (s *Set) endpointOptions(srv *server) string {
	switch {
	case !s.sharded:
		return ""
	case srv.router:
		return ", options: {role: router}"
	case srv.world == s.configSet():
		return ", options: {role: config}"
	}
	return ", options: {role: shard, shard: " + s.shardName(srv.world) + "}"
}
