//go:build unix

package patroniset

import "fmt"

// Resource returns the set as a Resource document. ref turns the name of a secret
// into a reference to it; ca is the path of the laboratory's CA certificate in the
// configuration repository.
func (s *Set) Resource(ref func(secret string) string, ca string) string {
	endpoints := ""
	for _, m := range s.members {
		endpoints += fmt.Sprintf("    - {name: %s, site: %s, address: %q, options: {patroni: %q}}\n", m.Name, m.Site, m.Address, m.API)
	}
	return fmt.Sprintf(`
apiVersion: bcctl/v1
kind: Resource
metadata: {name: ledger}
spec:
  platform: postgresql
  tier: 1
  environment: lab
  owner: payments-dba
  objectives: {rpo: 1m, rto: 15m}
  home: {primary: fra, dr: ams}
  identity: {systemIdentifier: %q}
  # One entry a member: PostgreSQL's own address, and that of Patroni's REST API.
  endpoints:
%s  connection:
    tls: {mode: verify-full, ca: %s}
  credentials:
    monitor: {username: %s, password: %q}
    execute: {username: %s, password: %q}
    # What may change roles through the REST API; nothing else uses it.
    manager: {username: %s, password: %q}
  procedures:
    switchover: {name: pg.patroni}
    failover: {name: pg.patroni}
    failback: {name: pg.patroni}
`, s.sysid, endpoints, ca, RoleMonitor, ref(RoleMonitor), RoleExecute, ref(RoleExecute), UserAPI, ref(UserAPI))
}
