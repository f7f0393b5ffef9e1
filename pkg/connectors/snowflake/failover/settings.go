package failover

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/schedule"
)

// Settings are what a resource says about its groups, read from identity and
// options.
type Settings struct {
	Organization string
	Groups       []string // names as the primary's account has them
	Connection   string   // of client redirect; empty: none is declared
	Databases    []string // members as declared; nil: not declared
	Schedule     string   // as declared; empty: not declared

	// HistoryInterval is how long what was read with a warehouse stands for before
	// it is read again; zero reads it in every sweep.
	HistoryInterval time.Duration
	RPO             time.Duration // of the resource; zero: none

	// Accounts are the names by which the endpoints are declared, in their order:
	// ORG-ACCOUNT, ACCOUNT or a locator.
	Accounts []string
	// LocalGroups are the names that groups have in an endpoint's account where
	// they have another one there, in the order of Groups; nil: the same.
	LocalGroups [][]string
}

// DefaultHistoryInterval is how often the history of refreshes is read, which
// needs a running warehouse.
const DefaultHistoryInterval = 15 * time.Minute

// MaxHistoryInterval is how seldom that may be: what was read longer ago says too
// little about refreshes of today.
const MaxHistoryInterval = time.Hour

// Options that belong to the declaration of groups rather than to the connection.
var (
	ResourceOptions = []string{"connection", "databases", "schedule", "historyInterval"}
	EndpointOptions = []string{"account", "failoverGroups"}
	identityKeys    = []string{"organization", "failoverGroup", "failoverGroups"}
)

// ParseSettings reads identity and options. Each problem names its field.
func ParseSettings(spec connectors.Spec) (Settings, []connectors.Problem) {
	p := settingsReader{spec: spec}
	s := Settings{
		Organization:    spec.Identity["organization"],
		Groups:          p.groups(),
		Databases:       identifiers(spec.Options["databases"]),
		Schedule:        spec.Options["schedule"],
		HistoryInterval: p.historyInterval(),
		RPO:             spec.RPO,
	}
	if name := spec.Options["connection"]; name != "" {
		s.Connection = Identifier(name)
	}
	if s.Schedule != "" {
		if _, err := schedule.Parse(s.Schedule); err != nil {
			p.add(err.Error(), "write it as SHOW FAILOVER GROUPS shows it: 10 MINUTE, or USING CRON 0 * * * * UTC", "connection", "options", "schedule")
		}
	}
	for i, ep := range spec.Endpoints {
		s.Accounts = append(s.Accounts, p.account(i, ep))
		local := identifiers(ep.Options["failoverGroups"])
		if len(local) > 0 && len(local) != len(s.Groups) {
			p.add(fmt.Sprintf("endpoint %q names %d groups, the resource has %d", ep.Name, len(local), len(s.Groups)),
				"name them in the order of identity, or leave the option out where the names are the same", "endpoints", i, "options", "failoverGroups")
			local = nil
		}
		s.LocalGroups = append(s.LocalGroups, local)
	}
	return s, p.problems
}

type settingsReader struct {
	spec     connectors.Spec
	problems []connectors.Problem
}

func (p *settingsReader) add(what, hint string, path ...any) {
	p.problems = append(p.problems, connectors.Problem{Path: path, What: what, Hint: hint})
}

// groups reads which groups the resource is: one, or several that belong to one
// application.
func (p *settingsReader) groups() []string {
	for _, key := range slices.Sorted(maps.Keys(p.spec.Identity)) {
		if !slices.Contains(identityKeys, key) {
			p.add("unknown identity \""+key+"\" of a snowflake resource", "known here: "+strings.Join(identityKeys, ", "), "identity", key)
		}
	}
	one, several := p.spec.Identity["failoverGroup"], p.spec.Identity["failoverGroups"]
	if one != "" && several != "" {
		p.add("failoverGroup and failoverGroups are both given", "write one of them", "identity", "failoverGroups")
	}
	groups := identifiers(several)
	if one != "" {
		groups = []string{Identifier(one)}
	}
	if len(groups) == 0 {
		p.add("which failover group this is, is not said", "write identity.failoverGroup as SHOW FAILOVER GROUPS names it", "identity", "failoverGroup")
	}
	if len(slices.Compact(slices.Sorted(slices.Values(groups)))) != len(groups) || slices.Contains(groups, "") {
		p.add("a failover group is named twice, or has no name", "write each group once: FG_ACCOUNT, FG_DATA", "identity", "failoverGroups")
	}
	return groups
}

func (p *settingsReader) historyInterval() time.Duration {
	text := p.spec.Options["historyInterval"]
	if text == "" {
		return DefaultHistoryInterval
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > MaxHistoryInterval {
		p.add(fmt.Sprintf("historyInterval %q is not between 0s and %s", text, MaxHistoryInterval), "write 15m (the default), or 0s to read it in every check", "connection", "options", "historyInterval")
		return DefaultHistoryInterval
	}
	return d
}

// account is what an endpoint must say its account is: its option, or the first
// label of its host name.
func (p *settingsReader) account(i int, ep connectors.Endpoint) string {
	if name := ep.Options["account"]; name != "" {
		return strings.ReplaceAll(name, ".", "-")
	}
	addr, err := endpoint.Parse(Host(ep.Address), 443)
	if err != nil {
		return "" // said by whoever connects
	}
	label, rest, _ := strings.Cut(addr.Host, ".")
	if rest == "" || addr.Loopback() || strings.Trim(addr.Host, "0123456789.") == "" || strings.Contains(addr.Host, ":") {
		p.add(fmt.Sprintf("endpoint %q does not say which account it is", ep.Name),
			"use the account's own URL, such as https://myorg-account1.snowflakecomputing.com, or write options.account: MYORG-ACCOUNT1", "endpoints", i, "options", "account")
		return ""
	}
	return label
}

// Host is an address without the scheme and the path of a URL.
func Host(address string) string {
	_, rest, isURL := strings.Cut(address, "://")
	if !isURL {
		return address
	}
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// identifiers reads a list of names; nil when there is none.
func identifiers(text string) []string {
	var names []string
	for _, part := range endpoint.SplitList(text) {
		names = append(names, Identifier(part))
	}
	return names
}
