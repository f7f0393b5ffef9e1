package check

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestSI37Residue: what a run has left is red, over servers that show nothing wrong; a
// ledger that does not answer leaves what was known before, and says so.
func TestSI37Residue(t *testing.T) {
	b, _ := stored(t, &fleet{}, resource("a"), resource("b"))
	left := map[string]Residue{"a": {Request: "2026-001-a", At: noon}}
	var trouble, stale error
	b.sweep.Residues = func(ctx context.Context) Residues {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the ledger may take for ever")
		}
		return Residues{Of: left, Unknown: trouble, Stale: stale}
	}
	look := func() (Report, map[string]readiness.Result) {
		t.Helper()
		b.clock = b.clock.Add(time.Second)
		report, results := b.run(t), map[string]readiness.Result{}
		for _, result := range report.Results {
			results[result.Name] = result
		}
		return report, results
	}
	has := func(r readiness.Result) bool {
		return slices.ContainsFunc(r.Reasons, func(x readiness.Reason) bool { return x.Code == readiness.ProtectionNotRestored })
	}
	_, results := look()
	if a, other := results["a"], results["b"]; a.Status != readiness.Red || !has(a) || other.Status != readiness.Green || has(other) {
		t.Errorf("a %s, b %s", a.Status, other.Status)
	}
	if g := results["all"]; g.Status != readiness.Red {
		t.Errorf("its group is %s", g.Status)
	}
	warned := func(r Report, text string) {
		t.Helper()
		if !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, text) }) {
			t.Errorf("nothing is said of it: %v", r.Warnings)
		}
	}
	left, trouble = nil, errors.New("no answer")
	report, results := look()
	if a, other := results["a"], results["b"]; a.Status != readiness.Red || !has(a) || other.Status != readiness.Yellow {
		t.Errorf("without the ledger: a %s, b %s", a.Status, other.Status)
	}
	warned(report, "no answer")
	left, trouble, stale = map[string]Residue{"b": {Request: "2026-002-b", At: noon}}, nil, errors.New("as of yesterday")
	report, results = look()
	if a, other := results["a"], results["b"]; a.Status != readiness.Green || other.Status != readiness.Red {
		t.Errorf("as fetched: a %s, b %s", a.Status, other.Status)
	}
	warned(report, "as of yesterday")
	left, stale = nil, nil
	for range 2 {
		if _, results = look(); results["a"].Status != readiness.Green || results["b"].Status != readiness.Green || has(results["b"]) {
			t.Errorf("after it was closed: a %s, b %s", results["a"].Status, results["b"].Status)
		}
	}
	if slices.ContainsFunc(results["b"].Indicators, func(i readiness.IndicatorResult) bool { return i.Observation.Indicator == protectionID }) {
		t.Error("what was closed is told of for ever")
	}
}
