package mongodb

import (
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// sources says whom each member replicates from. A secondary without a source
// gets nothing, however small its lag is in an idle set.
func (s *set) sources() {
	if s.config == nil {
		return
	}
	for _, n := range s.nodes {
		if !s.trusted(n) || n.arbiter() || n.status == nil || n.hello.Writable || n.status.State == nil || *n.status.State != stateSecondary {
			continue
		}
		s.source(n)
	}
}

func (s *set) source(n *node) {
	from := n.newest().Source
	if from == "" && len(s.writers) == 0 {
		s.book.Add(&n.Node, sourceID, readiness.Str("none"))
		return // without a primary there is nothing to replicate
	}
	if from == "" {
		s.book.Fail(&n.Node, sourceID, observe.Finding(readiness.ReceiverDown, "%s has no member to replicate from", n.Name))
		return
	}
	var findings []readiness.Finding
	seat := s.config.seat(from)
	switch {
	case seat == nil:
		findings = append(findings, observe.Finding(readiness.UpstreamUnexpected, "%s replicates from %s, which is no member of the configuration", n.Name, from))
	case seat.Arbiter:
		findings = append(findings, observe.Finding(readiness.UpstreamUnexpected, "%s replicates from %s, an arbiter, which holds no data", n.Name, from))
	default:
		if state, bad := s.lame(seat); bad {
			findings = append(findings, observe.Finding(readiness.ReceiverDown, "%s replicates from %s, which is %s", n.Name, from, state))
		}
	}
	s.book.Add(&n.Node, sourceID, readiness.Str(from), findings...)
	if s.primary == nil || seat == nil {
		return
	}
	switch depth, circle := s.depth(n); {
	case circle:
		s.book.Fail(&n.Node, chainID, observe.Finding(readiness.Conflict, "%s and those it replicates from follow each other in a circle, so nothing reaches them from the primary", n.Name))
	case depth > 0:
		s.book.Add(&n.Node, chainID, readiness.Num(float64(depth)))
	}
}

// lame says why nothing comes from a member.
func (s *set) lame(seat *seat) (string, bool) {
	n := s.at(seat)
	if n != nil && s.trusted(n) && n.status != nil && n.status.State != nil {
		state := *n.status.State
		return stateName(state), state != statePrimary && state != stateSecondary
	}
	by := s.authority()
	if by == nil {
		return "", false
	}
	v := by.newest().of(seat.Host)
	if _, ok := s.heard(by, v); !ok {
		return "not heard by the primary", true
	}
	return "", false
}

// depth counts the members from a node to the primary; 0 where that is not known.
// Members may follow each other in a circle, for a moment at least.
func (s *set) depth(n *node) (depth int, circle bool) {
	host := n.name()
	for depth := 1; depth <= len(s.config.Members); depth++ {
		host = s.sourceOf(host)
		if host == "" {
			return 0, false
		}
		if sameHost(host, s.primary.name()) {
			return depth, false
		}
	}
	return 0, true
}

// sourceOf is whom a member follows: by itself, else as the primary sees it.
func (s *set) sourceOf(host string) string {
	if n := s.listed(host); n != nil && s.trusted(n) && n.newest() != nil {
		return n.newest().Source
	}
	if by := s.authority(); by != nil {
		if v := by.newest().of(host); v != nil {
			return v.Source
		}
	}
	return ""
}
