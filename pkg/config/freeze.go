package config

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/recurrence"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// lookAhead is how far the end of a freeze is looked for: one that goes on for longer has
// none that helps anybody.
const lookAhead = 366 * 24 * time.Hour

// Freeze is a stretch of time in which nothing may be begun at a resource.
type Freeze struct {
	Calendar, Name, Reason string
	Place                  string // of the calendar, file:line
	Resource               string // the first it is for

	From  time.Time
	Until time.Time // zero: it does not end within a year

	After string // id of the failover that it follows; empty: it is of the calendar alone
}

// Holds reports whether a freeze holds at a moment.
func (f Freeze) Holds(at time.Time) bool {
	return !at.Before(f.From) && (f.Until.IsZero() || at.Before(f.Until))
}

func (f Freeze) String() string {
	noun := "freeze"
	if f.After != "" {
		noun = "pause after a failover"
	}
	text := fmt.Sprintf("%s: the %s %s of calendar %s is for %s ", f.Place, noun, f.Name, f.Calendar, f.Resource)
	if f.Until.IsZero() {
		text += "and does not end within a year"
	} else {
		text += "until " + f.Until.UTC().Format(time.RFC3339)
	}
	if f.After != "" {
		text += ", as request " + f.After + " ended at " + f.From.UTC().Format(time.RFC3339)
	}
	if f.Reason != "" {
		text += " (" + f.Reason + ")"
	}
	return text
}

// Freezes returns the freezes that hold at some moment from one time on, up to and with
// another, for a request of a type that touches targets: of each its first stretch. Times
// of a repeated one that touch are one stretch.
func (r *Repo) Freezes(from, until time.Time, what runbook.Type, targets []approval.Target) []Freeze {
	var list []Freeze
	for _, c := range r.Calendars {
		for _, w := range c.Spec.Freezes {
			if len(w.Actions) > 0 && !slices.Contains(w.Actions, what) {
				continue
			}
			i := slices.IndexFunc(targets, func(t approval.Target) bool { return r.matches(w.Match, t) })
			if i < 0 {
				continue
			}
			if begin, end, ok := w.stretch(c.Spec, from, until); ok {
				list = append(list, Freeze{Calendar: c.Name(), Name: w.Name, Reason: w.Reason, Place: c.Origin.String(), Resource: targets[i].Resource, From: begin, Until: end})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Freeze) int { return a.From.Compare(b.From) })
	return list
}

// Frozen returns why nothing of a type may be begun at targets now: one line for each
// freeze of a calendar that is for one of them.
func (r *Repo) Frozen(now time.Time, what runbook.Type, targets []approval.Target) []string {
	var why []string
	for _, f := range r.Freezes(now, now, what, targets) {
		why = append(why, f.String())
	}
	return why
}

// Paused returns the pauses after a failover that hold now for a request of a type that
// touches targets (SI-33), given the requests that ran to their end. A request that is not
// in the configuration any more may have been one.
func (r *Repo) Paused(now time.Time, what runbook.Type, targets []approval.Target, ended []approval.EndedRequest) []Freeze {
	var list []Freeze
	for _, c := range r.Calendars {
		for _, p := range c.Spec.AfterFailover {
			if len(p.Actions) > 0 && !slices.Contains(p.Actions, what) {
				continue
			}
			for _, e := range ended {
				f := Freeze{Calendar: c.Name(), Name: p.Name, Reason: p.Reason, Place: c.Origin.String(), From: e.At, Until: e.At.Add(p.Lasts.Std()), After: e.ID}
				if !f.Holds(now) && !now.Before(e.At) { // one of the future is of a clock that is wrong, and counts
					continue
				}
				over, known := r.failedOver(e.ID)
				i := slices.IndexFunc(targets, func(t approval.Target) bool {
					return r.matches(p.Match, t) && (!known || slices.Contains(over, t.Resource))
				})
				if i >= 0 {
					f.Resource = targets[i].Resource
					list = append(list, f)
				}
			}
		}
	}
	return list
}

// failedOver lists what a request failed over; nothing where it is no failover. What it
// was cannot be told where it is not there.
func (r *Repo) failedOver(id string) (resources []string, known bool) {
	q, ok := r.Request(id)
	if !ok {
		return nil, false
	}
	if q.Spec.Type != runbook.Failover {
		return nil, true
	}
	for _, t := range r.Reached(q.Spec.Target) {
		resources = append(resources, t.Resource)
	}
	return resources, true
}

// Thawed is the first moment, from one time on and before another, at which no freeze is
// for a request of a type that touches targets. Without one it returns false, and the
// freezes that hold at the first moment.
func (r *Repo) Thawed(from, until time.Time, what runbook.Type, targets []approval.Target) (time.Time, []Freeze, bool) {
	at, first := from, []Freeze(nil)
	for at.Before(until) {
		holding := r.Freezes(at, at, what, targets)
		if len(holding) == 0 {
			return at, first, true
		}
		if first == nil {
			first = holding
		}
		for _, f := range holding {
			if f.Until.IsZero() {
				return at, first, false
			}
			if f.Until.After(at) {
				at = f.Until
			}
		}
	}
	return at, first, false
}

// stretch is the first time that a window holds at some moment from one on, up to and
// with another. The end is zero where there is none within a year.
func (w Window) stretch(c CalendarSpec, from, until time.Time) (begin, end time.Time, ok bool) {
	if w.Repeat == "" {
		end = w.end()
		return w.From, end, w.From.Before(end) && from.Before(end) && !w.From.After(until)
	}
	rule, zone, err := w.rule(c)
	if err != nil { // validate says so; nobody can tell when it holds
		return w.From, time.Time{}, !w.From.After(until)
	}
	limit := until.Add(lookAhead)
	for at := range rule.Times(w.From, zone, c.working(w), limit) {
		over := recurrence.End(at, w.length(), zone)
		switch {
		case ok && at.After(end):
			return begin, end, true
		case ok:
			if over.After(end) {
				end = over
			}
		case at.After(until):
			return begin, end, false
		case over.After(from):
			begin, end, ok = at, over, true
		}
	}
	if ok && end.After(limit) {
		end = time.Time{}
	}
	return begin, end, ok
}

// rule is when a window is repeated, and in which zone that is meant.
func (w Window) rule(c CalendarSpec) (recurrence.Rule, *time.Location, error) {
	rule, err := recurrence.Parse(string(w.Repeat))
	if err != nil {
		return rule, nil, err
	}
	zone, err := time.LoadLocation(cmp.Or(c.TimeZone, "UTC"))
	return rule, zone, err
}

// working tells working days for a window that counts only those; nil for any other.
func (c CalendarSpec) working(w Window) recurrence.Workday {
	if !w.WorkdaysOnly {
		return nil
	}
	days := c.Workdays
	if len(days) == 0 {
		days = []Weekday{"MO", "TU", "WE", "TH", "FR"}
	}
	names := []Weekday{"SU", "MO", "TU", "WE", "TH", "FR", "SA"} // as time.Weekday counts
	return func(day string) bool {
		d, err := time.Parse(time.DateOnly, day)
		return err == nil && slices.Contains(days, names[d.Weekday()]) && !slices.Contains(c.Holidays, Day(day))
	}
}

// end is when a window ends that is not repeated.
func (w Window) end() time.Time { return w.From.Add(w.length()) }

// length is how long a window lasts.
func (w Window) length() time.Duration {
	switch {
	case w.Until != nil:
		return w.Until.Sub(w.From)
	case w.Lasts != nil:
		return w.Lasts.Std()
	default:
		return 0
	}
}

// Reached lists the resources that a request for a target touches, each with the highest
// of its own tier and those of the groups it was reached through.
func (r *Repo) Reached(target string) []approval.Target {
	var found []approval.Target
	type step struct {
		name string
		tier int
	}
	seen := map[step]bool{}
	var walk func(at step)
	walk = func(at step) {
		if seen[at] {
			return
		}
		seen[at] = true
		if res, ok := r.Resource(at.name); ok {
			t := approval.Target{Resource: res.Name(), Tier: higher(res.Spec.Tier, at.tier), Path: res.Origin.File}
			if i := slices.IndexFunc(found, func(x approval.Target) bool { return x.Resource == t.Resource }); i >= 0 {
				found[i].Tier = higher(found[i].Tier, t.Tier)
			} else {
				found = append(found, t)
			}
		}
		if g, ok := r.Group(at.name); ok {
			for _, m := range g.Spec.Members {
				walk(step{m.Name, higher(g.Spec.Tier, at.tier)})
			}
		}
	}
	walk(step{name: target})
	return found
}

// higher is the higher of two tiers; 1 is the highest, and 0 is none.
func higher(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// matches reports whether a match is for a target, in the tier that its groups lend it.
// What is not given matches all; a resource that is not there is matched by everything.
func (r *Repo) matches(m Match, t approval.Target) bool {
	name := t.Resource
	res, ok := r.Resource(name)
	if !ok {
		return true
	}
	s := res.Spec
	site := func(at string) bool {
		return slices.ContainsFunc(s.Endpoints, func(e Endpoint) bool { return e.Site == at })
	}
	for label, value := range m.Labels {
		if res.Metadata.Labels[label] != value {
			return false
		}
	}
	return (len(m.Tiers) == 0 || slices.Contains(m.Tiers, t.Tier)) &&
		(len(m.Environments) == 0 || slices.Contains(m.Environments, s.Environment)) &&
		(len(m.Platforms) == 0 || slices.Contains(m.Platforms, s.Platform)) &&
		(len(m.Resources) == 0 || slices.Contains(m.Resources, name)) &&
		(len(m.Sites) == 0 || slices.ContainsFunc(m.Sites, site)) &&
		(len(m.Groups) == 0 || slices.ContainsFunc(m.Groups, func(g string) bool { return r.inside(g, name, nil) }))
}

// inside reports whether a resource belongs to a group, at any depth.
func (r *Repo) inside(group, name string, above []string) bool {
	g, ok := r.Group(group)
	if !ok || slices.Contains(above, group) {
		return false
	}
	above = append(above, group)
	return slices.ContainsFunc(g.Spec.Members, func(m Member) bool { return m.Name == name || r.inside(m.Name, name, above) })
}
