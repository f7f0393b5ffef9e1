package mongodb

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
	"go.mongodb.org/mongo-driver/bson"
)

// Prechecks M1 to M8, M11, M17. Which of them block and which warn is said by the
// runbooks.
func membershipChecks() []operation {
	return []operation{
		reads("right-set", "the members that answer are of the declared set, by replicaSetId, and all members are declared", rightSet, nil),
		reads("single-primary", "exactly one member is primary, at the site that is left, and no other may be", singlePrimary, nil),
		reads("generation", "term and version of the configuration, compared with those given", generation, []string{"term", "configVersion", "configTerm"},
			action.Optional("term", "the term that is expected"), action.Optional("version", "the version of the configuration that is expected")),
		reads("electable", "a member at the target site can be elected now", electable, []string{"target"}),
		reads("caught-up", "the target is not far behind the primary", closeEnough, []string{"lag"},
			connectors.ActionParameter{Name: "limit", Summary: "how far at most", Default: "10s"}),
		reads("vote-majority", "members that answer hold a majority of votes", voteMajority, nil),
		reads("write-majority", "enough members hold data for majority writes", writeMajority, nil),
		reads("no-bad-states", "no member at the target site recovers, syncs or rolls back", noBadStates, nil),
		reads("config-committed", "a majority has the configuration, and all members that answer have the same", configCommitted, nil),
		reads("priorities-hold", "priorities will not move the role back", prioritiesHold, nil,
			connectors.ActionParameter{Name: "changes", Summary: "true when the runbook makes the target the preferred primary itself", Default: "false"}),
	}
}

func rightSet(ctx context.Context, a *actor, _ call) connectors.Finding {
	if a.spec.Identity["replicaSetId"] == "" || a.spec.Identity["setName"] == "" {
		return action.Refused(readiness.IdentityUnproven, "the resource declares no identity.replicaSetId and setName; without them nothing is changed")
	}
	s := a.look(ctx)
	var away, good []*node
	for _, n := range s.nodes {
		f := s.proved(n)
		switch {
		case f == nil:
			good = append(good, n)
		case n.unreached != nil && n.hello == nil:
			away = append(away, n)
		default:
			return *f
		}
	}
	if len(good) == 0 {
		return action.Unknown(readiness.VisBoth, "no member proved that it is of the set")
	}
	if hosts := s.unlistedSeats(); len(hosts) > 0 {
		return action.Refused(readiness.EndpointMissing, "%s is in the configuration and no endpoint of the resource", strings.Join(hosts, ", "))
	}
	text := ""
	if len(away) > 0 {
		text = "; no answer of " + names(away)
	}
	return action.Passed("%s are of set %s, %s%s", names(good), a.spec.Identity["setName"], a.spec.Identity["replicaSetId"], text)
}

func singlePrimary(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	p, bad := s.onlyPrimary()
	if bad != nil {
		return *bad
	}
	if list := s.silent(p); len(list) > 0 {
		return action.Unknown(readiness.WriterUnproven, "%s is primary; whether %s writes is not known", p.Name, names(list))
	}
	if p.Site != a.spec.From {
		return action.Refused(readiness.RoleUnexpected, "%s at %s is primary, and the site that is left is %s", p.Name, p.Site, a.spec.From)
	}
	return action.Passed("%s at %s is the only primary, of term %d", p.Name, p.Site, *p.status.Term)
}

func generation(ctx context.Context, a *actor, c call) connectors.Finding {
	s := a.look(ctx)
	p, bad := s.onlyPrimary()
	if bad != nil {
		return *bad
	}
	term, version := strconv.FormatInt(*p.status.Term, 10), strconv.FormatInt(*p.config.Version, 10)
	for _, x := range [][3]string{{"term", c.Arg("term"), term}, {"version of the configuration", c.Arg("version"), version}} {
		if x[1] != "" && x[1] != x[2] {
			return action.Refused(readiness.Conflict, "the %s is %s and was %s: somebody changed something, or there was an election", x[0], x[2], x[1])
		}
	}
	f := action.Passed("term %s, configuration %s", term, p.config)
	f.Facts = connectors.Facts{"term": term, "configVersion": version, "configTerm": p.config.termText()}
	return f
}

func (c *config) termText() string {
	if c.Term == nil {
		return ""
	}
	return strconv.FormatInt(*c.Term, 10)
}

func electable(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	m, n, bad := s.ready(a.spec.To)
	if bad != nil {
		return *bad
	}
	f := action.Passed("%s has priority %g and a vote, and is %s", n.Name, m.Priority, stateName(*n.status.State))
	f.Facts = connectors.Facts{"target": n.Name}
	return f
}

func closeEnough(ctx context.Context, a *actor, c call) connectors.Finding {
	limit, err := c.Limit("limit", 10*time.Second)
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	return a.look(ctx).behindBy(a.spec.To, limit)
}

func (s *set) behindBy(to string, limit time.Duration) connectors.Finding {
	m, n, bad := s.ready(to)
	if bad != nil {
		return *bad
	}
	if n == s.primary {
		return action.Passed("%s is primary", n.Name)
	}
	lag, why := s.lagOf(m)
	if why != nil {
		return action.Unknown(why.Code, "%s", why.Message)
	}
	f := action.Passed("%s is %s behind", n.Name, lag.Round(time.Millisecond))
	if lag > limit {
		f = action.Refused(readiness.ReplicationLagHigh, "%s is %s behind, and at most %s is allowed", n.Name, lag.Round(time.Millisecond), limit)
	}
	f.Facts = connectors.Facts{"lag": lag.String()}
	return f
}

// tallied counts who answers itself: votes, and voters that hold data and follow.
func (s *set) tallied() (t tally, ok bool) {
	if s.config == nil {
		return t, false
	}
	t = s.count(nil)
	t.votes, t.data = 0, 0
	for i := range s.config.Members {
		m := &s.config.Members[i]
		n := s.at(m)
		if m.Votes <= 0 || n == nil || s.proved(n) != nil {
			continue
		}
		if n.arbiter() {
			t.votes++
			continue
		}
		switch *n.status.State {
		case statePrimary, stateSecondary:
			t.data++
			t.votes++
		case stateRecovering, stateStartup2, stateRollback:
			t.votes++
		}
	}
	return t, true
}

func voteMajority(ctx context.Context, a *actor, _ call) connectors.Finding {
	t, ok := a.look(ctx).tallied()
	switch {
	case !ok:
		return action.Unknown(readiness.QuorumUnknown, "no member told the configuration")
	case t.votes < t.majority:
		return action.Refused(readiness.QuorumLost, "members with %d of %d votes answer, and it takes %d", t.votes, t.total, t.majority)
	}
	return action.Passed("members with %d of %d votes answer; it takes %d", t.votes, t.total, t.majority)
}

func writeMajority(ctx context.Context, a *actor, _ call) connectors.Finding {
	t, ok := a.look(ctx).tallied()
	switch {
	case !ok:
		return action.Unknown(readiness.QuorumUnknown, "no member told the configuration")
	case t.data < t.majority:
		return action.Refused(readiness.WriteMajorityLost, "%d voters hold data and follow, and a majority write needs %d of %d votes: an arbiter acknowledges nothing", t.data, t.majority, t.total)
	}
	return action.Passed("%d voters hold data and follow; a majority write needs %d", t.data, t.majority)
}

func noBadStates(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	for _, n := range s.nodes {
		if n.Site != a.spec.To {
			continue
		}
		if f := s.proved(n); f != nil {
			return *f
		}
		if f := n.lame(); f != nil {
			return *f
		}
	}
	return action.Passed("no member at %s recovers, syncs or rolls back", a.spec.To)
}

func (n *node) lame() *connectors.Finding {
	if n.status == nil || n.status.State == nil {
		return nil
	}
	code := map[int64]readiness.Code{stateRecovering: readiness.NodeRecovering, stateStartup2: readiness.InitialSync, stateRollback: readiness.NodeRollback}[*n.status.State]
	if code == "" {
		return nil
	}
	f := action.Refused(code, "%s is %s", n.Name, stateName(*n.status.State))
	return &f
}

func configCommitted(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	p, bad := s.onlyPrimary()
	if bad != nil {
		return *bad
	}
	switch c := p.config.Committed; {
	case c == nil:
		return action.Unknown(readiness.ConfigUncommitted, "%s did not tell whether its configuration is committed", p.Name)
	case !*c:
		return action.Refused(readiness.ConfigUncommitted, "configuration %s of %s is not known to a majority", p.config, p.Name)
	}
	if drift := s.drift(); len(drift) > 0 {
		return action.Refused(drift[0].Code, "%s", drift[0].Message)
	}
	return action.Passed("configuration %s is committed, and the same on all members that answer", p.config)
}

// preferred reports whether a seat has a higher priority than every other one.
func (c *config) preferred(m *seat) bool {
	return !slices.ContainsFunc(c.Members, func(other seat) bool { return other.ID != m.ID && other.Priority >= m.Priority })
}

func prioritiesHold(ctx context.Context, a *actor, c call) connectors.Finding {
	s := a.look(ctx)
	m, n, bad := s.ready(a.spec.To)
	switch {
	case bad != nil:
		return *bad
	case s.config.preferred(m):
		return action.Passed("%s has the highest priority, %g", n.Name, m.Priority)
	case c.Arg("changes") == "true":
		return action.Passed("%s has priority %g and not the highest; the run changes that", n.Name, m.Priority)
	}
	return action.Refused(readiness.PriorityUnexpected, "%s has priority %g and another member as much or more: the role would move back by itself", n.Name, m.Priority)
}

// Prechecks M9, M10, M12, M14, M16, M18.
func readinessChecks() []operation {
	return []operation{
		reads("no-conflicting-work", "no index is being built and no member makes its first copy", noConflictingWork, nil),
		reads("oplog-headroom", "every oplog holds more than twice the time for which a member is away", oplogHeadroom, nil,
			connectors.ActionParameter{Name: "outage", Summary: "for how long a member is away at most", Default: "1h"}),
		reads("flow-control-idle", "the primary does not slow its clients down", flowControlIdle, nil),
		reads("version-parity", "members run one release and one feature compatibility version", versionParity, nil),
		reads("privileges", "the execute login may step down, freeze and reconfigure", mayExecute, nil),
		reads("balancer-quiet", "no balancer moves data", balancerQuiet, nil),
	}
}

func noConflictingWork(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	if _, _, bad := s.ready(a.spec.To); bad != nil {
		return *bad
	}
	for _, n := range s.nodes {
		if s.proved(n) != nil || n.arbiter() {
			continue
		}
		if n.status.InitialSync != "" {
			return action.Refused(readiness.InitialSync, "%s: %s", n.Name, n.status.InitialSync)
		}
		ops, err := a.ask(ctx, n, admin("currentOp"))
		if err != nil {
			return action.Unknown(readiness.QueryFailed, "what %s does is not known: %s", n.Name, queryFailure("currentOp", err).Message)
		}
		for _, op := range ops.documents("inprog") {
			if op.lookup("command", "createIndexes").Type != 0 || strings.HasPrefix(op.text("msg"), "Index Build") {
				return action.Refused(readiness.Conflict, "%s builds an index", n.Name)
			}
		}
	}
	return action.Passed("no index build and no first copy on the members that answer")
}

func oplogHeadroom(ctx context.Context, a *actor, c call) connectors.Finding {
	outage, err := c.Limit("outage", time.Hour)
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	s := a.look(ctx)
	shortest, on := time.Duration(-1), ""
	for _, n := range s.nodes {
		if n.arbiter() || s.proved(n) != nil {
			continue
		}
		if n.oplog == nil || n.oplog.First == nil || n.oplog.Last == nil {
			return action.Unknown(readiness.IndicatorMissing, "how much time the oplog of %s holds is not known", n.Name)
		}
		if window := n.oplog.Last.Sub(*n.oplog.First); shortest < 0 || window < shortest {
			shortest, on = window, n.Name
		}
	}
	switch {
	case shortest < 0:
		return action.Unknown(readiness.IndicatorMissing, "no oplog was read")
	case shortest <= 2*outage:
		return action.Refused(readiness.OplogWindowShort, "the oplog of %s holds %s, less than twice %s", on, shortest.Round(time.Second), outage)
	}
	return action.Passed("every oplog holds at least %s", shortest.Round(time.Second))
}

func flowControlIdle(ctx context.Context, a *actor, _ call) connectors.Finding {
	p, bad := a.look(ctx).onlyPrimary()
	switch {
	case bad != nil:
		return *bad
	case p.flow == nil || p.flow.Enabled == nil || *p.flow.Enabled && p.flow.Lagged == nil:
		return action.Unknown(readiness.IndicatorMissing, "%s did not tell its flow control", p.Name)
	case *p.flow.Enabled && *p.flow.Lagged:
		return action.Refused(readiness.FlowControlActive, "%s slows writes down because a majority lags", p.Name)
	}
	return action.Passed("flow control of %s is idle", p.Name)
}

func versionParity(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	var first *node
	for _, n := range s.nodes {
		if n.arbiter() || s.proved(n) != nil {
			continue
		}
		if n.version == "" || n.feature == "" {
			return action.Unknown(readiness.IndicatorMissing, "%s did not tell its versions", n.Name)
		}
		if first == nil {
			first = n
			continue
		}
		a, b, _ := release(n.version)
		c, d, _ := release(first.version)
		if a != c || b != d || n.feature != first.feature {
			return action.Refused(readiness.VersionMismatch, "%s runs %s with compatibility %s, %s %s with %s", first.Name, first.version, first.feature, n.Name, n.version, n.feature)
		}
	}
	if first == nil {
		return action.Unknown(readiness.VisBoth, "no member told its version")
	}
	return action.Passed("members that answer run %s, compatibility %s", first.version, first.feature)
}

// executeActions are what the changes need on the cluster.
var executeActions = []string{"replSetStateChange", "replSetConfigure", "replSetGetStatus", "replSetGetConfig"}

// mayExecute asks with the execute login, which alone can tell what it may do. A plan
// withholds it, and says of the check that it was not made.
func mayExecute(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	if _, _, bad := s.ready(a.spec.To); bad != nil {
		return *bad
	}
	for _, n := range s.nodes {
		if n.arbiter() || s.proved(n) != nil {
			continue
		}
		m, o := a.openMember(ctx, s, n)
		if o != nil {
			return action.Unknown(o.Code, "%s", o.Message)
		}
		answer, err := privilegesCommand().run(ctx, m.server)
		m.close()
		if err != nil {
			return action.Unknown(readiness.InsufficientPrivilege, "what the login may do on %s is not known: %s", n.Name, queryFailure("connectionStatus", err, m.secret).Message)
		}
		var lacks []string
		for _, action := range executeActions {
			if !allows(answer, action) {
				lacks = append(lacks, action)
			}
		}
		if len(lacks) > 0 {
			return action.Refused(readiness.InsufficientPrivilege, "the execute login on %s lacks %s (grant role clusterManager on admin)", n.Name, strings.Join(lacks, ", "))
		}
	}
	return action.Passed("the execute login may step down, freeze and reconfigure")
}

func allows(answer document, action string) bool {
	for _, grant := range answer.documents("authInfo", "authenticatedUserPrivileges") {
		actions, resource := grant.texts("actions"), grant.document("resource")
		if (resource.flag("cluster") || resource.flag("anyResource")) && (slices.Contains(actions, action) || slices.Contains(actions, "anyAction")) {
			return true
		}
	}
	return false
}

func balancerQuiet(ctx context.Context, a *actor, _ call) connectors.Finding {
	if _, bad := a.look(ctx).onlyPrimary(); bad != nil {
		return *bad
	}
	return action.Passed("one replica set has no balancer")
}

func textID(key, id string) bson.D { return bson.D{{Key: key, Value: id}} }
