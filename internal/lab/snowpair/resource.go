package snowpair

import (
	"fmt"
	"strings"
)

// Resource returns the pair as a Resource document. ref turns the name of a secret
// into a reference to it; ca is the path of the CA's certificate in the
// configuration repository.
func (p *Pair) Resource(ref func(secret string) string, ca string) string {
	o := p.options
	var endpoints strings.Builder
	for i, s := range p.sites {
		options := "account: " + p.Account(s.home.Name)
		if names, other := p.localNames(); i > 0 && other {
			options += fmt.Sprintf(", failoverGroups: %q", names)
		}
		fmt.Fprintf(&endpoints, "    - {name: %s, site: %s, url: %q, options: {%s}}\n", p.endpoint(s.home), s.home.Site, s.url(), options)
	}
	var names []string
	for _, g := range o.Groups {
		names = append(names, identifier(g.Name))
	}
	identity := fmt.Sprintf("failoverGroup: %q", names[0])
	if len(names) > 1 {
		identity = fmt.Sprintf("failoverGroups: %q", strings.Join(names, ", "))
	}
	var options strings.Builder
	if o.Connection != none {
		fmt.Fprintf(&options, "      connection: %q # clients are sent where this connection is primary\n", identifier(o.Connection))
	}
	var databases []string
	common := true
	for _, g := range o.Groups {
		for _, d := range g.Databases {
			databases = append(databases, identifier(d))
		}
		common = common && g.Schedule == o.Groups[0].Schedule
	}
	if len(databases) > 0 {
		fmt.Fprintf(&options, "      databases: %q # what is to be replicated\n", strings.Join(databases, ", "))
	}
	if s := o.Groups[0].Schedule; s != "" && common {
		fmt.Fprintf(&options, "      schedule: %q\n", s)
	}
	return fmt.Sprintf(`
# Two Snowflake accounts of one organization: the secondary failover group in one
# is refreshed from the primary in the other.
apiVersion: bcctl/v1
kind: Resource
metadata: {name: %s, labels: {app: %s}}
spec:
  platform: snowflake
  tier: 2 # 1 is the more important of two
  environment: lab
  owner: data-platform
  # How much may be lost, and how long may it take to be back? A refresh every ten
  # minutes leaves some room.
  objectives: {rpo: 1h, rto: 4h}
  # Where the primary belongs. After a failover it is elsewhere, and bcctl says so.
  home: {primary: %s, dr: %s}
  # What every account must report, and the group that is watched.
  identity: {organization: %s, %s}
  # Each account by its own URL, never by the connection's: that one moves.
  endpoints:
%s  connection:
    options:
%s      warehouse: %s # the history of refreshes needs one; it resumes by itself and costs
      historyInterval: 0s # ask for it in every check: this warehouse costs nothing
      probeTables: %s # where a run tries a write after a promotion
    tls: {mode: verify-full, ca: %s} # a path in this repository
  # References, never values. The file is the laboratory's own.
  credentials:
    monitor: {username: %s, privateKey: %q}
    execute: {username: %s, privateKey: %q} # owns the groups; only runs use it
  # How roles are moved; bcctl runbook show snowflake.group-switchover/switchover prints one.
  procedures:
    switchover: {name: snowflake.group-switchover}
    failover: {name: snowflake.group-failover}
    failback: {name: snowflake.group-failback}
    drill: {name: snowflake.refresh}
%s`, o.Name, o.Name, p.source().Site, p.target().Site, p.org.name, identity, endpoints.String(), options.String(), warehouse1, HeartbeatTable, ca,
		UserMonitor, ref(SecretKey(UserMonitor)), UserExecute, ref(SecretKey(UserExecute)), p.clientPath())
}

// clientPath is where clients are led, where there is a connection.
func (p *Pair) clientPath() string {
	if p.client == nil {
		return ""
	}
	return fmt.Sprintf("  # Where applications log in: at the connection, wherever it leads.\n  clientPath: {address: %q}\n", strings.TrimPrefix(p.ClientURL(), "https://"))
}

// localNames are the groups' names in other accounts than the first, and whether
// they differ.
func (p *Pair) localNames() (names string, differ bool) {
	var list []string
	for _, g := range p.options.Groups {
		list = append(list, identifier(g.Secondary))
		differ = differ || g.Secondary != g.Name
	}
	return strings.Join(list, ", "), differ
}

// identifier writes a name as SQL does: in double quotes where it would be another
// one without them.
func identifier(name string) string {
	if toks, err := tokenize(name); err == nil && len(toks) == 2 && toks[0].kind == tokenWord && toks[0].text == name {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
