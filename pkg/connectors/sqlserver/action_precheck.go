package sqlserver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// lostParameter lets a check do without the side that is left, in a failover.
var lostParameter = connectors.ActionParameter{Name: "lost", Default: "refuse", Summary: "allowed: the side that is left need not answer"}

// prechecks are M01 to M10, M12 to M15. Which of them block and which warn is said by
// the runbooks.
func prechecks() []operation {
	return slices.Concat(
		readsBoth("reachable", "the target answers and has HADR on, and the execute login may act on both sides", reachable, nil,
			connectors.ActionParameter{Name: "acts", Default: "true", Summary: "false where people act, and no login of bcctl"}),
		readsBoth("same-group", "both sides are the declared group, each an instance of its own", sameGroup, nil, lostParameter),
		readsBoth("single-primary", "exactly one instance accepts writes, at the site that is left, and no other may", singlePrimary, nil),
		reads(plain, "target-is-secondary", "the target is a secondary", targetIs(secondaryRole), nil),
		reads(distributed, "target-is-forwarder", "the target is the forwarder: primary of the group that is the secondary", targetIs(forwarderRole), nil),
		readsBoth("quorum", "the Windows clusters have a quorum that was not forced", quorum, nil,
			connectors.ActionParameter{Name: "forced", Default: "refuse", Summary: "allowed: any quorum at the target will do"}),
		readsBoth("databases-joined", "every database of the group is joined at the target, and all that must be there are in the group", databasesJoined, []string{"databases"}),
		readsBoth("no-toxic-state", "no database at the target undoes, catches up after an undo, or cannot start", noToxicState, nil),
		readsBoth("not-suspended", "no database is suspended at the target", notSuspended, nil,
			connectors.ActionParameter{Name: "resumes", Default: "false", Summary: "true where the runbook resumes them itself, which passes unless something would be given up that discard does not name"},
			discardParameter),
		readsBoth("connected", "both ends say that they are connected", connected, nil),
		readsBoth("modes-known", "availability and failover modes of all replicas are told, and one more synchronous one is allowed", modesKnown, []string{"modes"}),
		readsBoth("version-parity", "both sides run one major version", versionParity, nil),
		reads(plain, "cluster-type", "who decides about roles is what the procedure is for", clusterType, nil,
			connectors.ActionParameter{Name: "type", Default: "WSFC", Summary: "WSFC, EXTERNAL or NONE"}),
		reads(plain, "commit-not-hostage", "after the change commits wait for no more secondaries than there are", commitNotHostage, nil,
			lostParameter, connectors.ActionParameter{Name: "unblocks", Default: "false", Summary: "true where the runbook lowers the number itself"}),
		reads(plain, "failover-ready", "every database is ready for a planned failover to the target now", failoverReady, nil),
	)
}

// reachable is M01. What the execute login may do only it can tell.
func reachable(ctx context.Context, a *actor, c call) connectors.Finding {
	p := a.look(ctx)
	if bad := p.proved(p.next); bad != nil {
		return *bad
	}
	if hadr := p.next.facts.HADR; hadr == nil || !*hadr {
		return action.Refused(readiness.NotAMember, "availability groups are not enabled on %s", p.next.Name)
	}
	if c.Arg("acts") == "false" {
		return action.Passed("%s answers", p.next.Name)
	}
	sides := []*node{p.next}
	if p.proved(p.old) == nil {
		sides = append(sides, p.old)
	}
	for _, n := range sides {
		if bad := a.mayAct(ctx, p, n); bad != nil {
			return *bad
		}
	}
	return action.Passed("%s answers, and the execute login may act on %s", p.next.Name, names(sides))
}

// mayActSQL: "HAS_PERMS_BY_NAME". A permission that the server does not know is NULL.
func mayActSQL(ag string, databases []string) string {
	columns := []string{"HAS_PERMS_BY_NAME(" + quoteText(quoteName(ag)) + ", 'AVAILABILITY GROUP', 'ALTER') AS alter_group"}
	for i, name := range databases {
		columns = append(columns, fmt.Sprintf("HAS_PERMS_BY_NAME(%s, 'DATABASE', 'ALTER') AS alter_%d", quoteText(quoteName(name)), i))
	}
	return "SELECT " + strings.Join(columns, ", ")
}

// mayAct asks what the execute login may do on one instance.
func (a *actor) mayAct(ctx context.Context, p *picture, n *node) *connectors.Finding {
	because := func(f connectors.Finding) *connectors.Finding { return &f }
	s, o := a.open(ctx, p, n)
	if o != nil {
		return because(action.Unknown(o.Code, "with the execute login: %s", o.Message))
	}
	defer s.close()
	timed, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
	defer cancel()
	databases := p.localNames(n)
	sets, err := s.query(timed, mayActSQL(s.ag, databases), 1)
	if err != nil || len(sets[0]) != 1 {
		return because(action.Unknown(readiness.QueryFailed, "what the execute login may do on %s is not known: %s", n.Name, s.failure(timed, err).Message))
	}
	r := sets[0][0]
	if !isSet(r.flag("alter_group")) {
		return because(action.Refused(readiness.InsufficientPrivilege, "the execute login on %s lacks ALTER on availability group %s (GRANT ALTER ANY AVAILABILITY GROUP)", n.Name, s.ag))
	}
	for i, name := range databases {
		if may := r.flag(fmt.Sprintf("alter_%d", i)); may != nil && !*may {
			return because(action.Refused(readiness.InsufficientPrivilege, "the execute login on %s lacks ALTER on database %s, without which it cannot be resumed", n.Name, name))
		}
	}
	return nil
}

// localNames are the databases of the instance's own group, as it names them.
func (p *picture) localNames(n *node) []string {
	var list []string
	if p.places[n].own != nil {
		for _, s := range p.ownDatabases(n) {
			list = append(list, s.Name)
		}
	}
	slices.Sort(list)
	return list
}

// sameGroup is M02.
func sameGroup(ctx context.Context, a *actor, c call) connectors.Finding {
	if a.spec.Identity[groupIdentity] == "" {
		return action.Refused(readiness.IdentityUnproven, "the resource declares no identity.groupId; without it nothing is changed")
	}
	p := a.look(ctx)
	for _, n := range p.nodes {
		if bad := p.proved(n); bad != nil && bad.Result == connectors.Refused {
			return *bad
		}
	}
	if bad := p.proved(p.next); bad != nil {
		return *bad
	}
	if bad := p.proved(p.old); bad != nil {
		if c.Arg("lost") == "allowed" && p.old != nil && p.old.gone() {
			return action.Passed("%s is of group %s; %s does not answer", p.next.Name, p.groupName(), p.old.Name)
		}
		return *bad
	}
	return action.Passed("%s and %s are two instances of group %s", p.old.Name, p.next.Name, p.groupName())
}

// singlePrimary is M03 of a planned change.
func singlePrimary(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	primary, bad := p.onlyPrimary()
	if bad != nil {
		return *bad
	}
	if list := p.silent(primary); len(list) > 0 {
		return action.Unknown(readiness.WriterUnproven, "%s is primary; that %s does not write is not proved", primary.Name, names(list))
	}
	if primary.Site != p.from {
		return action.Refused(readiness.RoleUnexpected, "%s at %s is primary, and the site that is left is %s", primary.Name, primary.Site, p.from)
	}
	return action.Passed("%s at %s is the only primary", primary.Name, primary.Site)
}

// targetIs is M04.
func targetIs(want role) judgement {
	return func(ctx context.Context, a *actor, _ call) connectors.Finding {
		p := a.look(ctx)
		if bad := p.proved(p.next); bad != nil {
			return *bad
		}
		switch is := p.roles[p.next]; is {
		case want:
			return action.Passed("%s at %s is %s", p.next.Name, p.next.Site, is)
		case resolvingRole:
			return action.Refused(readiness.NodeResolving, "%s is between roles", p.next.Name)
		default:
			return action.Refused(readiness.RoleUnexpected, "%s at %s is %s, and has to be %s", p.next.Name, p.next.Site, is, want)
		}
	}
}

// quorum is M05.
func quorum(ctx context.Context, a *actor, c call) connectors.Finding {
	p := a.look(ctx)
	sides := []*node{p.next, p.old}
	if c.Arg("forced") == "allowed" {
		sides = sides[:1]
	}
	if bad := p.provedAll(sides...); bad != nil {
		return *bad
	}
	var told []string
	for _, n := range sides {
		f := p.quorumAt(n)
		if f.Result != connectors.Passed && !(f.Code == readiness.QuorumForced && c.Arg("forced") == "allowed") {
			return f
		}
		told = append(told, f.Message)
	}
	return action.Passed("%s", strings.Join(told, "; "))
}

func (p *picture) quorumAt(n *node) connectors.Finding {
	own := p.places[n].own
	if own == nil {
		return action.Unknown(readiness.QuorumUnknown, "%s did not tell its replica", n.Name)
	}
	if !own.windows() {
		return action.Passed("%s is on no Windows cluster (CLUSTER_TYPE %s)", n.Name, own.ClusterType)
	}
	if f, failed := n.failed[quorumID]; failed {
		return action.Unknown(f.Code, "%s: %s", n.Name, f.Message)
	}
	switch {
	case n.cluster == nil:
		return action.Refused(readiness.QuorumLost, "%s has no quorum: quorum has to be forced on a host before", n.Name)
	case n.cluster.QuorumState == "NORMAL_QUORUM":
		return action.Passed("%s has normal quorum", n.Name)
	case n.cluster.QuorumState == "FORCED_QUORUM":
		return action.Refused(readiness.QuorumForced, "quorum was forced at %s: what the cluster has stored about readiness may be of before", n.Name)
	default:
		return action.Unknown(readiness.QuorumUnknown, "%s tells quorum state %q", n.Name, n.cluster.QuorumState)
	}
}

// databasesJoined is M06.
func databasesJoined(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	l, bad := p.boundTo()
	if bad != nil {
		return *bad
	}
	there := map[string]bool{}
	var each []string
	for _, pr := range l.pairs {
		if pr.absent() || pr.joined == nil && pr.own == nil && !l.across {
			return action.Refused(readiness.DatabaseNotJoined, "database %s is not joined on %s: a failover would leave it behind", pr.name, p.next.Name)
		}
		there[fold(pr.name)] = true
		each = append(each, pr.name)
	}
	for _, name := range endpoint.SplitList(a.spec.Options[databasesOption]) {
		if !there[fold(name)] {
			return action.Refused(readiness.DatabaseUnprotected, "database %s must be in group %s and is not", name, p.groupName())
		}
	}
	f := action.Passed("joined on %s: %s", p.next.Name, some(each))
	f.Facts = connectors.Facts{"databases": strings.Join(each, ", ")}
	return f
}

// boundTo is the link to the target with its databases, and that they were told.
func (p *picture) boundTo() (*link, *connectors.Finding) {
	no := func(f connectors.Finding) (*link, *connectors.Finding) { return nil, &f }
	if bad := p.proved(p.next); bad != nil {
		return nil, bad
	}
	l := p.bound()
	if l == nil {
		return no(action.Unknown(readiness.RoleUnexpected, "%s is %s, and follows nobody", p.next.Name, p.roles[p.next]))
	}
	for _, n := range []*node{l.from, l.to} {
		if n == nil {
			continue
		}
		for _, id := range []readiness.ID{stateID, listedID} {
			if f, failed := n.failed[id]; failed {
				return no(action.Unknown(f.Code, "%s: %s", n.Name, f.Message))
			}
		}
	}
	if len(l.pairs) == 0 {
		return no(action.Unknown(readiness.IndicatorMissing, "no database of group %s is known on %s", p.groupName(), p.next.Name))
	}
	return l, nil
}

// noToxicState is M08: forcing a failover on such a database leaves it unable to
// start.
func noToxicState(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	l, bad := p.boundTo()
	if bad != nil {
		return *bad
	}
	for _, pr := range l.pairs {
		if f := p.toxic(l, pr); f != nil {
			return *f
		}
	}
	return action.Passed("no database on %s undoes or cannot start", p.next.Name)
}

func (p *picture) toxic(l *link, pr pair) *connectors.Finding {
	because := func(code readiness.Code, state string) *connectors.Finding {
		f := action.Refused(code, "database %s on %s is %s", pr.name, l.name, state)
		return &f
	}
	if state := pr.state(); state == reverting || state == initializing {
		return because(readiness.DatabaseReverting, state)
	}
	for _, s := range pr.rows() {
		if isSet(s.Local) && s.DatabaseState != "" && s.DatabaseState != "ONLINE" && s.DatabaseState != "RECOVERING" {
			return because(readiness.DatabaseNotOnline, s.DatabaseState)
		}
	}
	if l.to != nil {
		if s, there := l.to.forks()[pr.id]; there && !slices.Contains([]string{"", "ONLINE", "RECOVERING", "RESTORING"}, s.State) {
			return because(readiness.DatabaseNotOnline, s.State)
		}
	}
	return nil
}

// notSuspended is M09.
func notSuspended(ctx context.Context, a *actor, c call) connectors.Finding {
	p := a.look(ctx)
	l, bad := p.boundTo()
	if bad != nil {
		return *bad
	}
	for _, pr := range l.pairs {
		reason, yes := pr.suspended()
		if !yes {
			continue
		}
		if c.Arg("resumes") == "true" {
			if bad := pr.resumable(l, c.Arg("discard")); bad != nil {
				return *bad
			}
			continue
		}
		return action.Refused(readiness.DatabaseSuspended, "database %s on %s is suspended (%s)%s", pr.name, l.name, reason, pr.discards())
	}
	return action.Passed("no database on %s is suspended that stays so", p.next.Name)
}

// connected is M10 of a planned change.
func connected(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	l, bad := p.boundTo()
	if bad != nil {
		return *bad
	}
	if f := p.joint(l); f != nil {
		return *f
	}
	return action.Passed("%s and %s are connected", l.from.Name, l.name)
}

// joint says what is wrong with the connection of a link, if something is.
func (p *picture) joint(l *link) *connectors.Finding {
	because := func(f connectors.Finding) *connectors.Finding { return &f }
	switch {
	case l.from == nil || l.row == nil:
		if bad := p.proved(p.old); bad != nil {
			return bad
		}
		return because(action.Unknown(readiness.VisPrimary, "no primary is seen that sends to %s", l.name))
	case l.row.Connected == "DISCONNECTED":
		return because(action.Refused(readiness.ReplicaDisconnected, "%s has no connection to %s", l.from.Name, l.name))
	case l.row.Connected == "" || l.own == nil || l.own.Connected == "":
		return because(action.Unknown(readiness.ValueInvalid, "whether %s is connected is not told by both ends", l.name))
	case l.row.Connected != "CONNECTED" || l.own.Connected != "CONNECTED":
		return because(action.Refused(readiness.ReplicaDisconnected, "%s is %s by its primary %s, and %s by its own word", l.name, l.row.Connected, l.from.Name, l.own.Connected))
	}
	if found := p.contradictions(l); len(found) > 0 {
		return because(action.Refused(found[0].Code, "%s", found[0].Message))
	}
	return nil
}

// most is how many replicas may be synchronous, the primary included. (Availability
// modes for Always On availability groups)
func most(major int64) int {
	if major < 15 {
		return 3
	}
	return 5
}

// modesKnown is M12.
func modesKnown(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	primary, bad := p.onlyPrimary()
	if bad != nil {
		return *bad
	}
	rows := p.places[primary].replicas
	if p.group.distributed {
		rows = p.places[primary].across
	}
	synchronous := 0
	for _, r := range rows {
		if r.Mode == "" || r.Failover == "" && !p.group.distributed {
			return action.Unknown(readiness.ValueInvalid, "%s does not tell the modes of %s", primary.Name, r.Server)
		}
		// The primary and the target will be.
		target := p.next.facts != nil && fold(r.Server) == fold(p.next.facts.ServerName)
		if r.synchronous() || r.local() || target {
			synchronous++
		}
	}
	if limit := most(primary.facts.Major); synchronous > limit && !p.group.distributed {
		return action.Refused(readiness.Conflict, "%d replicas of %s would be synchronous, and version %d allows %d", synchronous, p.groupName(), primary.facts.Major, limit)
	}
	f := action.Passed("modes of %s: %s", p.groupName(), p.modes(primary))
	f.Facts = connectors.Facts{"modes": p.modes(primary)}
	return f
}

// versionParity is M13.
func versionParity(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	if bad := p.provedAll(p.next, p.old); bad != nil {
		if bad.Result == connectors.Unknown && p.proved(p.next) == nil {
			// A failover to a higher version upgrades the databases for good; a person has to
			// know that it could not be told.
			return action.Unknown(readiness.VersionMismatch, "%s runs version %s; that of the other side is not known: %s", p.next.Name, p.next.facts.ProductVersion, bad.Message)
		}
		return *bad
	}
	if p.next.facts.Major != p.old.facts.Major {
		return action.Refused(readiness.VersionMismatch, "%s runs version %d and %s version %d: a failover to a higher one upgrades the databases for good", p.old.Name, p.old.facts.Major, p.next.Name, p.next.facts.Major)
	}
	return action.Passed("both sides run version %d", p.next.facts.Major)
}

// clusterType is M14.
func clusterType(ctx context.Context, a *actor, c call) connectors.Finding {
	p := a.look(ctx)
	if bad := p.proved(p.next); bad != nil {
		return *bad
	}
	return p.clusterIs(strings.ToUpper(c.Arg("type")))
}

// clusterIs judges who decides about roles by the target's own word.
func (p *picture) clusterIs(want string) connectors.Finding {
	own := p.places[p.next].own
	if own == nil {
		return action.Unknown(readiness.ValueInvalid, "%s did not tell its replica", p.next.Name)
	}
	is := cmp.Or(own.ClusterType, "WSFC") // the only one before 2017
	if is != want {
		return action.Refused(readiness.Conflict, "group %s has CLUSTER_TYPE %s, and this procedure is for %s", p.groupName(), is, want)
	}
	return action.Passed("group %s has CLUSTER_TYPE %s", p.groupName(), is)
}

// commitNotHostage is M15.
func commitNotHostage(ctx context.Context, a *actor, c call) connectors.Finding {
	p := a.look(ctx)
	if bad := p.proved(p.next); bad != nil {
		return *bad
	}
	own := p.places[p.next].own
	switch {
	case own.Required == nil && p.next.facts.Major < 14:
		return action.Passed("version %d has no such setting", p.next.facts.Major)
	case own.Required == nil:
		return action.Unknown(readiness.ValueInvalid, "%s does not tell how many secondaries a commit waits for", p.next.Name)
	}
	left := 0
	for _, r := range p.places[p.next].replicas {
		other := p.endpointOf(r.Server)
		lost := c.Arg("lost") == "allowed" && other != nil && other.Site == p.from
		if r.synchronous() && r.ID != own.ID && !lost {
			left++
		}
	}
	switch {
	case int64(left) >= *own.Required:
		return action.Passed("commits wait for %d secondaries, and %d synchronous ones are left", *own.Required, left)
	case c.Arg("unblocks") == "true":
		return action.Passed("commits wait for %d secondaries, and %d are left: the run lowers the number", *own.Required, left)
	}
	return action.Refused(readiness.SyncStandbyMissing, "commits on %s would wait for %d synchronous secondaries, and %d are left", p.next.Name, *own.Required, left)
}

// failoverReady is M07 of a planned change.
func failoverReady(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	f, _ := p.ready()
	return f
}

// ready requires that a failover now would lose nothing: commits wait for the target
// on both ends, every database is SYNCHRONIZED by both ends' word, and the cluster,
// whose quorum was not forced, has it as ready. final says that waiting will not help.
func (p *picture) ready() (f connectors.Finding, final bool) {
	primary, bad := p.onlyPrimary()
	if bad != nil {
		return *bad, bad.Code == readiness.TwoWriters
	}
	if primary == p.next {
		return action.Refused(readiness.RoleUnexpected, "%s is primary already", p.next.Name), true
	}
	l, bad := p.boundTo()
	if bad != nil {
		return *bad, bad.Result == connectors.Refused
	}
	if bad := p.joint(l); bad != nil {
		return *bad, false
	}
	if !l.synchronous() {
		return action.Refused(readiness.NotFailoverReady, "%s or %s is not synchronous: commits do not wait for the target", l.from.Name, l.name), true
	}
	for _, pr := range l.pairs {
		if bad := p.toxic(l, pr); bad != nil {
			return *bad, true
		}
		if pr.absent() {
			return action.Refused(readiness.DatabaseNotJoined, "database %s is not joined on %s", pr.name, l.name), true
		}
		if reason, yes := pr.suspended(); yes {
			return action.Refused(readiness.DatabaseSuspended, "database %s on %s is suspended (%s)", pr.name, l.name, reason), true
		}
		if state := pr.state(); state != synchronized {
			return action.Refused(readiness.SynchronizationLost, "database %s on %s is %s", pr.name, l.name, state), false
		}
		if !l.across && !p.complete(l, pr) {
			return action.Refused(readiness.NotFailoverReady, "database %s on %s is SYNCHRONIZED, and the cluster does not have it as ready, or its quorum is not normal", pr.name, l.name), false
		}
	}
	return action.Passed("%s on %s are SYNCHRONIZED and ready", strconv.Itoa(len(l.pairs))+" databases", l.name), false
}
