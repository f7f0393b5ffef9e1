package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func seriesTests() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"only numbers that were read are samples":     testOnlyNumbers,
		"a missed run leaves a gap":                   testGap,
		"a reading shown again is no sample":          testCarriedOver,
		"each endpoint has its own series":            testEndpoints,
		"a window selects":                            testSeriesWindow,
		"series are listed with their newest unit":    testSeriesOf,
		"extreme numbers come back":                   testExtremes,
		"samples of many targets and runs stay apart": testManySeries,
	}
}

func testOnlyNumbers(t *testing.T, open Open) {
	s := open(store.Options{})
	failed := reading("pg/ledger", "dr1", "failed", readiness.Num(1), start)
	failed.Failure = &readiness.Finding{Code: readiness.VisAuth, Message: "refused"}
	save(t, s, report("one", start, result("pg/ledger", readiness.Green, start,
		reading("pg/ledger", "dr1", lag, readiness.Num(0), start),
		reading("pg/ledger", "dr1", "state", readiness.Str("streaming"), start),
		reading("pg/ledger", "dr1", "paused", readiness.Bool(true), start),
		reading("pg/ledger", "dr1", "absent", readiness.Value{}, start),
		failed,
	)), nil)
	found, err := s.SeriesOf(t.Context(), "pg/ledger")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "series", found, []store.SeriesInfo{{Endpoint: "dr1", Indicator: lag, Unit: readiness.Seconds}})
	equal(t, "zero is a number", series(t, s, "pg/ledger"), []store.Sample{single(start, 0)})
}

func testGap(t *testing.T, open Open) {
	s := open(store.Options{})
	after := start.Add(time.Hour)
	save(t, s, lagRun("pg/ledger", start, 1), nil)
	// In between the target was not checked, and then it could not be read.
	save(t, s, lagRun("pg/other", start.Add(20*time.Minute), 9), nil)
	blind := reading("pg/ledger", "dr1", lag, readiness.Value{}, start.Add(40*time.Minute))
	blind.Failure = &readiness.Finding{Code: readiness.VisEndpoint}
	save(t, s, report("blind", start.Add(40*time.Minute), result("pg/ledger", readiness.Unknown, start.Add(40*time.Minute), blind)), nil)
	save(t, s, lagRun("pg/ledger", after, 3), nil)
	equal(t, "series", series(t, s, "pg/ledger"), []store.Sample{single(start, 1), single(after, 3)})
}

func testCarriedOver(t *testing.T, open Open) {
	s := open(store.Options{})
	save(t, s, lagRun("pg/ledger", start, 1), nil)
	later := start.Add(time.Minute)
	save(t, s, report("two", later, result("pg/ledger", readiness.Unknown, later,
		reading("pg/ledger", "dr1", lag, readiness.Num(1), start))), nil)
	equal(t, "series", series(t, s, "pg/ledger"), []store.Sample{single(start, 1)})
	if n := runs(t, s, store.Query{Limit: 1})[0].Samples; n != 0 {
		t.Errorf("the run that read nothing recorded %d samples", n)
	}
}

func testEndpoints(t *testing.T, open Open) {
	s := open(store.Options{})
	anonymous := reading("", "", lag, readiness.Num(4), start) // its place says whose it is
	r := result("pg/ledger", readiness.Green, start,
		reading("pg/ledger", "dr1", lag, readiness.Num(1), start),
		reading("pg/ledger", "dr2", lag, readiness.Num(2), start),
		reading("pg/ledger", "", lag, readiness.Num(3), start))
	r.Children = []readiness.Result{{Name: "dr3", Kind: readiness.KindEndpoint, Indicators: []readiness.IndicatorResult{anonymous}}}
	save(t, s, report("one", start, r), nil)
	for endpoint, want := range map[string]float64{"dr1": 1, "dr2": 2, "": 3, "dr3": 4} {
		got, err := s.Series(t.Context(), "pg/ledger", endpoint, lag, time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, fmt.Sprintf("series of endpoint %q", endpoint), got, []store.Sample{single(start, want)})
	}
}

func testSeriesWindow(t *testing.T, open Open) {
	s := open(store.Options{})
	minute := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	// Saved out of order, as several processes may.
	for _, n := range []int{3, 0, 4, 1, 2} {
		save(t, s, lagRun("pg/ledger", minute(n), float64(n)), nil)
	}
	got, err := s.Series(t.Context(), "pg/ledger", "dr1", lag, minute(1), minute(3))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "both limits are included", got, []store.Sample{single(minute(1), 1), single(minute(2), 2), single(minute(3), 3)})
	got, err = s.Series(t.Context(), "pg/ledger", "dr1", lag, minute(5), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "after the last", got, nil)
}

func testSeriesOf(t *testing.T, open Open) {
	s := open(store.Options{})
	old := reading("pg/ledger", "dr2", lag, readiness.Num(1), start)
	old.Unit = readiness.Count
	save(t, s, report("one", start, result("pg/ledger", readiness.Green, start, old,
		reading("pg/ledger", "dr1", lag, readiness.Num(1), start))), nil)
	later := start.Add(time.Minute)
	changed := reading("pg/ledger", "dr2", lag, readiness.Num(1), later)
	changed.Unit = readiness.Bytes
	save(t, s, report("two", later, result("pg/ledger", readiness.Green, later, changed)), nil)
	got, err := s.SeriesOf(t.Context(), "pg/ledger")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "series", got, []store.SeriesInfo{
		{Endpoint: "dr1", Indicator: lag, Unit: readiness.Seconds},
		{Endpoint: "dr2", Indicator: lag, Unit: readiness.Bytes},
	})
}

func testExtremes(t *testing.T, open Open) {
	s := open(store.Options{})
	numbers := []float64{0, -1, 1 << 53, 1<<53 + 2, -1 << 62, 0.1, 5e-324, 1.7976931348623157e308, 123456789.987654321}
	var want []store.Sample
	for i, n := range numbers {
		at := start.Add(time.Duration(i) * time.Second)
		save(t, s, lagRun("pg/ledger", at, n), nil)
		want = append(want, single(at, n))
	}
	equal(t, "series", series(t, s, "pg/ledger"), want)
}

func testManySeries(t *testing.T, open Open) {
	s := open(store.Options{})
	const targets, indicators = 30, 11 // neither is a round number of rows in one statement
	for run := range 3 {
		at := start.Add(time.Duration(run) * time.Minute)
		var results []readiness.Result
		for i := range targets {
			name := fmt.Sprintf("pg/%02d", i)
			r := result(name, readiness.Green, at)
			for j := range indicators {
				// Every reading is made at its own moment of the run.
				r.Indicators = append(r.Indicators, reading(name, "dr1", readiness.ID(fmt.Sprintf("i%d", j)),
					readiness.Num(float64(run*10000+i*100+j)), at.Add(-time.Duration(i)*time.Millisecond)))
			}
			results = append(results, r)
		}
		save(t, s, report(fmt.Sprint(run), at, results...), nil)
	}
	for i := range targets {
		for j := range indicators {
			got, err := s.Series(t.Context(), fmt.Sprintf("pg/%02d", i), "dr1", readiness.ID(fmt.Sprintf("i%d", j)), time.Time{}, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			var want []store.Sample
			for run := range 3 {
				at := start.Add(time.Duration(run)*time.Minute - time.Duration(i)*time.Millisecond)
				want = append(want, single(at, float64(run*10000+i*100+j)))
			}
			equal(t, fmt.Sprintf("target %d indicator %d", i, j), got, want)
		}
	}
}
