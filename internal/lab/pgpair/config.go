package pgpair

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bcctl/bcctl/internal/lab/people"
)

// written opens every file of WriteConfig. It tells an own bcctl.yaml, which may
// be replaced, from somebody's configuration.
const written = "# Written by the bcctl laboratory; made anew each time it is asked for.\n"

// WriteConfig writes a complete configuration repository for the laboratory,
// with comments for a reader who has never seen one. The directory is made when
// missing. Passwords are only referred to, by the absolute path of their files.
// A directory with a bcctl.yaml that is not the laboratory's is refused.
func (l *Lab) WriteConfig(dir string) error {
	settings := filepath.Join(dir, "bcctl.yaml")
	switch text, err := os.ReadFile(settings); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("write configuration: %w", err)
	case !strings.HasPrefix(string(text), written):
		return fmt.Errorf("write configuration: %s belongs to another configuration: choose another directory", settings)
	}
	ca, err := l.CA()
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	roster, err := people.Roster(l.peopleDir())
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	for _, f := range []struct{ path, text string }{
		{"bcctl.yaml", written + settingsYAML},
		{"sites.yaml", written + sitesYAML},
		{"resources/ledger.yaml", written + l.Resource(caInRepository)},
		{"groups/payments.yaml", written + groupYAML},
		{"policies/default.yaml", written + policyYAML},
		{"policies/approval.yaml", written + people.Policy},
		{"roster.yaml", written + roster},
		{caInRepository, string(ca)},
	} {
		path := filepath.Join(dir, filepath.FromSlash(f.path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
		if err := os.WriteFile(path, []byte(f.text), 0o644); err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
	}
	return nil
}

const settingsYAML = `
# Settings of the tool itself. The databases are described in the other files.
repository: lab
`

const sitesYAML = `
# The places databases run at. Every endpoint names one of them.
apiVersion: bcctl/v1
kind: SiteList
metadata: {name: sites}
spec:
  sites:
    - {name: fra, description: "Frankfurt, in name only: both sites are on this machine"}
    - {name: ams, description: "Amsterdam, likewise"}
`

const groupYAML = `
# What fails over together. The group is as good as its worst required member.
apiVersion: bcctl/v1
kind: Group
metadata: {name: payments}
spec:
  tier: 1
  members:
    - {name: ledger}
`

const policyYAML = `
# How readings are judged where nothing more specific says otherwise.
apiVersion: bcctl/v1
kind: StatusPolicy
metadata: {name: default}
spec:
  maxAge: 60s # an older reading proves nothing
  thresholds:
    # WAL that exists at the primary only: it would be lost with it.
    replication.exposure_bytes:
      yellow: {raise: 16MiB}
      red: {raise: 64MiB}
`

// KeyFile returns the path of the SSH key with which a person of the laboratory
// signs; that of its public half ends in .pub.
func (l *Lab) KeyFile(person string) string { return people.KeyFile(l.peopleDir(), person) }

func (l *Lab) peopleDir() string { return l.path("people") }

// caInRepository is where WriteConfig puts the laboratory's CA certificate.
const caInRepository = "certs/lab-ca.pem"

// Resource returns the pair as a Resource document, with comments for a reader
// who has never seen one. ca is the path of the laboratory's CA certificate in
// the configuration repository.
func (l *Lab) Resource(ca string) string {
	var endpoints strings.Builder
	for _, n := range l.state.Nodes {
		fmt.Fprintf(&endpoints, "    - {name: %s, site: %s, address: %q}\n", n.Name, n.Site, n.Address())
	}
	return fmt.Sprintf(`
# One database that has a standby elsewhere: the unit bcctl judges.
apiVersion: bcctl/v1
kind: Resource
metadata: {name: ledger, labels: {app: ledger}}
spec:
  platform: postgresql
  tier: 1 # 1 is the more important of two
  environment: lab
  owner: payments-dba
  # How much may be lost, and how long may it take to be back?
  objectives: {rpo: 1m, rto: 15m}
  # Where the primary belongs. After a failover it is elsewhere, and bcctl says so.
  home: {primary: %[1]s, dr: %[2]s}
  # What every node must report; a clone or another database behind an address is noticed.
  identity: {systemIdentifier: %[3]q}
  # Direct addresses of the nodes, never a pooler or a virtual IP. Which of them
  # is the primary is found out each time.
  endpoints:
%[4]s  connection:
    database: %[5]s
    tls: {mode: verify-full, ca: %[6]s} # a path in this repository
  # References, never values. The files are the laboratory's own.
  credentials:
    monitor: {username: %[7]s, password: %[8]q}
    execute: {username: %[12]s, password: %[13]q} # bcctl execute alone uses it
    heartbeat: {username: %[14]s, password: %[9]q}
  # A row the primary writes and the standby shows later: lag in seconds.
  heartbeat: {interval: 10s, write: true}
  # How it is switched over and back. The hook does what no SQL can: stop a server,
  # start it, copy it. It runs only where the operator's own settings allow it.
  procedures:
    switchover: {name: pg.native, parameters: {hook: %[10]q}}
    failover: {name: pg.native, parameters: {hook: %[10]q}}
    failback: {name: pg.native, parameters: {hook: %[10]q}}
    drill: {name: pg.native, parameters: {hook: %[10]q}}
  # Where applications connect. After a switchover it leads to the new primary.
  clientPath: {address: %[11]q, type: pooler, database: %[5]s}
`, primarySite, standbySite, l.state.SystemIdentifier, endpoints.String(), database, ca,
		RoleMonitor, "file:"+l.SecretFile(RoleMonitor), "file:"+l.SecretFile(RoleHeartbeat),
		l.HookFile(), l.ClientAddress(), RoleExecute, "file:"+l.SecretFile(RoleExecute), RoleHeartbeat)
}
