package mongodb

import (
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// exposure records what the best electable member at the far site lacks. Hidden
// and delayed members and arbiters are none, however close they follow.
func (s *set) exposure() {
	if s.config == nil {
		s.fail(exposureID, observe.Finding(readiness.IndicatorMissing, "no member told its configuration, so what the far site has is not known"))
		return
	}
	var best *time.Duration
	var why *readiness.Finding
	for i := range s.config.Members {
		seat := &s.config.Members[i]
		n := s.at(seat)
		if n == nil || n.Site != s.farSite || n == s.primary || n.Optional {
			continue
		}
		if reason, known := s.barred(seat); reason != "" || !known {
			continue
		}
		lag, f := s.lagOf(seat)
		switch {
		case f != nil:
			why = f
		case best == nil || lag < *best:
			best = &lag
		}
	}
	switch {
	case best != nil:
		s.add(exposureID, s.authority().newest().At, readiness.Dur(*best))
	case s.authority() == nil:
		code := s.whyNoAuthority()
		if code == readiness.Conflict {
			s.fail(exposureID, observe.Finding(code, "what the far site lacks cannot be said while %d members accept writes", len(s.writers)))
			return
		}
		s.fail(exposureID, observe.Finding(code, "what the far site lacks is not known while no single primary tells it; the last known figure is not proof"))
	case why != nil:
		s.fail(exposureID, *why)
	default:
		s.fail(exposureID, observe.Finding(readiness.IndicatorMissing, "no electable member at site %s gives a figure that can be trusted", s.farSite))
	}
}
