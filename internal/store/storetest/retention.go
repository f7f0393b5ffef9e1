package storetest

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/readiness"
)

const (
	hour = time.Hour
	day  = 24 * hour
)

func retentionTests() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"readings become five minutes after two days":       testBuckets,
		"five minutes disappear after 35 days":              testBucketsRemoved,
		"readings of one slot meet across prunings":         testLateReadings,
		"verdicts without a gap become one":                 testSpans,
		"unknown verdicts close together become one":        testUnknownSpans,
		"after 35 days only changes of verdict are left":    testThinned,
		"after 400 days nothing is left":                    testEverythingRemoved,
		"a target seen today keeps what is new":             testLivingTarget,
		"a verdict that is still the newest keeps its run":  testNewestKeepsRun,
		"nothing younger than a day is touched":             testFloor,
		"the two namespaces are pruned apart":               testPruneNamespace,
		"saving prunes once an hour":                        testSavePrunes,
		"condensed or not, a query shows every moment once": testWindowAcrossKinds,
	}
}

func testBuckets(t *testing.T, open Open) {
	s := open(store.Options{})
	for i, value := range []float64{5, 1, 9, 4} { // one slot
		save(t, s, lagRun("pg/ledger", start.Add(time.Duration(i)*time.Minute), value), nil)
	}
	save(t, s, lagRun("pg/ledger", start.Add(7*time.Minute), 2), nil) // the next
	save(t, s, lagRun("pg/ledger", start.Add(hour), 3), nil)
	raw := series(t, s, "pg/ledger")

	prune(t, s, start.Add(2*day)) // exactly two days old is not older than two days
	equal(t, "series at two days", series(t, s, "pg/ledger"), raw)

	prune(t, s, start.Add(2*day+30*time.Minute))
	equal(t, "series after two days", series(t, s, "pg/ledger"), []store.Sample{
		{At: start.Add(3 * time.Minute), Min: 1, Max: 9, Last: 4, Count: 4, Width: 5 * time.Minute},
		{At: start.Add(7 * time.Minute), Min: 2, Max: 2, Last: 2, Count: 1, Width: 5 * time.Minute},
		single(start.Add(hour), 3),
	})
	if n := len(runs(t, s, store.Query{})); n != 6 {
		t.Errorf("%d runs are known, want 6", n)
	}

	part, err := s.Series(t.Context(), "pg/ledger", "dr1", lag, start.Add(3*time.Minute+time.Second), start.Add(8*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a window that begins in a slot", part, series(t, s, "pg/ledger")[1:2])
}

func testBucketsRemoved(t *testing.T, open Open) {
	s := open(store.Options{})
	save(t, s, lagRun("pg/ledger", start, 1), nil)
	save(t, s, lagRun("pg/ledger", start.Add(hour), 2), nil)
	prune(t, s, start.Add(35*day+4*time.Minute))
	if n := len(series(t, s, "pg/ledger")); n != 2 {
		t.Errorf("%d samples while the older slot is not 35 days old, want 2", n)
	}
	prune(t, s, start.Add(35*day+5*time.Minute))
	equal(t, "series", series(t, s, "pg/ledger"), []store.Sample{
		{At: start.Add(hour), Min: 2, Max: 2, Last: 2, Count: 1, Width: 5 * time.Minute},
	})
	if n := len(statuses(t, s, "pg/ledger")); n == 0 {
		t.Error("the verdicts went with the samples")
	}
}

func testLateReadings(t *testing.T, open Open) {
	s := open(store.Options{})
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	now := start.Add(3 * day)
	save(t, s, lagRun("pg/ledger", at(1), 4), nil)
	save(t, s, lagRun("pg/ledger", at(3), 6), nil)
	prune(t, s, now)
	// Two runs that another process saves only now.
	save(t, s, lagRun("pg/ledger", at(2), 1), nil)
	save(t, s, lagRun("pg/ledger", at(4), 5), nil)
	prune(t, s, now)
	equal(t, "series", series(t, s, "pg/ledger"), []store.Sample{
		{At: at(4), Min: 1, Max: 6, Last: 5, Count: 4, Width: 5 * time.Minute},
	})
}

func testEverythingRemoved(t *testing.T, open Open) {
	s := open(store.Options{})
	r := lagRun("pg/ledger", start, 1)
	r.Transitions = []check.Transition{{Target: "pg/ledger", Kind: check.Raised, At: start}}
	save(t, s, r, map[string]check.Memory{"pg/ledger": fullMemory("pg/ledger", start)})

	prune(t, s, start.Add(400*day))
	if n := len(transitions(t, s, "", time.Time{})); n != 1 {
		t.Errorf("%d transitions at 400 days, want 1", n)
	}
	if n := len(statuses(t, s, "pg/ledger")); n != 1 {
		t.Errorf("%d statuses at 400 days, want 1", n)
	}
	if n := len(load(t, s, "pg/ledger")); n != 1 {
		t.Errorf("%d memories at 400 days, want 1", n)
	}

	prune(t, s, start.Add(400*day+time.Second))
	equal(t, "transitions", transitions(t, s, "", time.Time{}), nil)
	equal(t, "statuses", statuses(t, s, "pg/ledger"), nil)
	equal(t, "memories", load(t, s, "pg/ledger"), map[string]check.Memory{})
	equal(t, "latest", latest(t, s), nil)
	equal(t, "runs", runs(t, s, store.Query{}), nil)

	// The store that remembers the target's old place must find the new one.
	back := start.Add(401 * day)
	save(t, s, lagRun("pg/other", back, 7), nil)
	save(t, s, lagRun("pg/ledger", back, 8), nil)
	equal(t, "series of a target that came back", series(t, s, "pg/ledger"), []store.Sample{single(back, 8)})
	equal(t, "series of the other", series(t, s, "pg/other"), []store.Sample{single(back, 7)})
}

func testLivingTarget(t *testing.T, open Open) {
	s := open(store.Options{})
	now := start.Add(500 * day)
	save(t, s, lagRun("pg/ledger", start, 1), nil)
	save(t, s, lagRun("pg/ledger", now, 2), map[string]check.Memory{"pg/ledger": {}})
	prune(t, s, now)
	equal(t, "series", series(t, s, "pg/ledger"), []store.Sample{single(now, 2)})
	if found := statuses(t, s, "pg/ledger"); len(found) != 1 || !found[0].At.Equal(now) {
		t.Errorf("statuses = %s, want the one of %s", show(found), now)
	}
	if n := len(runs(t, s, store.Query{})); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
	if n := len(load(t, s, "pg/ledger")); n != 1 {
		t.Errorf("%d memories, want 1", n)
	}
}

func testNewestKeepsRun(t *testing.T, open Open) {
	s := open(store.Options{})
	now := start.Add(500 * day)
	save(t, s, report("old", start, result("pg/ledger", readiness.Red, start)), nil)
	save(t, s, report("new", now), map[string]check.Memory{"pg/ledger": {}}) // remembered, not judged
	prune(t, s, now)
	if found := latest(t, s, "pg/ledger"); len(found) != 1 || found[0].Run.ID != "old" {
		t.Errorf("latest = %s, want the verdict of run old", show(found))
	}
	equal(t, "runs", runIDs(t, s, store.Query{}), []string{"new", "old"})
}

func testFloor(t *testing.T, open Open) {
	s := open(store.Options{Retention: store.Retention{Raw: time.Second, Buckets: -hour, Changes: time.Nanosecond}})
	r := lagRun("pg/ledger", start, 1)
	r.Transitions = []check.Transition{{Target: "pg/ledger", Kind: check.Raised, At: start}}
	save(t, s, r, map[string]check.Memory{"pg/ledger": {}})
	prune(t, s, start.Add(day))
	equal(t, "series", series(t, s, "pg/ledger"), []store.Sample{single(start, 1)})
	if n := len(statuses(t, s, "pg/ledger")); n != 1 {
		t.Errorf("%d statuses, want 1", n)
	}
	if n := len(transitions(t, s, "", time.Time{})); n != 1 {
		t.Errorf("%d transitions, want 1", n)
	}
	if n := len(load(t, s, "pg/ledger")) + len(latest(t, s)) + len(runs(t, s, store.Query{})); n != 3 {
		t.Errorf("%d of memory, verdict and run are left, want 3", n)
	}
	// The settings are effective above the floor.
	prune(t, s, start.Add(day+10*time.Minute))
	if n := len(series(t, s, "pg/ledger")) + len(runs(t, s, store.Query{})) + len(load(t, s, "pg/ledger")); n != 0 {
		t.Errorf("%d of samples, runs and memories are left after a day, want 0", n)
	}
}

func testPruneNamespace(t *testing.T, open Open) {
	real, replay := open(store.Options{}), open(store.Options{Replay: true})
	save(t, real, lagRun("pg/ledger", start, 1), nil)
	save(t, replay, replayed(lagRun("pg/ledger", start, 2)), nil)
	prune(t, real, start.Add(500*day))
	equal(t, "the replay", series(t, replay, "pg/ledger"), []store.Sample{single(start, 2)})
	if n := len(runs(t, replay, store.Query{})); n != 1 {
		t.Errorf("%d replays, want 1", n)
	}
	equal(t, "real runs", runs(t, real, store.Query{}), nil)

	save(t, real, lagRun("pg/ledger", start.Add(500*day), 3), nil)
	prune(t, replay, start.Add(1000*day))
	equal(t, "replays", runs(t, replay, store.Query{}), nil)
	equal(t, "the real one", series(t, real, "pg/ledger"), []store.Sample{single(start.Add(500*day), 3)})
}

func testSavePrunes(t *testing.T, open Open) {
	s := open(store.Options{})
	widths := func() (widths []time.Duration) {
		for _, p := range series(t, s, "pg/ledger") {
			widths = append(widths, p.Width)
		}
		return widths
	}
	save(t, s, lagRun("pg/ledger", start, 1), nil)
	now := start.Add(2*day + time.Minute)
	save(t, s, lagRun("pg/ledger", now, 2), nil)
	equal(t, "an old reading is condensed", widths(), []time.Duration{5 * time.Minute, 0})

	// A run saved late is as old, and the hour is not over.
	save(t, s, lagRun("pg/ledger", start.Add(30*time.Second), 3), nil)
	save(t, s, lagRun("pg/ledger", now.Add(59*time.Minute), 4), nil)
	equal(t, "within the hour", widths(), []time.Duration{5 * time.Minute, 0, 0, 0})
	save(t, s, lagRun("pg/ledger", now.Add(time.Hour), 5), nil)
	equal(t, "after the hour", widths(), []time.Duration{5 * time.Minute, 0, 0, 0})
	if first := series(t, s, "pg/ledger")[0]; first.Count != 2 {
		t.Errorf("the condensed sample stands for %d readings, want 2", first.Count)
	}
}

func testWindowAcrossKinds(t *testing.T, open Open) {
	s := open(store.Options{})
	const step, count = 7 * time.Minute, 60 // a reading in most slots, and slots without one
	for i := range count {
		save(t, s, lagRun("pg/ledger", start.Add(time.Duration(i)*step), float64(i)), nil)
	}
	for _, boundary := range []int{0, 1, 30, count - 1} {
		prune(t, s, start.Add(2*day+time.Duration(boundary)*step+time.Second))
		got := series(t, s, "pg/ledger")
		if len(got) != count {
			t.Fatalf("%d samples after pruning up to %d, want %d", len(got), boundary, count)
		}
		for i, p := range got {
			if want := start.Add(time.Duration(i) * step); !p.At.Equal(want) || p.Last != float64(i) {
				t.Errorf("sample %d is %v at %s, want %d at %s", i, p.Last, p.At, i, want)
			}
			if condensed := p.Width != 0; condensed != (i <= boundary) {
				t.Errorf("sample %d condensed: %v, with %d the last that is old", i, condensed, boundary)
			}
		}
		part, err := s.Series(t.Context(), "pg/ledger", "dr1", lag, start.Add(10*step), start.Add(40*step))
		if err != nil {
			t.Fatal(err)
		}
		if len(part) != 31 || part[0].Last != 10 || part[30].Last != 40 {
			t.Errorf("%d samples between 10 and 40 after pruning up to %d, want 31", len(part), boundary)
		}
	}
}
