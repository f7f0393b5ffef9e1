package snowflake

import (
	"context"
	"fmt"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/failover"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// scheduleOperations are the steps about scheduled refreshes. A promotion suspends those of all
// secondaries, and nothing starts them again by itself.
func scheduleOperations() []operation {
	oldParameter := connectors.ActionParameter{Name: "old", Default: "leave",
		Summary: "what becomes of the account that was left: leave, or resume, where the promotion is known to have been complete"}
	completeParameter := action.Optional("complete", "whether the copy was complete when it was promoted (${steps.promote.complete})")
	return []operation{
		{
			Action: connectors.Action{Name: onGroup + "suspend", Summary: "suspends scheduled refreshes of the copy; one that runs goes on", Changes: true, Idempotent: true},
			Do:     suspend, Probe: suspendProbe,
		},
		{
			Action: connectors.Action{Name: onGroup + "resume", Summary: "starts scheduled refreshes of the copy in the target again, of those groups that had them when the run began",
				Changes: true, Idempotent: true, TakesBackParts: true, Parameters: []connectors.ActionParameter{schedulesParameter, tailParameter}},
			Do: resume, Probe: resumeProbe,
		},
		{
			Action: connectors.Action{Name: onGroup + "resume-others", Summary: "lets the other accounts follow the new primary, a third one only where it was being refreshed when the run began: their first refresh overwrites what they hold",
				Changes: true, Idempotent: true, Parameters: []connectors.ActionParameter{oldParameter, completeParameter, schedulesParameter}},
			Do: resumeOthers, Probe: resumeOthersProbe,
		},
		reads(onGroup+"schedules", "scheduled refreshes of every secondary are as decided", schedulesDecided, nil, oldParameter, schedulesParameter, unprovenParameter),
	}
}

func suspend(ctx context.Context, a *actor, c call) connectors.Outcome {
	x, o := a.open(ctx, a.at(a.spec.To))
	if o != nil {
		return *o
	}
	defer x.close()
	rows, bad := x.copies()
	if bad != nil {
		return action.NotBegun(*bad)
	}
	changed := false
	for _, row := range rows {
		if row.Suspended() {
			continue
		}
		if o := x.run(ctx, suspendSQL(row.Name), a.tag("suspend")); o != nil {
			return action.Partly(changed, *o)
		}
		changed = true
	}
	return suspendProbe(ctx, a, c)
}

func suspendProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	s := a.look(ctx, noHistory)
	for i, name := range a.groups() {
		row, bad := s.row(i, s.to)
		if bad != nil {
			return action.InDoubt(bad.Code, "%s", bad.Message)
		}
		if !row.Suspended() {
			return action.NotDone("", "scheduled refreshes of %s on %s are %q", name, s.to.Name, row.State)
		}
	}
	return action.Done(nil, "scheduled refreshes of %s on %s are suspended", joined(a.groups()), s.to.Name)
}

// toResume lists the groups of the target that a resume is about: those that were
// refreshed when the run began, or all where a person has attested.
func (a *actor) toResume(c call) (map[string]bool, error) {
	before, err := parseSchedules(c.Arg("schedules"))
	if err != nil {
		return nil, err
	}
	list := map[string]bool{}
	if i := a.at(a.spec.To); i >= 0 {
		for _, name := range a.groups() {
			list[name] = c.Arg("tail") == "attested" || before.started(a.spec.Endpoints[i].Name, name)
		}
	}
	return list, nil
}

func resume(ctx context.Context, a *actor, c call) connectors.Outcome {
	wanted, err := a.toResume(c)
	if err != nil {
		return action.Failed("", "%v", err)
	}
	x, o := a.open(ctx, a.at(a.spec.To))
	if o != nil {
		return *o
	}
	defer x.close()
	rows, bad := x.copies()
	if bad != nil {
		return action.NotBegun(*bad)
	}
	changed := false
	for i, row := range rows {
		if row.Started() || !wanted[a.groups()[i]] {
			continue
		}
		if o := x.run(ctx, resumeSQL(row.Name), a.tag("resume")); o != nil {
			return action.Partly(changed, *o)
		}
		changed = true
	}
	return resumeProbe(ctx, a, c)
}

func resumeProbe(ctx context.Context, a *actor, c call) connectors.Outcome {
	wanted, err := a.toResume(c)
	if err != nil {
		return action.InDoubt("", "%v", err)
	}
	s := a.look(ctx, noHistory)
	var left []string
	for i, name := range a.groups() {
		row, bad := s.row(i, s.to)
		switch {
		case bad != nil:
			return action.InDoubt(bad.Code, "%s", bad.Message)
		case !wanted[name]:
			left = append(left, name)
		case !row.Started():
			return action.NotDone("", "scheduled refreshes of %s on %s are %q", name, s.to.Name, row.State)
		}
	}
	if len(left) > 0 {
		return action.Done(nil, "scheduled refreshes on %s are as they were when the run began; left alone: %s", s.to.Name, joined(left))
	}
	return action.Done(nil, "scheduled refreshes of %s on %s are started", joined(a.groups()), s.to.Name)
}

// another is an account beside the target, and which groups, by their number, are to
// follow the target in it. Those of left are not touched.
type another struct {
	at           int // among the endpoints
	follow, left []int
}

// others decides about every account but the target. The one that was left follows where
// the run says so. A third one is a copy as before where it was being refreshed when the
// run began; else it may be a former primary that a failover left, and keeps what only it
// has (SI-26).
func (a *actor) others(c call) ([]another, error) {
	before, err := parseSchedules(c.Arg("schedules"))
	if err != nil {
		return nil, err
	}
	to, from := a.at(a.spec.To), a.at(a.spec.From)
	var list []another
	for i, ep := range a.spec.Endpoints {
		if i == to {
			continue
		}
		o := another{at: i}
		for n, name := range a.groups() {
			if i == from && c.Arg("old") == "resume" || i != from && before.started(ep.Name, name) {
				o.follow = append(o.follow, n)
			} else {
				o.left = append(o.left, n)
			}
		}
		list = append(list, o)
	}
	return list, nil
}

// resumeOthers starts replication towards the other accounts. The one that was left may
// hold rows that the copy never had, unless the promotion was of a complete copy: then
// nothing is erased (SI-26).
func resumeOthers(ctx context.Context, a *actor, c call) connectors.Outcome {
	others, err := a.others(c)
	if err != nil {
		return action.Failed("", "%v", err)
	}
	if c.Arg("old") == "resume" && c.Arg("complete") != "true" {
		return action.Failed(readiness.TailNotPreserved, "that the copy was complete when it was promoted is not proved (%q): the account at %s may hold rows that only it has, and its first refresh erases them. Ask for a failback", c.Arg("complete"), a.spec.From)
	}
	if bad := a.look(ctx, noHistory).here(); bad != nil {
		return *notSent(*bad)
	}
	to := a.at(a.spec.To)
	for _, other := range others {
		if len(other.follow) == 0 {
			continue
		}
		x, o := a.open(ctx, other.at)
		if o != nil {
			return *o
		}
		o = x.resumeTo(ctx, to, other.follow)
		x.close()
		if o != nil {
			return *o
		}
	}
	return resumeOthersProbe(ctx, a, c)
}

func (x *changing) resumeTo(ctx context.Context, to int, groups []int) *connectors.Outcome {
	for _, i := range groups {
		row, bad := x.row(i)
		if bad == nil {
			bad = isCopy(x.view, row, x.account, x.accounts[to])
		}
		if bad != nil {
			return notSent(*bad)
		}
		if row.Started() {
			continue
		}
		if o := x.run(ctx, resumeSQL(row.Name), x.a.tag("resume-others")); o != nil {
			return o
		}
	}
	return nil
}

func resumeOthersProbe(ctx context.Context, a *actor, c call) connectors.Outcome {
	others, err := a.others(c)
	if err != nil {
		return action.InDoubt("", "%v", err)
	}
	s := a.look(ctx, noHistory)
	if bad := s.here(); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	for _, o := range others {
		for _, n := range o.follow {
			name, acc := a.groups()[n], s.accounts[o.at]
			row, bad := s.row(n, acc)
			switch {
			case bad != nil:
				return action.InDoubt(bad.Code, "%s", bad.Message)
			case *row.IsPrimary || !row.Started():
				return action.NotDone("", "%s on %s does not follow yet: %q", name, acc.Name, row.State)
			}
		}
	}
	return action.Done(nil, "%s", a.following(s, others))
}

// following says how many accounts follow the target, and why the others do not.
func (a *actor) following(s *sight, others []another) string {
	follow, text := 0, ""
	for _, o := range others {
		name := a.spec.Endpoints[o.at].Name
		switch {
		case len(o.left) == 0:
			follow++
		case o.at == a.at(a.spec.From):
			text += fmt.Sprintf("; %s is left alone: its first refresh would erase what only it has, and until then it is no copy", name)
		default:
			var groups []string
			for _, n := range o.left {
				groups = append(groups, a.groups()[n])
			}
			text += fmt.Sprintf("; %s on %s is left alone: that it was being refreshed when the run began is not known, so it may be a former primary, and a refresh would erase what only it has. Who knows that nothing is lost resumes it there", joined(groups), name)
		}
	}
	return fmt.Sprintf("%d accounts follow %s%s", follow, s.site(s.to), text)
}

// schedulesDecided is T10. An account that is to follow must answer and be refreshed;
// one that is left alone must not be.
func schedulesDecided(ctx context.Context, a *actor, c call) connectors.Finding {
	others, err := a.others(c)
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	s := a.look(ctx, noHistory)
	if bad := s.here(); bad != nil {
		return *bad
	}
	for _, o := range others {
		acc := s.accounts[o.at]
		for _, n := range o.follow {
			row, bad := s.row(n, acc)
			switch {
			case bad != nil:
				return *bad
			case *row.IsPrimary:
				return action.Refused(readiness.TwoWriters, "%s on %s is primary as well", a.groups()[n], acc.Name)
			case !row.Started():
				return action.Refused(readiness.ScheduleSuspended, "scheduled refreshes of %s on %s are %q", a.groups()[n], acc.Name, row.State)
			}
		}
	}
	for _, o := range others {
		acc := s.accounts[o.at]
		if len(o.left) == 0 {
			continue
		}
		if bad := s.proved(acc); bad != nil {
			if c.Arg("unproven") == "accept" && s.silent(acc) {
				continue
			}
			return *bad
		}
		for _, n := range o.left {
			if row := s.Row(n, acc); row != nil && row.IsPrimary != nil && !*row.IsPrimary && row.Started() {
				return action.Refused(readiness.TailNotPreserved, "scheduled refreshes of %s on %s are started, and were to be left suspended: the first one erases what only it has", a.groups()[n], acc.Name)
			}
		}
	}
	return action.Passed("%s", a.following(s, others))
}

// silent reports whether an account gave no sign of life: nothing answered, or nothing
// but an error of a service that does not serve.
func (s *sight) silent(acc *failover.Account) bool {
	u := acc.Unreached
	return u != nil && u.Code == ""
}
