package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/rules"
)

func (c *checker) statusPolicies() {
	for _, p := range c.repo.StatusPolicies {
		o, s := p.Origin, p.Spec
		if s.Scope.Group != "" {
			c.refer(o, "group", s.Scope.Group, []Kind{KindGroup}, "scope", "group")
		}
		if s.Scope.Resource != "" {
			c.refer(o, "resource", s.Scope.Resource, []Kind{KindResource}, "scope", "resource")
		}
		platform := s.Scope.Platform
		if r, ok := c.repo.Resource(s.Scope.Resource); ok {
			platform = r.Spec.Platform
		}
		known := c.catalogOf(platform)
		c.thresholds(o, s.Thresholds, known, "thresholds")
		c.indicatorNames(o, slices.Collect(maps.Keys(s.Require)), known, "require")
		c.severities(o, s.Severities)
		c.expressions(p)
	}
	c.overlaps()
}

func (c *checker) expressions(p *StatusPolicy) {
	list := p.Spec.Expressions
	c.unique(p.Origin, "expression", namesOf(list, func(e rules.Expression) string { return e.Name }), func(i int) []any { return []any{"expressions", i, "name"} })
	for i, e := range list {
		if err := rules.CheckExpression(e); err != nil {
			c.add(p.Origin, fmt.Sprintf("expression %q: %s", e.Name, oneLine(err)), "", "expressions", i, "expr")
		}
	}
}

// inExpression is how the expression library begins its messages.
var inExpression = regexp.MustCompile(`^ERROR: <input>:1:([0-9]+): `)

// oneLine is the first line of an error that has several.
func oneLine(err error) string {
	first, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return inExpression.ReplaceAllString(strings.TrimSpace(first), "character $1: ")
}

// decision is something that one policy alone must decide about a resource.
type decision struct {
	what string // "threshold of replication.lag_bytes"
	path []any
}

// decisions lists what a policy decides.
func decisions(p rules.Policy) []decision {
	var list []decision
	for _, id := range slices.Sorted(maps.Keys(p.Thresholds)) {
		list = append(list, decision{"threshold of " + string(id), inSpec("thresholds", string(id))})
	}
	for _, id := range slices.Sorted(maps.Keys(p.Require)) {
		list = append(list, decision{"require of " + string(id), inSpec("require", string(id))})
	}
	for _, code := range slices.Sorted(maps.Keys(p.Severities)) {
		list = append(list, decision{"severity of " + string(code), inSpec("severities", string(code))})
	}
	for _, scalar := range []struct {
		key string
		set bool
	}{{"maxAge", p.MaxAge != nil}, {"visibilityGrace", p.VisibilityGrace != nil}, {"reminderEvery", p.ReminderEvery != nil}} {
		if scalar.set {
			list = append(list, decision{scalar.key, inSpec(scalar.key)})
		}
	}
	return list
}

// overlaps reports two policies that are equally specific, can match the same
// resource and decide the same thing: nobody could tell which of them holds.
func (c *checker) overlaps() {
	type claim struct {
		policy *StatusPolicy
		path   []any
	}
	type key struct {
		specificity int
		resource    string // scopes of two resources never meet
		what        string
	}
	claims := make(map[key][]claim)
	m := &meetings{subjects: c.subjects(), matched: make(map[*StatusPolicy][]uint64)}
	for _, p := range byPlace(c.repo.StatusPolicies) {
		for _, d := range decisions(p.Spec) {
			k := key{p.Spec.Scope.Specificity(), p.Spec.Scope.Resource, d.what}
			for _, other := range claims[k] {
				if !m.meet(p, other.policy) {
					continue
				}
				c.problems = append(c.problems, p.Origin.keyProblem(
					fmt.Sprintf("%s is also decided by policy %q at %s, which is equally specific", d.what, other.policy.Name(), place{other.policy.Origin, other.path}),
					"keep one of them, or make one scope more specific", d.path...))
				break
			}
			claims[k] = append(claims[k], claim{p, d.path})
		}
	}
}
