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
	var trouble error
	b.sweep.Residues = func(ctx context.Context) (map[string]Residue, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the ledger may take for ever")
		}
		return left, trouble
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
	left, trouble = nil, errors.New("no answer")
	report, results := look()
	if a, other := results["a"], results["b"]; a.Status != readiness.Red || !has(a) || other.Status != readiness.Green {
		t.Errorf("without the ledger: a %s, b %s", a.Status, other.Status)
	}
	if !slices.ContainsFunc(report.Warnings, func(w string) bool { return strings.Contains(w, "no answer") }) {
		t.Errorf("nothing is said of it: %v", report.Warnings)
	}
	trouble = nil
	if _, results = look(); results["a"].Status != readiness.Green || has(results["a"]) {
		t.Errorf("after it was closed: %s", results["a"].Status)
	}
	trouble = errors.New("no answer")
	if _, results = look(); results["a"].Status == readiness.Red || has(results["a"]) {
		t.Errorf("closed, and the ledger does not answer: %s", results["a"].Status)
	}
}
