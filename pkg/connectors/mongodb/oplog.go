package mongodb

import (
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// window is the time an oplog covers once it is full: what it covers now,
// stretched to its allowed size where that is known. A new set has a short
// oplog, and loses nothing from it yet.
func (o *oplogEnds) window() (time.Duration, bool) {
	if o == nil || o.First == nil || o.Last == nil {
		return 0, false
	}
	w := o.Last.Sub(*o.First)
	if w < 0 {
		return 0, false
	}
	if o.Size != nil && o.Limit != nil && *o.Size > 0 && *o.Limit > *o.Size {
		if full := w.Seconds() * *o.Limit / *o.Size; full < (10 * 365 * 24 * time.Hour).Seconds() {
			w = time.Duration(full * float64(time.Second))
		} else {
			w = 10 * 365 * 24 * time.Hour
		}
	}
	return w, true
}

// oplogs records the window of every member: a secondary may be what another one
// replicates from.
func (s *set) oplogs() {
	for _, n := range s.nodes {
		if !s.trusted(n) || n.arbiter() || s.failedReading(n, oplogWindowID) {
			continue
		}
		w, ok := n.oplog.window()
		if !ok {
			s.book.Fail(&n.Node, oplogWindowID, observe.Finding(readiness.ValueInvalid, "%s did not tell both ends of its oplog, or they are the wrong way round", n.Name))
			continue
		}
		s.book.Add(&n.Node, oplogWindowID, readiness.Dur(w))
	}
	if s.config == nil {
		return
	}
	for _, n := range s.nodes {
		if seat := s.seats[n]; seat != nil && !seat.Arbiter && n != s.primary {
			s.headroom(n, seat)
		}
	}
}

// headroom is how much further a member may fall behind before it needs a full
// copy: what its source's oplog covers, less its lag.
func (s *set) headroom(n *node, seat *seat) {
	p := s.authority()
	if p == nil {
		return
	}
	lag, f := s.lagOf(seat)
	if f != nil {
		return // said with the lag
	}
	of := p
	if from := s.listed(s.sourceOf(seat.Host)); from != nil && s.trusted(from) && from != n {
		of = from
	}
	w, ok := of.oplog.window()
	if !ok {
		return // said with the window
	}
	var findings []readiness.Finding
	if lag > slack && lag > w/4 {
		findings = append(findings, observe.Finding(readiness.OplogHeadroomLow, "%s is %s behind, and the oplog of %s covers %s: beyond that it needs a full copy", n.Name, lag.Round(time.Second), of.Name, w.Round(time.Second)))
	}
	s.book.AddAt(&n.Node, p.newest().At, headroomID, readiness.Dur(max(w-lag, 0)), findings...)
}
