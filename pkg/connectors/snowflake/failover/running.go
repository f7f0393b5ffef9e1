package failover

import (
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// A refresh is stuck when it runs for several times its usual length, or when its
// phase does not change for longer than a whole one usually takes.
const (
	stuckTimes   = 3
	slowTimes    = 2
	leastSlow    = time.Minute
	leastPatient = 5 * time.Minute
	withoutUsual = time.Hour // in one phase, while no usual length is known
)

// runs says how a running refresh is coming on. One that takes no longer than
// usual is part of normal operation and is not remarked upon.
func (t *tally) runs(r *replica, h *History, where string) {
	running := r.running
	elapsed := max(h.Clock.Sub(*running.Start), 0)
	if t.running == nil || elapsed > *t.running {
		t.running = &elapsed
	}
	phase := running.phase()
	since := t.d.phaseSince(r, h, phase)
	t.phases = append(t.phases, t.d.label(r.row.Name, formatPhase(phase, running.Job, since)))
	inPhase := h.Clock.Sub(since)

	patience, limit := withoutUsual, time.Duration(0)
	if r.usual != nil {
		patience, limit = max(*r.usual, leastPatient), max(stuckTimes**r.usual, leastPatient)
	}
	switch {
	case limit > 0 && elapsed > limit:
		t.stuck = append(t.stuck, finding(readiness.RefreshStuck, "the refresh of %s has been running for %s, usually it takes %s; it is in %s", where, length(elapsed), length(*r.usual), phase))
	case inPhase > patience:
		t.stuck = append(t.stuck, finding(readiness.RefreshStuck, "the refresh of %s has been seen in %s for %s", where, phase, length(inPhase)))
	case r.usual == nil || elapsed > max(slowTimes**r.usual, leastSlow) || t.d.primaryUnseen(r):
		t.stuck = append(t.stuck, finding(readiness.RefreshRunning, "a refresh of %s has been running for %s and is in %s; until it ends a promotion is refused", where, length(elapsed), phase))
	}
}

// primaryUnseen: while the primary cannot be seen, somebody may want to promote.
func (d *deriver) primaryUnseen(r *replica) bool {
	for _, g := range d.groups {
		for _, other := range g.replicas {
			if other == r {
				return g.writers == 0
			}
		}
	}
	return false
}

// phaseSince is since when a refresh was seen in its phase, by what an earlier
// check left: else since now.
func (d *deriver) phaseSince(r *replica, h *History, phase string) time.Time {
	o, ok := d.previous(r.account, phaseID)
	text, isText := o.Value.Text()
	if !ok || !isText {
		return h.Clock
	}
	for _, part := range strings.Split(text, "; ") {
		if len(d.set.Groups) > 1 {
			_, part, _ = strings.Cut(part, r.row.Name+": ")
		}
		if was, ok := parsePhase(part, phase, r.running.Job); ok && was.Before(h.Clock) && !was.Before(*r.running.Start) {
			return was
		}
	}
	return h.Clock
}

func formatPhase(phase, job string, since time.Time) string {
	return fmt.Sprintf("%s since %s (job %s)", phase, since.UTC().Format(time.RFC3339), job)
}

func parsePhase(text, phase, job string) (time.Time, bool) {
	rest, ok := strings.CutPrefix(text, phase+" since ")
	if !ok {
		return time.Time{}, false
	}
	rest, ok = strings.CutSuffix(rest, " (job "+job+")")
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, rest)
	return t, err == nil
}

// recovery estimates when a promotion would be accepted: while a refresh runs it
// is refused.
func (d *deriver) recovery() {
	var worst time.Duration
	var at time.Time
	for _, g := range d.groups {
		for _, r := range g.replicas {
			if !r.secondary() || r.account.Site != g.farSite {
				continue
			}
			if r.lagAt.IsZero() || r.earlier {
				return // whether one runs now is not known
			}
			if at.IsZero() || r.lagAt.Before(at) {
				at = r.lagAt
			}
			if r.running == nil {
				continue
			}
			h := r.account.Histories[r.row.Name]
			if r.usual == nil || h == nil {
				return
			}
			left := *r.usual - h.Clock.Sub(*r.running.Start)
			if left <= 0 {
				return // longer than usual: when it ends is not known
			}
			worst = max(worst, left)
		}
	}
	if !at.IsZero() {
		d.book.AddAt(nil, at, recoveryID, readiness.Dur(worst))
	}
}
