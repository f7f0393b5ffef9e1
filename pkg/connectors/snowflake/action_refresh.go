package snowflake

import (
	"context"
	"strconv"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/failover"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/session"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var schedulesParameter = action.Optional("schedules", "the schedules when the run began (${steps.mark.schedules})")

// refreshOperations are what records and brings snapshots.
func refreshOperations() []operation {
	return []operation{
		reads(onGroup+"mark", "records snapshots, schedules and the time at the target", mark,
			[]string{"at", "snapshots", "schedules", "lagSeconds"}),
		reads(onGroup+"wait-refresh", "waits until no refresh of the copy runs, and records its snapshots; nothing is canceled", waitRefresh, []string{"snapshots"}),
		{
			Action: connectors.Action{Name: onGroup + "refresh-start", Summary: "starts a refresh of every copy and returns their ids; one that runs is waited for, and one of this step is found again",
				Changes: true, Idempotent: true, OncePerRun: true, Outputs: []string{"jobs"},
				Parameters: []connectors.ActionParameter{
					{Name: "mark", Summary: "tells the refreshes of one run apart, such as first and final", Default: "refresh"},
					schedulesParameter, tailParameter}},
			Do: refreshStart, Probe: refreshStartProbe,
		},
		reads(onGroup+"refresh-wait", "waits until the refreshes of a step have ended, and requires that they completed", refreshWait, []string{"snapshots", "at"},
			action.Required("jobs", "the ids of the refreshes (${steps.final-start.jobs})"),
			action.Optional("after", "the moment that every snapshot must be later than (${steps.quiesce.at})")),
		reads(onGroup+"snapshot-newer", "the snapshots are newer than those that were recorded", snapshotNewer, []string{"snapshots"},
			action.Required("before", "the snapshots before (${steps.mark.snapshots})")),
		reads(onGroup+"caught-up", "the copy is young enough, and its last refresh was clean", caughtUp, []string{"snapshots", "lagSeconds"}),
		reads(onGroup+"readable", "the tables of options.probeTables can be read in the copy", readable, nil),
	}
}

// tailParameter: a copy that was not being refreshed may be a former primary, whose own
// rows a refresh erases (SI-26).
var tailParameter = connectors.ActionParameter{Name: "tail", Default: "refuse",
	Summary: "attested, where a person has said before that rows which only this account has are saved or given up; else a copy that was not being refreshed when the run began is left alone"}

func mark(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx, targetHistory)
	if bad := s.proved(s.to); bad != nil {
		return *bad
	}
	snapshots, before := moments{}, schedulesBefore{}
	for i, name := range a.groups() {
		row, bad := s.row(i, s.to)
		if bad != nil {
			return *bad
		}
		if *row.IsPrimary {
			continue
		}
		story, _, bad := s.story(i, s.to)
		if bad != nil {
			return *bad
		}
		if story.Snapshot != nil {
			snapshots[name] = *story.Snapshot
		}
	}
	for _, acc := range s.accounts {
		if s.proved(acc) != nil {
			continue
		}
		states := map[string]string{}
		for i, name := range a.groups() {
			if row := s.Row(i, acc); row != nil && row.IsPrimary != nil && !*row.IsPrimary {
				states[name] = row.State
			}
		}
		if len(states) > 0 {
			before[acc.Name] = states
		}
	}
	clock := s.to.Self.Clock
	if clock.IsZero() {
		return action.Unknown(readiness.ValueInvalid, "%s did not tell its time", s.to.Name)
	}
	facts := connectors.Facts{"at": stamp(clock), "snapshots": encode(snapshots), "schedules": encode(before), "lagSeconds": ""}
	f := action.Passed("at %s no snapshot of %s is known", clock.UTC().Format(time.RFC3339), joined(a.groups()))
	if len(snapshots) > 0 {
		lag := max(clock.Sub(snapshots.oldest()), 0)
		facts["lagSeconds"] = strconv.FormatFloat(lag.Seconds(), 'f', 0, 64)
		f = action.Passed("at %s the copy has snapshots: %s; the oldest is %s old", clock.UTC().Format(time.RFC3339), snapshots, lag.Round(time.Second))
	}
	f.Facts = facts
	return f
}

// drained waits until no refresh of the copy in the target runs.
func (a *actor) drained(ctx context.Context) (*sight, *connectors.Finding) {
	for lost := 0; ; {
		s := a.look(ctx, targetHistory)
		if bad := s.proved(s.to); bad != nil && bad.Result == connectors.Refused {
			return s, bad
		}
		r, name, bad := s.running(s.to)
		switch {
		case bad != nil && lost >= 2, bad != nil && ctx.Err() != nil:
			return s, bad
		case bad != nil:
			lost++
		case r == nil:
			return s, nil
		default:
			lost = 0
		}
		if !a.pause(ctx) {
			f := action.Unknown(readiness.RefreshRunning, "the time was over while a refresh of %s on %s was running", name, s.site(s.to))
			if r != nil {
				f = action.Unknown(readiness.RefreshRunning, "the refresh of %s on %s %s since %s and has not ended in time; nothing was canceled", name, s.to.Name, r.How(), stamp(*r.Start))
			}
			return s, &f
		}
	}
}

func waitRefresh(ctx context.Context, a *actor, _ call) connectors.Finding {
	s, bad := a.drained(ctx)
	if bad != nil {
		return *bad
	}
	snapshots := moments{}
	for i, name := range a.groups() {
		row, bad := s.row(i, s.to)
		if bad != nil {
			return *bad
		}
		if *row.IsPrimary {
			return action.Refused(readiness.RoleUnexpected, "%s is primary on %s: no refresh is to be waited for", name, s.to.Name)
		}
		if at, bad := s.snapshot(i, s.to); bad == nil {
			snapshots[name] = at
		}
	}
	f := action.Passed("no refresh runs on %s; snapshots: %s", s.to.Name, snapshots)
	f.Facts = connectors.Facts{"snapshots": encode(snapshots)}
	return f
}

// mayOverwrite requires that a refresh of a copy erases nothing that only it has.
func (a *actor) mayOverwrite(c call, endpoint string) *connectors.Finding {
	if c.Arg("tail") == "attested" {
		return nil
	}
	before, err := parseSchedules(c.Arg("schedules"))
	if err != nil {
		f := action.Unknown("", "%v", err)
		return &f
	}
	for _, name := range a.groups() {
		if !before.started(endpoint, name) {
			f := action.Refused(readiness.TailNotPreserved, "%s on %s was not being refreshed when the run began: it may be a former primary, and a refresh erases what only it has. Ask for a failback, in which a person says that this is saved or given up", name, endpoint)
			return &f
		}
	}
	return nil
}

// refreshStart sends REFRESH once for every copy. A statement of this step that the
// account has taken before is found by its tag and is not sent again.
func refreshStart(ctx context.Context, a *actor, c call) connectors.Outcome {
	i := a.at(a.spec.To)
	if i < 0 {
		return action.Failed("", "the resource has no endpoint at %s", a.spec.To)
	}
	if bad := a.mayOverwrite(c, a.spec.Endpoints[i].Name); bad != nil {
		return action.NotBegun(*bad)
	}
	x, o := a.open(ctx, i)
	if o != nil {
		return *o
	}
	defer x.close()
	rows, bad := x.copies()
	if bad != nil {
		return action.NotBegun(*bad)
	}
	jobs, tag := map[string]string{}, a.tag("refresh-"+c.Arg("mark"))
	for n, row := range rows {
		id, o := x.refresh(ctx, row.Name, tag)
		if o != nil {
			if len(jobs) > 0 && o.State == connectors.Failed {
				o.State = connectors.NotDone // of another group one has begun
			}
			return *o
		}
		jobs[a.groups()[n]] = id
	}
	return action.Done(connectors.Facts{"jobs": encode(jobs)}, "%s: refreshes %s", x.account.Name, encode(jobs))
}

func (x *changing) refresh(ctx context.Context, group, tag string) (id string, o *connectors.Outcome) {
	sql := refreshSQL(group)
	for {
		if id, begun, bad := x.begun(ctx, group, sql, tag); bad != nil {
			return "", notSent(*bad)
		} else if begun {
			return id, nil
		}
		h, bad := x.history(ctx, group)
		if bad != nil {
			return "", notSent(*bad)
		}
		if h.Tell(group).Running == nil {
			id, err := x.visit.session.Send(ctx, sql, tag)
			switch {
			case err == nil:
				return id, nil
			case !session.Refused(err):
				return "", x.ended(sql, err)
			}
			// Between the look and the statement a scheduled one may have begun.
			if h, bad = x.history(ctx, group); bad != nil || h.Tell(group).Running == nil {
				return "", x.ended(sql, err)
			}
		}
		if !x.a.pause(ctx) {
			o := action.NotDone(readiness.RefreshRunning, "another refresh of %s runs on %s and has not ended in time: none was started", group, x.account.Name)
			return "", &o
		}
	}
}

// notSent is the outcome of a change that was not begun, because something could not be
// read: it may be tried again.
func notSent(f connectors.Finding) *connectors.Outcome {
	o := action.NotBegun(f)
	if f.Result == connectors.Unknown {
		o.State = connectors.NotDone
	}
	return &o
}

// begun finds the refresh that a statement with a tag has started. One that was refused
// has started none.
func (x *changing) begun(ctx context.Context, group, sql, tag string) (id string, begun bool, bad *connectors.Finding) {
	list, err := x.past(ctx, sql, tag)
	if err != nil {
		f := x.unread("the history of statements", err)
		return "", false, &f
	}
	var refused []string
	for _, p := range list {
		if p.running() || p.succeeded() {
			return p.id, true, nil
		}
		refused = append(refused, p.id)
	}
	if len(refused) == 0 {
		return "", false, nil
	}
	h, bad := x.history(ctx, group)
	if bad != nil {
		return "", false, bad
	}
	for _, id := range refused {
		if h.Job(id) != nil {
			return id, true, nil // it began, and ended badly
		}
	}
	return "", false, nil
}

func refreshStartProbe(ctx context.Context, a *actor, c call) connectors.Outcome {
	x, o := a.open(ctx, a.at(a.spec.To))
	if o != nil {
		return action.InDoubt(o.Code, "%s", o.Message)
	}
	defer x.close()
	jobs := map[string]string{}
	for i, name := range a.groups() {
		row, bad := x.row(i)
		if bad != nil {
			return action.InDoubt(bad.Code, "%s", bad.Message)
		}
		id, begun, bad := x.begun(ctx, row.Name, refreshSQL(row.Name), a.tag("refresh-"+c.Arg("mark")))
		switch {
		case bad != nil:
			return action.InDoubt(bad.Code, "%s", bad.Message)
		case !begun:
			return action.NotDone("", "%s has taken no refresh of %s from this step", x.account.Name, name)
		}
		jobs[name] = id
	}
	return action.Done(connectors.Facts{"jobs": encode(jobs)}, "%s: refreshes %s", x.account.Name, encode(jobs))
}

// refreshWait waits for refreshes without a warehouse: the account says how far a
// statement is. A failed one is not tried again.
func refreshWait(ctx context.Context, a *actor, c call) connectors.Finding {
	jobs, err := parseJobs(c.Arg("jobs"), a.groups())
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	var after time.Time
	if text := c.Arg("after"); text != "" {
		if after, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return action.Unknown("", "after: %q is no time", text)
		}
	}
	for lost := 0; ; {
		f, waits := a.awaited(ctx, jobs, after)
		if !waits {
			if f.Result != connectors.Unknown || lost >= 2 {
				return f
			}
			lost++
		} else {
			lost = 0
		}
		if !a.pause(ctx) {
			return f
		}
	}
}

// awaited looks once; waits reports that a refresh goes on.
func (a *actor) awaited(ctx context.Context, jobs map[string]string, after time.Time) (f connectors.Finding, waits bool) {
	x, o := a.open(ctx, a.at(a.spec.To))
	if o != nil {
		return action.Unknown(o.Code, "%s", o.Message), false
	}
	defer x.close()
	snapshots := moments{}
	for i, name := range a.groups() {
		row, bad := x.row(i)
		if bad != nil {
			return *bad, false
		}
		timed, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
		progress, _ := x.visit.session.Progress(timed, jobs[name]) // the history says more
		cancel()
		if progress == session.Running {
			return action.Unknown(readiness.RefreshRunning, "the refresh %s of %s on %s goes on", jobs[name], name, x.account.Name), true
		}
		h, bad := x.history(ctx, row.Name)
		if bad != nil {
			return *bad, false
		}
		r := h.Job(jobs[name])
		switch {
		case r == nil:
			return action.Unknown(readiness.RefreshRunning, "the history of %s does not show the refresh %s yet", name, jobs[name]), false
		case !r.Over():
			return action.Unknown(readiness.RefreshRunning, "the refresh of %s on %s %s", name, x.account.Name, r.How()), true
		case !r.Completed():
			return action.Refused(readiness.RefreshFailing, "the refresh %s of %s on %s %s", jobs[name], name, x.account.Name, r.How()), false
		case r.Snapshot == nil:
			return action.Unknown(readiness.ValueInvalid, "the completed refresh %s of %s tells no snapshot", jobs[name], name), false
		case !after.IsZero() && !r.Snapshot.After(after):
			return action.Refused(readiness.RPOUnproven, "the snapshot of %s is of %s, and writing ended at %s: what was written in between is not in it", name, stamp(*r.Snapshot), stamp(after)), false
		}
		snapshots[name] = *r.Snapshot
	}
	f = action.Passed("completed on %s; snapshots: %s", x.account.Name, snapshots)
	if !after.IsZero() {
		f.Message += ", later than " + stamp(after)
	}
	f.Facts = connectors.Facts{"snapshots": encode(snapshots), "at": stamp(a.c.clockOf(x.account))}
	return f, false
}

func snapshotNewer(ctx context.Context, a *actor, c call) connectors.Finding {
	before := moments{}
	if text := c.Arg("before"); text != "" {
		var err error
		if before, err = parseMoments(text, nil); err != nil {
			return action.Unknown("", "%v", err)
		}
	}
	s := a.look(ctx, targetHistory)
	now := moments{}
	for i, name := range a.groups() {
		at, bad := s.snapshot(i, s.to)
		if bad != nil {
			return *bad
		}
		if was, known := before[name]; known && !at.After(was) {
			return action.Refused(readiness.RefreshFailing, "the snapshot of %s is of %s as before", name, stamp(at))
		}
		now[name] = at
	}
	f := action.Passed("snapshots: %s; before: %s", now, before)
	f.Facts = connectors.Facts{"snapshots": encode(now)}
	return f
}

// lags is how old the copy in the target is, by the target's clock.
func (s *sight) lags() (snapshots moments, worst time.Duration, bad *connectors.Finding) {
	snapshots = moments{}
	for i, name := range s.a.groups() {
		at, bad := s.snapshot(i, s.to)
		if bad != nil {
			return nil, 0, bad
		}
		snapshots[name] = at
	}
	clock := s.a.c.clockOf(s.to)
	if clock.IsZero() {
		f := action.Unknown(readiness.ValueInvalid, "%s did not tell its time", s.to.Name)
		return nil, 0, &f
	}
	return snapshots, max(clock.Sub(snapshots.oldest()), 0), nil
}

func (s *sight) young() connectors.Finding {
	snapshots, lag, bad := s.lags()
	if bad != nil {
		return *bad
	}
	f := action.Passed("the oldest snapshot is %s old", lag.Round(time.Second))
	switch {
	case s.a.spec.RPO > 0 && lag > s.a.spec.RPO:
		f = action.Refused(readiness.LagOverRPO, "the oldest snapshot is %s old, and the recovery point objective is %s", lag.Round(time.Second), s.a.spec.RPO)
	case s.a.spec.RPO <= 0:
		f.Message += "; the resource has no recovery point objective"
	}
	f.Facts = connectors.Facts{"snapshots": encode(snapshots), "lagSeconds": strconv.FormatFloat(lag.Seconds(), 'f', 0, 64)}
	return f
}

func caughtUp(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx, targetHistory)
	if f := s.clean(); f.Result != connectors.Passed {
		return f
	}
	return s.young()
}

// clean requires that the last refresh of each copy that is over completed, and that
// nothing in the history contradicts itself.
func (s *sight) clean() connectors.Finding {
	for i := range s.a.groups() {
		row, bad := s.row(i, s.to)
		if bad != nil {
			return *bad
		}
		if *row.IsPrimary {
			continue // promoted by the step that goes on
		}
		story, _, bad := s.story(i, s.to)
		if bad != nil {
			return *bad
		}
		if why := worst(story.Findings, readiness.TargetInconsistent, readiness.NeverRefreshed, readiness.RefreshFailing, readiness.Conflict); why != nil {
			return action.Refused(why.Code, "%s", why.Message)
		}
		if len(story.Findings) > 0 {
			return action.Unknown(story.Findings[0].Code, "%s", story.Findings[0].Message)
		}
	}
	return action.Passed("the last refresh of %s on %s completed", joined(s.a.groups()), s.site(s.to))
}

func readable(ctx context.Context, a *actor, _ call) connectors.Finding {
	tables, f := a.probeTables()
	if f != nil {
		return *f
	}
	s := a.look(ctx, noHistory)
	if bad := s.proved(s.to); bad != nil {
		return *bad
	}
	counts := connectors.Facts{}
	for _, table := range tables {
		rows, err := a.ask(ctx, s.to, countSQL(table))
		if err != nil {
			return action.Unknown(err.Code, "%s on %s: %s", table, s.to.Name, err.Message)
		}
		if len(rows) != 1 || rows[0].Text("n") == "" {
			return action.Unknown(readiness.QueryFailed, "%s on %s gave no number", table, s.to.Name)
		}
		counts[table.String()] = rows[0].Text("n")
	}
	return action.Passed("read on %s: rows %s", s.to.Name, encode(counts))
}

// ask sends one statement that reads tables to an account, with the monitor credential
// and a warehouse.
func (a *actor) ask(ctx context.Context, acc *failover.Account, sql string) ([]session.Row, *readiness.Finding) {
	for i := range a.spec.Endpoints {
		if a.spec.Endpoints[i].Name != acc.Name {
			continue
		}
		v := a.c.probe(ctx, i)
		if v.session == nil {
			return nil, &readiness.Finding{Code: v.account.Unreached.Code, Message: v.account.Unreached.Message}
		}
		defer v.session.Close()
		a.c.warehouse(ctx, v)
		timed, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
		defer cancel()
		rows, err := v.session.Query(timed, sql)
		if err != nil {
			f := session.Failed(err, v.cred)
			return nil, &f
		}
		return rows, nil
	}
	return nil, &readiness.Finding{Message: "the resource has no endpoint " + acc.Name}
}
