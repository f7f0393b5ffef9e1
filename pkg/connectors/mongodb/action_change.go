package mongodb

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Codes of refusals that mean something by themselves.
const (
	codeTimeExpired   = 50  // servers before 4.2 answer it in place of the next
	codeExceededLimit = 262 // no electable secondary caught up
	codeIncompatible  = 103 // somebody reconfigured first
	codeNotCommitted  = 308 // the configuration before is not committed yet
)

func changes() []operation {
	return []operation{
		{
			Action: connectors.Action{Name: prefix + "freeze", Summary: "keeps the other electable members from standing for election for a time",
				Changes: true, Idempotent: true, Outputs: []string{"members", "until"},
				Parameters: []connectors.ActionParameter{{Name: "for", Summary: "for how long; 60s longer than the step-down", Default: "180s"}}},
			Do: freeze, Probe: freezeProbe,
		},
		{
			Action: connectors.Action{Name: prefix + "unfreeze", Summary: "lets all members stand for election again",
				Changes: true, Idempotent: true, Outputs: []string{"members"},
				Parameters: []connectors.ActionParameter{action.Optional("old", "the member that stepped down, which stays out (${steps.mark.primary})")}},
			Do: unfreeze, Probe: unfreezeProbe,
		},
		{
			Action: connectors.Action{Name: prefix + "step-down", Summary: "makes the primary give its role up, once a member that can be elected has everything",
				Changes: true, Outputs: []string{"at", "old", "term", "clean"},
				Parameters: []connectors.ActionParameter{
					{Name: "for", Summary: "for how long it does not take the role again", Default: "120s"},
					{Name: "catchUp", Summary: "how long it waits for the others; shorter than for", Default: "30s"},
					action.Required("term", "the term in which the primary was recorded (${steps.mark.term})"),
					action.Optional("frozenUntil", "until when the others are frozen (${steps.freeze.until})")}},
			Do: leave, Probe: leaveProbe,
		},
		{
			Action: connectors.Action{Name: prefix + "set-priorities", Summary: "gives the target the highest priority, and nothing else; the highest one goes to where the target's was",
				Changes: true, Idempotent: true, Outputs: []string{"version", "before", "after"}},
			Do: setPriorities, Probe: setPrioritiesProbe,
		},
	}
}

// toFreeze are the members that could win against the target.
func (s *set) toFreeze(to string) []*node {
	target := s.target(to)
	var list []*node
	for i := range s.config.Members {
		m := &s.config.Members[i]
		if n := s.at(m); n != nil && m.electable() && (target == nil || m.ID != target.ID) && !n.writes() {
			list = append(list, n)
		}
	}
	return list
}

// freeze is step 2 of a step-down. A member that cannot be frozen could win, so it
// fails for all of them; those that are frozen by then are so for that long, unless the
// undo comes first.
func freeze(ctx context.Context, a *actor, c call) connectors.Outcome {
	length, err := c.Limit("for", 180*time.Second)
	if err != nil {
		return action.Failed("", "%v", err)
	}
	s := a.look(ctx)
	if _, bad := s.onlyPrimary(); bad != nil {
		return action.NotBegun(*bad)
	}
	if _, _, bad := s.ready(a.spec.To); bad != nil {
		return action.NotBegun(*bad)
	}
	until := a.c.now().Add(length)
	for i, n := range s.toFreeze(a.spec.To) {
		if o := a.send(ctx, s, n, "replSetFreeze", int32(length.Seconds())); o != nil {
			return action.Partly(i > 0, *o)
		}
		a.frozen[n.Name], a.thawed[n.Name] = until, false
	}
	return a.freezeFacts(s)
}

func (a *actor) freezeFacts(s *set) connectors.Outcome {
	list := s.toFreeze(a.spec.To)
	if len(list) == 0 {
		return action.Done(connectors.Facts{"members": "none", "until": ""}, "no other member can be elected: there is nobody to freeze")
	}
	until := a.frozen[list[0].Name]
	for _, n := range list {
		if a.frozen[n.Name].Before(until) {
			until = a.frozen[n.Name]
		}
	}
	if !a.c.now().Before(until) {
		return action.NotDone("", "whether %s is frozen cannot be seen from outside; freezing again does no harm", names(list))
	}
	return action.Done(connectors.Facts{"members": names(list), "until": until.UTC().Format(time.RFC3339)}, "%s is frozen until %s", names(list), until.UTC().Format(time.RFC3339))
}

// freezeProbe knows what this process did and nothing else: no status shows it.
func freezeProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	s := a.look(ctx)
	if s.config == nil {
		return action.InDoubt(readiness.QuorumUnknown, "no member told the configuration")
	}
	return a.freezeFacts(s)
}

// send sends one command whose answer says nothing more than that it was done.
func (a *actor) send(ctx context.Context, s *set, n *node, name string, value any) *connectors.Outcome {
	m, o := a.openMember(ctx, s, n)
	if o != nil {
		return o
	}
	defer m.close()
	timed, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
	defer cancel()
	if _, err := (command{"admin", bson.D{{Key: name, Value: value}}}).run(timed, m.server); err != nil {
		ended := m.ended(name, err)
		return &ended
	}
	return nil
}

// unfreeze sends to every member that is a follower and could have been frozen, not
// only to those this process froze: a run that died may have left some.
func unfreeze(ctx context.Context, a *actor, c call) connectors.Outcome {
	s := a.look(ctx)
	if s.config == nil {
		return action.Failed(readiness.QuorumUnknown, "no member told the configuration")
	}
	var list []*node
	for i := range s.config.Members {
		m := &s.config.Members[i]
		n := s.at(m)
		// The old primary is kept from election by its step-down, which the same
		// command would end.
		if n == nil || m.Arbiter || n.writes() || n.Name == c.Arg("old") {
			continue
		}
		if _, ours := a.frozen[n.Name]; !m.electable() && !ours {
			continue
		}
		if o := a.send(ctx, s, n, "replSetFreeze", int32(0)); o != nil {
			if o.State == connectors.Failed {
				o.State = connectors.NotDone
			}
			return *o
		}
		a.thawed[n.Name] = true
		delete(a.frozen, n.Name)
		list = append(list, n)
	}
	facts := "none"
	if len(list) > 0 {
		facts = names(list)
	}
	return action.Done(connectors.Facts{"members": facts}, "unfrozen: %s", facts)
}

func unfreezeProbe(_ context.Context, a *actor, _ call) connectors.Outcome {
	if len(a.frozen) > 0 {
		return action.NotDone("", "%d members that this run froze were not unfrozen", len(a.frozen))
	}
	var list []string
	for name, ok := range a.thawed {
		if ok {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		return action.NotDone("", "whether a member is frozen cannot be seen from outside; unfreezing again does no harm")
	}
	slices.Sort(list)
	return action.Done(connectors.Facts{"members": strings.Join(list, ", ")}, "unfrozen: %s", strings.Join(list, ", "))
}

// leave is the one change that must never be sent twice: the second one would
// hit whoever is primary by then. So the member is the one that was recorded, in the
// term that was recorded, over a direct connection; and no answer is no answer.
func leave(ctx context.Context, a *actor, c call) connectors.Outcome {
	length, err := c.Limit("for", 120*time.Second)
	if err != nil {
		return action.Failed("", "%v", err)
	}
	catchUp, err := c.Limit("catchUp", 30*time.Second)
	if err != nil {
		return action.Failed("", "%v", err)
	}
	if length <= catchUp {
		return action.Failed("", "for (%s) must be longer than catchUp (%s)", length, catchUp)
	}
	if end, has := ctx.Deadline(); has && time.Until(end) < catchUp+2*time.Second {
		return action.Failed("", "the step ends in %s, and the server may wait for %s: nothing was sent", time.Until(end).Round(time.Second), catchUp)
	}
	s := a.look(ctx)
	p, bad := s.onlyPrimary()
	if bad != nil {
		return action.NotBegun(*bad)
	}
	if f := a.mayLeave(s, p, c); f != nil {
		return action.NotBegun(*f)
	}
	if until := c.Arg("frozenUntil"); until != "" {
		at, err := time.Parse(time.RFC3339, until)
		if err != nil || at.Before(a.c.now().Add(length)) {
			return action.Failed(readiness.Conflict, "the others are frozen until %s, which is before the step-down ends: freeze them again", until)
		}
	}
	m, o := a.openMember(ctx, s, p)
	if o != nil {
		return *o
	}
	defer m.close()
	a.sent = time.Now().Add(catchUp + time.Second)
	_, err = (command{"admin", bson.D{
		{Key: "replSetStepDown", Value: int32(length.Seconds())}, {Key: "secondaryCatchUpPeriodSecs", Value: int32(catchUp.Seconds())},
	}}).run(ctx, m.server)
	if err == nil {
		a.sent = time.Time{}
		return action.Done(connectors.Facts{"at": a.c.now().UTC().Format(time.RFC3339Nano), "old": p.Name, "term": c.Arg("term"), "clean": "true"}, "%s stepped down for %s", p.Name, length)
	}
	answer, ok := asAnswered(err)
	if ok {
		a.sent = time.Time{}
	}
	if ok && (answer.code == codeExceededLimit || answer.code == codeTimeExpired) {
		return action.NotDone(readiness.ReplicationLagHigh, "%s did not step down, and nothing changed: no electable secondary caught up within %s (%s)", p.Name, catchUp, answer.message)
	}
	return m.ended("replSetStepDown", err)
}

// mayLeave requires, right before the step-down, what the prechecks required: the
// recorded term, a target that can win and has nearly everything, and majorities.
func (a *actor) mayLeave(s *set, p *node, c call) *connectors.Finding {
	no := func(f connectors.Finding) *connectors.Finding { return &f }
	switch {
	case p.Site != a.spec.From:
		return no(action.Refused(readiness.RoleUnexpected, "%s at %s is primary, and the site that is left is %s: nothing was sent", p.Name, p.Site, a.spec.From))
	case strconv.FormatInt(*p.status.Term, 10) != c.Arg("term"):
		return no(action.Refused(readiness.Conflict, "the term is %d and was %s: there was an election since, nothing was sent", *p.status.Term, c.Arg("term")))
	}
	if list := s.silent(p); len(list) > 0 {
		return no(action.Unknown(readiness.WriterUnproven, "whether %s writes is not known: nothing was sent", names(list)))
	}
	if f := s.behindBy(a.spec.To, 10*time.Second); f.Result != connectors.Passed {
		return &f
	}
	if t, ok := s.tallied(); !ok || t.votes < t.majority || t.data < t.majority {
		return no(action.Refused(readiness.QuorumLost, "%d of %d votes and %d voters with data answer, and it takes %d of each: nothing was sent", t.votes, t.total, t.data, t.majority))
	}
	return nil
}

// leaveProbe: the recorded primary says itself that it is none. As long as it is
// primary in the same term, the command may still be waiting for the others.
func leaveProbe(ctx context.Context, a *actor, c call) connectors.Outcome {
	term, err := strconv.ParseInt(c.Arg("term"), 10, 64)
	if err != nil {
		return action.InDoubt("", "the term %q is no number", c.Arg("term"))
	}
	s := a.look(ctx)
	newest := int64(-1)
	for _, n := range s.nodes {
		if s.proved(n) == nil && !n.arbiter() {
			newest = max(newest, *n.status.Term)
		}
	}
	var quiet []*node
	for _, n := range s.nodes {
		if n.Site != a.spec.From || n.arbiter() {
			continue
		}
		if f := s.proved(n); f != nil {
			return action.InDoubt(f.Code, "whether a member at %s stepped down is not known: %s", n.Site, f.Message)
		}
		if !n.writes() {
			quiet = append(quiet, n)
			continue
		}
		if *n.status.Term > term {
			return action.InDoubt(readiness.Conflict, "%s is primary in term %d, and was in term %d: it stepped down and has the role again, or there was another election", n.Name, *n.status.Term, term)
		}
		return a.stillPrimary(ctx, n)
	}
	if len(quiet) == 0 || newest < term {
		return action.InDoubt("", "no member at %s answered for the term %d", a.spec.From, term)
	}
	facts := connectors.Facts{"at": "", "old": names(quiet), "term": c.Arg("term"), "clean": ""} // how it ended, nobody heard
	return action.Done(facts, "%s says that it is not primary; the newest term is %d, and was %d", names(quiet), newest, term)
}

// stillPrimary tells a command that was not carried out from one under way.
func (a *actor) stillPrimary(ctx context.Context, n *node) connectors.Outcome {
	ops, err := a.ask(ctx, n, admin("currentOp"))
	if err != nil {
		return action.InDoubt("", "%s is primary as before; whether it is about to step down is not known: %s", n.Name, queryFailure("currentOp", err).Message)
	}
	if ops.lookup("inprog").Type != bson.TypeArray {
		return action.InDoubt("", "%s is primary as before; whether it is about to step down it did not tell", n.Name)
	}
	for _, op := range ops.documents("inprog") {
		if op.lookup("command", "replSetStepDown").Type != 0 {
			return action.InDoubt("", "%s is primary, and a step-down waits there for the others to catch up", n.Name)
		}
	}
	return action.NotDone("", "%s is primary as before, and no step-down is under way there", n.Name)
}

// setPriorities changes priorities alone, by the configuration that was read over
// the same connection a moment before. A primary that somebody else reconfigured in
// between refuses the version.
func setPriorities(ctx context.Context, a *actor, _ call) connectors.Outcome {
	s, p, bad := a.settled(ctx)
	if bad != nil {
		return action.NotBegun(*bad)
	}
	target, n, bad := s.ready(a.spec.To)
	if bad != nil {
		return action.NotBegun(*bad)
	}
	m, o := a.openMember(ctx, s, p)
	if o != nil {
		return *o
	}
	defer m.close()
	if m.config.preferred(m.config.seat(target.Host)) {
		return action.Done(priorityFacts(m.config, m.config.priorities()), "%s has the highest priority already, %g", n.Name, target.Priority)
	}
	wanted, err := m.config.moved(target)
	if err != nil {
		return action.Failed(readiness.PriorityUnexpected, "%v", err)
	}
	version := *m.config.Version + 1
	next, err := reprioritized(m.raw, version, wanted)
	if err != nil {
		return action.Failed(readiness.ValueInvalid, "the configuration of %s: %v", p.Name, err)
	}
	timed, cancel := context.WithTimeout(ctx, reconfigLimit+2*time.Second)
	defer cancel()
	_, err = (command{"admin", bson.D{{Key: "replSetReconfig", Value: next}, {Key: "maxTimeMS", Value: reconfigLimit.Milliseconds()}}}).run(timed, m.server)
	if err == nil {
		facts := priorityFacts(m.config, wanted)
		facts["version"] = strconv.FormatInt(version, 10)
		return action.Done(facts, "%s has the highest priority: %s, in version %d", n.Name, facts["after"], version)
	}
	if answer, ok := asAnswered(err); ok {
		switch answer.code {
		case codeIncompatible:
			return action.NotDone(readiness.Conflict, "somebody else changed the configuration first, and nothing was overwritten: %s", answer.message)
		case codeNotCommitted:
			return action.NotDone(readiness.ConfigUncommitted, "the configuration before is not committed yet, and nothing was changed: %s", answer.message)
		case codeTimeExpired, codeExceededLimit:
			return action.InDoubt(readiness.ConfigUncommitted, "%s installed the configuration or not; no majority has confirmed it in time: %s", p.Name, answer.message)
		}
	}
	return m.ended("replSetReconfig", err)
}

// settled waits until a majority has the configuration as it is: an election gives it
// a new term, and until that is known everywhere the server takes no other.
func (a *actor) settled(ctx context.Context) (*set, *node, *connectors.Finding) {
	timed, cancel := context.WithTimeout(ctx, reconfigLimit)
	defer cancel()
	for {
		s := a.look(ctx)
		p, bad := s.onlyPrimary()
		if bad != nil || p.config.Committed != nil && *p.config.Committed {
			return s, p, bad
		}
		select {
		case <-timed.Done():
			return s, p, nil // the server decides
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// reconfigLimit is how long the primary may wait for a majority to have the
// configuration.
const reconfigLimit = 20 * time.Second

func setPrioritiesProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	s := a.look(ctx)
	p, bad := s.onlyPrimary()
	if bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	m := s.target(a.spec.To)
	switch {
	case m == nil:
		return action.NotDone(readiness.NotElectable, "no member at %s can be elected", a.spec.To)
	case !s.config.preferred(m):
		return action.NotDone("", "%s has priority %g and not the highest", s.called(m), m.Priority)
	case p.config.Committed == nil || !*p.config.Committed:
		return action.InDoubt(readiness.ConfigUncommitted, "configuration %s of %s is not known to a majority", p.config, p.Name)
	}
	return action.Done(priorityFacts(s.config, s.config.priorities()), "%s has the highest priority, %g, and the configuration is committed", s.called(m), m.Priority)
}
