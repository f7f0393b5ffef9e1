package snowpair

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// States of a secondary group.
const (
	stateStarted   = "STARTED"
	stateSuspended = "SUSPENDED"
)

// group is a failover or replication group as one account knows it.
type group struct {
	account     *account
	name        string
	kind        string
	created     time.Time
	comment     string
	owner       string
	primary     bool
	ref         ref // the primary
	databases   []string
	shares      []string
	objectTypes []string
	allowed     []string // account names; of the primary
	schedule    string   // empty: none
	state       string   // of a secondary
	base        time.Time
	duration    time.Duration
	committing  bool
	listing     bool // auto-fulfillment
	fate        fate
	history     []refresh // oldest first
	dangling    []danglingReference
	demoted     time.Time // when it last stopped being the primary
}

// danglingReference is a row of REPLICATION_GROUP_DANGLING_REFERENCES.
type danglingReference struct {
	referencedDomain, referencedName   string
	referencingDomain, referencingName string
	blocking                           bool
}

// link is the primary this group follows; nil when there is none, or when it does
// not know of this group.
func (g *group) link() *group {
	a := g.account.org.account(g.ref.account)
	if a == nil || g.primary {
		return nil
	}
	p := a.group(g.ref.name)
	if p == nil || !p.primary {
		return nil
	}
	return p
}

// linked are the other groups of the same set.
func (g *group) linked() []*group {
	var out []*group
	for _, a := range g.account.org.accounts {
		for _, other := range a.groups {
			if other != g && (other.ref == g.ref || other.ref == (ref{g.account.Name, g.name})) {
				out = append(out, other)
			}
		}
	}
	return out
}

// shownSchedule is the schedule a group's row shows: a secondary shows its
// primary's, as far as it knows.
func (g *group) shownSchedule() string {
	if p := g.link(); p != nil && !g.account.cutOff {
		g.schedule = p.schedule
	}
	return g.schedule
}

// due is when the next scheduled refresh should start; false when none will.
func (g *group) due(now time.Time) (time.Time, bool) {
	if g.primary || g.state != stateStarted {
		return time.Time{}, false
	}
	text := g.shownSchedule()
	if text == "" {
		return time.Time{}, false
	}
	s, err := parseSchedule(text)
	if err != nil || !s.runs() {
		return time.Time{}, false
	}
	last := g.base
	if n := len(g.history); n > 0 && g.history[n-1].start.After(last) {
		last = g.history[n-1].start
	}
	if old := now.Add(-retention - 24*time.Hour); last.Before(old) {
		if s.cron == nil {
			last = last.Add(old.Sub(last).Truncate(s.interval))
		} else {
			last = old
		}
	}
	return s.next(last)
}

// advance starts what was due until now. One refresh runs at a time: an interval
// starts late, a time of a cron expression is skipped.
func (g *group) advance(now time.Time) {
	for {
		due, ok := g.due(now)
		if !ok || due.After(now) || g.fate.stalled {
			break
		}
		if n := len(g.history); n > 0 && g.history[n-1].running(due) {
			end, ends := g.history[n-1].end()
			if !ends || end.After(now) {
				break
			}
			due = end
			if s, err := parseSchedule(g.schedule); err == nil && s.cron != nil {
				if due, ok = s.next(end.Add(-time.Nanosecond)); !ok || due.After(now) {
					break
				}
			}
		}
		g.start(due, false)
	}
	old := 0
	for old < len(g.history) && now.Sub(g.history[old].start) > retention {
		old++
	}
	g.history = slices.Delete(g.history, 0, old)
}

// start begins a refresh. How it will end is settled now.
func (g *group) start(at time.Time, manual bool) *refresh {
	f := g.fate
	switch p := g.link(); {
	case f.ends == phaseFailed || f.ends == phaseCanceled || f.stuck:
	case p == nil || g.account.cutOff || p.account.cutOff:
		f = fate{ends: phaseFailed, in: phaseMembership, code: 3001, message: fmt.Sprintf("Primary group %s cannot be reached.", g.account.org.text(g.ref))}
	case p.blocked():
		f = fate{ends: phaseFailed, in: phaseMetadata, code: 3131, message: "Dangling references in the snapshot. Correct the errors before refreshing again. The following references are missing: " + p.missing()}
	default:
		g.follow(p)
	}
	g.history = append(g.history, f.refresh(g.account.org.nextSerial(), at, g.duration, manual))
	return &g.history[len(g.history)-1]
}

// follow takes over what the primary holds. What was taken out of the group is
// dropped here: it was a copy.
func (g *group) follow(p *group) {
	a := g.account
	a.databases = slices.DeleteFunc(slices.Clone(a.databases), func(d *database) bool {
		return slices.Contains(g.databases, d.name) && !slices.Contains(p.databases, d.name)
	})
	for _, name := range p.databases {
		if a.database(name) == nil {
			a.databases = append(a.databases, newDatabase(a, name, a.org.now()))
		}
		if from := p.account.database(name); from != nil {
			a.database(name).copyWork(from)
		}
	}
	g.databases, g.shares, g.objectTypes = p.databases, p.shares, p.objectTypes
}

func (g *group) blocked() bool {
	return slices.ContainsFunc(g.dangling, func(d danglingReference) bool { return d.blocking })
}

func (g *group) missing() string {
	var names []string
	for _, d := range g.dangling {
		if d.blocking {
			names = append(names, d.referencedDomain+" "+d.referencedName)
		}
	}
	return strings.Join(names, ", ")
}

// running is the refresh that runs now, or nil.
func (g *group) running(now time.Time) *refresh {
	if n := len(g.history); n > 0 && g.history[n-1].running(now) {
		return &g.history[n-1]
	}
	return nil
}

// find is the refresh with a number, or nil.
func (g *group) find(serial uint64) *refresh {
	i := slices.IndexFunc(g.history, func(r refresh) bool { return r.serial == serial })
	if i < 0 {
		return nil
	}
	return &g.history[i]
}

// consistent is the snapshot this secondary's data is from; zero when there was
// no completed refresh.
func (g *group) consistent(now time.Time) time.Time {
	for _, r := range slices.Backward(g.history) {
		if r.at(now) == phaseCompleted {
			t, _ := r.snapshot(now)
			return t
		}
	}
	return time.Time{}
}

// promote makes g the primary. Every secondary's schedule is suspended.
func (g *group) promote(now time.Time) *failure {
	org := g.account.org
	switch {
	case g.kind == replicationType:
		return fail(2, "0A000", "Unsupported feature 'ALTER REPLICATION GROUP ... PRIMARY'.")
	case g.primary:
		return fail(3133, "55000", "Failover group '%s' is already the primary.", g.name)
	case g.running(now) != nil:
		return fail(3134, "55000", "Failover group '%s' cannot currently be set as primary because it is being refreshed. Either wait for the refresh to finish or cancel the refresh and try again.", g.name)
	}
	if p := g.link(); p != nil && !g.account.cutOff && !p.account.cutOff && p.blocked() {
		return fail(3131, "55000", "Dangling references in the snapshot. Correct the errors before failing over. The following references are missing: %s", p.missing())
	}
	own := ref{g.account.Name, g.name}
	others := g.linked()
	for _, a := range org.accounts {
		if a.Name == g.ref.account {
			if p := a.group(g.ref.name); p != nil {
				g.dangling, g.allowed = p.dangling, nil
			}
		}
	}
	for _, d := range g.databases {
		if db := g.account.database(d); db != nil {
			db.settle(now)
		}
	}
	for _, other := range others {
		g.allowed = append(g.allowed, other.account.Name)
		other.account.tell(func() {
			if other.primary {
				other.demoted = now
			}
			other.primary, other.ref, other.state, other.dangling = false, own, stateSuspended, nil
		})
	}
	g.allowed = append(g.allowed, g.account.Name)
	slices.Sort(g.allowed)
	g.primary, g.ref, g.state = true, own, ""
	return nil
}

// resume starts the schedule again; minutes count from now.
func (g *group) resume(now time.Time) {
	if g.state != stateStarted {
		g.state, g.base = stateStarted, now
	}
}

// setSchedule changes the schedule of a primary; minutes of its secondaries count
// from now.
func (g *group) setSchedule(text string, now time.Time) {
	g.schedule = text
	for _, other := range g.linked() {
		other.base = now
	}
}
