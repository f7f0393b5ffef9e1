package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func runTests() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"a run is described":                      testRunInfo,
		"a query selects":                         testRunQuery,
		"a run saved again is recorded once":      testSameRunAgain,
		"another run with the same id is not":     testOtherRunSameID,
		"a report without an identity is not":     testBadReport,
		"a run whose context ended is not":        testCancelledSave,
		"transitions are kept":                    testTransitions,
		"an empty store has nothing and no error": testEmpty,
	}
}

func testRunInfo(t *testing.T, open Open) {
	s := open(store.Options{})
	r := report("one", start,
		result("pg/ledger", readiness.Red, start, reading("pg/ledger", "dr1", lag, readiness.Num(1), start)),
		result("pg/orders", readiness.Green, start, reading("pg/orders", "dr1", lag, readiness.Num(2), start)),
		result("pg/carts", readiness.Unknown, start),
		result("pg/stock", readiness.Yellow, start))
	r.Warnings = []string{"history is on a network file system", ""}
	save(t, s, r, nil)
	equal(t, "runs", runs(t, s, store.Query{}), []store.RunInfo{{
		ID: "one", Bcctl: "1.2.3", Commit: "0a1b2c",
		StartedAt: r.StartedAt, FinishedAt: r.FinishedAt, Verdict: readiness.Red,
		Counts:  check.Counts{Red: 1, Unknown: 1, Yellow: 1, Green: 1},
		Results: 4, Samples: 2, Warnings: r.Warnings,
	}})
}

func testRunQuery(t *testing.T, open Open) {
	s := open(store.Options{})
	for i, id := range []string{"a", "b", "c", "d"} {
		save(t, s, report(id, start.Add(time.Duration(i)*time.Minute)), nil)
	}
	minute := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	for _, test := range []struct {
		name string
		q    store.Query
		want []string
	}{
		{"all, newest first", store.Query{}, []string{"d", "c", "b", "a"}},
		{"limit", store.Query{Limit: 2}, []string{"d", "c"}},
		{"since is included", store.Query{Since: minute(2)}, []string{"d", "c"}},
		{"until is included", store.Query{Until: minute(1)}, []string{"b", "a"}},
		{"between", store.Query{Since: minute(1), Until: minute(2), Limit: 9}, []string{"c", "b"}},
		{"nothing then", store.Query{Since: minute(9)}, nil},
	} {
		equal(t, test.name, runIDs(t, s, test.q), test.want)
	}
}

func testSameRunAgain(t *testing.T, open Open) {
	s := open(store.Options{})
	r := lagRun("pg/ledger", start, 1)
	r.Transitions = []check.Transition{{Target: "pg/ledger", Kind: check.Changed, At: start}}
	save(t, s, r, nil)
	save(t, s, r, nil)
	if n := len(runs(t, s, store.Query{})); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
	equal(t, "series", series(t, s, "pg/ledger"), []store.Sample{single(start, 1)})
	if n := len(transitions(t, s, "", time.Time{})); n != 1 {
		t.Errorf("%d transitions, want 1", n)
	}
}

func testOtherRunSameID(t *testing.T, open Open) {
	s := open(store.Options{})
	save(t, s, report("one", start), nil)
	if err := s.Save(t.Context(), report("one", start.Add(time.Minute)), nil); err == nil {
		t.Error("a second run with the id of the first was accepted")
	}
	equal(t, "runs", runIDs(t, s, store.Query{Since: start.Add(time.Second)}), nil)
}

func testBadReport(t *testing.T, open Open) {
	s := open(store.Options{})
	if err := s.Save(t.Context(), report("", start), nil); err == nil {
		t.Error("a report without a run id was accepted")
	}
	endless := report("endless", start)
	endless.FinishedAt = time.Time{}
	if err := s.Save(t.Context(), endless, nil); err == nil {
		t.Error("a report without an end was accepted")
	}
	equal(t, "runs", runIDs(t, s, store.Query{}), nil)
}

func testCancelledSave(t *testing.T, open Open) {
	s := open(store.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.Save(ctx, lagRun("pg/ledger", start, 1), map[string]check.Memory{"pg/ledger": {}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Save with a context that ended: %v, want %v", err, context.Canceled)
	}
	equal(t, "runs", runIDs(t, s, store.Query{}), nil)
	equal(t, "memories", load(t, s, "pg/ledger"), map[string]check.Memory{})
	// What was left half done must not be in the way of the next run.
	save(t, s, lagRun("pg/ledger", start, 2), nil)
	equal(t, "series", series(t, s, "pg/ledger"), []store.Sample{single(start, 2)})
}

func testTransitions(t *testing.T, open Open) {
	s := open(store.Options{})
	first := check.Transition{
		Target: "pg/ledger", Kind: check.Raised, From: readiness.Green, To: readiness.Red,
		Code: readiness.LagOverRPO, Message: "exposure 7 s is over 5 s", Since: start.Add(-time.Minute), At: start,
	}
	second := check.Transition{Target: "pg/gone", Kind: check.VisibilityLost, To: readiness.Unknown, At: start.Add(time.Second)}
	third := check.Transition{Target: "pg/ledger", Kind: check.Cleared, From: readiness.Red, To: readiness.Green, Since: start, At: start.Add(time.Minute)}

	r := report("one", start.Add(2*time.Minute), result("pg/ledger", readiness.Green, start))
	r.Transitions = []check.Transition{third, first, second}
	save(t, s, r, nil)

	equal(t, "of one target", transitions(t, s, "pg/ledger", time.Time{}), []check.Transition{first, third})
	equal(t, "of all", transitions(t, s, "", time.Time{}), []check.Transition{first, second, third})
	equal(t, "since", transitions(t, s, "", start.Add(time.Second)), []check.Transition{second, third})
	equal(t, "of no target known", transitions(t, s, "pg/none", time.Time{}), nil)
}

func testEmpty(t *testing.T, open Open) {
	s := open(store.Options{})
	equal(t, "memories", load(t, s, "pg/ledger"), map[string]check.Memory{})
	equal(t, "latest", latest(t, s), nil)
	equal(t, "latest of one", latest(t, s, "pg/ledger"), nil)
	equal(t, "runs", runs(t, s, store.Query{}), nil)
	equal(t, "series", series(t, s, "pg/ledger"), nil)
	equal(t, "statuses", statuses(t, s, "pg/ledger"), nil)
	equal(t, "transitions", transitions(t, s, "", time.Time{}), nil)
	prune(t, s, start)
}
