package mongodb

import (
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// claimedPrimary looks whether some member that was reached hears a primary that
// bcctl does not see.
func (s *set) claimedPrimary() (readiness.Finding, bool) {
	for _, by := range s.nodes {
		if !s.trusted(by) || by.newest() == nil {
			continue
		}
		for i := range by.newest().Members {
			v := &by.newest().Members[i]
			age, ok := s.heard(by, v)
			if v.Self || !ok || v.State == nil || *v.State != statePrimary {
				continue
			}
			n := s.listed(v.Name)
			switch {
			case n == nil:
				return observe.Finding(readiness.WriterUnproven, "%s heard %s ago of %s as the primary, which is no endpoint of the resource", by.Name, seconds(age), v.Name), true
			case n.hello == nil:
				return observe.Finding(readiness.PrimaryPathLost, "%s: %s, but %s had a heartbeat reply of it as PRIMARY %s ago, so it was alive then; a failover now would make two writers",
					n.Name, n.unreached.Message, by.Name, seconds(age)), true
			}
		}
	}
	return readiness.Finding{}, false
}

// listed is the endpoint of a member by its name in the set.
func (s *set) listed(host string) *node {
	for _, n := range s.nodes {
		if seat := s.seats[n]; seat != nil && sameHost(seat.Host, host) {
			return n
		}
	}
	return nil
}

// expectedPrimary is the unseen node that was primary when last seen, else one at
// the primary's home that could be.
func (s *set) expectedPrimary(unseen []*node) *node {
	for _, n := range unseen {
		if prev, ok := s.previous(n, roleID); ok {
			if role, _ := prev.Value.Text(); role == "primary" {
				return n
			}
		}
	}
	for _, n := range unseen {
		if seat := s.seats[n]; n.Site == s.spec.Home.Primary && (seat == nil || !seat.Arbiter && seat.Priority > 0) {
			return n
		}
	}
	return nil
}

// reportedDown reports whether no member that was reached hears a node, and one
// that says so.
func (s *set) reportedDown(n *node) (bool, *node) {
	var by *node
	for _, other := range s.nodes {
		if !s.trusted(other) || other.status == nil || s.seats[n] == nil {
			continue
		}
		if _, ok := s.heard(other, other.newest().of(s.seats[n].Host)); ok {
			return false, nil
		}
		by = other
	}
	return by != nil, by
}

// lossBound words what promoting somebody would lose, as far as recorded
// positions tell. A position is compared by term first.
func (s *set) lossBound(p *node, seen []*node) string {
	prev, ok := s.previous(p, positionID)
	text, _ := prev.Value.Text()
	last := parsePosition(text)
	if !ok || last == nil {
		return "what a failover would lose is not known: the primary's position was never recorded"
	}
	var best *position
	var on *node
	for _, n := range seen {
		if s.trusted(n) && n.status != nil && n.status.Applied != nil && (best == nil || n.status.Applied.compare(*best) > 0) {
			best, on = n.status.Applied, n
		}
	}
	if on == nil {
		return "what a failover would lose is not known: no member told its position"
	}
	when := prev.ObservedAt.UTC().Format(time.RFC3339)
	if best.reaches(last) {
		return fmt.Sprintf("%s has not less than the primary had when last seen at %s; what it wrote later is not known", on.Name, when)
	}
	lost := last.at().Sub(best.at())
	return fmt.Sprintf("%s lacks at least the last %s of what the primary had at %s; upper bound not known", on.Name, max(lost, 0), when)
}
