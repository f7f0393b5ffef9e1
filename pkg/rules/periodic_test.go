package rules_test

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// refreshed judges the exposure of a copy that is refreshed on a schedule, which
// was read a while ago.
func refreshed(t *testing.T, exposure readiness.Indicator, value, age time.Duration, policies ...rules.Document) (readiness.Result, *rules.Judge) {
	t.Helper()
	exposure.ID, exposure.Unit, exposure.Required, exposure.Breach = "replication.exposure_seconds", readiness.Seconds, true, readiness.LagOverRPO
	set, err := rules.NewSet(policies, func(string) []readiness.Indicator { return []readiness.Indicator{exposure} })
	if err != nil {
		t.Fatal(err)
	}
	judge, err := set.For(rules.Subject{Name: "x", Platform: "snowflake", Objectives: rules.Objectives{RPO: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	result, _ := judge.Evaluate(now, []readiness.Observation{{Target: "x", Indicator: exposure.ID, Value: readiness.Dur(value), ObservedAt: now.Add(-age), CollectedAt: now.Add(-age)}}, rules.State{})
	return result, judge
}

// Half of an objective is an early sign where a value does not rise by itself. The
// objective itself holds for all.
func TestHalfAnObjectiveIsNoSignOfAPeriodicValue(t *testing.T) {
	t.Parallel()
	for value, want := range map[time.Duration][2]readiness.Status{
		20 * time.Minute: {readiness.Green, readiness.Green},
		40 * time.Minute: {readiness.Yellow, readiness.Green},
		60 * time.Minute: {readiness.Red, readiness.Red},
	} {
		for i, periodic := range []bool{false, true} {
			if result, _ := refreshed(t, readiness.Indicator{Periodic: periodic}, value, 0); result.Status != want[i] {
				t.Errorf("%s, periodic %v: %s, want %s", value, periodic, result.Status, want[i])
			}
		}
	}
}

// A reading that is expensive counts for longer, but for no reader who says
// otherwise, and a policy has the last word.
func TestSI7ExpensiveReadingsExpireToo(t *testing.T) {
	t.Parallel()
	expensive := readiness.Indicator{MaxAge: 20 * time.Minute}
	for age, want := range map[time.Duration]readiness.Status{time.Minute: readiness.Green, 19 * time.Minute: readiness.Green, 20 * time.Minute: readiness.Unknown} {
		if result, _ := refreshed(t, expensive, time.Second, age); result.Status != want {
			t.Errorf("%s old: %s, want %s", age, result.Status, want)
		}
	}
	if result, _ := refreshed(t, readiness.Indicator{}, time.Second, time.Minute); result.Status != readiness.Unknown {
		t.Errorf("another reading of a minute ago is %s", result.Status)
	}
	short := duration.Duration(time.Minute)
	strict := rules.Document{Policy: rules.Policy{Thresholds: map[readiness.ID]rules.Threshold{"replication.exposure_seconds": {MaxAge: &short}}}}
	if result, _ := refreshed(t, expensive, time.Second, 2*time.Minute, strict); result.Status != readiness.Unknown {
		t.Errorf("a policy allows a minute, and a reading of two is %s", result.Status)
	}
	_, judge := refreshed(t, expensive, time.Second, 0)
	judge.OverrideMaxAge(time.Minute)
	now := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	old := readiness.Observation{Target: "x", Indicator: "replication.exposure_seconds", Value: readiness.Num(1), ObservedAt: now.Add(-2 * time.Minute)}
	if result, _ := judge.Evaluate(now, []readiness.Observation{old}, rules.State{}); result.Status != readiness.Unknown {
		t.Errorf("one maximum age for all is a minute, and a reading of two is %s", result.Status)
	}
}
