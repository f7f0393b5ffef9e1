package store_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/readiness"
)

const (
	benchTargets    = 500
	benchIndicators = 25
	benchSamples    = benchTargets * benchIndicators // of one run
)

var benchStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sweep is one green run over a fleet, with the memories a check hands over. With
// documents false its results carry numbers and nothing else.
func sweep(run int, interval time.Duration, documents bool) (check.Report, map[string]check.Memory) {
	at := benchStart.Add(time.Duration(run) * interval)
	r := check.Report{RunID: fmt.Sprintf("run-%d", run), StartedAt: at.Add(-5 * time.Second), FinishedAt: at}
	memories := make(map[string]check.Memory, benchTargets)
	for t := range benchTargets {
		name := fmt.Sprintf("pg/resource-%03d", t)
		indicators := make([]readiness.IndicatorResult, benchIndicators)
		observations := make([]readiness.Observation, benchIndicators)
		for i := range indicators {
			observations[i] = readiness.Observation{
				Target: name, Endpoint: fmt.Sprintf("node-%d", i%2), Indicator: readiness.ID(fmt.Sprintf("replication.indicator_%02d", i)),
				Value: readiness.Num(float64(run*t+i) + 0.25), ObservedAt: at, CollectedAt: at.Add(-time.Duration(t) * time.Millisecond),
			}
			indicators[i] = readiness.IndicatorResult{
				Observation: observations[i], Unit: readiness.Bytes, Status: readiness.Green, ValidUntil: at.Add(time.Minute), Required: true,
			}
		}
		result := readiness.Result{
			Name: name, Kind: readiness.KindResource, Platform: "postgresql", Tier: 1, Status: readiness.Green,
			ObservedAt: at, EvaluatedAt: at, ValidUntil: at.Add(time.Minute), Indicators: indicators,
		}
		r.Results = append(r.Results, result)
		if documents {
			memories[name] = check.Memory{
				Episodes: json.RawMessage(`{"rules":{},"alerts":{}}`), Observations: observations, Last: &result,
				LastKnownGood: &readiness.LastKnownGood{ObservedAt: at, Indicators: indicators}, SavedAt: at,
			}
		}
	}
	return r, memories
}

func benchStore(b *testing.B) *store.DB {
	return open(b, filepath.Join(b.TempDir(), "history.db"), store.Options{})
}

// BenchmarkSave saves whole runs of 500 targets with 25 numbers each, everything
// included: encoding, samples, verdicts, memories, and the pruning of each hour.
func BenchmarkSave(b *testing.B) {
	db := benchStore(b)
	run := 0
	for b.Loop() {
		b.StopTimer()
		r, memories := sweep(run, 30*time.Second, true)
		run++
		b.StartTimer()
		if err := db.Save(b.Context(), r, memories); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSaveFirst is what a process that lives for one run pays on a new file.
func BenchmarkSaveFirst(b *testing.B) {
	r, memories := sweep(0, 30*time.Second, true)
	for b.Loop() {
		db, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "history.db"))
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Save(b.Context(), r, memories); err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSaveOnce is what a process that lives for one run pays later on: open,
// load, save, close.
func BenchmarkSaveOnce(b *testing.B) {
	path := filepath.Join(b.TempDir(), "history.db")
	names := make([]string, benchTargets)
	for t := range names {
		names[t] = fmt.Sprintf("pg/resource-%03d", t)
	}
	run := 0
	for b.Loop() {
		b.StopTimer()
		r, memories := sweep(run, 5*time.Minute, true)
		run++
		b.StartTimer()
		db, err := store.Open(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := db.Load(b.Context(), names); err != nil {
			b.Fatal(err)
		}
		if err := db.Save(b.Context(), r, memories); err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoad loads the memories of 500 targets.
func BenchmarkLoad(b *testing.B) {
	db := benchStore(b)
	r, memories := sweep(0, 30*time.Second, true)
	if err := db.Save(b.Context(), r, memories); err != nil {
		b.Fatal(err)
	}
	names := make([]string, 0, benchTargets)
	for name := range memories {
		names = append(names, name)
	}
	for b.Loop() {
		loaded, err := db.Load(b.Context(), names)
		if err != nil || len(loaded) != benchTargets {
			b.Fatalf("%d memories, %v", len(loaded), err)
		}
	}
}

// BenchmarkDay reads a day of one series and of one target's verdicts, with a run
// every 30 s. Recording that day takes most of its time.
func BenchmarkDay(b *testing.B) {
	db := benchStore(b)
	const dayOfRuns = int(24 * time.Hour / (30 * time.Second))
	for run := range dayOfRuns {
		r, _ := sweep(run, 30*time.Second, false)
		if err := db.Save(b.Context(), r, nil); err != nil {
			b.Fatal(err)
		}
	}
	since := benchStart.Add(-time.Hour)
	b.Run("series", func(b *testing.B) {
		for b.Loop() {
			samples, err := db.Series(b.Context(), "pg/resource-250", "node-0", "replication.indicator_12", since, time.Time{})
			if err != nil || len(samples) != dayOfRuns {
				b.Fatalf("%d samples, %v", len(samples), err)
			}
		}
	})
	b.Run("statuses", func(b *testing.B) {
		for b.Loop() {
			found, err := db.Statuses(b.Context(), "pg/resource-250", since, time.Time{})
			if err != nil || len(found) != dayOfRuns {
				b.Fatalf("%d statuses, %v", len(found), err)
			}
		}
	})
	b.Run("prune", func(b *testing.B) {
		hours := 0
		for b.Loop() {
			hours++
			if err := db.Prune(b.Context(), benchStart.Add(48*time.Hour+time.Duration(hours)*time.Hour)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
