package config

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// requestPath is where a request stands: one file in the folder of its year.
var requestPath = regexp.MustCompile(`^requests/[0-9]{4}/([^/]+)\.yaml$`)

// requests checks requests by themselves. Their targets, sites and people are not
// looked up: a request stays in the repository for ever, and what it named may be
// gone since. Whether it may run is decided when it is planned and executed.
func (c *checker) requests() {
	inFile := make(map[string]int)
	for _, r := range c.repo.Requests {
		inFile[r.Origin.File]++
	}
	for _, r := range c.repo.Requests {
		o, s := r.Origin, r.Spec
		m := requestPath.FindStringSubmatch(o.File)
		if m == nil || m[1] != r.Name() {
			c.problems = append(c.problems, o.Problem(fmt.Sprintf("request %q does not stand in a file of its own name", r.Name()),
				fmt.Sprintf("move it to requests/<year>/%s.yaml", r.Name()), "metadata", "name"))
		}
		if inFile[o.File] > 1 || c.shared(o.File) {
			c.problems = append(c.problems, o.Problem("a request shares its file with another document", "give each request a file of its own"))
		}
		c.span(o, &s.NotBefore, &s.ExpiresAt, "expiresAt")
		if s.MaxLoss != nil && *s.MaxLoss > 0 && s.Type != runbook.Failover {
			c.add(o, fmt.Sprintf("a %s may lose nothing", s.Type), "remove maxLoss; only a failover has one", "maxLoss")
		}
		if s.AcceptUnprovenWriter && s.Type != runbook.Failover {
			c.add(o, fmt.Sprintf("a %s may not accept an unproven writer", s.Type), "remove it; only a failover may", "acceptUnprovenWriter")
		}
		if s.ProductionDrill && s.Type != runbook.Drill {
			c.add(o, "productionDrill is for drills only", "remove it", "productionDrill")
		}
		if len(s.Pins) == 0 {
			c.addKey(o, "request pins no file", "make it with bcctl request new", "pins")
		}
		for _, name := range slices.Sorted(maps.Keys(s.Pins)) {
			if !fs.ValidPath(name) {
				c.addKey(o, fmt.Sprintf("%q is not a path in this repository", name), "make the request with bcctl request new", "pins", name)
			}
		}
		for i, a := range s.Accept {
			c.code(o, a.Code, false, "accept", i, "code")
		}
	}
}

// shared reports whether a file holds a document that is not a request.
func (c *checker) shared(file string) bool {
	for kind, names := range c.declared {
		if kind == KindRequest {
			continue
		}
		for _, o := range names {
			if o.File == file {
				return true
			}
		}
	}
	return false
}
