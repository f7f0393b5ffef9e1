package config

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// checker checks documents against each other. Each kind has a file with its
// checks.
type checker struct {
	repo    *Repo
	fsys    fs.FS
	catalog Catalog

	problems Problems
	// declared holds the place of every document that could be named, also of those
	// with problems: what refers to one of them is not wrong for that.
	declared map[Kind]map[string]Origin
	// broken are kinds of which a document has problems, so that what it would have
	// listed is not known.
	broken map[Kind]bool
	// mentioned are names in files that could not be parsed.
	mentioned map[string]bool
	sites     map[string]place
	people    map[string]place
	// suggestions is how many more times the nearest name is looked for: with very
	// many unknown names it would take longer than everything else.
	suggestions int
}

// place is a part of a document.
type place struct {
	origin Origin
	path   []any
}

func (p place) String() string { return p.origin.lineOf(p.path...) }

// inSpec returns the path of a part of a spec.
func inSpec(path ...any) []any { return append([]any{"spec"}, path...) }

// crossCheck returns everything wrong between the documents of files.
func crossCheck(fsys fs.FS, r *Repo, files []file, catalog Catalog) Problems {
	c := &checker{
		repo: r, fsys: fsys, catalog: catalog,
		declared: make(map[Kind]map[string]Origin), broken: make(map[Kind]bool), mentioned: make(map[string]bool),
		suggestions: 200,
	}
	for _, kind := range Kinds() {
		c.declared[kind] = make(map[string]Origin)
	}
	c.names(files)
	c.siteLists()
	c.roster()
	c.resources()
	c.groups()
	c.graph()
	c.statusPolicies()
	c.approvalPolicies()
	c.alertPolicies()
	c.calendars()
	c.runbooks()
	c.schedules()
	c.requests()
	c.statusTests()
	return c.problems
}

// add reports a problem with the value at a path of a spec.
func (c *checker) add(o Origin, what, instead string, path ...any) {
	c.problems = append(c.problems, o.Problem(what, instead, inSpec(path...)...))
}

// addKey is like add, with the place of the key.
func (c *checker) addKey(o Origin, what, instead string, path ...any) {
	c.problems = append(c.problems, o.keyProblem(what, instead, inSpec(path...)...))
}

// refer checks that a document of one of the kinds has the name that stands at a
// path of a spec.
func (c *checker) refer(o Origin, noun, name string, kinds []Kind, path ...any) bool {
	var candidates []string
	for _, kind := range kinds {
		if _, ok := c.declared[kind][name]; ok {
			return true
		}
	}
	if c.mentioned[name] {
		return true
	}
	for _, kind := range kinds {
		candidates = slices.AppendSeq(candidates, maps.Keys(c.declared[kind]))
	}
	c.add(o, fmt.Sprintf("unknown %s %q", noun, name), c.suggest(name, candidates, "no document declares it"), path...)
	return false
}

// referSite checks that a site is listed.
func (c *checker) referSite(o Origin, name string, path ...any) bool {
	if _, ok := c.sites[name]; ok || c.broken[KindSiteList] || c.mentioned[name] {
		return true
	}
	c.add(o, fmt.Sprintf("unknown site %q", name), c.suggest(name, slices.Collect(maps.Keys(c.sites)), "no SiteList has it"), path...)
	return false
}

// suggest is didYouMean with a limit.
func (c *checker) suggest(name string, candidates []string, alternative string) string {
	if c.suggestions == 0 {
		return alternative
	}
	c.suggestions--
	return didYouMean(name, candidates, alternative)
}

// unique reports entries of a list that have the name of an earlier one.
func (c *checker) unique(o Origin, noun string, names []string, path func(i int) []any) {
	first := make(map[string]int, len(names))
	for i, name := range names {
		if j, twice := first[name]; twice {
			c.add(o, fmt.Sprintf("%s %q is given twice; first at %s", noun, name, o.lineOf(inSpec(path(j)...)...)), "give it another name", path(i)...)
			continue
		}
		first[name] = i
	}
}

// namesOf maps a list to what name returns, usually the names.
func namesOf[T, N any](list []T, name func(T) N) []N {
	names := make([]N, len(list))
	for i, item := range list {
		names[i] = name(item)
	}
	return names
}
