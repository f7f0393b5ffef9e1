package sqlserver

import (
	"cmp"
	"context"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// roles are the changes of the primary role of a plain group. Neither may be sent
// twice without knowing how the first one ended, so neither is idempotent.
func roles() []operation {
	return []operation{
		changes(connectors.Action{Name: plain + "failover", Summary: "fails over to the target, which the server refuses unless nothing is lost", Outputs: []string{"primary", "at"}},
			failover, failoverProbe),
		changes(connectors.Action{Name: plain + "force-failover", Summary: "forces the failover to the target, after a fence, and gives up what the target has not hardened", Lossy: true,
			Outputs:    []string{"primary", "at", "method"},
			Parameters: []connectors.ActionParameter{evidenceParameter, unprovenParameter, ceilingParameter, unboundedParameter, fencedParameter}},
			forceFailover, forceProbe),
	}
}

// failover is the planned change, on the target: refused means that nothing happened,
// and nothing is ever forced in its place (SI-24).
func failover(ctx context.Context, a *actor, _ call) connectors.Outcome {
	before := a.look(ctx)
	if before.proved(before.next) == nil && before.roles[before.next] == primaryRole {
		if _, bad := before.onlyPrimary(); bad != nil {
			return action.NotBegun(*bad)
		}
		return before.tookOver("it was primary already")
	}
	if bad := before.mayFailOver(); bad != nil {
		return action.NotBegun(*bad)
	}
	p := a.look(ctx)
	if bad := p.mayFailOver(); bad != nil {
		return action.NotBegun(*bad)
	}
	if bad := p.reaches(before); bad != nil {
		return action.NotBegun(*bad)
	}
	s, o := a.open(ctx, p, p.next)
	if o != nil {
		return *o
	}
	defer s.close()
	statement := "ALTER AVAILABILITY GROUP " + quoteName(s.ag) + " FAILOVER"
	if err := s.run(ctx, statement); err != nil {
		return s.ended(ctx, statement, err)
	}
	return a.becomePrimary(ctx)
}

// mayFailOver requires right before the failover what the prechecks required: one
// primary, at the site that is left, nobody else who may write, and a target to which
// a failover loses nothing.
func (p *picture) mayFailOver() *connectors.Finding {
	because := func(f connectors.Finding) *connectors.Finding { return &f }
	primary, bad := p.onlyPrimary()
	if bad != nil {
		return bad
	}
	if primary.Site != p.from {
		return because(action.Refused(readiness.RoleUnexpected, "%s at %s is primary, and the site that is left is %s: nothing was sent", primary.Name, primary.Site, p.from))
	}
	if list := p.silent(primary); len(list) > 0 {
		return because(action.Unknown(readiness.WriterUnproven, "that %s does not write is not proved: nothing was sent", names(list)))
	}
	if r := p.roles[p.next]; r != secondaryRole {
		return because(action.Refused(readiness.RoleUnexpected, "%s is %s: nothing was sent", p.next.Name, cmp.Or(string(r), "in a role that is not told")))
	}
	if f := p.quorumAt(p.next); f.Result != connectors.Passed {
		return because(f)
	}
	if f, _ := p.ready(); f.Result != connectors.Passed {
		return because(f)
	}
	return nil
}

// reaches requires that the target has, by its own word, hardened what its primary
// knew of it a moment before, database by database. LSNs are compared for order, and
// on one recovery fork.
func (p *picture) reaches(before *picture) *connectors.Finding {
	because := func(code readiness.Code, format string, args ...any) *connectors.Finding {
		f := action.Refused(code, format, args...)
		return &f
	}
	earlier, now := before.bound(), p.bound()
	if earlier == nil || now == nil {
		return because(readiness.NotFailoverReady, "the target follows nobody: nothing was sent")
	}
	for _, pr := range now.pairs {
		var was *pair
		for i := range earlier.pairs {
			if earlier.pairs[i].is(pr.id, pr.name, false) {
				was = &earlier.pairs[i]
			}
		}
		if was == nil || was.remote == nil || pr.own == nil {
			return because(readiness.NotFailoverReady, "database %s is not told by both ends: nothing was sent", pr.name)
		}
		if !atLeast(pr.own.Hardened, was.remote.Hardened) {
			return because(readiness.SynchronizationLost, "database %s on %s is hardened to %s, and its primary had it at %s a moment ago: nothing was sent", pr.name, now.name, pr.own.Hardened, was.remote.Hardened)
		}
	}
	return nil
}

// becomePrimary waits until the target says that it is primary: the statement returns
// when it is accepted.
func (a *actor) becomePrimary(ctx context.Context) connectors.Outcome {
	for {
		p := a.look(ctx)
		if p.proved(p.next) == nil && p.roles[p.next] == primaryRole {
			return p.tookOver("")
		}
		if !action.Pause(ctx, 200*time.Millisecond) {
			return action.InDoubt("", "the statement was accepted, and %s is not primary yet", p.next.Name)
		}
	}
}

func (p *picture) tookOver(how string) connectors.Outcome {
	facts := connectors.Facts{"primary": p.next.Name, "at": p.book.Now.UTC().Format(time.RFC3339Nano)}
	if how != "" {
		how = "; " + how
	}
	return action.Done(facts, "%s is primary%s", p.next.Name, how)
}

// requestSQL finds a change of a group that is still being carried out, after its
// connection was lost. (sys.dm_exec_requests)
const requestSQL = `SELECT r.command FROM sys.dm_exec_requests AS r WHERE r.command LIKE 'ALTER AVAILABILITY%'`

// settledAs tells a statement that was not carried out from one under way: the target
// has the role it had in two looks, with nothing of the kind running there.
func (a *actor) settledAs(ctx context.Context, judge func(*picture) *connectors.Outcome) connectors.Outcome {
	var o *connectors.Outcome
	for i := range 2 {
		if i > 0 && !action.Pause(ctx, 500*time.Millisecond) {
			return action.InDoubt("", "there was no time to look again")
		}
		p := a.look(ctx)
		if bad := p.proved(p.next); bad != nil {
			return action.InDoubt(bad.Code, "%s", bad.Message)
		}
		if o = judge(p); o.State != connectors.NotDone {
			return *o
		}
		sets, f := a.ask(ctx, p, p.next, "master", requestSQL, 1)
		if f != nil {
			return action.InDoubt(f.Code, "%s; whether it is about to change is not known: %s", o.Message, f.Message)
		}
		if len(sets[0]) > 0 {
			return action.InDoubt("", "%s, and %s is carried out there", o.Message, sets[0][0].text("command"))
		}
	}
	return *o
}

func failoverProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	return a.settledAs(ctx, func(p *picture) *connectors.Outcome {
		var o connectors.Outcome
		switch primary, bad := p.onlyPrimary(); {
		case bad != nil:
			o = action.InDoubt(bad.Code, "%s", bad.Message)
		case primary == p.next:
			o = p.tookOver("")
		case p.roles[p.next] != secondaryRole:
			o = action.InDoubt("", "%s is %s", p.next.Name, p.roles[p.next])
		default:
			o = action.NotDone("", "%s is primary as before, and %s its secondary", primary.Name, p.next.Name)
		}
		return &o
	})
}

// forceFailover is the last resort of a failover, on the target. It needs a ceiling of
// loss (SI-25), and proof that nobody else writes (SI-22).
func forceFailover(ctx context.Context, a *actor, c call) connectors.Outcome {
	most, err := c.Limit("maxLoss", 0)
	if err != nil || most <= 0 {
		return action.Failed(readiness.RPOUnproven, "no ceiling of loss is given: the request of a failover needs maxLoss (SI-25)")
	}
	p := a.look(ctx)
	if bad := p.proved(p.next); bad != nil {
		return action.NotBegun(*bad)
	}
	if p.roles[p.next] == primaryRole {
		o := p.tookOver("it was primary already: nothing was forced")
		o.Facts["method"] = "not forced"
		return o
	}
	if bad := p.mayForce(c, most); bad != nil {
		return action.NotBegun(*bad)
	}
	method := "forced"
	if list := p.losses(); len(list) > 0 && p.allReady() {
		method = "as a planned one, if the cluster is right about what is ready"
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
	done := a.becomePrimary(ctx)
	if done.State == connectors.Done {
		done.Facts["method"] = method
	}
	return done
}

// allReady reports whether the cluster has every database of the target as ready.
func (p *picture) allReady() bool {
	for _, pr := range p.bound().pairs {
		if !p.surelyReady(pr.own) {
			return false
		}
	}
	return true
}

// mayForce requires right before what cannot be taken back: a Windows cluster, a fence,
// a quorum, no database that the force would leave unable to start, and a loss within
// the ceiling.
func (p *picture) mayForce(c call, most time.Duration) *connectors.Finding {
	because := func(f connectors.Finding) *connectors.Finding { return &f }
	if f := p.clusterIs("WSFC"); f.Result != connectors.Passed {
		return because(f)
	}
	if f := p.fenced(c.Arg("evidence"), c.Arg("unproven") == "accept"); f.Result != connectors.Passed {
		return because(f)
	}
	if f := p.quorumAt(p.next); f.Result != connectors.Passed && f.Code != readiness.QuorumForced {
		return because(f)
	}
	l, bad := p.boundTo()
	if bad != nil {
		return bad
	}
	for _, pr := range l.pairs {
		if pr.absent() {
			return because(action.Refused(readiness.DatabaseNotJoined, "database %s is not joined on %s and would be left behind", pr.name, l.name))
		}
		if bad := p.toxic(l, pr); bad != nil {
			return bad
		}
	}
	fenced, _ := time.Parse(time.RFC3339Nano, c.Arg("fencedAt")) // zero: not known
	if f := ceiling(p.losses(), most, fenced, c.Arg("unbounded") == "accept"); f.Result != connectors.Passed {
		return because(f)
	}
	return nil
}

func forceProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	return a.settledAs(ctx, func(p *picture) *connectors.Outcome {
		var o connectors.Outcome
		switch writers := p.with(primaryRole); {
		case len(writers) > 1:
			o = action.InDoubt(readiness.TwoWriters, "%s are primary at the same time", names(writers))
		case p.roles[p.next] == primaryRole:
			o = p.tookOver("")
			o.Facts["method"] = "not told: its answer was lost"
		case p.roles[p.next] != secondaryRole:
			// It was between roles before, most likely, and is so too while a force that was
			// accepted is carried out.
			o = action.InDoubt("", "%s is %s: it may become primary yet", p.next.Name, p.roles[p.next])
		default:
			o = action.NotDone("", "%s is %s", p.next.Name, p.roles[p.next])
		}
		return &o
	})
}
