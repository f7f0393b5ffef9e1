package mongodb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// topology says who writes and who follows, and what it means that some member
// cannot be seen. It never chooses between two primaries and never takes an
// unreachable member for a stopped one.
func (s *set) topology() {
	var seen, unseen, strangers []*node
	for _, n := range s.nodes {
		if n.unreached != nil {
			s.unseenNode(n)
		}
		switch {
		case s.rejected[n]:
			strangers = append(strangers, n) // something else answers in its place
		case n.hello == nil:
			unseen = append(unseen, n)
		case s.alias[n] == nil && !n.writes():
			seen = append(seen, n)
		}
	}
	var findings []readiness.Finding
	switch {
	case len(s.writers) > 1:
		findings = append(findings, s.twoWriters())
	case s.primary != nil:
		findings = s.onePrimary(unseen)
	default:
		findings = s.noPrimarySeen(seen, unseen, strangers)
	}
	s.add(topologyID, s.book.Oldest(), readiness.Str(describeNodes(s.writers, seen, append(unseen, strangers...))), findings...)
}

func describeNodes(writers, seen, unseen []*node) string {
	var parts, groups = []string{}, map[string][]*node{}
	for _, n := range seen {
		role := "member"
		switch {
		case n.arbiter():
			role = "arbiter"
		case n.hello.Secondary:
			role = "secondary"
		}
		groups[role] = append(groups[role], n)
	}
	for _, g := range []struct {
		label string
		nodes []*node
	}{{"primary", writers}, {"secondary", groups["secondary"]}, {"arbiter", groups["arbiter"]}, {"neither", groups["member"]}, {"not seen", unseen}} {
		if len(g.nodes) > 0 {
			parts = append(parts, g.label+" "+names(g.nodes))
		}
	}
	if len(parts) == 0 {
		return "nothing seen"
	}
	return strings.Join(parts, "; ")
}

// twoWriters is a split brain. A client of the set shows one primary and one
// server that is unknown. Terms tell which was elected later, and not which data
// is right.
func (s *set) twoWriters() readiness.Finding {
	var each []string
	for _, w := range s.writers {
		term := "of a term it did not tell"
		if w.status != nil && w.status.Term != nil {
			term = fmt.Sprintf("of term %d", *w.status.Term)
		}
		each = append(each, w.Name+" "+term)
		s.blame(w, roleID, observe.Finding(readiness.TwoWriters, "%s accepts writes, and it is not the only one", w.Name))
	}
	return observe.Finding(readiness.TwoWriters, "all of these accept writes: %s; the later term was elected later, which does not tell whose data is right", strings.Join(each, ", "))
}

func (s *set) onePrimary(unseen []*node) []readiness.Finding {
	p := s.primary
	var findings []readiness.Finding
	if p.Site != s.spec.Home.Primary {
		findings = append(findings, observe.Finding(readiness.PrimaryNotHome, "%s at site %s is primary; home is %s", p.Name, p.Site, s.spec.Home.Primary))
	}
	for _, n := range s.nodes {
		if n == p || !s.trusted(n) || n.status == nil {
			continue
		}
		if n.hello.Primary != "" && !sameHost(n.hello.Primary, p.name()) {
			findings = append(findings, observe.Finding(readiness.Conflict, "%s takes %s for the primary, and %s says it is", n.Name, n.hello.Primary, p.Name))
		}
		if later, mine := n.status.Term, s.termOf(p); later != nil && mine != nil && *later > *mine {
			findings = append(findings, observe.Finding(readiness.Conflict, "%s is at term %d, the primary %s at %d: an election was held that the primary does not know of", n.Name, *later, p.Name, *mine))
		}
	}
	for _, n := range unseen {
		f, writer := s.unseenBesidePrimary(n)
		switch {
		case !writer:
		case n.Optional:
			s.book.Fail(&n.Node, roleID, f) // of the endpoint, so that it counts as one
		default:
			findings = append(findings, f)
		}
	}
	return findings
}

// termOf is the newest term a node told.
func (s *set) termOf(n *node) *int64 {
	if n.newest() == nil {
		return nil
	}
	return n.newest().Term
}

// noPrimarySeen: nobody that was reached writes. Only when everybody was reached
// is that an outage.
func (s *set) noPrimarySeen(seen, unseen, strangers []*node) []readiness.Finding {
	switch {
	case len(seen) == 0 && len(unseen) == 0:
		return []readiness.Finding{observe.Finding(readiness.IdentityUnproven, "no member could be proved to belong to this resource")}
	case len(seen) == 0:
		return []readiness.Finding{observe.Finding(readiness.VisBoth, "no member of this resource could be seen")}
	}
	if f, claimed := s.claimedPrimary(); claimed {
		return []readiness.Finding{f}
	}
	if len(unseen) == 0 && len(strangers) > 0 {
		return []readiness.Finding{observe.Finding(readiness.WriterUnproven, "no member that was recognised accepts writes; something else answers in place of %s, which may be primary", names(strangers))}
	}
	if missing := s.unlistedSeats(); len(unseen) == 0 && len(missing) > 0 {
		return []readiness.Finding{observe.Finding(readiness.WriterUnproven, "no member that was reached accepts writes; %s may, and no endpoint is listed for it", strings.Join(missing, ", "))}
	}
	if len(unseen) == 0 {
		return []readiness.Finding{observe.Finding(readiness.NoPrimary, "%s were reached and none accepts writes", names(seen))}
	}
	suspect := s.expectedPrimary(unseen)
	if suspect == nil {
		return []readiness.Finding{observe.Finding(readiness.WriterUnproven, "no member that was reached accepts writes; %s may be primary and cannot be seen", names(unseen))}
	}
	if down, by := s.reportedDown(suspect); down {
		findings := []readiness.Finding{observe.Finding(readiness.PrimaryUnreachable, "%s: %s, and %s does not hear it either; it is down or partitioned, which cannot be told from here; %s",
			suspect.Name, suspect.unreached.Message, by.Name, s.lossBound(suspect, seen))}
		if others := s.mayLead(unseen, suspect); len(others) > 0 {
			findings = append(findings, observe.Finding(readiness.WriterUnproven, "%s cannot be seen either, and may have become primary since", names(others)))
		}
		return findings
	}
	return []readiness.Finding{observe.Finding(readiness.WriterUnproven, "%s may be primary and cannot be seen: %s", suspect.Name, suspect.unreached.Message)}
}

// mayLead are the unseen nodes beside one that could be elected where they are.
func (s *set) mayLead(unseen []*node, but *node) []*node {
	return slices.DeleteFunc(slices.Clone(unseen), func(n *node) bool {
		seat := s.seats[n]
		return n == but || seat != nil && (seat.Arbiter || seat.Priority <= 0 || s.heardFollowing(seat))
	})
}

// heardFollowing reports whether a member that was reached heard another one a
// moment ago as one that takes no writes.
func (s *set) heardFollowing(seat *seat) bool {
	return slices.ContainsFunc(s.nodes, func(by *node) bool {
		if !s.trusted(by) || by.newest() == nil {
			return false
		}
		v := by.newest().of(seat.Host)
		age, ok := s.heard(by, v)
		return ok && v.State != nil && passive(*v.State) && age <= s.proofLasts()
	})
}

// unlistedSeats are members with data that no endpoint has.
func (s *set) unlistedSeats() []string {
	var hosts []string
	if s.config == nil {
		return nil
	}
	for i := range s.config.Members {
		if seat := &s.config.Members[i]; !seat.Arbiter && s.at(seat) == nil {
			hosts = append(hosts, seat.Host)
		}
	}
	return hosts
}
