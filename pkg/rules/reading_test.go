package rules_test

import (
	"math"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// SI-9: NULL, negative, missing, future or unparsable is unknown, never 0. Each
// case spoils the reading of the lag, which is required.
func TestSI9UnusableReadingsAreUnknown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(*readiness.Observation)
		code  readiness.Code
	}{
		{"NULL", func(o *readiness.Observation) { o.Value = readiness.Value{} }, readiness.ValueInvalid},
		{"NaN", func(o *readiness.Observation) { o.Value = readiness.Num(math.NaN()) }, readiness.ValueInvalid},
		{"infinite", func(o *readiness.Observation) { o.Value = readiness.Num(math.Inf(1)) }, readiness.ValueInvalid},
		{"negative", func(o *readiness.Observation) { o.Value = readiness.Num(-1) }, readiness.ValueInvalid},
		{"slightly negative", func(o *readiness.Observation) { o.Value = readiness.Num(-1e-9) }, readiness.ValueInvalid},
		{"a text", func(o *readiness.Observation) { o.Value = readiness.Str("0") }, readiness.ValueInvalid},
		{"empty text", func(o *readiness.Observation) { o.Value = readiness.Str("") }, readiness.ValueInvalid},
		{"a flag", func(o *readiness.Observation) { o.Value = readiness.Bool(false) }, readiness.ValueInvalid},
		{"no time", func(o *readiness.Observation) { o.ObservedAt = time.Time{} }, readiness.ValueInvalid},
		{"future", func(o *readiness.Observation) { o.ObservedAt = noon.Add(time.Hour) }, readiness.ClockSkew},
		{"stale", func(o *readiness.Observation) { o.ObservedAt = noon.Add(-time.Hour) }, readiness.VisStale},
		{"of another resource", func(o *readiness.Observation) { o.Target = "orders" }, readiness.ValueInvalid},
		{"failed, with a value", func(o *readiness.Observation) { o.Failure = &readiness.Finding{Code: readiness.QueryFailed} }, readiness.QueryFailed},
	} {
		o := readAt("b", lag, readiness.Num(0))
		tt.spoil(&o)
		r := now(judge(t, ledger), append(without(lag, healthy()), o))
		expect(t, r, readiness.Unknown, tt.code, readiness.IndicatorMissing)
		for _, i := range r.Indicators {
			if i.Observation.Indicator == lag && (i.Status != readiness.Unknown || !i.ValidUntil.IsZero()) {
				t.Errorf("%s: the reading is %s until %s", tt.name, i.Status, i.ValidUntil)
			}
		}
		if t.Failed() {
			t.Fatal("in case ", tt.name)
		}
	}
}

// SI-9: an unusable reading is not compared with limits as if it were zero.
func TestSI9UnusableReadingsCrossNoLimit(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger, rules.Policy{Thresholds: map[readiness.ID]rules.Threshold{free: {Red: level("1MiB")}}})
	expect(t, now(j, healthy(read(free, readiness.Num(0)))), readiness.Red, readiness.SlotAtRisk) // low is bad: 0 is over
	expect(t, now(j, healthy(read(free, readiness.Value{}))), readiness.Yellow, readiness.ValueInvalid)
}

// A signed indicator may be negative; that is what signed means.
func TestSignedIndicatorMayBeNegative(t *testing.T) {
	t.Parallel()
	expect(t, now(judge(t, ledger), append(without(skew, healthy()), readAt("a", skew, readiness.Num(-1)))), readiness.Green)
}

// An indicator without a unit that has a limit must be a number: a limit that
// nothing can cross would pass for green.
func TestLimitOnATextIsNotPassed(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger, rules.Policy{Thresholds: map[readiness.ID]rules.Threshold{topology: {Red: level("3")}}})
	expect(t, now(j, healthy()), readiness.Unknown, readiness.ValueInvalid, readiness.IndicatorMissing)
}

// An indicator that the platform does not have proves nothing about those it has.
func TestUnlistedIndicatorIsNoEvidence(t *testing.T) {
	t.Parallel()
	r := now(judge(t, ledger), append(without(lag, healthy()), read("replication.lagg", readiness.Num(0))))
	expect(t, r, readiness.Unknown, readiness.IndicatorMissing)
}

// The later of two good readings does not cover up a bad one of another endpoint.
func TestOneBadEndpointIsNotOutvoted(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{true, false} {
		bad := failed("c", lag, readiness.VisEndpoint)
		observations := healthy(bad)
		if first {
			observations = append([]readiness.Observation{bad}, healthy()...)
		}
		expect(t, now(judge(t, ledger), observations), readiness.Unknown, readiness.VisEndpoint)
	}
}
