package config

import (
	"slices"
	"strings"
)

// edge leads from a target to what must be ready before it: what it depends on,
// and for a group its members.
type edge struct {
	to   string
	from place
}

// graph reports cycles of dependencies and memberships, each with all of its
// parts: a cycle has no order in which to start.
func (c *checker) graph() {
	edges := make(map[string][]edge)
	var order []string
	for _, r := range c.repo.Resources {
		order = append(order, r.Name())
		for i, name := range r.Spec.DependsOn {
			edges[r.Name()] = append(edges[r.Name()], edge{name, place{r.Origin, inSpec("dependsOn", i)}})
		}
	}
	for _, g := range c.repo.Groups {
		order = append(order, g.Name())
		for i, m := range g.Spec.Members {
			edges[g.Name()] = append(edges[g.Name()], edge{m.Name, place{g.Origin, inSpec("members", i, "name")}})
		}
		for i, name := range g.Spec.DependsOn {
			edges[g.Name()] = append(edges[g.Name()], edge{name, place{g.Origin, inSpec("dependsOn", i)}})
		}
	}
	slices.Sort(order)
	for _, cycle := range cycles(order, edges) {
		first := cycle[0]
		var names []string
		for _, e := range cycle {
			names = append(names, e.to)
		}
		// The last edge leads back to where the first one starts.
		last := names[len(names)-1]
		if len(cycle) == 1 {
			c.problems = append(c.problems, first.from.origin.Problem(last+" depends on itself", "remove it", first.from.path...))
			continue
		}
		c.problems = append(c.problems, first.from.origin.Problem(
			"dependencies go round in a circle: "+last+" -> "+strings.Join(names, " -> "), "remove one of them", first.from.path...))
	}
}

// cycles returns the cycles that a depth-first search meets, as edges. A graph
// with a cycle yields at least one; each starts at its first name in the alphabet.
func cycles(order []string, edges map[string][]edge) [][]edge {
	const (
		open = 1
		done = 2
	)
	state := make(map[string]int)
	var found [][]edge
	// The stack is kept by hand: a chain of ten thousand resources is allowed.
	type frame struct {
		name string
		next int
		in   edge // the edge that led here
	}
	for _, start := range order {
		if state[start] != 0 {
			continue
		}
		state[start] = open
		stack := []frame{{name: start}}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next == len(edges[top.name]) {
				state[top.name] = done
				stack = stack[:len(stack)-1]
				continue
			}
			e := edges[top.name][top.next]
			top.next++
			switch state[e.to] {
			case open:
				i := slices.IndexFunc(stack, func(f frame) bool { return f.name == e.to })
				var cycle []edge
				for _, f := range stack[i+1:] {
					cycle = append(cycle, f.in)
				}
				found = append(found, rotate(append(cycle, e)))
			case 0:
				state[e.to] = open
				stack = append(stack, frame{name: e.to, in: e})
			}
		}
	}
	return found
}

// rotate turns a cycle so that it starts from its first name in the alphabet.
func rotate(cycle []edge) []edge {
	lowest := 0
	for i, e := range cycle {
		if e.to < cycle[lowest].to {
			lowest = i
		}
	}
	// The edge that leads to the lowest name comes last.
	return slices.Concat(cycle[lowest+1:], cycle[:lowest+1])
}
