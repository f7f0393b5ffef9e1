package failover

import (
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/snowflake/schedule"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// leastGrace is how late a refresh may be at least before it is missed: the
// documentation says that scheduled refreshes can start late.
const leastGrace = 5 * time.Minute

// schedule says whether refreshes of the account's copies are scheduled, and
// whether the next one is overdue. None of it needs a warehouse, so it is looked
// at in every sweep.
func (d *deriver) schedule(a *Account) {
	var texts []string
	var findings []readiness.Finding
	late, dueKnown := time.Duration(0), false
	var missed []readiness.Finding
	for _, g := range d.groups {
		r := g.of(a)
		if r == nil || !r.secondary() {
			continue
		}
		texts = append(texts, d.label(r.row.Name, planText(r.row)))
		plan, fs := d.plan(r)
		findings = append(findings, fs...)
		if plan == nil {
			continue // and nothing is due
		}
		overdue, f := d.overdue(r, *plan)
		if f != nil && f.Code != readiness.RefreshMissed {
			d.book.Fail(&a.Node, overdueID, *f)
			continue
		}
		if f != nil {
			missed = append(missed, *f)
		}
		late, dueKnown = max(late, overdue), true
	}
	if len(texts) == 0 {
		return
	}
	d.book.Add(&a.Node, scheduleID, readiness.Str(strings.Join(texts, "; ")), findings...)
	switch {
	case dueKnown:
		d.book.Add(&a.Node, overdueID, readiness.Dur(late), missed...)
	case !d.book.Has(&a.Node, overdueID):
		d.book.Fail(&a.Node, overdueID, finding(readiness.IndicatorMissing, "no refresh is due on %s, for the reason given for its schedule", a.Name))
	}
}

func planText(row *Group) string {
	state := strings.ToUpper(row.State)
	if state == "" {
		state = "state not known"
	}
	if row.Schedule == "" {
		return state + ", no schedule"
	}
	return state + ", " + row.Schedule
}

// plan is the schedule that makes refreshes start; nil when none does. The
// findings say why, and what else is wrong with it.
func (d *deriver) plan(r *replica) (*schedule.Schedule, []readiness.Finding) {
	a, row := r.account, r.row
	var findings []readiness.Finding
	add := func(code readiness.Code, format string, args ...any) {
		findings = append(findings, finding(code, format, args...))
	}
	if d.set.Schedule != "" && row.Schedule != "" && !samePlan(d.set.Schedule, row.Schedule) {
		add(readiness.ScheduleDrift, "%s on %s is refreshed on %q, and %q is declared", row.Name, a.Name, row.Schedule, d.set.Schedule)
	}
	runs := true
	switch state := strings.ToUpper(row.State); state {
	case "STARTED":
	case "SUSPENDED":
		runs = false
		add(readiness.ScheduleSuspended, "scheduled refreshes of %s are suspended on %s: every promotion suspends them, and nothing starts them again by itself", row.Name, a.Name)
	default:
		runs = false
		add(readiness.ValueInvalid, "%s does not say whether scheduled refreshes of %s are started: secondary_state is %q", a.Name, row.Name, row.State)
	}
	if row.Schedule == "" {
		add(readiness.ScheduleMissing, "%s on %s has no replication_schedule: it is refreshed by hand or not at all", row.Name, a.Name)
		return nil, findings
	}
	plan, err := schedule.Parse(row.Schedule)
	switch {
	case err != nil:
		add(readiness.ValueInvalid, "%s on %s: %v", row.Name, a.Name, err)
		return nil, findings
	case !plan.Runs():
		add(readiness.ScheduleNeverRuns, "%s on %s is to be refreshed on %q, which never comes", row.Name, a.Name, row.Schedule)
		return nil, findings
	case !runs:
		return nil, findings
	default:
		return &plan, findings
	}
}

// samePlan compares two schedules by what they mean where both can be read.
func samePlan(a, b string) bool {
	plain := func(s string) string { return strings.ToUpper(strings.Join(strings.Fields(s), " ")) }
	if plain(a) == plain(b) {
		return true
	}
	left, errLeft := schedule.Parse(a)
	right, errRight := schedule.Parse(b)
	return errLeft == nil && errRight == nil && !left.Cron() && !right.Cron() && left == right
}

// overdue is how long the next refresh has been due, zero when it lies ahead. The
// finding is REFRESH_MISSED where that is too long, or why it is not known.
func (d *deriver) overdue(r *replica, plan schedule.Schedule) (time.Duration, *readiness.Finding) {
	clock := r.account.Self.Clock
	if clock.IsZero() {
		f := finding(readiness.ValueInvalid, "%s did not tell its time, so what is due is not known", r.account.Name)
		return 0, &f
	}
	due, from, f := d.due(r, plan, clock)
	if f != nil {
		return 0, f
	}
	late := clock.Sub(due)
	if late <= 0 {
		return 0, nil
	}
	step, ok := plan.Step(due)
	grace := leastGrace
	if ok {
		grace = max(grace, step/2)
	}
	if late <= grace || r.running != nil {
		return late, nil
	}
	missed := finding(readiness.RefreshMissed, "a refresh of %s on %s was due at %s%s and has not started %s later (grace %s)",
		r.row.Name, r.account.Name, when(due), from, length(late), length(grace))
	return late, &missed
}

// due is when the next refresh should start: as the account says, else by the
// start of the newest one.
func (d *deriver) due(r *replica, plan schedule.Schedule, clock time.Time) (time.Time, string, *readiness.Finding) {
	row := r.row
	switch {
	case row.Next != nil:
		if latest, ok := plan.Next(clock); ok && row.Next.After(latest.Add(leastGrace)) {
			f := finding(readiness.ValueInvalid, "%s says that %s is refreshed next at %s, which %q does not mean", r.account.Name, row.Name, when(*row.Next), row.Schedule)
			return time.Time{}, "", &f
		}
		return *row.Next, "", nil
	case row.NextText != "":
		f := finding(readiness.ValueInvalid, "%s says that %s is refreshed next at %q, which is no time", r.account.Name, row.Name, row.NextText)
		return time.Time{}, "", &f
	}
	start := r.newestStart()
	if start.IsZero() {
		f := finding(readiness.ValueInvalid, "%s does not say when %s is refreshed next, and when it was last is not known in this check", r.account.Name, row.Name)
		return time.Time{}, "", &f
	}
	due, ok := plan.Next(start)
	if !ok {
		f := finding(readiness.ScheduleNeverRuns, "%s on %s is never due again", row.Name, r.account.Name)
		return time.Time{}, "", &f
	}
	return due, fmt.Sprintf(", by the start of the one before at %s,", when(start)), nil
}

// newestStart is when the newest refresh that was read in this sweep started;
// zero when none was.
func (r *replica) newestStart() time.Time {
	var newest time.Time
	if h := r.account.Histories[r.row.Name]; h != nil {
		for i := range h.Refreshes {
			if s := h.Refreshes[i].Start; s != nil && s.After(newest) {
				newest = *s
			}
		}
	}
	return newest
}

// planned says to what exposure the schedules lead, whatever happened so far: the
// longest pause between two refreshes, and the time a refresh takes.
func (d *deriver) planned() {
	worst, from := time.Duration(0), (*replica)(nil)
	for _, g := range d.groups {
		for _, r := range g.replicas {
			if !r.secondary() || r.account.Site != g.farSite || r.account.Self.Clock.IsZero() {
				continue
			}
			plan, err := schedule.Parse(r.row.Schedule)
			if err != nil {
				continue
			}
			pause, ok := plan.Longest(r.account.Self.Clock)
			if !ok {
				continue
			}
			if r.usual != nil {
				pause += *r.usual
			} else if o, known := d.previous(r.account, durationID); known {
				if before := lengthOf(o.Value); before != nil {
					pause += *before
				}
			}
			if pause > worst {
				worst, from = pause, r
			}
		}
	}
	if from != nil {
		d.book.AddAt(nil, from.account.At, plannedID, readiness.Dur(worst))
	}
}

// maxDuration is more than any length of a refresh that makes sense.
const maxDuration = 100 * 24 * time.Hour
