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
				Changes: true, Idempotent: true, Parameters: []connectors.ActionParameter{schedulesParameter, tailParameter}},
			Do: resume, Probe: resumeProbe,
		},
		{
			Action: connectors.Action{Name: onGroup + "resume-others", Summary: "lets the other accounts follow the new primary: their first refresh overwrites what they hold",
				Changes: true, Idempotent: true, Parameters: []connectors.ActionParameter{oldParameter, completeParameter}},
			Do: resumeOthers, Probe: resumeOthersProbe,
		},
		reads(onGroup+"schedules", "scheduled refreshes of every secondary are as decided", schedulesDecided, nil, oldParameter, unprovenParameter),
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
	for _, row := range rows {
		if row.Suspended() {
			continue
		}
		if o := x.run(ctx, suspendSQL(row.Name), a.tag("suspend")); o != nil {
			return *o
		}
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
	for i, row := range rows {
		if row.Started() || !wanted[a.groups()[i]] {
			continue
		}
		if o := x.run(ctx, resumeSQL(row.Name), a.tag("resume")); o != nil {
			return *o
		}
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

// others are the accounts that are to follow the target, and those that are left alone.
func (a *actor) others(c call) (follow, left []int) {
	to, from := a.at(a.spec.To), a.at(a.spec.From)
	for i := range a.spec.Endpoints {
		switch {
		case i == to:
		case i == from && c.Arg("old") != "resume":
			left = append(left, i)
		default:
			follow = append(follow, i)
		}
	}
	return follow, left
}

// resumeOthers starts replication towards the other accounts. The one that was left may
// hold rows that the copy never had, unless the promotion was of a complete copy: then
// nothing is erased (SI-26).
func resumeOthers(ctx context.Context, a *actor, c call) connectors.Outcome {
	follow, _ := a.others(c)
	if c.Arg("old") == "resume" && c.Arg("complete") != "true" {
		return action.Failed(readiness.TailNotPreserved, "that the copy was complete when it was promoted is not proved (%q): the account at %s may hold rows that only it has, and its first refresh erases them. Ask for a failback", c.Arg("complete"), a.spec.From)
	}
	if bad := a.look(ctx, noHistory).here(); bad != nil {
		return *notSent(*bad)
	}
	to := a.at(a.spec.To)
	for _, i := range follow {
		x, o := a.open(ctx, i)
		if o != nil {
			return *o
		}
		o = x.resumeTo(ctx, to)
		x.close()
		if o != nil {
			return *o
		}
	}
	return resumeOthersProbe(ctx, a, c)
}

func (x *changing) resumeTo(ctx context.Context, to int) *connectors.Outcome {
	for i := range x.a.groups() {
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
	s := a.look(ctx, noHistory)
	if bad := s.here(); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	follow, left := a.others(c)
	for _, i := range follow {
		for n, name := range a.groups() {
			row, bad := s.row(n, s.accounts[i])
			switch {
			case bad != nil:
				return action.InDoubt(bad.Code, "%s", bad.Message)
			case *row.IsPrimary || !row.Started():
				return action.NotDone("", "%s on %s does not follow yet: %q", name, s.accounts[i].Name, row.State)
			}
		}
	}
	return action.Done(nil, "%d accounts follow %s%s", len(follow), s.site(s.to), a.leftAlone(left))
}

func (a *actor) leftAlone(left []int) string {
	if len(left) == 0 {
		return ""
	}
	return fmt.Sprintf("; %s is left alone: its first refresh would erase what only it has, and until then it is no copy", a.spec.Endpoints[left[0]].Name)
}

// schedulesDecided is T10. An account that is to follow must answer and be refreshed;
// one that is left alone must not be.
func schedulesDecided(ctx context.Context, a *actor, c call) connectors.Finding {
	s := a.look(ctx, noHistory)
	if bad := s.here(); bad != nil {
		return *bad
	}
	follow, left := a.others(c)
	for _, i := range follow {
		for n, name := range a.groups() {
			row, bad := s.row(n, s.accounts[i])
			switch {
			case bad != nil:
				return *bad
			case *row.IsPrimary:
				return action.Refused(readiness.TwoWriters, "%s on %s is primary as well", name, s.accounts[i].Name)
			case !row.Started():
				return action.Refused(readiness.ScheduleSuspended, "scheduled refreshes of %s on %s are %q", name, s.accounts[i].Name, row.State)
			}
		}
	}
	for _, i := range left {
		acc := s.accounts[i]
		if bad := s.proved(acc); bad != nil {
			if c.Arg("unproven") == "accept" && s.silent(acc) {
				continue
			}
			return *bad
		}
		for n, name := range a.groups() {
			if row := s.Row(n, acc); row != nil && row.IsPrimary != nil && !*row.IsPrimary && row.Started() {
				return action.Refused(readiness.TailNotPreserved, "scheduled refreshes of %s on %s are started, and were to be left suspended: the first one erases what only it has", name, acc.Name)
			}
		}
	}
	return action.Passed("%d accounts follow %s%s", len(follow), s.site(s.to), a.leftAlone(left))
}

// silent reports whether an account gave no sign of life: nothing answered, or nothing
// but an error of a service that does not serve.
func (s *sight) silent(acc *failover.Account) bool {
	u := acc.Unreached
	return u != nil && u.Code == ""
}
