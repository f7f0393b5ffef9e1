package storetest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func replayTests() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"a replay never shows among real runs":  testReplayApart,
		"either sign of a replay is enough":     testReplaySigns,
		"old readings count in a replay":        testReplayOldReadings,
		"a replay repeated shows nothing twice": testReplayRepeated,
	}
}

// replayed is a run that shows what was recorded earlier.
func replayed(r check.Report) check.Report {
	r.Replay = &check.Replay{RecordedAt: start.Add(-time.Hour)}
	return r
}

func testReplayApart(t *testing.T, open Open) {
	real, replay := open(store.Options{}), open(store.Options{Replay: true})
	later := start.Add(time.Minute)

	run := func(at time.Time, status readiness.Status, value float64) check.Report {
		r := report("same-id", at, result("pg/ledger", status, at, reading("pg/ledger", "dr1", lag, readiness.Num(value), at)))
		r.Transitions = []check.Transition{{Target: "pg/ledger", Kind: check.Changed, To: status, At: at}}
		return r
	}
	memory := func(text string, at time.Time) map[string]check.Memory {
		return map[string]check.Memory{"pg/ledger": {Episodes: json.RawMessage(text), SavedAt: at}}
	}
	// The replay is the newer of the two, the real store is used for both.
	save(t, real, run(start, readiness.Red, 1), memory(`"real"`, start))
	save(t, real, replayed(run(later, readiness.Green, 2)), memory(`"replay"`, later))

	for _, view := range []struct {
		name   string
		s      Store
		status readiness.Status
		at     time.Time
		value  float64
		memory map[string]check.Memory
		replay *check.Replay
	}{
		{"real", real, readiness.Red, start, 1, memory(`"real"`, start), nil},
		{"replay", replay, readiness.Green, later, 2, memory(`"replay"`, later), &check.Replay{RecordedAt: start.Add(-time.Hour)}},
	} {
		t.Run(view.name, func(t *testing.T) {
			equal(t, "memories", load(t, view.s, "pg/ledger"), view.memory)
			equal(t, "series", series(t, view.s, "pg/ledger"), []store.Sample{single(view.at, view.value)})
			if found := statuses(t, view.s, "pg/ledger"); len(found) != 1 || found[0].Status != view.status {
				t.Errorf("statuses = %s, want one %s", show(found), view.status)
			}
			if found := transitions(t, view.s, "", time.Time{}); len(found) != 1 || found[0].To != view.status {
				t.Errorf("transitions = %s, want one to %s", show(found), view.status)
			}
			if found := latest(t, view.s); len(found) != 1 || found[0].Result.Status != view.status {
				t.Errorf("latest = %s, want one %s", show(found), view.status)
			}
			found := runs(t, view.s, store.Query{})
			if len(found) != 1 || !found[0].FinishedAt.Equal(view.at) {
				t.Fatalf("runs = %s, want the one finished at %s", show(found), view.at)
			}
			equal(t, "replay", found[0].Replay, view.replay)
		})
	}
}

func testReplaySigns(t *testing.T, open Open) {
	real, replay := open(store.Options{}), open(store.Options{Replay: true})
	save(t, real, replayed(lagRun("by-report", start, 1)), nil)
	save(t, replay, lagRun("by-store", start, 2), nil)
	save(t, replay, replayed(lagRun("by-both", start, 3)), nil)
	equal(t, "real runs", runIDs(t, real, store.Query{}), nil)
	if n := len(runs(t, replay, store.Query{})); n != 3 {
		t.Errorf("%d replays, want 3", n)
	}
	for _, r := range runs(t, replay, store.Query{}) {
		if r.Replay == nil {
			t.Errorf("run %q does not say that it is a replay", r.ID)
		}
	}
}

func testReplayOldReadings(t *testing.T, open Open) {
	s := open(store.Options{Replay: true})
	recorded := start.Add(-30 * 24 * time.Hour)
	r := report("one", start, result("pg/ledger", readiness.Green, start, reading("pg/ledger", "dr1", lag, readiness.Num(5), recorded)))
	save(t, s, replayed(r), nil)
	equal(t, "series", series(t, s, "pg/ledger"), []store.Sample{single(recorded, 5)})
}

func testReplayRepeated(t *testing.T, open Open) {
	s := open(store.Options{Replay: true})
	for _, id := range []string{"one", "two"} {
		r := lagRun("pg/ledger", start, 5)
		r.RunID = id
		save(t, s, replayed(r), nil)
	}
	equal(t, "series", series(t, s, "pg/ledger"), []store.Sample{single(start, 5)})
	if found := statuses(t, s, "pg/ledger"); len(found) != 1 || found[0].Verdicts != 1 {
		t.Errorf("statuses = %s, want one verdict", show(found))
	}
	if n := len(runs(t, s, store.Query{})); n != 2 {
		t.Errorf("%d runs, want 2", n)
	}
}
