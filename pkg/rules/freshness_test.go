package rules_test

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

func TestCompleteFreshEvidenceIsGreen(t *testing.T) {
	t.Parallel()
	r := now(judge(t, ledger), healthy())
	expect(t, r, readiness.Green)
	if !r.ValidUntil.Equal(noon.Add(time.Minute)) || !r.ObservedAt.Equal(noon) || !r.EvaluatedAt.Equal(noon) {
		t.Errorf("observed %s, evaluated %s, valid until %s", r.ObservedAt, r.EvaluatedAt, r.ValidUntil)
	}
}

// SI-7: evidence counts for its maximum age and not a nanosecond longer, and a
// stale reading says VIS_STALE.
func TestSI7EvidenceExpires(t *testing.T) {
	t.Parallel()
	own := func(d time.Duration) rules.Policy {
		return rules.Policy{MaxAge: dur(10 * time.Minute), Thresholds: map[readiness.ID]rules.Threshold{lag: {Yellow: level("1GiB"), MaxAge: dur(d)}}}
	}
	for _, tt := range []struct {
		name     string
		policy   rules.Policy
		override time.Duration
		age      time.Duration // of lag; the rest is new
		fresh    bool
	}{
		{"default, last moment", rules.Policy{}, 0, time.Minute - 1, true},
		{"default, expired", rules.Policy{}, 0, time.Minute, false},
		{"policy, last moment", rules.Policy{MaxAge: dur(time.Hour)}, 0, time.Hour - 1, true},
		{"policy, expired", rules.Policy{MaxAge: dur(time.Hour)}, 0, time.Hour, false},
		{"indicator shorter than policy", own(time.Second), 0, time.Second, false},
		{"indicator longer than policy", own(time.Hour), 0, time.Hour - 1, true},
		{"indicator longer, expired", own(time.Hour), 0, time.Hour, false},
		{"override beats the indicator", own(time.Hour), time.Minute, time.Minute, false},
		{"override may be longer", own(time.Second), time.Minute, time.Minute - 1, true},
	} {
		j := judge(t, ledger, tt.policy)
		if tt.override > 0 {
			j.OverrideMaxAge(tt.override)
		}
		old := readAt("b", lag, readiness.Num(0))
		old.ObservedAt = noon.Add(-tt.age)
		r := now(j, append(without(lag, healthy()), old))
		if tt.fresh {
			expect(t, r, readiness.Green)
			if !r.ObservedAt.Equal(old.ObservedAt) || !r.ValidUntil.After(noon) {
				t.Errorf("%s: observed %s, valid until %s", tt.name, r.ObservedAt, r.ValidUntil)
			}
		} else {
			expect(t, r, readiness.Unknown, readiness.VisStale, readiness.IndicatorMissing)
		}
		if t.Failed() {
			t.Fatal("in case ", tt.name)
		}
	}
}

// SI-7: green and yellow are good until the first required reading expires, in
// the resource and in each of its endpoints.
func TestSI7ValidUntilIsThatOfTheOldestEvidence(t *testing.T) {
	t.Parallel()
	older := healthy()
	older[1].ObservedAt = noon.Add(-50 * time.Second) // lag at b
	for name, observations := range map[string][]readiness.Observation{
		"green":  older,
		"yellow": append(older, failed("", archive, readiness.QueryFailed)),
	} {
		r := now(judge(t, ledger), observations)
		if r.Status.String() != name || !r.ValidUntil.Equal(noon.Add(10*time.Second)) {
			t.Errorf("%s: is %s until %s", name, r.Status, r.ValidUntil)
		}
		for _, c := range r.Children {
			want := map[string]time.Time{"a": noon.Add(time.Minute), "b": noon.Add(10 * time.Second)}[c.Name]
			if c.Status != readiness.Green || !c.ValidUntil.Equal(want) {
				t.Errorf("%s: endpoint %s is %s until %s, want until %s", name, c.Name, c.Status, c.ValidUntil, want)
			}
		}
	}
}

// SI-7: an endpoint that is green inside a resource that is not must not stay
// green longer than its own evidence.
func TestSI7EndpointDoesNotOutliveItsEvidence(t *testing.T) {
	t.Parallel()
	observations := shifted(-50*time.Second, healthy())
	observations[0].Findings = []readiness.Finding{{Code: readiness.TwoWriters, Message: "both"}}
	r := now(judge(t, ledger), observations)
	expect(t, r, readiness.Red, readiness.TwoWriters)
	for _, c := range r.At(noon.Add(11 * time.Second)).Children {
		if c.Status == readiness.Green {
			t.Errorf("endpoint %s is green 61 s after it was read", c.Name)
		}
	}
}

// A verdict and a reader with the same clock agree: nothing is judged green that
// a reader already has to call expired.
func TestEvaluationAndReaderAgree(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger)
	for age := time.Duration(0); age <= 2*time.Minute; age += time.Second {
		r := now(j, shifted(-age, healthy()))
		if got := r.At(noon); got.Status != r.Status {
			t.Errorf("evidence %s old is judged %s and read as %s", age, r.Status, got.Status)
		}
	}
}

// Nothing is a sample of the future, beyond what clocks may differ.
func TestFutureEvidence(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger)
	expect(t, now(j, shifted(readiness.SkewTolerance, healthy())), readiness.Green)
	r := now(j, append(without(lag, healthy()), shifted(readiness.SkewTolerance+1, []readiness.Observation{readAt("b", lag, readiness.Num(0))})...))
	expect(t, r, readiness.Unknown, readiness.ClockSkew, readiness.IndicatorMissing)
}
