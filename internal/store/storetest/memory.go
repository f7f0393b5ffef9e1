package storetest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func memoryTests() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"nothing is remembered of a target never seen":      testNoMemory,
		"every part comes back":                             testMemoryRoundTrip,
		"parts shared with the verdict come back":           testMemoryShared,
		"what the verdict saw comes back as known good":     testMemoryKnownGood,
		"a part that is missing stays missing":              testMemoryEmpty,
		"a verdict without a memory leaves the memory":      testVerdictWithoutMemory,
		"a run that finished earlier does not take over":    testOlderRunSavedLater,
		"a memory keeps its own verdict beside a newer one": testMemoryBesideNewerVerdict,
		"a memory from a wrong clock does not stay forever": testWrongClock,
		"it outlives the store that saved it":               testReopen,
	}
}

func testNoMemory(t *testing.T, open Open) {
	s := open(store.Options{})
	save(t, s, lagRun("pg/ledger", start, 1), map[string]check.Memory{"pg/ledger": {}})
	equal(t, "memories", load(t, s, "pg/other"), map[string]check.Memory{})
	equal(t, "memories of no target", load(t, s), map[string]check.Memory{})
}

// fullMemory has every field set, and nothing in common with another verdict.
func fullMemory(target string, at time.Time) check.Memory {
	observed := at.Add(-1234567 * time.Nanosecond)
	last := result(target, readiness.Red, at, reading(target, "dr1", lag, readiness.Num(7.25), at))
	last.Reasons = []readiness.Reason{{
		Code: readiness.LagOverRPO, Status: readiness.Red, Message: "exposure 7 s is over 5 s",
		Endpoint: "dr1", Indicator: lag, Value: readiness.Num(7.25), Unit: readiness.Seconds,
		Threshold: readiness.Num(5), Source: "policies/default.yaml:14",
	}}
	return check.Memory{
		Episodes: json.RawMessage(`{"b": 1,   "a": [true, null, "é"]}`),
		Observations: []readiness.Observation{
			{Target: target, Endpoint: "dr1", Indicator: lag, Value: readiness.Num(0.1), ObservedAt: observed, CollectedAt: at},
			{Target: target, Indicator: "replication.state", Value: readiness.Str(""), CollectedAt: at},
			{Target: target, Indicator: "replay.paused", Value: readiness.Bool(false), CollectedAt: at, Optional: true},
			{
				Target: target, Indicator: "wal.position", CollectedAt: at,
				Failure:  &readiness.Finding{Code: readiness.VisAuth, Message: "refused"},
				Findings: []readiness.Finding{{Code: readiness.Conflict, Message: "two sources"}},
			},
		},
		Last:          &last,
		LastKnownGood: &readiness.LastKnownGood{ObservedAt: observed, Indicators: []readiness.IndicatorResult{reading(target, "dr1", lag, readiness.Num(2), observed)}},
		SavedAt:       at,
	}
}

func testMemoryRoundTrip(t *testing.T, open Open) {
	s := open(store.Options{})
	want := map[string]check.Memory{
		"pg/ledger": fullMemory("pg/ledger", start),
		"pg/orders": fullMemory("pg/orders", start.Add(time.Second)),
	}
	save(t, s, report("one", start, result("pg/ledger", readiness.Green, start)), want)
	equal(t, "memories", load(t, s, "pg/orders", "pg/ledger"), want)

	changed := map[string]check.Memory{"pg/orders": {Episodes: json.RawMessage(`2`), SavedAt: start.Add(time.Minute)}}
	save(t, s, report("two", start.Add(time.Minute)), changed)
	want["pg/orders"] = changed["pg/orders"]
	equal(t, "memories after one was replaced", load(t, s, "pg/orders", "pg/ledger"), want)
}

func testMemoryShared(t *testing.T, open Open) {
	s := open(store.Options{})
	green := result("pg/ledger", readiness.Green, start, reading("pg/ledger", "dr1", lag, readiness.Num(3), start))
	green.LastKnownGood = &readiness.LastKnownGood{ObservedAt: start, Indicators: green.Indicators}
	last := green
	want := map[string]check.Memory{"pg/ledger": {
		Last: &last, LastKnownGood: green.LastKnownGood, SavedAt: start,
	}}
	save(t, s, report("one", start, green), want)
	equal(t, "memories", load(t, s, "pg/ledger"), want)
}

func testMemoryKnownGood(t *testing.T, open Open) {
	s := open(store.Options{})
	green := result("pg/ledger", readiness.Green, start, reading("pg/ledger", "dr1", lag, readiness.Num(3), start))
	last := green
	want := map[string]check.Memory{"pg/ledger": {
		Last:          &last,
		LastKnownGood: &readiness.LastKnownGood{ObservedAt: green.ObservedAt, Indicators: green.Indicators},
		SavedAt:       start,
	}}
	save(t, s, report("one", start, green), want)
	equal(t, "memories", load(t, s, "pg/ledger"), want)
}

func testMemoryEmpty(t *testing.T, open Open) {
	s := open(store.Options{})
	save(t, s, report("one", start, result("pg/ledger", readiness.Green, start)), map[string]check.Memory{"pg/ledger": {}})
	equal(t, "memories", load(t, s, "pg/ledger"), map[string]check.Memory{"pg/ledger": {SavedAt: start}})
}

func testVerdictWithoutMemory(t *testing.T, open Open) {
	s := open(store.Options{})
	green := result("pg/ledger", readiness.Green, start)
	green.LastKnownGood = &readiness.LastKnownGood{ObservedAt: start}
	last := green
	want := map[string]check.Memory{"pg/ledger": {Last: &last, LastKnownGood: last.LastKnownGood, SavedAt: start}}
	save(t, s, report("one", start, green), want)

	later := start.Add(time.Minute)
	save(t, s, report("two", later, result("pg/ledger", readiness.Red, later)), nil)
	equal(t, "memories", load(t, s, "pg/ledger"), want)
	if found := latest(t, s, "pg/ledger"); len(found) != 1 || found[0].Result.Status != readiness.Red {
		t.Errorf("latest = %s, want the red verdict", show(found))
	}
}

func testOlderRunSavedLater(t *testing.T, open Open) {
	s := open(store.Options{})
	memory := func(n int, at time.Time) map[string]check.Memory {
		return map[string]check.Memory{"pg/ledger": {Episodes: json.RawMessage(fmt.Sprint(n)), SavedAt: at}}
	}
	later := start.Add(time.Minute)
	newer := memory(2, later)
	save(t, s, report("newer", later, result("pg/ledger", readiness.Green, later)), newer)

	older := result("pg/ledger", readiness.Red, start)
	withLast := memory(1, start)
	m := withLast["pg/ledger"]
	m.Last = &older
	withLast["pg/ledger"] = m
	save(t, s, report("older", start, older), withLast)

	equal(t, "memories", load(t, s, "pg/ledger"), newer)
	if found := latest(t, s, "pg/ledger"); len(found) != 1 || found[0].Run.ID != "newer" {
		t.Errorf("latest = %s, want the verdict of run newer", show(found))
	}
	equal(t, "runs", runIDs(t, s, store.Query{}), []string{"newer", "older"})
}

func testMemoryBesideNewerVerdict(t *testing.T, open Open) {
	s := open(store.Options{})
	later := start.Add(time.Minute)
	save(t, s, report("newer", later, result("pg/ledger", readiness.Green, later)), nil)
	older := result("pg/ledger", readiness.Red, start)
	want := map[string]check.Memory{"pg/ledger": {Last: &older, SavedAt: start}}
	save(t, s, report("older", start, older), want)
	equal(t, "memories", load(t, s, "pg/ledger"), want)
	if found := latest(t, s, "pg/ledger"); len(found) != 1 || found[0].Run.ID != "newer" {
		t.Errorf("latest = %s, want the verdict of run newer", show(found))
	}
}

func testWrongClock(t *testing.T, open Open) {
	s := open(store.Options{})
	ahead := start.AddDate(10, 0, 0)
	save(t, s, report("ahead", ahead, result("pg/ledger", readiness.Green, ahead)),
		map[string]check.Memory{"pg/ledger": {Episodes: json.RawMessage(`"ahead"`), SavedAt: ahead}})
	want := map[string]check.Memory{"pg/ledger": {Episodes: json.RawMessage(`"right"`), SavedAt: start}}
	save(t, s, report("right", start, result("pg/ledger", readiness.Red, start)), want)
	equal(t, "memories", load(t, s, "pg/ledger"), want)
	if found := latest(t, s, "pg/ledger"); len(found) != 1 || found[0].Run.ID != "right" {
		t.Errorf("latest = %s, want the verdict of run right", show(found))
	}
}

func testReopen(t *testing.T, open Open) {
	want := map[string]check.Memory{"pg/ledger": fullMemory("pg/ledger", start)}
	save(t, open(store.Options{}), lagRun("pg/ledger", start, 1), want)
	again := open(store.Options{})
	equal(t, "memories", load(t, again, "pg/ledger"), want)
	equal(t, "series", series(t, again, "pg/ledger"), []store.Sample{single(start, 1)})
}
