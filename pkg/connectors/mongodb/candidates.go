package mongodb

import (
	"fmt"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// barred says why a member cannot become primary; empty when it can. What is not
// known is no reason.
func (s *set) barred(seat *seat) (reason string, known bool) {
	switch {
	case seat.Arbiter:
		return "an arbiter", true
	case seat.Delay > 0:
		return fmt.Sprintf("delayed by %s", seat.Delay), true
	case seat.Hidden:
		return "hidden", true
	case seat.Priority <= 0:
		return "priority 0", true
	case seat.Votes != 1:
		return "no vote", true
	}
	n := s.at(seat)
	told := s.trusted(n) && n.status != nil && n.status.State != nil
	if told && *n.status.State != stateSecondary && *n.status.State != statePrimary {
		return stateName(*n.status.State), true
	}
	by := s.authority()
	if by == nil {
		return "", told
	}
	if n == by {
		return "", true
	}
	v := by.newest().of(seat.Host)
	_, heard := s.heard(by, v)
	switch {
	case !heard:
		return "not heard by the primary", true
	case v.State == nil || *v.State == statePrimary:
		return "", false
	case *v.State != stateSecondary:
		return stateName(*v.State), true
	case v.diverges(by.newest()):
		return "ahead of the primary", true
	}
	return "", true
}

// candidates counts who could take over at the far site, and looks whether
// priorities would move the role by themselves.
func (s *set) candidates() {
	if s.config == nil {
		s.fail(candidatesID, observe.Finding(readiness.QuorumUnknown, "no member told its configuration, so who could become primary is not known"))
		return
	}
	able, holders := 0, 0
	var why, open []string
	var delayed []*node
	for i := range s.config.Members {
		seat := &s.config.Members[i]
		n := s.at(seat)
		if n == nil || n.Site != s.farSite || n == s.primary {
			continue
		}
		if !seat.Arbiter {
			holders++
		}
		reason, known := s.barred(seat)
		switch {
		case !known:
			open = append(open, n.Name)
			continue
		case reason == "" && n.Optional:
			reason = "optional in the resource"
		case reason == "":
			able++
			continue
		}
		why = append(why, n.Name+" is "+reason)
		if seat.Delay > 0 {
			delayed = append(delayed, n)
		}
	}
	var findings []readiness.Finding
	switch {
	case holders == 0:
		findings = append(findings, observe.Finding(readiness.NoStandbyAtDR, "no member with data is at site %s", s.farSite))
	case able == 0 && len(open) == 0:
		findings = append(findings, observe.Finding(readiness.NotElectable, "no member at site %s can become primary: %s", s.farSite, strings.Join(why, ", ")))
		for _, n := range delayed { // elsewhere a delayed copy is a wish, not a fault
			s.book.Blame(&n.Node, applyDelayID, observe.Finding(readiness.ApplyDelay, "%s applies %s late, and no other member at its site could take over", n.Name, s.seats[n].Delay))
		}
	}
	findings = append(findings, s.priorities()...)
	if able == 0 && len(open) > 0 {
		s.fail(candidatesID, observe.Finding(readiness.IndicatorMissing, "whether %s could become primary is not known", strings.Join(open, ", ")), findings...)
		return
	}
	s.add(candidatesID, s.from.At, readiness.Num(float64(able)), findings...)
}

// priorities: a member with a higher priority than the primary's calls an
// election by itself as soon as it has caught up. After a switchover that takes
// the role back.
func (s *set) priorities() []readiness.Finding {
	if s.primary == nil || s.seats[s.primary] == nil {
		return nil
	}
	own := s.seats[s.primary].Priority
	var above []string
	for i := range s.config.Members {
		if seat := &s.config.Members[i]; seat.Priority > own && !seat.Arbiter {
			name := seat.Host
			if n := s.at(seat); n != nil {
				name = n.Name + " at site " + n.Site
			}
			above = append(above, fmt.Sprintf("%s with %g", name, seat.Priority))
		}
	}
	if len(above) == 0 {
		return s.heir()
	}
	return []readiness.Finding{observe.Finding(readiness.PriorityUnexpected, "the primary %s has priority %g; these would take the role by themselves: %s", s.primary.Name, own, strings.Join(above, ", "))}
}

// heir looks where the role would go by priorities without the primary's site: to
// the far site, or to a third one.
func (s *set) heir() []readiness.Finding {
	var first *seat
	far := 0.0
	for i := range s.config.Members {
		seat := &s.config.Members[i]
		n := s.at(seat)
		if n == nil || n.Site == s.primary.Site || seat.Arbiter || seat.Priority <= 0 {
			continue
		}
		if n.Site == s.farSite {
			far = max(far, seat.Priority)
		} else if first == nil || seat.Priority > first.Priority {
			first = seat
		}
	}
	if first == nil || far == 0 || first.Priority <= far {
		return nil
	}
	n := s.at(first)
	return []readiness.Finding{observe.Finding(readiness.PriorityUnexpected, "without site %s the role goes to %s at site %s with priority %g, and not to site %s, where the highest is %g", s.primary.Site, n.Name, n.Site, first.Priority, s.farSite, far)}
}
