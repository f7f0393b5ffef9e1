package mongodb

import (
	"context"
	"slices"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// lossChecks are those of a failover: M2 without a primary, M6 against a forced
// configuration, M13, and the bound of the loss.
func lossChecks() []operation {
	return []operation{
		reads("primary-gone", "no member is primary, by its own answer and by what the others hear", primaryGone, nil,
			action.Optional("elected", "allowed: a member at the target site may have been elected already")),
		reads("writer-fenced", "nothing contradicts that the site that is left accepts no writes", primaryGone, nil),
		reads("majority-lost", "no majority of votes is there, so that the set cannot elect by itself", majorityLost, nil),
		reads("forced", "a configuration was forced since the one that was recorded, and no member at the site that is left has a vote or may be elected", forced, []string{"configVersion"},
			action.Optional("configVersion", "version of the configuration before (${steps.mark.configVersion})")),
		reads("newest-survivor", "the member with the newest data of those that answer is at the target site", newestSurvivor, []string{"survivor", "position"}),
		reads("loss-bound", "what the target lacks at least of what the old primary is known to have had", lossBound, []string{"observed", "position", "secondsAtLeast"}),
	}
}

// primaryGone has two vantage points (SI-23): bcctl's own connections, and the
// heartbeats of members that answer. A server that takes connections and says
// nothing may go on at any moment.
func primaryGone(ctx context.Context, a *actor, c call) connectors.Finding {
	s := a.look(ctx)
	successor := func(n *node) bool { return c.Arg("elected") == "allowed" && n != nil && n.Site == a.spec.To }
	if writers := slices.DeleteFunc(slices.Clone(s.writers), successor); len(writers) > 0 {
		return action.Refused(readiness.PrimaryAlive, "%s says that it is primary", names(writers))
	}
	var away []*node
	witnesses := 0
	for _, n := range s.nodes {
		f := s.proved(n)
		switch {
		case f == nil && !n.arbiter():
			witnesses++
		case f == nil:
		case n.gone():
			away = append(away, n)
		default:
			return action.Unknown(readiness.WriterUnproven, "%s gives signs of life, and whether it writes is not known: %s", n.Name, f.Message)
		}
	}
	if witnesses == 0 {
		return action.Unknown(readiness.WriterUnproven, "no member answers that could say whom it hears: there is one vantage point only")
	}
	for _, by := range s.nodes {
		if s.proved(by) != nil || by.arbiter() {
			continue
		}
		for i := range by.newest().Members {
			v := &by.newest().Members[i]
			if _, heard := s.heard(by, v); heard && v.State != nil && *v.State == statePrimary && !successor(s.listed(v.Name)) {
				return action.Refused(readiness.PrimaryAlive, "%s hears %s as primary", by.Name, v.Name)
			}
		}
		if p := by.hello.Primary; p != "" && !successor(s.listed(p)) {
			return action.Refused(readiness.PrimaryAlive, "%s takes %s for the primary", by.Name, p)
		}
	}
	if hosts := s.unlistedSeats(); len(hosts) > 0 {
		return action.Unknown(readiness.EndpointMissing, "%v is in the configuration and no endpoint of the resource: nobody looked whether it writes", hosts)
	}
	elsewhere := ""
	if len(s.writers) > 0 {
		elsewhere = " but " + names(s.writers)
	}
	if len(away) == 0 {
		return action.Passed("every member answers, and none%s is primary or hears one", elsewhere)
	}
	return action.Passed("no member%s is primary; no answer of %s, and no member that answers hears one. That is no proof of a fence", elsewhere, names(away))
}

func majorityLost(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	t, ok := s.tallied()
	if !ok {
		return action.Unknown(readiness.QuorumUnknown, "no member told the configuration")
	}
	if len(s.writers) > 0 {
		return action.Refused(readiness.PrimaryAlive, "%s says that it is primary: nothing is forced while a primary is visible", names(s.writers))
	}
	there := t.votes
	for i := range s.config.Members {
		m := &s.config.Members[i]
		if n := s.at(m); m.Votes > 0 && (n == nil || s.proved(n) != nil) && s.heardBy(m) {
			there++
		}
	}
	if there >= t.majority {
		return action.Refused(readiness.Conflict, "members with %d of %d votes are there, and it takes %d: the set elects by itself (mongodb.verify-election), and nothing is forced", there, t.total, t.majority)
	}
	return action.Passed("members with %d of %d votes are there, and it takes %d", there, t.total, t.majority)
}

// forcedJump is by how much a server that is told to force a configuration raises its
// version, at least: what a majority elsewhere may have done meanwhile stays behind it.
const forcedJump = 10_000

// forced is what people are believed by who say that they forced a configuration.
func forced(ctx context.Context, a *actor, c call) connectors.Finding {
	before, err := strconv.ParseInt(c.Arg("configVersion"), 10, 64)
	if err != nil {
		return action.Unknown("", "the version %q of the configuration before is no number", c.Arg("configVersion"))
	}
	s := a.look(ctx)
	if s.from == nil || s.proved(s.from) != nil || s.config == nil {
		return action.Unknown(readiness.QuorumUnknown, "no member told status and configuration")
	}
	for _, n := range s.writers {
		if n.Site == a.spec.From {
			return action.Refused(readiness.PrimaryAlive, "%s at %s says that it is primary", n.Name, n.Site)
		}
	}
	if v := *s.config.Version; v < before+forcedJump {
		return action.Refused(readiness.ConfigDrift, "the configuration has version %d, and had %d: a forced one would have jumped by %d or more", v, before, forcedJump)
	}
	there := int64(0)
	for i := range s.config.Members {
		m := &s.config.Members[i]
		switch n := s.at(m); {
		case m.Votes == 0 && m.Priority == 0:
		case n == nil:
			return action.Unknown(readiness.QuorumUnknown, "%s has a vote or may be elected, and is no endpoint of this resource", m.Host)
		case n.Site == a.spec.From:
			return action.Refused(readiness.ConfigDrift, "%s at %s still has votes %d and priority %g: force once more, with both 0", n.Name, n.Site, m.Votes, m.Priority)
		case n.Site == a.spec.To:
			there += m.Votes
		}
	}
	if there == 0 {
		return action.Refused(readiness.ConfigDrift, "no member at %s has a vote: nobody can be elected there", a.spec.To)
	}
	f := action.Passed("configuration %s is forced: members at %s have %d votes, and none at %s has any", s.config, a.spec.To, there, a.spec.From)
	f.Facts = connectors.Facts{"configVersion": strconv.FormatInt(*s.config.Version, 10)}
	return f
}

// heardBy reports whether any member has a fresh heartbeat of a seat.
func (s *set) heardBy(m *seat) bool {
	for _, by := range s.nodes {
		if s.proved(by) != nil || by.arbiter() {
			continue
		}
		if _, ok := s.heard(by, by.newest().of(m.Host)); ok {
			return true
		}
	}
	return false
}

// newest is the member with the most data of those that answer.
func (s *set) newestOf(keep func(*node) bool) (best *node) {
	for _, n := range s.nodes {
		if n.arbiter() || s.proved(n) != nil || n.newest().Applied == nil || !keep(n) {
			continue
		}
		if best == nil || n.newest().Applied.compare(*best.newest().Applied) > 0 {
			best = n
		}
	}
	return best
}

func newestSurvivor(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	here := s.newestOf(func(n *node) bool { return n.Site == a.spec.To })
	best := s.newestOf(func(*node) bool { return true })
	switch {
	case here == nil:
		return action.Unknown(readiness.VisDR, "no member at %s told its position", a.spec.To)
	case best.newest().Applied.compare(*here.newest().Applied) > 0:
		return action.Refused(readiness.CandidateBehind, "%s at %s has %s, and %s at %s only %s", best.Name, best.Site, best.newest().Applied, here.Name, here.Site, here.newest().Applied)
	}
	f := action.Passed("%s has the newest data of those that answer, %s", here.Name, here.newest().Applied)
	f.Facts = connectors.Facts{"survivor": here.Name, "position": here.newest().Applied.String()}
	return f
}

// highest is the highest position of members of a site in any view: P0.
func (s *set) highest(site string) *position {
	var best *position
	take := func(p *position) {
		if p != nil && (best == nil || p.compare(*best) > 0) {
			best = p
		}
	}
	for _, by := range s.nodes {
		if s.proved(by) != nil || by.arbiter() {
			continue
		}
		if by.Site == site {
			take(by.newest().Applied)
		}
		for i := range by.newest().Members {
			if n := s.listed(by.newest().Members[i].Name); n != nil && n.Site == site {
				take(by.newest().Members[i].Applied)
			}
		}
	}
	return best
}

func lossBound(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	here := s.newestOf(func(n *node) bool { return n.Site == a.spec.To })
	if here == nil {
		return action.Unknown(readiness.VisDR, "no member at %s told its position", a.spec.To)
	}
	p0 := s.highest(a.spec.From)
	if p0 == nil {
		return action.Unknown(readiness.RPOUnproven, "what the old primary had is in no view, so there is no bound of the loss")
	}
	have := here.newest().Applied
	facts := connectors.Facts{"observed": p0.String(), "position": have.String(), "secondsAtLeast": "0"}
	f := action.Warned(readiness.RPOUnproven, "%s has all that was seen of %s, %s; what was written after that is not known", here.Name, a.spec.From, p0)
	if p0.compare(*have) > 0 {
		lag := max(p0.at().Sub(have.at()), 0)
		facts["secondsAtLeast"] = strconv.FormatFloat(lag.Seconds(), 'f', 0, 64)
		f = action.Warned(readiness.RPOUnproven, "%s lacks what is after %s, at least up to %s: %s; there is no upper bound while the fence is not proved", here.Name, have, p0, lag)
	}
	f.Facts = facts
	return f
}

// measures are the steps that record and bound.
func measures() []operation {
	return []operation{
		reads("mark", "records term, configuration and how far each member has come", mark,
			[]string{"term", "configVersion", "configTerm", "primary", "observed", "committed", "configuration", "at"}),
		reads("wait-primary", "waits until a member at the target site is primary and its majority can write", waitPrimary, []string{"primary", "term"}),
		reads("measure-loss", "bounds what was lost by positions", measureLoss, []string{"last", "observed", "exact", "secondsAtMost", "caughtUp", "method"},
			action.Optional("term", "the term before (${steps.mark.term}); empty where the set elected by itself, perhaps before anybody looked"),
			action.Optional("observed", "the newest position of the old primary that was seen (${steps.mark.observed})"),
			action.Optional("fencedAt", "when the old primary is known to have stopped (${steps.step-down.at})"),
			action.Optional("clean", "true when the old primary stepped down by itself and answered so")),
	}
}

// mark needs no primary: after the loss of one it records what the others have.
func mark(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	from := s.from
	if len(s.writers) > 1 {
		return action.Refused(readiness.TwoWriters, "%s all say that they are primary", names(s.writers))
	}
	if from == nil || s.proved(from) != nil {
		return action.Unknown(readiness.QuorumUnknown, "no member told status and configuration")
	}
	term := int64(-1)
	for _, n := range s.nodes {
		if s.proved(n) == nil && !n.arbiter() {
			term = max(term, *n.status.Term)
		}
	}
	facts := connectors.Facts{
		"term": strconv.FormatInt(term, 10), "configVersion": strconv.FormatInt(*s.config.Version, 10), "configTerm": s.config.termText(),
		"primary": "", "observed": "", "committed": "", "configuration": "", "at": a.c.now().UTC().Format(time.RFC3339Nano),
	}
	if s.primary != nil {
		facts["primary"] = s.primary.Name
	}
	if p0 := s.highest(a.spec.From); p0 != nil {
		facts["observed"] = p0.String()
	}
	if c := from.newest().Committed; c != nil {
		facts["committed"] = c.String()
	}
	if answer, err := a.ask(ctx, from, admin("replSetGetConfig")); err == nil {
		if text, err := bson.MarshalExtJSON(bson.Raw(answer.document("config")), true, false); err == nil {
			facts["configuration"] = string(text)
		}
	}
	f := action.Passed("term %d, configuration %s, %s had %s, a majority has %s", term, s.config, a.spec.From, orUnknown(facts["observed"]), orUnknown(facts["committed"]))
	f.Facts = facts
	return f
}

func orUnknown(text string) string {
	if text == "" {
		return "what is not known"
	}
	return text
}

// waitPrimary: an election takes its time, and for a moment there may be no primary, the
// old one, or another one from which the target takes over.
func waitPrimary(ctx context.Context, a *actor, _ call) connectors.Finding {
	return action.Await(ctx, func(ctx context.Context) (connectors.Finding, bool) { return a.electedAtTarget(ctx), false })
}

func (a *actor) electedAtTarget(ctx context.Context) connectors.Finding {
	s := a.look(ctx)
	p, bad := s.onlyPrimary()
	if bad != nil {
		return *bad
	}
	if p.Site != a.spec.To {
		return action.Refused(readiness.RoleUnexpected, "%s at %s is primary, not a member at %s; where another one has won, mongodb.priority-move moves the role on", p.Name, p.Site, a.spec.To)
	}
	answer, err := a.ask(ctx, p, statusCommand())
	if err != nil {
		return action.Unknown(readiness.QueryFailed, "%s", queryFailure("replSetGetStatus", err).Message)
	}
	if answer.moment("electionCandidateMetrics", "wMajorityWriteAvailabilityDate") == nil {
		return action.Refused(readiness.WriteUnproven, "%s is primary, and no majority has confirmed its first entry yet", p.Name)
	}
	f := action.Passed("%s at %s is primary of term %d, and a majority follows", p.Name, p.Site, *p.status.Term)
	f.Facts = connectors.Facts{"primary": p.Name, "term": strconv.FormatInt(*p.status.Term, 10)}
	return f
}

// lastBefore finds the last entry of earlier terms: the last that is preserved.
func lastBefore(term int64) command {
	return command{"local", bson.D{
		{Key: "find", Value: "oplog.rs"}, {Key: "filter", Value: bson.D{{Key: "t", Value: bson.D{{Key: "$lt", Value: term}}}}},
		{Key: "sort", Value: bson.D{{Key: "$natural", Value: -1}}}, {Key: "limit", Value: 1}, {Key: "singleBatch", Value: true}, {Key: "maxTimeMS", Value: readLimit},
	}}
}

func measureLoss(ctx context.Context, a *actor, c call) connectors.Finding {
	term := int64(-1)
	if text := c.Arg("term"); text != "" {
		var err error
		if term, err = strconv.ParseInt(text, 10, 64); err != nil {
			return action.Unknown("", "the term %q is no number", text)
		}
	}
	s := a.look(ctx)
	p, bad := s.onlyPrimary()
	if bad != nil {
		return *bad
	}
	now := *p.status.Term
	if now <= term {
		return action.Refused(readiness.RoleUnexpected, "%s is primary in term %d: there was no election since term %d", p.Name, now, term)
	}
	answer, err := a.ask(ctx, p, statusCommand())
	if err != nil {
		return action.Unknown(readiness.QueryFailed, "%s", queryFailure("replSetGetStatus", err).Message)
	}
	if answer.moment("electionCandidateMetrics", "newTermStartDate") == nil {
		return action.Unknown(readiness.RPOUnproven, "%s still catches up: the bound is not to be computed yet", p.Name)
	}
	entry, err := a.ask(ctx, p, lastBefore(now))
	if err != nil || len(firstBatch(entry)) == 0 {
		return action.Unknown(readiness.RPOUnproven, "the last entry of %s before term %d cannot be read", p.Name, now)
	}
	last := bothOf(firstBatch(entry)[0])
	if last.position == nil {
		return action.Unknown(readiness.RPOUnproven, "the last entry of %s before term %d has no position", p.Name, now)
	}
	facts := connectors.Facts{"last": last.position.String(), "observed": c.Arg("observed"), "exact": "false", "secondsAtMost": "", "caughtUp": "", "method": "by positions"}
	if n := answer.integer("electionCandidateMetrics", "numCatchUpOps"); n != nil {
		facts["caughtUp"] = strconv.FormatInt(*n, 10)
	}
	f := last.bound(c, facts)
	f.Facts = facts
	return f
}

func bothOf(entry document) place {
	var l place
	seconds, increment, ok := entry.lookup("ts").TimestampOK()
	if term := entry.integer("t"); ok && seconds > 0 && term != nil {
		l.position = &position{Term: *term, Seconds: seconds, Increment: increment}
	}
	l.wall = entry.moment("wall")
	return l
}

// bound compares the last preserved entry, C, with the newest that was seen, P0.
func (l place) bound(c call, facts connectors.Facts) connectors.Finding {
	observed := parsePosition(c.Arg("observed"))
	switch {
	case observed == nil:
		return action.Passed("the last entry that is kept is %s; what the old primary had was not seen, so there is no bound", l.position)
	case c.Arg("clean") == "true" && l.position.reaches(observed):
		facts["exact"], facts["secondsAtMost"], facts["method"] = "true", "0", "the old primary stepped down and handed over"
		return action.Passed("nothing was lost: the last entry before the new term is %s, the old primary was seen at %s and stepped down in order", l.position, observed)
	}
	if fenced, err := time.Parse(time.RFC3339Nano, c.Arg("fencedAt")); err == nil && l.wall != nil {
		facts["secondsAtMost"] = strconv.FormatFloat(max(fenced.Sub(*l.wall), 0).Seconds(), 'f', 1, 64)
	}
	if l.position.reaches(observed) {
		return action.Passed("all that was seen of the old primary, %s, is kept; what it wrote after that is not known", observed)
	}
	return action.Passed("lost is what is after %s, at least up to %s", l.position, observed)
}
