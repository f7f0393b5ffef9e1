package postgres

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/postgres/patroni"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Options of an endpoint that is a member of a Patroni cluster.
const (
	patroniOption       = "patroni"       // host:port of its REST API
	patroniMemberOption = "patroniMember" // its name in Patroni, where that is not the endpoint's
)

// patroniClient is for the API of an endpoint's member, with the TLS settings of the
// resource; nil when the endpoint has none.
func patroniClient(spec connectors.Spec, ep connectors.Endpoint) (*patroni.Client, error) {
	text := ep.Options[patroniOption]
	if text == "" {
		return nil, nil
	}
	addr, err := endpoint.Parse(text, patroni.DefaultPort)
	if err != nil {
		return nil, err
	}
	secure, err := endpoint.TLSConfig(spec.TLS, addr)
	if err != nil {
		return nil, err
	}
	return patroni.New(addr, secure), nil
}

// patroniMember is the Patroni of an endpoint, and what it said.
type patroniMember struct {
	node   *node
	name   string // in Patroni
	client *patroni.Client
	look   patroni.Look
	failed string // why it said nothing
}

// row is the member in its own reading of the cluster.
func (x *patroniMember) row() (patroni.Row, bool) { return x.look.Cluster.Row(x.name) }

// managed is a view of the servers with what Patroni says of them, at one moment.
type managed struct {
	*view
	members []*patroniMember // of the endpoints that have an API, in their order
	bare    []*node          // endpoints that have none
}

// managed looks at the servers and asks each member, at once: a host that drops every
// packet is waited for once.
func (a *actor) managed(ctx context.Context) *managed {
	m := &managed{}
	of := map[string]*patroniMember{} // by endpoint
	var wg sync.WaitGroup
	for _, ep := range a.c.spec.Endpoints {
		client, err := patroniClient(a.c.spec, ep)
		if err == nil && client == nil {
			continue
		}
		x := &patroniMember{name: ep.Options[patroniMemberOption], client: client}
		if x.name == "" {
			x.name = ep.Name
		}
		m.members = append(m.members, x)
		of[ep.Name] = x
		if err != nil {
			x.failed = err.Error()
			continue
		}
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
			defer cancel()
			look, err := client.Look(ctx)
			if x.look = look; err != nil {
				x.failed = err.Error()
			}
		})
	}
	m.view = a.look(ctx)
	wg.Wait()
	for _, n := range m.nodes {
		if x := of[n.Name]; x != nil {
			x.node, n.manager = n, x.look
		} else {
			m.bare = append(m.bare, n)
		}
	}
	return m
}

// of is the member of an endpoint, or nil.
func (m *managed) of(n *node) *patroniMember {
	for _, x := range m.members {
		if x.node == n {
			return x
		}
	}
	return nil
}

// answering are the members that said something.
func (m *managed) answering() []*patroniMember {
	var list []*patroniMember
	for _, x := range m.members {
		if x.failed == "" {
			list = append(list, x)
		}
	}
	return list
}

// needed reports whether a run of a type cannot do without a member's word.
func (m *managed) needed(n *node, kind string) bool {
	if kind == forFailover {
		return n == m.next
	}
	return !n.Optional
}

// oneCluster says whether the members are one cluster and the declared one, whether
// each is the Patroni of the server it is given for, and whether what they say of the
// leader agrees, among them and with the servers.
func (m *managed) oneCluster(kind string) connectors.Finding {
	for _, n := range m.bare {
		if m.needed(n, kind) {
			return action.Unknown("", "%s has no options.%s: where the REST API of its Patroni is, is not known", n.Name, patroniOption)
		}
	}
	for _, x := range m.members {
		if x.failed != "" && m.needed(x.node, kind) {
			return action.Unknown("", "Patroni of %s at %s: %s", x.node.Name, x.node.Options[patroniOption], x.failed)
		}
	}
	if f := m.twoClaims(); f != nil {
		return *f
	}
	members := m.answering()
	if len(members) == 0 {
		return action.Unknown("", "no Patroni answers")
	}
	for _, x := range members {
		if f := m.isMeant(x, members[0]); f != nil {
			return *f
		}
	}
	if kind != forFailover {
		if bad := m.proved(m.old); bad != nil {
			return *bad
		}
	}
	if f := m.leaderIs(kind, members); f != nil {
		return *f
	}
	if kind == forFailover {
		for _, n := range m.nodes {
			if f := m.claims(n); f != nil {
				return *f
			}
		}
	}
	if names := m.unlisted(members); len(names) > 0 {
		f := action.Refused(readiness.EndpointMissing, "Patroni has members that are no endpoints of the resource, so that nobody looked at them: %s", strings.Join(names, ", "))
		if kind == forFailover {
			f.Result = connectors.Warned
		}
		return f
	}
	if kind == forFailover {
		return action.Passed("Patroni knows no leader of cluster %s", members[0].look.Member.Patroni.Scope)
	}
	return action.Passed("%s leads cluster %s, as Patroni and the servers say", m.old.Name, members[0].look.Member.Patroni.Scope)
}

// twoClaims: two members say of themselves that they accept writes. That is heard also
// where a member cannot say anything of its cluster.
func (m *managed) twoClaims() *connectors.Finding {
	var claims []string
	for _, x := range m.members {
		if x.look.Member.Primary() {
			claims = append(claims, x.node.Name)
		}
	}
	if len(claims) < 2 {
		return nil
	}
	f := action.Refused(readiness.TwoWriters, "%s are primaries at the same time, as their Patroni says", strings.Join(claims, " and "))
	return &f
}

// isMeant says why a member is not the one that is meant, if it is not.
func (m *managed) isMeant(x, first *patroniMember) *connectors.Finding {
	var f connectors.Finding
	said, declared := x.look.Member, m.spec.Identity["systemIdentifier"]
	server := m.member(x.node) // the server itself was asked, and is the declared cluster
	switch {
	case declared == "":
		f = action.Refused(readiness.IdentityUnproven, "the resource declares no identity.systemIdentifier")
	case said.SystemIdentifier == "":
		f = action.Unknown(readiness.IdentityUnproven, "Patroni of %s does not tell the system identifier", x.node.Name)
	case said.SystemIdentifier != declared:
		f = action.Refused(readiness.IdentityMismatch, "Patroni of %s manages cluster %q, the resource declares %s", x.node.Name, said.SystemIdentifier, declared)
	case said.Patroni.Scope != first.look.Member.Patroni.Scope:
		f = action.Refused(readiness.IdentityMismatch, "Patroni of %s is of cluster %q, that of %s of %q", x.node.Name, said.Patroni.Scope, first.node.Name, first.look.Member.Patroni.Scope)
	case x.look.Config.IsStandby():
		f = action.Refused(readiness.HAManager, "the whole cluster is a standby of another one: where its leader may write is decided there")
	case server && said.Started.IsZero():
		f = action.Unknown(readiness.IdentityUnproven, "Patroni of %s does not tell when its server started", x.node.Name)
	case server && said.Started.Sub(x.node.facts.Started).Abs() >= time.Millisecond:
		f = action.Refused(readiness.IdentityMismatch, "Patroni at %s manages another server than %s: that started %s, this %s",
			x.client.Address(), x.node.Name, said.Started.UTC().Format(time.RFC3339Nano), x.node.facts.Started.UTC().Format(time.RFC3339Nano))
	case server && x.node.isPrimary() != said.Primary():
		f = action.Refused(readiness.Conflict, "%s is a %s as the server says, and %q as its Patroni says", x.node.Name, roleName(x.node), said.Role)
	default:
		return x.isNamed()
	}
	return &f
}

func roleName(n *node) string {
	if n.isPrimary() {
		return "primary"
	}
	return "standby"
}

// isNamed says why a member is not the one of its name, if that is not proved. A name
// is what a change is asked for with.
func (x *patroniMember) isNamed() *connectors.Finding {
	var f connectors.Finding
	row, listed := x.row()
	name := x.look.Member.Patroni.Name
	switch {
	case name != "" && name != x.name:
		f = action.Refused(readiness.IdentityMismatch, "Patroni of %s calls itself %q, not %q; set options.%s", x.node.Name, name, x.name, patroniMemberOption)
	case !listed:
		f = action.Refused(readiness.NotAMember, "Patroni of %s has no member %q; set options.%s", x.node.Name, x.name, patroniMemberOption)
	case name == "" && !x.isAt(row):
		f = action.Unknown(readiness.IdentityUnproven, "whether Patroni at %s is member %q is not proved: this version does not tell its name, and the member's addresses are %s and %s",
			x.client.Address(), x.name, row.API, net.JoinHostPort(row.Host, strconv.Itoa(row.Port)))
	default:
		return nil
	}
	return &f
}

// isAt recognizes a member by an address: that of its API, as written or as connected
// to, or that of its server.
func (x *patroniMember) isAt(row patroni.Row) bool {
	if u, err := url.Parse(row.API); err == nil && (strings.EqualFold(u.Host, x.client.Address().String()) || u.Host == x.look.Remote) {
		return true
	}
	own, err := endpoint.Parse(x.node.Address, defaultPort)
	return err == nil && row.Host != "" && strings.EqualFold(own.String(), net.JoinHostPort(row.Host, strconv.Itoa(row.Port)))
}

// leaderIs says why the leader is not the one that must lead for a run, if it is not.
func (m *managed) leaderIs(kind string, members []*patroniMember) *connectors.Finding {
	var f connectors.Finding
	leader := members[0].look.Cluster.Leader()
	for _, x := range members {
		if other := x.look.Cluster.Leader(); other != leader {
			f = action.Refused(readiness.Conflict, "Patroni of %s says that %s leads, that of %s says %s", members[0].node.Name, orNobody(leader), x.node.Name, orNobody(other))
			return &f
		}
	}
	switch old := m.of(m.old); {
	case kind == forFailover && leader != "":
		f = action.Refused(readiness.PrimaryAlive, "Patroni counts %s as the leader; its lock ends when it is not renewed", leader)
	case kind == forFailover:
		return nil
	case old == nil:
		f = action.Unknown("", "the site that is left has no endpoint with options.%s", patroniOption)
	case leader == "":
		f = action.Refused(readiness.NoPrimary, "Patroni knows no leader")
	case leader != old.name:
		f = action.Refused(readiness.RoleUnexpected, "Patroni says that %s leads, not %s", leader, old.name)
	default:
		return nil
	}
	return &f
}

func orNobody(name string) string {
	if name == "" {
		return "nobody"
	}
	return name
}

// unlisted are names of members that are no endpoints.
func (m *managed) unlisted(members []*patroniMember) []string {
	known := map[string]bool{}
	for _, x := range m.members {
		known[x.name] = true
	}
	var names []string
	for _, row := range members[0].look.Cluster.Members {
		if !known[row.Name] {
			names = append(names, strconv.Quote(row.Name))
		}
	}
	return names
}

// notPaused says whether Patroni does by itself what it is there for.
func (m *managed) notPaused() connectors.Finding {
	members := m.answering()
	for _, x := range members {
		if x.look.Member.Paused || x.look.Cluster.Paused {
			return action.Refused(readiness.ManagerPaused, "Patroni is in maintenance mode, as that of %s says: somebody works on the cluster, and it mends nothing by itself", x.node.Name)
		}
	}
	if len(members) == 0 {
		return action.Unknown("", "no Patroni answers")
	}
	return action.Passed("Patroni is not in maintenance mode")
}

func (m *managed) nothingScheduled() connectors.Finding {
	members := m.answering()
	for _, x := range members {
		if s := x.look.Cluster.Scheduled; s != nil {
			return action.Refused(readiness.HAManager, "a switchover from %s to %s is scheduled for %s; take it back with patronictl flush", orNobody(s.From), orAnybody(s.To), s.At)
		}
	}
	if len(members) == 0 {
		return action.Unknown("", "no Patroni answers")
	}
	return action.Passed("no switchover is scheduled")
}

func orAnybody(name string) string {
	if name == "" {
		return "any member"
	}
	return name
}

// mayLead says whether Patroni would let the target take over, and whether it should.
// A failover asks Patroni to look neither at lag nor at synchronous mode, which then
// a person accepts.
func (a *actor) mayLead(m *managed, kind string) connectors.Finding {
	if bad := m.proved(m.next); bad != nil {
		return *bad
	}
	x := m.of(m.next)
	switch {
	case x == nil:
		return action.Unknown("", "%s has no options.%s", m.next.Name, patroniOption)
	case x.failed != "":
		return action.Unknown("", "Patroni of %s at %s: %s", m.next.Name, m.next.Options[patroniOption], x.failed)
	}
	said := x.look.Member
	row, listed := x.row()
	switch {
	case !listed:
		return action.Refused(readiness.NotAMember, "Patroni of %s has no member %q", m.next.Name, x.name)
	case said.Primary():
		return action.Refused(readiness.RoleUnexpected, "%s is a primary, as its Patroni says", m.next.Name)
	case said.Tags.Has("nofailover") || row.Tags.Has("nofailover"):
		return action.Refused(readiness.NotElectable, "%s has the tag nofailover: it is not meant to lead", x.name)
	case said.State != "running" || !row.Running():
		return action.Refused(readiness.NotElectable, "%s is %q, and %q in the cluster's state", x.name, said.State, row.State)
	case said.WatchdogFailed:
		return action.Refused(readiness.NotElectable, "the watchdog of %s does not work, and Patroni lets it not lead without", x.name)
	}
	if kind == forFailover {
		if f := a.enoughFor(m.view); f != nil {
			return *f
		}
	} else if leader, ok := x.look.Cluster.Row(x.look.Cluster.Leader()); !ok || leader.Timeline == 0 || row.Timeline != leader.Timeline {
		return action.Refused(readiness.NotElectable, "%s is on timeline %d, and the leader on %d, as Patroni says", x.name, row.Timeline, leader.Timeline)
	}
	return x.close(row, kind)
}

// close judges what a failover may do without.
func (x *patroniMember) close(row patroni.Row, kind string) connectors.Finding {
	softly := func(code readiness.Code, format string, args ...any) connectors.Finding {
		if kind == forFailover {
			return action.Warned(code, format, args...)
		}
		return action.Refused(code, format, args...)
	}
	limit := x.look.Config.MaximumLagBytes()
	switch said := x.look.Member; {
	case x.look.Config.IsSynchronous() && !row.Synchronous() && !said.SyncStandby && !said.QuorumStandby:
		return softly(readiness.NotElectable, "the cluster is synchronous, and %s is not a member that commits wait for", x.name)
	case !row.Lag.Known:
		return softly(readiness.ReplicationLagHigh, "how far %s is behind is not known to Patroni", x.name)
	case row.Lag.Bytes > limit:
		return softly(readiness.ReplicationLagHigh, "%s lacks %s, and maximum_lag_on_failover is %s", x.name, bytesText(row.Lag.Bytes), bytesText(limit))
	}
	return action.Passed("%s runs, is not excluded, and lacks %s as Patroni says", x.name, bytesText(row.Lag.Bytes))
}

func bytesText(n int64) string { return fmt.Sprintf("%d bytes", n) }

// enoughFor says why a promotion might shut the target down, if that is not known.
// Where the primary's settings cannot be compared any more, a standby that runs, has
// applied everything it has and was not made to pause has enough of each: PostgreSQL
// stops or pauses replay at the record of a higher setting.
func (a *actor) enoughFor(v *view) *connectors.Finding {
	f := a.promotable(v, v.next, "")
	if f.Result == connectors.Passed {
		return nil
	}
	if f.Result == connectors.Unknown && v.next.replay != nil {
		have, known := v.next.have()
		r := v.next.replay
		if known && r.Replay != nil && *r.Replay >= have && r.Pause != nil && *r.Pause == "not paused" {
			return nil
		}
	}
	return &f
}
