package snowflake

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var unprovenParameter = connectors.ActionParameter{Name: "unproven", Default: "refuse",
	Summary: "accept, where the request accepts that an account which does not answer may be primary (${unproven})"}

// promotions make the target primary: one for planned changes, which requires that the
// copy is complete, and one for failovers, which gives up what it lacks. Neither can
// stand for the other.
func promotions() []operation {
	return []operation{
		{
			Action: connectors.Action{Name: onGroup + "promote", Summary: "promotes a copy that has everything: the source answers, nothing writes there, and the last snapshot is later than the last write",
				Changes: true, Idempotent: true, Outputs: []string{"at", "complete"},
				Parameters: []connectors.ActionParameter{
					action.Required("snapshots", "the snapshots of the last refresh (${steps.final-refresh.snapshots})"),
					action.Required("quiesced", "the moment at which writing had ended (${steps.quiesce.at})")}},
			Do: promote, Probe: promoteProbe,
		},
		{
			Action: connectors.Action{Name: onGroup + "force-promote", Summary: "promotes the copy as it is and gives up what it lacks; refused while the source gives signs of life",
				Changes: true, Idempotent: true, Lossy: true, Outputs: []string{"at", "complete"},
				Parameters: []connectors.ActionParameter{
					action.Required("snapshots", "the snapshots that were recorded before (${steps.bound.snapshots})"),
					action.Required("ceiling", "how much may be lost at most, as time (${max.loss})"),
					unprovenParameter}},
			Do: forcePromote, Probe: promoteProbe,
		},
		reads(onGroup+"measure-loss", "bounds what was lost, by the snapshots that were recorded before the promotion", measureLoss,
			[]string{"since", "secondsAtMost", "exact", "method"},
			action.Required("snapshots", "the snapshots before the promotion (${steps.bound.snapshots})"),
			action.Optional("stopped", "when the source is known to have stopped taking writes")),
	}
}

// pending are the groups that are not primary in the target yet, in their order.
func (s *sight) pending() (list []int, bad *connectors.Finding) {
	for i := range s.a.groups() {
		row, bad := s.row(i, s.to)
		if bad != nil {
			return nil, bad
		}
		if !*row.IsPrimary {
			list = append(list, i)
		}
	}
	return list, nil
}

func promote(ctx context.Context, a *actor, c call) connectors.Outcome {
	final, err := parseMoments(c.Arg("snapshots"), a.groups())
	if err != nil {
		return action.Failed("", "%v", err)
	}
	quiesced, err := time.Parse(time.RFC3339Nano, c.Arg("quiesced"))
	if err != nil {
		return action.Failed("", "quiesced: %q is no time", c.Arg("quiesced"))
	}
	return a.makePrimary(ctx, c, func(s *sight, pending []int) *connectors.Finding {
		for _, i := range pending {
			row, bad := s.row(i, s.from)
			if bad != nil {
				return bad
			}
			if !*row.IsPrimary {
				f := action.Refused(readiness.RoleUnexpected, "%s on %s is not primary", row.Name, s.from.Name)
				return &f
			}
		}
		if f := s.clean(); f.Result != connectors.Passed {
			return &f
		}
		now := moments{}
		for _, i := range pending {
			name := a.groups()[i]
			at, bad := s.snapshot(i, s.to)
			if bad != nil {
				return bad
			}
			if at.Before(final[name]) || !at.After(quiesced) {
				f := action.Refused(readiness.RPOUnproven, "the snapshot of %s is of %s; the last refresh brought %s, and writing ended at %s", name, stamp(at), stamp(final[name]), stamp(quiesced))
				return &f
			}
			now[name] = at
		}
		return a.stillQuiet(ctx, pending, now)
	})
}

// stillQuiet requires, right before a planned promotion, that nothing that the role
// sees was written at the source after the snapshots, and that nothing runs there.
func (a *actor) stillQuiet(ctx context.Context, pending []int, snapshots moments) *connectors.Finding {
	x, o := a.open(ctx, a.at(a.spec.From))
	if o != nil {
		f := action.Unknown(o.Code, "%s", o.Message)
		return &f
	}
	defer x.close()
	if o := x.quiet(ctx); o.State != connectors.Done {
		f := action.AsFinding(o)
		if f.Code == "" {
			f.Code = readiness.PrimaryAlive
		}
		return &f
	}
	for _, i := range pending {
		row, bad := x.row(i)
		if bad != nil {
			return bad
		}
		rows, err := x.query(ctx, membersSQL(row.Name))
		if err != nil {
			f := x.unread("the databases of "+row.Name, err)
			return &f
		}
		for _, database := range databases(rows) {
			altered, err := x.query(ctx, alteredSQL(database))
			if err != nil {
				f := x.unread("the tables of "+database, err)
				return &f
			}
			for _, r := range altered {
				at := r.Time("last_altered")
				if snapshot := snapshots[a.groups()[i]]; at != nil && at.After(snapshot) {
					f := action.Refused(readiness.RPOUnproven, "%s.%s.%s on %s was changed at %s, after the snapshot of %s: something still writes there", database, r.Text("table_schema"), r.Text("table_name"), x.account.Name, stamp(*at), stamp(snapshot))
					return &f
				}
			}
		}
	}
	return nil
}

func forcePromote(ctx context.Context, a *actor, c call) connectors.Outcome {
	before, err := parseMoments(c.Arg("snapshots"), a.groups())
	if err != nil {
		return action.Failed("", "%v", err)
	}
	ceiling, err := time.ParseDuration(c.Arg("ceiling"))
	if err != nil || ceiling < 0 {
		return action.Failed("", "ceiling: %q is no length of time", c.Arg("ceiling"))
	}
	return a.makePrimary(ctx, c, func(s *sight, pending []int) *connectors.Finding {
		if bad := s.gone(c.Arg("unproven") == "accept"); bad.Result != connectors.Passed {
			return &bad
		}
		clock := a.c.clockOf(s.to)
		for _, i := range pending {
			name := a.groups()[i]
			at, bad := s.snapshot(i, s.to)
			if bad != nil {
				return bad
			}
			if at.Before(before[name]) {
				f := action.Refused(readiness.Conflict, "the snapshot of %s is of %s, and was of %s a moment ago", name, stamp(at), stamp(before[name]))
				return &f
			}
			if age := clock.Sub(at); age > ceiling {
				f := action.Refused(readiness.LagOverRPO, "up to %s could be lost since the snapshot of %s, and the ceiling of the request is %s", age.Round(time.Second), stamp(at), ceiling)
				return &f
			}
		}
		return nil
	})
}

// makePrimary promotes what is not primary yet, in the declared order, after everything
// that forbids it was looked at in all accounts, and again over the session that is
// used. A group that is primary is never promoted: what that does is not documented.
func (a *actor) makePrimary(ctx context.Context, c call, may func(*sight, []int) *connectors.Finding) connectors.Outcome {
	s, bad := a.drained(ctx)
	if bad != nil {
		return *notSent(*bad)
	}
	pending, bad := s.pending()
	if bad != nil {
		return *notSent(*bad)
	}
	if len(pending) == 0 {
		return promoteProbe(ctx, a, c)
	}
	partly := len(pending) < len(a.groups())
	no := func(f connectors.Finding) connectors.Outcome {
		if partly {
			return action.InDoubt(readiness.GroupsSplit, "some groups are primary on %s and %s not yet: %s", s.to.Name, a.groups()[pending[0]], f.Message)
		}
		return *notSent(f)
	}
	for _, i := range pending {
		row, bad := s.row(i, s.to)
		if bad == nil {
			bad = isCopy(s.View, row, s.to, s.from)
		}
		if bad != nil {
			return no(*bad)
		}
	}
	if bad := may(s, pending); bad != nil {
		return no(*bad)
	}
	x, o := a.open(ctx, a.at(a.spec.To))
	if o != nil {
		return no(connectors.Finding{Result: connectors.Unknown, Code: o.Code, Message: o.Message})
	}
	defer x.close()
	for n, i := range pending {
		row, bad := x.row(i)
		if bad == nil {
			bad = isCopy(x.view, row, x.account, x.accounts[a.at(a.spec.From)])
		}
		if bad != nil {
			return no(*bad)
		}
		if o := x.run(ctx, promoteSQL(row.Name), a.tag("promote")); o != nil {
			if n > 0 || partly {
				return action.InDoubt(readiness.GroupsSplit, "some groups are primary on %s and %s not: %s", x.account.Name, row.Name, o.Message)
			}
			return *o
		}
	}
	return promoteProbe(ctx, a, c)
}

// promoteProbe reads the target's own rows. The copy was complete when the statement
// that made it primary is one of this run's planned promotion: that was sent only after
// it had been proved.
func promoteProbe(ctx context.Context, a *actor, c call) connectors.Outcome {
	x, o := a.open(ctx, a.at(a.spec.To))
	if o != nil {
		return action.InDoubt(o.Code, "%s", o.Message)
	}
	defer x.close()
	planned := strings.HasSuffix(c.Action, "/promote")
	var primary, copies []string
	complete := planned
	for i, name := range a.groups() {
		row, bad := x.row(i)
		if bad != nil {
			return action.InDoubt(bad.Code, "%s", bad.Message)
		}
		list, err := x.past(ctx, promoteSQL(row.Name), a.tag("promote"))
		if err != nil {
			f := x.unread("the history of statements", err)
			return action.InDoubt(f.Code, "%s", f.Message)
		}
		ours := false
		for _, p := range list {
			ours = ours || p.succeeded()
			if p.running() {
				return action.InDoubt("", "the promotion of %s runs on %s as %s", name, x.account.Name, p.id)
			}
		}
		complete = complete && ours
		if *row.IsPrimary {
			primary = append(primary, name)
		} else {
			copies = append(copies, name)
		}
	}
	switch {
	case len(primary) == 0:
		return action.NotDone("", "%s on %s is a copy as before, and no promotion is under way", joined(copies), x.account.Name)
	case len(copies) > 0:
		return action.InDoubt(readiness.GroupsSplit, "%s on %s is primary, and %s is not: the application can write in neither account as a whole; the same command goes on", joined(primary), x.account.Name, joined(copies))
	}
	facts := connectors.Facts{"at": stamp(a.c.clockOf(x.account)), "complete": strconv.FormatBool(complete)}
	if planned && !complete {
		return action.Done(facts, "%s on %s is primary, and not by a statement of this run: whether the copy was complete is not known", joined(primary), x.account.Name)
	}
	return action.Done(facts, "%s on %s is primary", joined(primary), x.account.Name)
}

// lossChecks are those of a failover.
func lossChecks() []operation {
	return []operation{
		reads(onGroup+"primary-gone", "the source does not answer, and nothing shows that it is alive; the request accepts that it may be primary still", primaryGone, []string{"snapshots"}, unprovenParameter),
	}
}

func primaryGone(ctx context.Context, a *actor, c call) connectors.Finding {
	s := a.look(ctx, targetHistory)
	return s.gone(c.Arg("unproven") == "accept")
}

// gone has two vantage points: bcctl's own login to the source, and the refreshes of the
// copy, in which the source takes part. That an account does not answer is no proof that
// nobody can write there, and no fence can be put up against it: so the request must
// accept it, and one that is seen to be alive is never acceptable (SI-22, SI-23).
func (s *sight) gone(accepted bool) connectors.Finding {
	if bad := s.proved(s.to); bad != nil {
		return *bad
	}
	switch why := s.proved(s.from); {
	case why == nil:
		for i, name := range s.a.groups() {
			if row := s.Row(i, s.from); row == nil || row.IsPrimary == nil || *row.IsPrimary {
				return action.Refused(readiness.PrimaryAlive, "%s answers, and is primary for %s as far as it says: ask for a switchover", s.from.Name, name)
			}
		}
		return action.Refused(readiness.RoleUnexpected, "%s answers and is primary for none of the groups: find out who is", s.from.Name)
	case why.Result == connectors.Refused:
		return *why
	case why.Code == readiness.VisAuth:
		return action.Refused(readiness.PrimaryAlive, "%s: the account is alive, and bcctl may not look into it", why.Message)
	case !s.silent(s.from):
		return *why
	}
	snapshots := moments{}
	for i, name := range s.a.groups() {
		story, _, bad := s.story(i, s.to)
		if bad != nil {
			return *bad
		}
		if r := story.Running; r != nil && r.AtSource() {
			return action.Refused(readiness.PrimaryAlive, "%s does not answer bcctl, and takes part in the refresh of %s, which %s", s.from.Name, name, r.How())
		}
		if story.Snapshot != nil {
			snapshots[name] = *story.Snapshot
		}
	}
	f := action.Unknown(readiness.WriterUnproven, "%s does not answer bcctl: %s. That it is not primary any more, and that nobody writes there, is not proved, and cannot be from here; the request must accept it (acceptUnprovenWriter)", s.from.Name, s.from.Unreached.Message)
	if accepted {
		f = action.Passed("%s does not answer bcctl and takes part in no refresh; that it may be primary still the request accepts. Newest snapshots: %s", s.from.Name, snapshots)
	}
	f.Facts = connectors.Facts{"snapshots": encode(snapshots)}
	return f
}

func measureLoss(ctx context.Context, a *actor, c call) connectors.Finding {
	snapshots, err := parseMoments(c.Arg("snapshots"), a.groups())
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	s := a.look(ctx, noHistory)
	pending, bad := s.pending()
	switch {
	case bad != nil:
		return *bad
	case len(pending) > 0:
		return action.Refused(readiness.RoleUnexpected, "%s on %s is not primary: nothing was given up yet", a.groups()[pending[0]], s.to.Name)
	}
	since := snapshots.oldest()
	facts := connectors.Facts{"since": stamp(since), "secondsAtMost": "", "exact": "false", "method": "by the snapshot of the last refresh that completed before the promotion"}
	f := action.Passed("lost is what was written since %s and not later than the end of writing at the source, which is not known: there is no upper bound", snapshots)
	if stopped, err := time.Parse(time.RFC3339Nano, c.Arg("stopped")); err == nil {
		most := max(stopped.Sub(since), 0)
		facts["secondsAtMost"] = strconv.FormatFloat(most.Seconds(), 'f', 0, 64)
		f = action.Passed("lost is at most what was written in %s, from %s to %s", most.Round(time.Second), stamp(since), stamp(stopped))
	}
	f.Facts = facts
	return f
}
