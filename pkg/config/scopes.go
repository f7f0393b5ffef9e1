package config

import (
	"maps"

	"github.com/bcctl/bcctl/pkg/rules"
)

// subjects are the resources as scopes see them.
func (c *checker) subjects() []rules.Subject {
	groups := make(map[string][]string)
	for _, g := range c.repo.Groups {
		for _, m := range g.Spec.Members {
			groups[m.Name] = append(groups[m.Name], g.Name())
		}
	}
	subjects := make([]rules.Subject, 0, len(c.repo.Resources))
	for _, r := range c.repo.Resources {
		subjects = append(subjects, rules.Subject{
			Name: r.Name(), Platform: r.Spec.Platform, Tier: r.Spec.Tier, Environment: r.Spec.Environment,
			Labels: r.Metadata.Labels, Groups: groups[r.Name()],
		})
	}
	return subjects
}

// meetings tells which policies can match the same resource.
type meetings struct {
	subjects []rules.Subject
	matched  map[*StatusPolicy][]uint64 // one bit for each subject
}

// meet reports whether two policies of the same rank can match one resource. For
// tiers and platforms that can be seen from the scopes; for labels and groups
// that differ it takes a resource which both match.
func (m *meetings) meet(p, q *StatusPolicy) bool {
	a, b := p.Spec.Scope, q.Spec.Scope
	if a.Tier != 0 && b.Tier != 0 && a.Tier != b.Tier ||
		a.Platform != "" && b.Platform != "" && a.Platform != b.Platform ||
		a.Resource != "" && b.Resource != "" && a.Resource != b.Resource {
		return false
	}
	if a.Group == b.Group && maps.Equal(a.Labels, b.Labels) {
		return true
	}
	other := m.matches(q)
	for i, bits := range m.matches(p) {
		if bits&other[i] != 0 {
			return true
		}
	}
	return false
}

// matches returns the subjects of a policy.
func (m *meetings) matches(p *StatusPolicy) []uint64 {
	if set, ok := m.matched[p]; ok {
		return set
	}
	set := make([]uint64, (len(m.subjects)+63)/64)
	for i, s := range m.subjects {
		if p.Spec.Scope.Matches(s) {
			set[i/64] |= 1 << (i % 64)
		}
	}
	m.matched[p] = set
	return set
}
