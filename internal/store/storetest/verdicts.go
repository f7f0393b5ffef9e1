package storetest

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func verdictTests() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"the newest is given back whole":            testLatestWhole,
		"the newest come in the order asked for":    testLatestOrder,
		"all are kept with their code and validity": testStatuses,
		"a window selects":                          testStatusWindow,
		"a member that only its group shows counts": testGroupMembers,
		"one name counts once, the worst first":     testRepeatedName,
	}
}

func testLatestWhole(t *testing.T, open Open) {
	s := open(store.Options{})
	want := *fullMemory("pg/ledger", start).Last
	want.LastKnownGood = &readiness.LastKnownGood{ObservedAt: start.Add(-time.Hour)}
	want.Children = []readiness.Result{{Name: "dr1", Kind: readiness.KindEndpoint, Status: readiness.Yellow, EvaluatedAt: start}}
	want.File, want.Line = "resources/ledger.yaml", 3
	save(t, s, report("zero", start.Add(-time.Minute), result("pg/ledger", readiness.Green, start.Add(-time.Minute))), nil)
	save(t, s, report("one", start, want), nil)
	found := latest(t, s, "pg/ledger")
	if len(found) != 1 {
		t.Fatalf("%d verdicts, want 1", len(found))
	}
	equal(t, "result", found[0].Result, want)
	equal(t, "run", found[0].Run, runs(t, s, store.Query{Limit: 1})[0])
}

func testLatestOrder(t *testing.T, open Open) {
	s := open(store.Options{})
	group := result("everything", readiness.Red, start)
	group.Kind = readiness.KindGroup
	save(t, s, report("one", start, group, result("b", readiness.Green, start), result("a", readiness.Green, start)), nil)
	later := start.Add(time.Minute)
	save(t, s, report("two", later, result("a", readiness.Yellow, later)), nil)

	names := func(found []store.Judgement) (names []string) {
		for _, j := range found {
			names = append(names, j.Run.ID+" "+j.Result.Name+" "+j.Result.Status.String())
		}
		return names
	}
	equal(t, "named", names(latest(t, s, "b", "nobody", "everything", "a")),
		[]string{"one b green", "one everything red", "two a yellow"})
	equal(t, "all", names(latest(t, s)), []string{"two a yellow", "one b green", "one everything red"})
}

func testStatuses(t *testing.T, open Open) {
	s := open(store.Options{})
	green := result("pg/ledger", readiness.Green, start)

	at := start.Add(time.Minute)
	red := result("pg/ledger", readiness.Red, at)
	red.Reasons = []readiness.Reason{
		{Code: readiness.ReplayPaused, Status: readiness.Yellow},
		{Code: readiness.LagOverRPO, Status: readiness.Red},
		{Code: readiness.VisStale, Status: readiness.Unknown},
	}
	at2 := start.Add(3 * time.Minute)
	unknown := result("pg/ledger", readiness.Unknown, at2)
	unknown.ValidUntil = time.Time{}

	save(t, s, report("one", start, green), nil)
	save(t, s, report("two", at, red), nil)
	save(t, s, report("three", at2, unknown), nil)
	equal(t, "statuses", statuses(t, s, "pg/ledger"), []store.StatusSample{
		{At: start, Last: start, ValidUntil: start.Add(time.Minute), Covered: time.Minute, Verdicts: 1, Status: readiness.Green},
		{At: at, Last: at, ValidUntil: at.Add(time.Minute), Covered: time.Minute, Verdicts: 1, Status: readiness.Red, Code: readiness.LagOverRPO},
		{At: at2, Last: at2, Verdicts: 1, Status: readiness.Unknown},
	})
	equal(t, "statuses of a target never seen", statuses(t, s, "pg/other"), nil)
}

func testStatusWindow(t *testing.T, open Open) {
	s := open(store.Options{})
	minute := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	for n := range 5 {
		save(t, s, lagRun("pg/ledger", minute(n), 1), nil)
	}
	found, err := s.Statuses(t.Context(), "pg/ledger", minute(1), minute(3))
	if err != nil {
		t.Fatal(err)
	}
	var at []time.Time
	for _, f := range found {
		at = append(at, f.At)
	}
	equal(t, "both limits are included", at, []time.Time{minute(1), minute(2), minute(3)})
}

func testGroupMembers(t *testing.T, open Open) {
	s := open(store.Options{})
	hidden := result("pg/hidden", readiness.Red, start, reading("pg/hidden", "dr1", lag, readiness.Num(4), start))
	copied := result("pg/ledger", readiness.Unknown, start) // what a group shows may be less than the whole
	endpoint := readiness.Result{Name: "dr1", Kind: readiness.KindEndpoint, Status: readiness.Red, EvaluatedAt: start}
	group := result("shop", readiness.Red, start)
	group.Kind, group.Children = readiness.KindGroup, []readiness.Result{copied, hidden}
	whole := result("pg/ledger", readiness.Green, start, reading("pg/ledger", "dr1", lag, readiness.Num(1), start))
	whole.Children = []readiness.Result{endpoint}
	save(t, s, report("one", start, group, whole), nil)

	var got []string
	for _, j := range latest(t, s) {
		got = append(got, j.Result.Name+" "+j.Result.Status.String())
	}
	equal(t, "verdicts", got, []string{"pg/hidden red", "pg/ledger green", "shop red"})
	equal(t, "samples of the hidden member", series(t, s, "pg/hidden"), []store.Sample{single(start, 4)})
	equal(t, "samples of the other", series(t, s, "pg/ledger"), []store.Sample{single(start, 1)})
}

func testRepeatedName(t *testing.T, open Open) {
	s := open(store.Options{})
	save(t, s, report("one", start, result("shop", readiness.Red, start), result("shop", readiness.Green, start)), nil)
	if found := statuses(t, s, "shop"); len(found) != 1 || found[0].Status != readiness.Red {
		t.Errorf("statuses = %s, want one red", show(found))
	}
}
