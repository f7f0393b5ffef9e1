package sqlserver

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// distributedRoles are the changes of the role in a distributed group. The engine has
// one verb for taking it, and calls that one forced: what makes it lose nothing is that
// the other side gave the role up before and that both have hardened the same, which
// is looked at right before (SI-22, SI-24).
func distributedRoles() []operation {
	return []operation{
		changes(connectors.Action{Name: distributed + "demote", Summary: "the global primary gives up its role: from here nobody accepts writes", Idempotent: true},
			demote, demoteProbe),
		changes(connectors.Action{Name: distributed + "restore-primary", Summary: "gives the role back to the old global primary, which has everything, while the other side is secondary"},
			restorePrimary, restorePrimaryProbe),
		changes(connectors.Action{Name: distributed + "require-commits", Summary: "how many secondaries commits wait for, on both sides, from 2022 on; on older versions nothing is done", Idempotent: true, TakesBackParts: true,
			Parameters: []connectors.ActionParameter{action.Required("number", "how many; empty facts of versions without the setting are 0")}},
			requireCommits, requireCommitsProbe),
		changes(connectors.Action{Name: distributed + "take-over", Summary: "the forwarder becomes the global primary, after proof that both sides have hardened the same", Outputs: []string{"primary", "at"}},
			takeOver, takeOverProbe),
	}
}

// sides are what both sides of a distributed group say of their role in it.
func (p *picture) sides() (old, next role, bad *connectors.Finding) {
	if bad = p.provedAll(p.old, p.next); bad != nil {
		return "", "", bad
	}
	if split := p.twoLocalPrimaries(); len(split) > 0 {
		f := action.Refused(split[0].Code, "%s", split[0].Message)
		return "", "", &f
	}
	return p.roles[p.old], p.roles[p.next], nil
}

// hardened is how far each database is hardened on one side of a distributed group, by
// the row that side shows.
func (p *picture) hardened(n *node) map[string]string {
	found := map[string]string{}
	if len(p.places[n].across) == 0 {
		return found
	}
	group := p.places[n].across[0].Group
	for _, s := range n.databases {
		if s.Group != group {
			continue
		}
		if _, there := found[fold(s.Name)]; !there || isSet(s.Local) {
			found[fold(s.Name)] = s.Hardened
		}
	}
	return found
}

// equal requires that both sides have hardened exactly the same of every database, with
// nothing suspended.
func (p *picture) equal() connectors.Finding {
	left, right := p.hardened(p.old), p.hardened(p.next)
	expected := p.localNames(p.old)
	if len(expected) == 0 || len(left) != len(expected) || len(right) != len(expected) {
		return action.Unknown(readiness.IndicatorMissing, "%s shows %d databases of the distributed group, %s %d, and there are %d", p.old.Name, len(left), p.next.Name, len(right), len(expected))
	}
	for _, n := range []*node{p.old, p.next} {
		for _, s := range n.databases {
			if isSet(s.Local) && isSet(s.Suspended) {
				return action.Refused(readiness.DatabaseSuspended, "database %s on %s is suspended (%s)", s.Name, n.Name, s.Reason)
			}
		}
	}
	for _, name := range expected {
		a, b := left[fold(name)], right[fold(name)]
		order, ok := compareLSN(a, b)
		switch {
		case !ok:
			return action.Unknown(readiness.ValueInvalid, "how far database %s is hardened is not told by both sides (%q, %q)", name, a, b)
		case order != 0:
			return action.Refused(readiness.SynchronizationLost, "database %s is hardened to %s on %s and to %s on %s", name, a, p.old.Name, b, p.next.Name)
		}
		if x, y := byName(p.old.local, name).Fork, byName(p.next.local, name).Fork; x != "" && y != "" && x != y {
			return action.Refused(readiness.Diverged, "database %s is on recovery fork %s on %s and on %s on %s", name, x, p.old.Name, y, p.next.Name)
		}
	}
	text, err := json.Marshal(left)
	if err != nil { // maps of texts always can be written
		text = []byte("{}")
	}
	f := action.Passed("both sides have hardened the same: %s", text)
	f.Facts = connectors.Facts{"positions": string(text)}
	return f
}

func waitEqual(ctx context.Context, a *actor, _ call) connectors.Finding {
	return a.await(ctx, func(p *picture) (connectors.Finding, bool) {
		if f, final := p.ready(); f.Result != connectors.Passed {
			return f, final
		}
		return p.equal(), false
	})
}

// bothSecondary requires that the side that is left gave up its role and the other one
// has not taken it.
func (p *picture) bothSecondary() *connectors.Finding {
	old, next, bad := p.sides()
	if bad == nil && (old != forwarderRole || next != forwarderRole) {
		f := action.Refused(readiness.RoleUnexpected, "%s is %s and %s is %s, and both have to be secondary", p.old.Name, old, p.next.Name, next)
		bad = &f
	}
	return bad
}

func proveEqual(ctx context.Context, a *actor, _ call) connectors.Finding {
	return a.await(ctx, func(p *picture) (connectors.Finding, bool) {
		if bad := p.bothSecondary(); bad != nil {
			return *bad, bad.Result == connectors.Refused
		}
		f := p.equal()
		return f, f.Code == readiness.Diverged
	})
}

// demote is the fence of a planned change: the engine itself refuses writes then.
func demote(ctx context.Context, a *actor, _ call) connectors.Outcome {
	p := a.look(ctx)
	old, next, bad := p.sides()
	switch {
	case bad != nil:
		return action.NotBegun(*bad)
	case old == forwarderRole && next == forwarderRole:
		return demoted(p)
	case old != primaryRole || next != forwarderRole:
		return action.Failed(readiness.RoleUnexpected, "%s is %s and %s is %s: nothing was sent", p.old.Name, old, p.next.Name, next)
	}
	if f, _ := p.ready(); f.Result != connectors.Passed {
		return action.NotBegun(f)
	}
	s, o := a.open(ctx, p, p.old)
	if o != nil {
		return *o
	}
	defer s.close()
	statement := "ALTER AVAILABILITY GROUP " + quoteName(s.ag) + " SET (ROLE = SECONDARY)"
	if err := s.run(ctx, statement); err != nil {
		return s.ended(ctx, statement, err)
	}
	return demoteProbe(ctx, a, call{})
}

func demoted(p *picture) connectors.Outcome {
	return action.Done(nil, "%s and %s are both secondary: nobody accepts writes", p.old.Name, p.next.Name)
}

func demoteProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	p := a.look(ctx)
	old, next, bad := p.sides()
	switch {
	case bad != nil:
		return action.InDoubt(bad.Code, "%s", bad.Message)
	case old == forwarderRole && (next == forwarderRole || next == primaryRole):
		return demoted(p)
	case old == primaryRole:
		return action.NotDone("", "%s is the global primary", p.old.Name)
	default:
		return action.InDoubt("", "%s is %s and %s is %s", p.old.Name, old, p.next.Name, next)
	}
}

// restorePrimary takes the demotion back, on the side that has everything.
func restorePrimary(ctx context.Context, a *actor, _ call) connectors.Outcome {
	p := a.look(ctx)
	if old, next, bad := p.sides(); bad == nil && old == primaryRole && next == forwarderRole {
		return action.Done(nil, "%s is the global primary", p.old.Name)
	}
	if bad := p.bothSecondary(); bad != nil {
		return action.NotBegun(*bad)
	}
	left, right := p.hardened(p.old), p.hardened(p.next)
	for _, name := range p.localNames(p.old) {
		if !atLeast(left[fold(name)], right[fold(name)]) {
			return action.Failed(readiness.CandidateBehind, "that %s has all of database %s is not proved (%q, and %q on %s): nothing was sent", p.old.Name, name, left[fold(name)], right[fold(name)], p.next.Name)
		}
	}
	s, o := a.open(ctx, p, p.old)
	if o != nil {
		return *o
	}
	defer s.close()
	statement := "ALTER AVAILABILITY GROUP " + quoteName(s.ag) + " FORCE_FAILOVER_ALLOW_DATA_LOSS"
	if err := s.run(ctx, statement); err != nil {
		return s.ended(ctx, statement, err)
	}
	return restorePrimaryProbe(ctx, a, call{})
}

func restorePrimaryProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	p := a.look(ctx)
	switch old, next, bad := p.sides(); {
	case bad != nil:
		return action.InDoubt(bad.Code, "%s", bad.Message)
	case old == primaryRole && next == forwarderRole:
		return action.Done(nil, "%s is the global primary", p.old.Name)
	case old == forwarderRole && next == forwarderRole:
		return action.NotDone("", "both sides are secondary")
	default:
		return action.InDoubt(readiness.Conflict, "%s is %s and %s is %s", p.old.Name, old, p.next.Name, next)
	}
}

// takeOver is the point of no return. Everything that makes it lose nothing is looked
// at right before, on both sides.
func takeOver(ctx context.Context, a *actor, _ call) connectors.Outcome {
	p := a.look(ctx)
	if old, next, bad := p.sides(); bad == nil && next == primaryRole && old == forwarderRole {
		return p.tookOver("it was the global primary already")
	}
	if bad := p.bothSecondary(); bad != nil {
		return action.NotBegun(*bad)
	}
	if f := p.equal(); f.Result != connectors.Passed {
		return action.NotBegun(f)
	}
	s, o := a.open(ctx, p, p.next)
	if o != nil {
		return *o
	}
	defer s.close()
	statement := "ALTER AVAILABILITY GROUP " + quoteName(s.ag) + " FORCE_FAILOVER_ALLOW_DATA_LOSS"
	if err := s.run(ctx, statement); err != nil {
		return s.ended(ctx, statement, err)
	}
	return a.becomePrimary(ctx)
}

func takeOverProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	return a.settledAs(ctx, func(p *picture) *connectors.Outcome {
		var o connectors.Outcome
		switch old, next, bad := p.sides(); {
		case bad != nil:
			o = action.InDoubt(bad.Code, "%s", bad.Message)
		case next == primaryRole && old == forwarderRole:
			o = p.tookOver("")
		case next == forwarderRole && (old == forwarderRole || old == primaryRole):
			o = action.NotDone("", "%s is %s", p.next.Name, next)
		default:
			o = action.InDoubt(readiness.Conflict, "%s is %s and %s is %s", p.old.Name, old, p.next.Name, next)
		}
		return &o
	})
}

// requireFrom is the first version in which the setting has a meaning for a distributed
// group. (Configure a distributed availability group)
const requireFrom = 16

// requireCommits keeps a side from acknowledging what the other one does not have.
func requireCommits(ctx context.Context, a *actor, c call) connectors.Outcome {
	p, list, number, o := a.requiring(ctx, c)
	if o != nil {
		return action.Failed(o.Code, "%s", o.Message)
	}
	changed := false
	for _, n := range list {
		if now := p.required(n); now != nil && *now == number {
			continue
		}
		s, o := a.open(ctx, p, n)
		if o != nil {
			return action.Partly(changed, *o)
		}
		statement := "ALTER AVAILABILITY GROUP " + quoteName(s.ag) + " SET (REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = " + strconv.FormatInt(number, 10) + ")"
		err := s.run(ctx, statement)
		ended := connectors.Outcome{}
		if err != nil {
			ended = s.ended(ctx, statement, err)
		}
		s.close()
		if err != nil {
			return action.Partly(changed, ended)
		}
		changed = true
	}
	return requireCommitsProbe(ctx, a, c)
}

// requiring are the sides on which the number has a meaning, and the number.
func (a *actor) requiring(ctx context.Context, c call) (*picture, []*node, int64, *connectors.Outcome) {
	p := a.look(ctx)
	number := int64(0)
	if text := c.Arg("number"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > 1 {
			o := action.InDoubt("", "number: %q is neither 0 nor 1", text)
			return p, nil, 0, &o
		}
		number = n
	}
	if _, _, bad := p.sides(); bad != nil {
		o := action.InDoubt(bad.Code, "%s", bad.Message)
		return p, nil, 0, &o
	}
	var list []*node
	for _, n := range []*node{p.old, p.next} {
		if n.facts.Major >= requireFrom && len(p.places[n].across) > 0 {
			list = append(list, n)
		}
	}
	return p, list, number, nil
}

func requireCommitsProbe(ctx context.Context, a *actor, c call) connectors.Outcome {
	p, list, number, o := a.requiring(ctx, c)
	if o != nil {
		return *o
	}
	told := map[string]string{}
	for _, n := range list {
		now := p.required(n)
		if now == nil {
			return action.InDoubt(readiness.ValueInvalid, "%s does not tell how many secondaries commits wait for", n.Name)
		}
		if *now != number {
			return action.NotDone("", "commits of the distributed group wait for %d on %s, not for %d", *now, n.Name, number)
		}
		told[n.Name] = strconv.FormatInt(*now, 10)
	}
	if len(told) == 0 {
		return action.Done(nil, "no side runs a version in which this has a meaning")
	}
	return action.Done(nil, "commits wait for %d on %v", number, slices.Sorted(maps.Keys(told)))
}
