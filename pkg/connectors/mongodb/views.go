package mongodb

import (
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// longestPatience bounds for how long a heartbeat counts here, whatever patience
// the set has with its members: it may be configured to days.
const longestPatience = time.Minute

// heartbeatViews compares who hears whom. Each pair is judged by one clock, that
// of the member which tells; a cut that works in one direction only shows as
// replies without requests, or the other way round.
func (s *set) heartbeatViews() {
	if s.config == nil {
		return
	}
	for _, n := range s.nodes {
		if !s.trusted(n) || n.arbiter() || n.newest() == nil || s.seats[n] == nil {
			continue
		}
		if n.newest().Date == nil {
			s.book.Fail(&n.Node, viewsID, observe.Finding(readiness.ValueInvalid, "%s did not tell its time with its status, so how old its heartbeats are is not known", n.Name))
			continue
		}
		s.view(n)
	}
	s.transportAges()
}

func (s *set) view(n *node) {
	hearing, others := 0, 0
	var findings []readiness.Finding
	for i := range s.config.Members {
		seat := &s.config.Members[i]
		if seat.ID == s.seats[n].ID {
			continue
		}
		others++
		v := n.newest().of(seat.Host)
		_, hears := s.heard(n, v)
		asked := false
		if v != nil {
			_, asked = s.fresh(n, v.Hears)
		}
		if hears {
			hearing++
		}
		if f, bad := s.oneWay(n, seat, v, hears, asked); bad {
			findings = append(findings, f)
		}
	}
	s.book.Add(&n.Node, viewsID, readiness.Str(fmt.Sprintf("hears %d of %d", hearing, others)), findings...)
}

// oneWay judges one pair. A member that answers nobody is not partitioned but
// away, which is said of it.
func (s *set) oneWay(n *node, seat *seat, v *view, hears, asked bool) (readiness.Finding, bool) {
	other := seat.Host
	peer := s.at(seat)
	if peer != nil {
		other = peer.Name
	}
	say := func(format string, args ...any) (readiness.Finding, bool) {
		return observe.Finding(readiness.PartitionOneWay, format, args...), true
	}
	if self := n.newest().self(); self != nil && self.Uptime != nil && time.Duration(*self.Uptime*float64(time.Second)) < s.patience() {
		return readiness.Finding{}, false // it has just begun to listen
	}
	switch {
	case peer != nil && s.rejected[peer]:
		return readiness.Finding{}, false // something else answers there, which is said of it
	case hears && !asked:
		return say("%s replies to %s, and %s has had no request of it for %s: heartbeats pass in one direction only", other, n.Name, n.Name, s.silence(n, v))
	case asked && !hears:
		return say("%s asks %s, and does not reply to it: heartbeats pass in one direction only%s", other, n.Name, because(v))
	case !hears && peer != nil && peer.hello != nil:
		return say("%s does not hear %s, although it answers bcctl%s", n.Name, other, because(v))
	}
	return readiness.Finding{}, false
}

func because(v *view) string {
	if v == nil || v.Message == "" {
		return ""
	}
	return ": " + v.Message
}

func (s *set) silence(n *node, v *view) string {
	if v == nil || v.Hears == nil {
		return "as long as it knows"
	}
	return seconds(n.newest().Date.Sub(*v.Hears))
}

// transportAges are how long ago the primary had a reply of each member.
func (s *set) transportAges() {
	p := s.authority()
	if p == nil {
		return
	}
	silent := readiness.StandbyAbsent
	var unheard []*node
	for i := range s.config.Members {
		seat := &s.config.Members[i]
		n := s.at(seat)
		if n == nil || n == p {
			continue
		}
		age, ok := s.heard(p, p.newest().of(seat.Host))
		if !ok {
			unheard = append(unheard, n)
			continue
		}
		if n.Site == s.farSite && !seat.Arbiter {
			silent = readiness.TransportSilent
		}
		s.book.AddAt(&n.Node, p.newest().At, transportAgeID, readiness.Dur(age))
	}
	for _, n := range unheard {
		code := readiness.TransportSilent
		if n.Site == s.farSite && !s.seats[n].Arbiter {
			code = silent // nobody at that site is heard
		}
		s.book.Fail(&n.Node, transportAgeID, observe.Finding(code, "%s has no heartbeat reply of %s that is younger than %s", p.Name, n.Name, s.patience()))
	}
}
