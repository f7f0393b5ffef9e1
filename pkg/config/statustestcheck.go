package config

import (
	"fmt"
	"slices"

	"github.com/bcctl/bcctl/pkg/readiness"
)

func (c *checker) statusTests() {
	for _, t := range c.repo.StatusTests {
		o, s := t.Origin, t.Spec
		c.refer(o, "resource", s.Resource, []Kind{KindResource}, "resource")
		var endpoints []string
		var known indicators
		if r, ok := c.repo.Resource(s.Resource); ok {
			endpoints = namesOf(r.Spec.Endpoints, func(e Endpoint) string { return e.Name })
			known = c.catalogOf(r.Spec.Platform)
		}
		c.unique(o, "case", namesOf(s.Cases, func(x StatusCase) string { return x.Name }), func(i int) []any { return []any{"cases", i, "name"} })
		for i, x := range s.Cases {
			at := []any{"cases", i}
			c.testObservations(o, x.Observations, endpoints, known, append(slices.Clone(at), "observations"))
			c.earlierRuns(o, x, endpoints, known, at)
			for _, list := range []struct {
				key   string
				codes []readiness.Code
			}{{"codes", x.Expect.Codes}, {"absent", x.Expect.Absent}} {
				for j, code := range list.codes {
					c.code(o, code, false, append(slices.Clone(at), "expect", list.key, j)...)
				}
			}
			for j, code := range x.Expect.Absent {
				if slices.Contains(x.Expect.Codes, code) {
					c.add(o, fmt.Sprintf("%s is expected and expected to be absent", code), "keep one of them", append(slices.Clone(at), "expect", "absent", j)...)
				}
			}
		}
	}
}

func (c *checker) earlierRuns(o Origin, x StatusCase, endpoints []string, known indicators, at []any) {
	for j, run := range x.Previous {
		here := append(slices.Clone(at), "previous", j)
		next := x.Now
		if j+1 < len(x.Previous) {
			next = x.Previous[j+1].Now
		}
		if !run.Now.Before(next) {
			c.add(o, "earlier run is not before the one after it", "order the runs by time, oldest first", append(slices.Clone(here), "now")...)
		}
		c.testObservations(o, run.Observations, endpoints, known, append(slices.Clone(here), "observations"))
	}
}

func (c *checker) testObservations(o Origin, list []TestObservation, endpoints []string, known indicators, path []any) {
	for i, x := range list {
		at := func(key string) []any { return append(slices.Clone(path), i, key) }
		if known != nil {
			if _, ok := known[x.Indicator]; !ok {
				c.add(o, fmt.Sprintf("unknown indicator %q", x.Indicator), c.suggestIndicator(x.Indicator, known), at("indicator")...)
			}
		}
		if x.Endpoint != "" && endpoints != nil && !slices.Contains(endpoints, x.Endpoint) {
			c.add(o, fmt.Sprintf("resource has no endpoint %q", x.Endpoint), c.suggest(x.Endpoint, endpoints, "name one of its endpoints"), at("endpoint")...)
		}
		if text, ok := x.Value.Text(); ok && numeric(known[x.Indicator].Unit) {
			c.add(o, fmt.Sprintf("value %q of %s is a text", text, x.Indicator), "write a number, in "+string(known[x.Indicator].Unit), at("value")...)
		}
		if x.Age != nil && x.ObservedAt != nil {
			c.add(o, "both age and observedAt are given", "keep one of them", at("observedAt")...)
		}
		if x.Failure != "" {
			c.code(o, x.Failure, false, at("failure")...)
			if !x.Value.IsAbsent() {
				c.add(o, "a reading that failed has no value", "remove value, or failure", at("value")...)
			}
		}
		for j, code := range x.Findings {
			c.code(o, code, false, append(at("findings"), j)...)
		}
	}
}

// numeric reports whether readings in a unit are numbers.
func numeric(u readiness.Unit) bool {
	return u == readiness.Bytes || u == readiness.Seconds || u == readiness.Count || u == readiness.Ratio
}
