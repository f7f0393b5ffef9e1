package mongodb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// sameHost compares two names of a member. Sets keep them as host:port.
func sameHost(a, b string) bool {
	x, err := endpoint.Parse(a, defaultPort)
	if err != nil {
		return a == b
	}
	y, err := endpoint.Parse(b, defaultPort)
	return err == nil && strings.EqualFold(x.Host, y.Host) && x.Port == y.Port
}

// name is what the set calls a node: what the node says, else what the resource
// says.
func (n *node) name() string {
	if n.hello != nil && n.hello.Me != "" {
		return n.hello.Me
	}
	return n.declaredName()
}

func (n *node) declaredName() string {
	if member := n.Options["member"]; member != "" {
		return member
	}
	return n.Address
}

func (s *set) nameOf(n *node) string {
	if s.rejected[n] {
		return n.declaredName()
	}
	return n.name()
}

// bind finds the configuration in force and each endpoint's seat in it.
func (s *set) bind() {
	for _, n := range s.nodes {
		switch {
		case !s.trusted(n) || n.config == nil:
		case n == s.primary:
			s.config, s.from = n.config, n
		case s.from == nil || s.from != s.primary && n.config.newerThan(s.config):
			s.config, s.from = n.config, n
		}
	}
	for _, n := range s.nodes {
		if s.alias[n] != nil {
			continue
		}
		// A stranger's seat is the one that the resource means by its endpoint.
		if seat := s.config.seat(s.nameOf(n)); seat != nil {
			s.seats[n] = seat
		}
	}
	for _, n := range s.nodes {
		s.vouch(n)
	}
}

// newerThan compares by term, then by version; a forced configuration has no term.
func (c *config) newerThan(d *config) bool {
	if c.Term != nil && d.Term != nil && *c.Term >= 0 && *d.Term >= 0 && *c.Term != *d.Term {
		return *c.Term > *d.Term
	}
	return *c.Version > *d.Version
}

func (c *config) String() string {
	if c.Term == nil {
		return fmt.Sprintf("version %d", *c.Version)
	}
	return fmt.Sprintf("version %d of term %d", *c.Version, *c.Term)
}

// at returns the endpoint of a seat.
func (s *set) at(seat *seat) *node {
	for _, n := range s.nodes {
		if other := s.seats[n]; other != nil && other.ID == seat.ID {
			return n
		}
	}
	return nil
}

// site is where a seat is, by the resource; empty when no endpoint has it.
func (s *set) site(seat *seat) string {
	if n := s.at(seat); n != nil {
		return n.Site
	}
	return ""
}

// membership compares the configuration in force with the resource, and with what
// the other members have.
func (s *set) membership() {
	if s.config == nil {
		s.fail(configID, observe.Finding(readiness.QuorumUnknown, "no member told its configuration, so who else is in the set is not known"))
		return
	}
	var findings []readiness.Finding
	for i := range s.config.Members {
		if seat := &s.config.Members[i]; s.at(seat) == nil {
			findings = append(findings, s.unlisted(seat))
		}
	}
	for _, n := range s.nodes {
		if s.seats[n] == nil && s.alias[n] == nil && !s.rejected[n] {
			s.blame(n, addressID, s.seatless(n))
		}
	}
	for _, n := range s.nodes {
		if n == s.from || !s.trusted(n) || n.config == nil {
			continue
		}
		for i := range n.config.Members {
			if seat := &n.config.Members[i]; s.config.seat(seat.Host) == nil && !s.endpointOf(seat.Host) {
				findings = append(findings, observe.Finding(readiness.EndpointMissing, "%s is a member by configuration %s, which %s has, and no endpoint of the resource: nobody looked at it, and a second writer could be there", seat.Host, n.config, n.Name))
			}
		}
	}
	if e := s.config.Election; e > longestPatience {
		findings = append(findings, observe.Finding(readiness.ThresholdExceeded, "by electionTimeoutMillis nobody stands for election before the primary was silent for %s; the default is 10s", e))
	}
	findings = append(findings, s.drift()...)
	s.add(configID, s.from.At, readiness.Str(s.config.String()), findings...)
}

// endpointOf reports whether some endpoint is called so, or says it is.
func (s *set) endpointOf(host string) bool {
	return slices.ContainsFunc(s.nodes, func(n *node) bool { return sameHost(n.name(), host) || sameHost(n.declaredName(), host) })
}

// unlisted is a member nobody looked at. The primary's view of it is all there is.
func (s *set) unlisted(seat *seat) readiness.Finding {
	kind := "member"
	if seat.Hidden {
		kind = "hidden member"
	}
	seen := "what it does is not known"
	if by := s.authority(); by != nil {
		if v := by.newest().of(seat.Host); v != nil && v.State != nil {
			seen = fmt.Sprintf("%s sees it as %s", by.Name, stateName(*v.State))
		}
	}
	return observe.Finding(readiness.EndpointMissing, "%s %s is in the configuration and no endpoint of the resource: %s, and a second writer could be there", kind, seat.Host, seen)
}

// seatless is an endpoint that the configuration does not have.
func (s *set) seatless(n *node) readiness.Finding {
	if n.hello == nil {
		return observe.Finding(readiness.NotAMember, "no member of the configuration is called %s; if %s is one under another name, say so with the option member", n.name(), n.Name)
	}
	return observe.Finding(readiness.NotAMember, "%s calls itself %s, which the configuration of %s does not have", n.Name, n.name(), s.from.Name)
}

// drift lists members that have another configuration, and one that a majority
// does not have yet.
func (s *set) drift() []readiness.Finding {
	var findings []readiness.Finding
	for _, n := range s.nodes {
		if !s.trusted(n) || n.config == nil || n == s.from {
			continue
		}
		if n.config.String() == s.config.String() {
			if !slices.Equal(n.config.Members, s.config.Members) {
				findings = append(findings, observe.Finding(readiness.ConfigDrift, "%s and %s have other members, priorities or votes in configuration %s, which both say they have", n.Name, s.from.Name, s.config))
			}
			continue
		}
		findings = append(findings, observe.Finding(readiness.ConfigDrift, "%s has configuration %s, %s has %s", n.Name, n.config, s.from.Name, s.config))
	}
	if by := s.authority(); by != nil {
		if v := by.newest().self(); v != nil && v.ConfigVersion != nil && *v.ConfigVersion != *s.config.Version {
			findings = append(findings, observe.Finding(readiness.ConfigDrift, "%s changed its configuration while it was read, from %s to version %d", by.Name, s.config, *v.ConfigVersion))
		}
	}
	if c := s.config.Committed; c != nil && !*c {
		findings = append(findings, observe.Finding(readiness.ConfigUncommitted, "configuration %s of %s is not yet known to a majority", s.config, s.from.Name))
	}
	if t := s.config.Term; t != nil && *t < 0 {
		findings = append(findings, observe.Finding(readiness.ConfigDrift, "configuration %s was forced and no primary has committed it: a second set of members may still follow the one before", s.config))
	}
	return findings
}
