package mongodb

import (
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// problem says why a heartbeat document is not to be used.
func (b *beats) problem(n *node) (readiness.Finding, bool) {
	switch {
	case b == nil || b.Local == nil:
		return observe.Finding(readiness.HeartbeatMissing, "no heartbeat document can be read on %s", n.Name), true
	case b.Local.Sequence == nil || b.Local.At == nil || *b.Local.Sequence < 0:
		return observe.Finding(readiness.ValueInvalid, "the heartbeat on %s has no number or no time", n.Name), true
	case b.Clock == nil:
		return observe.Finding(readiness.ValueInvalid, "%s did not tell its time, so how old its heartbeat is is not known", n.Name), true
	case b.Local.At.Sub(*b.Clock) > readiness.SkewTolerance:
		return observe.Finding(readiness.ValueInvalid, "the heartbeat on %s is from its future", n.Name), true
	}
	return readiness.Finding{}, false
}

func (b *beats) age() time.Duration { return b.Clock.Sub(*b.Local.At) }

func (s *set) interval() time.Duration {
	if i := s.spec.Heartbeat.Interval; i > 0 {
		return i
	}
	return 10 * time.Second
}

// firstBeat reports whether this check has just written the first heartbeat there
// ever was, and read before: that nothing was found then is no fault.
func (s *set) firstBeat(n *node) bool {
	absent := func(n *node) bool { return n.beat != nil && n.beat.Local == nil }
	if !s.spec.Heartbeat.Write || s.written != nil || s.primary == nil || !s.trusted(s.primary) || !absent(s.primary) || !absent(n) {
		return false
	}
	if s.spec.Previous == nil {
		return true
	}
	_, before := s.spec.Previous(n.Name, heartbeatSeqID)
	return !before
}

// beats compares the heartbeat document on both sides. Its times were put in by
// the primary of the moment, so of two documents only their difference counts. A
// document that is old on both sides means that nobody writes it, which is not
// lag. It is an indicator of exposure, and proves no data there.
func (s *set) beats() {
	if s.spec.Heartbeat == nil || s.key != "" {
		return
	}
	for _, n := range s.nodes {
		if !s.trusted(n) || n.arbiter() || s.failedReading(n, heartbeatAgeID) {
			continue
		}
		if s.firstBeat(n) {
			continue
		}
		if f, bad := n.beat.problem(n); bad {
			s.book.Fail(&n.Node, heartbeatAgeID, f)
			continue
		}
		s.book.Add(&n.Node, heartbeatAgeID, readiness.Dur(n.beat.age()))
		s.book.Add(&n.Node, heartbeatSeqID, readiness.Num(float64(*n.beat.Local.Sequence)))
	}
	p := s.primary
	if s.written != nil && p != nil {
		s.book.Fail(&p.Node, heartbeatLagID, *s.written)
		return
	}
	if p == nil || !s.trusted(p) {
		return
	}
	if _, bad := p.beat.problem(p); bad {
		return // said above
	}
	if old := p.beat.age(); old > 3*s.interval() {
		// When check itself writes, the first check after a pause finds an old document
		// and has just renewed it: that is no fault.
		if !s.spec.Heartbeat.Write {
			s.book.Fail(&p.Node, heartbeatLagID, observe.Finding(readiness.HeartbeatWrite, "the newest heartbeat on %s is %s old and one is due every %s: nobody writes it, so it says nothing about lag", p.Name, seconds(old), s.interval()))
		}
		return
	}
	for _, n := range s.nodes {
		if n == p || n.Site != s.farSite || !s.trusted(n) || n.arbiter() {
			continue
		}
		if _, bad := n.beat.problem(n); bad {
			continue
		}
		s.book.Add(&n.Node, heartbeatLagID, readiness.Dur(p.beat.Local.At.Sub(*n.beat.Local.At)))
		if m := n.beat.Majority; m != nil && m.At != nil {
			s.book.Add(&n.Node, committedLagID, readiness.Dur(p.beat.Local.At.Sub(*m.At)))
		}
	}
}
