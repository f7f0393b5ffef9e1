package runbook

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// apart keeps drills and production apart (SI-29): a drill stays in one
// environment, reaches no node that another environment lists as its own, and
// touches no writer in production unless the request says so.
func (c *compiler) apart(plans map[string]MemberPlan) error {
	w := c.scope.Wish
	if w.Type != Drill {
		return nil
	}
	environment := ""
	for _, name := range slices.Sorted(maps.Keys(plans)) {
		m := plans[name]
		if environment != "" && m.Environment != environment {
			return fmt.Errorf("the drill would touch the environments %s and %s; a drill stays in one (SI-29)", environment, m.Environment)
		}
		environment = m.Environment
		if other := c.shared(name); other != "" && !w.ProductionDrill {
			return fmt.Errorf("resource %q of environment %s has a node in common with %q of environment %s; a drill must not reach it (SI-29)",
				name, m.Environment, other, c.scope.Members[other].Environment)
		}
		if why := reachesWriter(c.scope.Members[name].Book.Spec); why != "" && production(m.Environment) && !w.ProductionDrill {
			return fmt.Errorf("the drill of %q would reach the writer in %s: %s; only a request with productionDrill: true may (SI-29)", name, m.Environment, why)
		}
	}
	return nil
}

// shared finds a resource of another environment that lists one of a resource's
// addresses.
func (c *compiler) shared(name string) string {
	m := c.scope.Members[name]
	mine := map[string]bool{}
	for _, e := range m.Endpoints {
		mine[strings.ToLower(e.Address)] = true
	}
	for _, other := range slices.Sorted(maps.Keys(c.scope.Members)) {
		o := c.scope.Members[other]
		if o.Environment == m.Environment {
			continue
		}
		if slices.ContainsFunc(o.Endpoints, func(e Endpoint) bool { return mine[strings.ToLower(e.Address)] }) {
			return other
		}
	}
	return ""
}

// production tells by its name whether an environment is one whose loss hurts.
func production(environment string) bool {
	return strings.HasPrefix(environment, "prod") || environment == "live"
}

// reachesWriter says why a runbook for a drill would touch the side that writes;
// empty when it does not.
func reachesWriter(r Runbook) string {
	if r.PointOfNoReturn != "" {
		return fmt.Sprintf("step %q cannot be taken back", r.PointOfNoReturn)
	}
	for _, s := range r.Steps {
		if s.Mutates != nil && !*s.Mutates {
			continue
		}
		if s.SQL != nil && s.SQL.Side == Old {
			return fmt.Sprintf("step %q runs a statement there", s.ID)
		}
		for _, t := range Texts(s.Operation) {
			for _, match := range Placeholder.FindAllStringSubmatch(t.Value, -1) {
				if strings.HasPrefix(match[1], "old.") && match[1] != "old.site" {
					return fmt.Sprintf("step %q names it", s.ID)
				}
			}
		}
	}
	return ""
}
