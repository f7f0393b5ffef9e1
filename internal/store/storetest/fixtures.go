package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// start is when the suite's first run finishes. It is on a whole five minutes.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// lag is the indicator most tests use.
const lag readiness.ID = "replication.lag_seconds"

// report is a run that finished at a time with results. It began a second before.
func report(id string, finished time.Time, results ...readiness.Result) check.Report {
	r := check.Report{
		Schema: check.ReportSchema, Bcctl: "1.2.3", Commit: "0a1b2c",
		RunID: id, StartedAt: finished.Add(-time.Second), FinishedAt: finished,
		Results: results,
	}
	statuses := make([]readiness.Status, 0, len(results))
	for _, result := range results {
		statuses = append(statuses, result.Status)
		switch result.Status {
		case readiness.Red:
			r.Counts.Red++
		case readiness.Yellow:
			r.Counts.Yellow++
		case readiness.Green:
			r.Counts.Green++
		default:
			r.Counts.Unknown++
		}
	}
	r.Verdict = readiness.Worst(statuses...)
	return r
}

// result is a verdict reached at a time and valid for a minute.
func result(name string, status readiness.Status, reached time.Time, indicators ...readiness.IndicatorResult) readiness.Result {
	return readiness.Result{
		Name: name, Kind: readiness.KindResource, Platform: "postgresql", Tier: 1, Status: status,
		ObservedAt: reached, EvaluatedAt: reached, ValidUntil: reached.Add(time.Minute),
		Indicators: indicators,
	}
}

// reading is an indicator of an endpoint collected at a time.
func reading(target, endpoint string, id readiness.ID, v readiness.Value, collected time.Time) readiness.IndicatorResult {
	return readiness.IndicatorResult{
		Observation: readiness.Observation{
			Target: target, Endpoint: endpoint, Indicator: id, Value: v,
			ObservedAt: collected, CollectedAt: collected,
		},
		Unit: readiness.Seconds, Status: readiness.Green, ValidUntil: collected.Add(time.Minute), Required: true,
	}
}

// lagRun is a green run about one target with one number.
func lagRun(target string, finished time.Time, seconds float64) check.Report {
	id := fmt.Sprintf("%s-%d", target, finished.UnixMilli())
	return report(id, finished, result(target, readiness.Green, finished,
		reading(target, "dr1", lag, readiness.Num(seconds), finished)))
}

func save(t *testing.T, s Store, r check.Report, memories map[string]check.Memory) {
	t.Helper()
	if err := s.Save(t.Context(), r, memories); err != nil {
		t.Fatalf("Save(%s): %v", r.RunID, err)
	}
}

func load(t *testing.T, s Store, targets ...string) map[string]check.Memory {
	t.Helper()
	memories, err := s.Load(t.Context(), targets)
	if err != nil {
		t.Fatalf("Load(%q): %v", targets, err)
	}
	return memories
}

func latest(t *testing.T, s Store, targets ...string) []store.Judgement {
	t.Helper()
	found, err := s.Latest(t.Context(), targets...)
	if err != nil {
		t.Fatalf("Latest(%q): %v", targets, err)
	}
	return found
}

func runs(t *testing.T, s Store, q store.Query) []store.RunInfo {
	t.Helper()
	found, err := s.Runs(t.Context(), q)
	if err != nil {
		t.Fatalf("Runs(%+v): %v", q, err)
	}
	return found
}

func runIDs(t *testing.T, s Store, q store.Query) []string {
	t.Helper()
	var ids []string
	for _, r := range runs(t, s, q) {
		ids = append(ids, r.ID)
	}
	return ids
}

// series returns all samples of the target's lag.
func series(t *testing.T, s Store, target string) []store.Sample {
	t.Helper()
	samples, err := s.Series(t.Context(), target, "dr1", lag, time.Time{}, time.Time{})
	if err != nil {
		t.Fatalf("Series(%q): %v", target, err)
	}
	return samples
}

func statuses(t *testing.T, s Store, target string) []store.StatusSample {
	t.Helper()
	found, err := s.Statuses(t.Context(), target, time.Time{}, time.Time{})
	if err != nil {
		t.Fatalf("Statuses(%q): %v", target, err)
	}
	return found
}

func transitions(t *testing.T, s Store, target string, since time.Time) []check.Transition {
	t.Helper()
	found, err := s.Transitions(t.Context(), target, since)
	if err != nil {
		t.Fatalf("Transitions(%q): %v", target, err)
	}
	return found
}

func prune(t *testing.T, s Store, now time.Time) {
	t.Helper()
	if err := s.Prune(t.Context(), now); err != nil {
		t.Fatalf("Prune(%s): %v", now, err)
	}
}

// single is the sample of one reading.
func single(at time.Time, value float64) store.Sample {
	return store.Sample{At: at, Min: value, Max: value, Last: value, Count: 1}
}

// equal fails the test unless got is exactly what is wanted; an empty list and
// none are the same.
func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if g, w := reflect.ValueOf(&got).Elem(), reflect.ValueOf(&want).Elem(); g.Kind() == reflect.Slice && g.Len()+w.Len() == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, show(got), show(want))
	}
}

func show(v any) string {
	if text, err := json.Marshal(v); err == nil {
		return string(text)
	}
	return fmt.Sprintf("%+v", v)
}
