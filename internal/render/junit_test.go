package render

import (
	"encoding/xml"
	"testing"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func readJUnit(t *testing.T, r check.Report) junitSuites {
	t.Helper()
	var s junitSuites
	if err := xml.Unmarshal([]byte(render(t, "junit", viewOf(r))), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// The numbers of a suite are those of its cases, and those of the whole are the
// sums: CI systems show whichever they like.
func TestJUnitCountsAddUp(t *testing.T) {
	t.Parallel()
	all := readJUnit(t, sample())
	var tests, failures, errors int
	for _, s := range all.Suites {
		var f, e int
		for _, c := range s.Cases {
			if c.Class != s.Name || c.Name == "" {
				t.Errorf("case %q of %q stands in suite %q", c.Name, c.Class, s.Name)
			}
			if c.Failure != nil {
				f++
			}
			if c.Error != nil {
				e++
			}
		}
		if s.Tests != len(s.Cases) || s.Failures != f || s.Errors != e || s.Tests == 0 {
			t.Errorf("suite %s says %d tests, %d failures, %d errors; it has %d, %d, %d", s.Name, s.Tests, s.Failures, s.Errors, len(s.Cases), f, e)
		}
		tests, failures, errors = tests+s.Tests, failures+f, errors+e
	}
	if all.Tests != tests || all.Failures != failures || all.Errors != errors {
		t.Errorf("the whole says %d, %d, %d; its suites have %d, %d, %d", all.Tests, all.Failures, all.Errors, tests, failures, errors)
	}
	if len(all.Suites) != 6 {
		t.Errorf("%d suites, want one for each of 6 results", len(all.Suites))
	}
}

func TestJUnitOutcomes(t *testing.T) {
	t.Parallel()
	find := func(s junitSuites, suite, name string) junitCase {
		t.Helper()
		for _, x := range s.Suites {
			for _, c := range x.Cases {
				if x.Name == suite && c.Name == name {
					return c
				}
			}
		}
		t.Fatalf("no case %q in suite %q", name, suite)
		return junitCase{}
	}
	s := readJUnit(t, sample())
	if c := find(s, "pg/ledger", "LAG_OVER_RPO replication.exposure_seconds"); c.Failure == nil || c.Error != nil || c.Failure.Type != "LAG_OVER_RPO" || c.File != "resources/pg.yaml" {
		t.Errorf("red is %+v", c)
	}
	if c := find(s, long, "VIS_AUTH"); c.Error == nil || c.Failure != nil {
		t.Errorf("unknown is %+v", c)
	}
	if c := find(s, "pg/orders", "SLOT_AT_RISK slots.safe_bytes"); c.Error != nil || c.Failure != nil || c.SystemOut == "" {
		t.Errorf("yellow is %+v", c)
	}
	if c := find(s, "pg/catalog", "replication.exposure_seconds"); c.Error != nil || c.Failure != nil || c.SystemOut != "" {
		t.Errorf("green is %+v", c)
	}
	if c := find(s, "pg/ledger", "QUERY_FAILED settings.collation at pg-b"); c.SystemOut == "" {
		t.Errorf("a reading that failed is %+v", c)
	}
}

// A verdict without a reason of its weight is still told: no suite passes whose
// target does not.
func TestJUnitNeverBetterThanVerdict(t *testing.T) {
	t.Parallel()
	for _, status := range []readiness.Status{readiness.Red, readiness.Unknown} {
		r := result("pg/a", status, readiness.Reason{Code: readiness.Clearing, Status: readiness.Yellow})
		if s := readJUnit(t, check.Report{Results: []readiness.Result{r}}); s.Failures+s.Errors != 1 {
			t.Errorf("a target that is %s has %d failures and %d errors", status, s.Failures, s.Errors)
		}
	}
}
