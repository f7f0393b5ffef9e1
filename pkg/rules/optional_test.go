package rules_test

import (
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// Every code as the failure of a reading: on an optional indicator unknown is
// yellow and red stays red, on a required one nothing is softened, and on an
// optional endpoint everything is yellow.
func TestFailureOfEveryCode(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger)
	for _, info := range readiness.Codes() {
		required := now(j, healthy(failed("c", lag, info.Code)))
		if required.Status != info.Default {
			t.Errorf("%s on a required indicator is %s, want %s", info.Code, required.Status, info.Default)
		}
		want := info.Default
		if want == readiness.Unknown {
			want = readiness.Yellow
		}
		if optional := now(j, healthy(failed("c", archive, info.Code))); optional.Status != want {
			t.Errorf("%s on an optional indicator is %s, want %s", info.Code, optional.Status, want)
		}
		for _, id := range []readiness.ID{lag, archive} {
			elsewhere := failed("c", id, info.Code)
			elsewhere.Optional = true
			if r := now(j, healthy(elsewhere)); r.Status != readiness.Yellow {
				t.Errorf("%s of %s on an optional endpoint is %s, want yellow", info.Code, id, r.Status)
			}
		}
	}
}

// The same as a finding on a reading that is good in itself.
func TestFindingOfEveryCode(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger)
	for _, info := range readiness.Codes() {
		o := readAt("c", lag, readiness.Num(0))
		o.Findings = []readiness.Finding{{Code: info.Code, Message: "m"}}
		if r := now(j, healthy(o)); r.Status != info.Default {
			t.Errorf("%s found is %s, want %s", info.Code, r.Status, info.Default)
		}
		o.Optional = true
		if r := now(j, healthy(o)); r.Status != readiness.Yellow {
			t.Errorf("%s found on an optional endpoint is %s, want yellow", info.Code, r.Status)
		}
	}
}

// What an optional endpoint shows proves nothing required.
func TestOptionalEndpointIsNoEvidence(t *testing.T) {
	t.Parallel()
	o := readAt("b", lag, readiness.Num(0))
	o.Optional = true
	expect(t, now(judge(t, ledger), append(without(lag, healthy()), o)), readiness.Unknown, readiness.IndicatorMissing)
}

func TestOptionalEndpointOverARedLimitIsYellow(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger, rules.Policy{Thresholds: map[readiness.ID]rules.Threshold{lag: {Red: level("1MiB")}}})
	o := readAt("c", lag, readiness.Num(1<<30))
	expect(t, now(j, healthy(o)), readiness.Red, readiness.ReplicationLagHigh)
	o.Optional = true
	expect(t, now(j, healthy(o)), readiness.Yellow, readiness.ReplicationLagHigh)
}

func TestOptionalIndicatorOverARedLimitIsRed(t *testing.T) {
	t.Parallel()
	sub := ledger
	sub.Objectives.RPO = 60e9
	expect(t, now(judge(t, sub), healthy(read(exposure, readiness.Num(61)))), readiness.Red, readiness.LagOverRPO)
}

// A finding keeps its own status beside the failure or staleness of its reading:
// neither hides the other.
func TestFindingsOfUnusableReadingsCount(t *testing.T) {
	t.Parallel()
	o := failed("b", lag, readiness.QueryFailed)
	o.Findings = []readiness.Finding{{Code: readiness.Diverged, Message: "m"}}
	expect(t, now(judge(t, ledger), append(without(lag, healthy()), o)), readiness.Red, readiness.Diverged, readiness.QueryFailed, readiness.IndicatorMissing)
}
