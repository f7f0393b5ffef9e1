package runbook

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// limits are the caps that hold for one run (SI-31).
type limits struct {
	perSite []siteCap
}

// siteCap limits how many of some resources may be touched at the same time at one
// site.
type siteCap struct {
	group   string
	members map[string]bool
	most    int
}

// caps works out the caps of all groups that a plan touches, and refuses a plan
// that is over one. The groups are pinned: their caps decide.
func (c *compiler) caps(names []string) (limits, error) {
	var l limits
	for _, name := range slices.Sorted(maps.Keys(c.scope.Groups)) {
		g := c.scope.Groups[name]
		inside := map[string]bool{}
		if err := (&compiler{scope: c.scope, pins: map[string]Digest{}}).under(name, nil, inside); err != nil {
			return l, err
		}
		touched := map[string]bool{}
		for _, n := range names {
			if inside[n] {
				touched[n] = true
			}
		}
		if len(touched) == 0 {
			continue
		}
		maps.Copy(c.pins, g.Pins)
		if g.PerRun > 0 && len(touched) > g.PerRun {
			return l, fmt.Errorf("the plan touches %d resources of group %q, whose caps.perRun is %d (SI-31); ask for fewer at a time", len(touched), name, g.PerRun)
		}
		if g.PerSite > 0 {
			l.perSite = append(l.perSite, siteCap{name, touched, g.PerSite})
		}
	}
	return l, nil
}

// waves orders members so that each comes after everything it depends on, and
// splits what does not depend on each other by the caps.
func (c *compiler) waves(names []string, plans map[string]MemberPlan, l limits) ([]Wave, error) {
	before, err := c.order(names)
	if err != nil {
		return nil, err
	}
	var waves []Wave
	done := map[string]bool{}
	for len(done) < len(names) {
		var ready []string
		for _, name := range names {
			if done[name] || slices.ContainsFunc(before[name], func(n string) bool { return !done[n] }) {
				continue
			}
			ready = append(ready, name)
		}
		if len(ready) == 0 {
			return nil, fmt.Errorf("dependencies go round in a circle: %s", strings.Join(circle(before, done), " -> "))
		}
		var wave Wave
		for _, name := range ready {
			if l.full(wave, plans[name]) {
				continue // it stays for a later wave
			}
			wave.Members = append(wave.Members, plans[name])
		}
		for _, m := range wave.Members {
			done[m.Resource] = true
		}
		waves = append(waves, wave)
	}
	return waves, nil
}

// full reports whether one more member would be over a cap. The first member of a
// wave always fits, as a cap is at least one.
func (l limits) full(w Wave, m MemberPlan) bool {
	return slices.ContainsFunc(l.perSite, func(cap siteCap) bool {
		if !cap.members[m.Resource] {
			return false
		}
		for _, site := range []string{m.From, m.To} {
			at := 0
			for _, x := range w.Members {
				if cap.members[x.Resource] && (x.From == site || x.To == site) {
					at++
				}
			}
			if at >= cap.most {
				return true
			}
		}
		return false
	})
}

// order says for each resource which others of the plan must be done before.
func (c *compiler) order(names []string) (map[string][]string, error) {
	inPlan := map[string]bool{}
	for _, n := range names {
		inPlan[n] = true
	}
	// resolve names what stands behind a dependency, as far as it is in the plan.
	resolve := func(name string) ([]string, error) {
		if _, ok := c.scope.Members[name]; ok {
			if inPlan[name] {
				return []string{name}, nil
			}
			return nil, nil
		}
		found := map[string]bool{}
		if err := (&compiler{scope: c.scope, pins: map[string]Digest{}}).under(name, nil, found); err != nil {
			return nil, err
		}
		maps.DeleteFunc(found, func(n string, _ bool) bool { return !inPlan[n] })
		return slices.Sorted(maps.Keys(found)), nil
	}
	before := map[string]map[string]bool{}
	add := func(name string, dependencies []string) error {
		for _, d := range dependencies {
			needed, err := resolve(d)
			if err != nil {
				return err
			}
			for _, n := range needed {
				if before[name] == nil {
					before[name] = map[string]bool{}
				}
				before[name][n] = true
			}
		}
		return nil
	}
	for _, name := range names {
		if err := add(name, c.scope.Members[name].DependsOn); err != nil {
			return nil, err
		}
	}
	for _, group := range slices.Sorted(maps.Keys(c.scope.Groups)) {
		g := c.scope.Groups[group]
		if len(g.DependsOn) == 0 {
			continue
		}
		members, err := resolve(group)
		if err != nil {
			return nil, err
		}
		for _, name := range members {
			if err := add(name, g.DependsOn); err != nil {
				return nil, err
			}
		}
	}
	out := map[string][]string{}
	for name, set := range before {
		out[name] = slices.Sorted(maps.Keys(set))
	}
	return out, nil
}

// circle follows what is not done until a name comes again.
func circle(before map[string][]string, done map[string]bool) []string {
	open := func(n string) bool { return !done[n] }
	var path []string
	for _, start := range slices.Sorted(maps.Keys(before)) {
		if open(start) && slices.ContainsFunc(before[start], open) {
			path = []string{start}
			break
		}
	}
	for len(path) > 0 {
		last := path[len(path)-1]
		i := slices.IndexFunc(before[last], open)
		if i < 0 {
			break
		}
		next := before[last][i]
		if at := slices.Index(path, next); at >= 0 {
			return append(path[at:], next)
		}
		path = append(path, next)
	}
	return path
}
