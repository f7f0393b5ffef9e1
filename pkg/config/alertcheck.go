package config

import (
	"fmt"
	"maps"
	"slices"
)

func (c *checker) alertPolicies() {
	environments := make(map[string]bool)
	for _, r := range c.repo.Resources {
		environments[r.Spec.Environment] = true
	}
	known := slices.Collect(maps.Keys(environments))
	for _, p := range c.repo.AlertPolicies {
		o, s := p.Origin, p.Spec
		c.unique(o, "route", namesOf(s.Routes, func(r Route) string { return r.Name }), func(i int) []any { return []any{"routes", i, "name"} })
		c.unique(o, "mute", namesOf(s.Mutes, func(m Mute) string { return m.Name }), func(i int) []any { return []any{"mutes", i, "name"} })
		for i, r := range s.Routes {
			c.match(o, r.Match, known, "routes", i, "match")
			if r.Page && len(r.Match.Environments) == 0 {
				c.add(o, fmt.Sprintf("route %q pages without saying for which environments", r.Name), "add match.environments, so that a test system never pages", "routes", i, "page")
			}
			if r.RemindEvery != nil && *r.RemindEvery <= 0 {
				c.add(o, "remindEvery is zero", "write for example 4h", "routes", i, "remindEvery")
			}
		}
		for i, m := range s.Mutes {
			c.match(o, m.Match, known, "mutes", i, "match")
			if m.Match.empty() {
				c.add(o, fmt.Sprintf("mute %q keeps back everything", m.Name), "say in match what it is for", "mutes", i, "match")
			}
			for j, code := range m.Codes {
				c.code(o, code, false, "mutes", i, "codes", j)
			}
			c.span(o, &m.From, &m.Until, "until", "mutes", i)
		}
	}
}

func (m Match) empty() bool {
	return len(m.Tiers)+len(m.Environments)+len(m.Platforms)+len(m.Groups)+len(m.Resources)+len(m.Sites)+len(m.Labels) == 0
}

// match checks the names in a Match.
func (c *checker) match(o Origin, m Match, environments []string, path ...any) {
	at := func(key string, i int) []any { return append(slices.Clone(path), key, i) }
	for i, name := range m.Groups {
		c.refer(o, "group", name, []Kind{KindGroup}, at("groups", i)...)
	}
	for i, name := range m.Resources {
		c.refer(o, "resource", name, []Kind{KindResource}, at("resources", i)...)
	}
	for i, name := range m.Sites {
		c.referSite(o, name, at("sites", i)...)
	}
	for i, name := range m.Environments {
		// An environment may be empty for now; one that differs from a used one by a
		// slip of the hand would silently match nothing.
		if near := nearest(name, environments); near != "" && !slices.Contains(environments, name) {
			c.add(o, fmt.Sprintf("no resource is of environment %q", name), fmt.Sprintf("did you mean %q?", near), at("environments", i)...)
		}
	}
}
