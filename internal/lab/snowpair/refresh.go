package snowpair

import (
	"math"
	"time"
)

// phase is how far a refresh is, in the order the documentation of
// REPLICATION_GROUP_REFRESH_HISTORY lists phases.
type phase uint8

const (
	phaseMembership phase = iota
	phaseInventory
	phaseMetadata
	phaseData
	phaseDownloadMetadata
	phaseDownloadData
	phaseCommitting
	phaseCompleted
	phaseFailed
	phaseCanceled
)

func (p phase) String() string {
	return [...]string{
		"SECONDARY_SYNCHRONIZING_MEMBERSHIP", "SECONDARY_UPLOADING_INVENTORY", "PRIMARY_UPLOADING_METADATA",
		"PRIMARY_UPLOADING_DATA", "SECONDARY_DOWNLOADING_METADATA", "SECONDARY_DOWNLOADING_DATA",
		"SECONDARY_COMMITTING", "COMPLETED", "FAILED", "CANCELED",
	}[p]
}

// begins is the part of a refresh that is over when a phase begins.
func (p phase) begins() float64 {
	return [...]float64{0, .05, .15, .30, .50, .65, .95, 1}[min(p, phaseCompleted)]
}

// endless is the length of a refresh that does not end by itself.
const endless = time.Duration(math.MaxInt64)

// retention is how long the history is kept.
const retention = 14 * 24 * time.Hour

// refresh is one run of a secondary group. It is fixed when it starts how it
// will end; what it looks like follows from the time it is looked at.
type refresh struct {
	serial  uint64
	start   time.Time
	nominal time.Duration // how long all phases take
	length  time.Duration // when it ends, after start
	ends    phase         // what it ends as
	last    phase         // the phase it is in when it ends or gets stuck
	manual  bool
	code    int    // of a failure
	message string // of a failure
}

// fate is how refreshes go.
type fate struct {
	ends    phase         // phaseCompleted, phaseFailed, phaseCanceled
	in      phase         // where they fail, are canceled or get stuck
	stuck   bool          // they never end
	stalled bool          // scheduled ones do not start
	nominal time.Duration // how long they take; zero: the group's
	code    int
	message string
}

func (f fate) refresh(serial uint64, start time.Time, nominal time.Duration, manual bool) refresh {
	if f.nominal > 0 {
		nominal = f.nominal
	}
	r := refresh{serial: serial, start: start, nominal: nominal, length: nominal, ends: phaseCompleted, last: phaseCommitting, manual: manual}
	switch {
	case f.stuck:
		r.length, r.last = endless, f.in
	case f.ends == phaseFailed || f.ends == phaseCanceled:
		r.ends, r.last, r.code, r.message = f.ends, f.in, f.code, f.message
		r.length = r.offset(f.in) + (r.offset(f.in+1)-r.offset(f.in))/2
	}
	return r
}

// offset is when a phase begins, after the start.
func (r *refresh) offset(p phase) time.Duration {
	return time.Duration(p.begins() * float64(r.nominal)).Truncate(time.Millisecond)
}

// end is when it ended, or will; false if it does not by itself.
func (r *refresh) end() (time.Time, bool) {
	if r.length == endless {
		return time.Time{}, false
	}
	return r.start.Add(r.length), true
}

func (r *refresh) running(now time.Time) bool {
	end, ok := r.end()
	return !ok || now.Before(end)
}

// at is the phase it is in, or what it ended as.
func (r *refresh) at(now time.Time) phase {
	if !r.running(now) {
		return r.ends
	}
	return r.reached(now)
}

// reached is the last phase it was in.
func (r *refresh) reached(now time.Time) phase {
	if !r.running(now) {
		return r.last
	}
	p := phaseMembership
	for next := phaseInventory; next <= r.last; next++ {
		if now.Sub(r.start) >= r.offset(next) {
			p = next
		}
	}
	return p
}

// snapshot is the time as of which the primary's data is copied, taken when the
// primary begins to upload metadata; false before that.
func (r *refresh) snapshot(now time.Time) (time.Time, bool) {
	if r.reached(now) < phaseMetadata {
		return time.Time{}, false
	}
	return r.start.Add(r.offset(phaseMetadata)), true
}

// cancel ends a running refresh now.
func (r *refresh) cancel(now time.Time) {
	r.last = r.reached(now)
	r.length = now.Sub(r.start)
	r.ends = phaseCanceled
}

// step is one row of REPLICATION_GROUP_REFRESH_PROGRESS.
type step struct {
	phase      phase
	start, end time.Time // zero end: not yet
}

func (r *refresh) steps(now time.Time, committing bool) []step {
	reached := r.reached(now)
	var out []step
	for p := phaseMembership; p <= reached; p++ {
		if p == phaseCommitting && !committing {
			continue
		}
		s := step{phase: p, start: r.start.Add(r.offset(p))}
		if p < reached {
			s.end = r.start.Add(r.offset(p + 1))
		} else if end, ok := r.end(); ok && !r.running(now) {
			s.end = end
		}
		out = append(out, s)
	}
	if !r.running(now) {
		end, _ := r.end()
		out = append(out, step{phase: r.ends, start: end})
	}
	return out
}
