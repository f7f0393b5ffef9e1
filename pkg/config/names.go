package config

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

var labelKey = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$`)

// names registers every document and reports names that are given twice.
func (c *checker) names(files []file) {
	for _, f := range files {
		for _, name := range f.mentioned {
			c.mentioned[name] = true
		}
		for _, e := range f.entries {
			if e.add == nil {
				c.broken[e.kind] = true
			}
			if e.name == "" || e.kind == "" {
				continue
			}
			if first, twice := c.declared[e.kind][e.name]; twice {
				c.problems = append(c.problems, e.origin.Problem(
					fmt.Sprintf("%s %q is declared twice; first at %s", e.kind, e.name, first.lineOf("metadata", "name")),
					"give one of them another name", "metadata", "name"))
				continue
			}
			c.declared[e.kind][e.name] = e.origin
		}
	}
	c.sharedNames()
	checkLabels(c, c.repo.Resources)
	checkLabels(c, c.repo.Groups)
}

// sharedNames reports names that a resource and a group have in common: on the
// command line both are targets.
func (c *checker) sharedNames() {
	for name, group := range c.declared[KindGroup] {
		resource, both := c.declared[KindResource][name]
		if !both {
			continue
		}
		c.problems = append(c.problems, group.Problem(
			fmt.Sprintf("Group %q has the name of the Resource at %s", name, resource.lineOf("metadata", "name")),
			"give one of them another name", "metadata", "name"))
	}
}

func checkLabels[S any](c *checker, list []*Document[S]) {
	for _, d := range list {
		for _, key := range slices.Sorted(maps.Keys(d.Metadata.Labels)) {
			if !labelKey.MatchString(key) {
				c.problems = append(c.problems, d.Origin.keyProblem(
					fmt.Sprintf("%q cannot be used in a selector", key),
					"write letters, digits and . _ / - between them, at most 63", "metadata", "labels", key))
			}
		}
	}
}

// siteLists registers every site.
func (c *checker) siteLists() {
	c.sites = make(map[string]place)
	for _, list := range byPlace(c.repo.SiteLists) {
		for i, site := range list.Spec.Sites {
			here := place{list.Origin, inSpec("sites", i, "name")}
			if first, twice := c.sites[site.Name]; twice {
				c.add(list.Origin, fmt.Sprintf("site %q is listed twice; first at %s", site.Name, first), "keep one of them", "sites", i, "name")
				continue
			}
			c.sites[site.Name] = here
		}
	}
}

// byPlace returns documents in the order of files and lines, in which the first
// of two is the one a person reads first.
func byPlace[S any](list []*Document[S]) []*Document[S] {
	return slices.SortedFunc(slices.Values(list), func(a, b *Document[S]) int {
		return cmp.Or(cmp.Compare(a.Origin.File, b.Origin.File), cmp.Compare(a.Origin.Line, b.Origin.Line))
	})
}
