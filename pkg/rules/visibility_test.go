package rules_test

import (
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// run is one judgement at a time after noon; the readings are as old as at noon.
func run(j *rules.Judge, after time.Duration, observations []readiness.Observation, state rules.State) (readiness.Result, rules.State) {
	return j.Evaluate(noon.Add(after), shifted(after, observations), state)
}

// A loss of visibility is unknown within the grace of its tier and red after it,
// for every code that tells of one.
func TestVisibilityGraceByTier(t *testing.T) {
	t.Parallel()
	for tier, grace := range map[int]time.Duration{1: 2 * time.Minute, 2: 10 * time.Minute} {
		sub := ledger
		sub.Tier = tier
		j := judge(t, sub)
		for _, info := range readiness.Codes() {
			if !rules.IsVisibility(info.Code) {
				continue
			}
			lost := healthy(failed("c", lag, info.Code))
			r, state := run(j, 0, lost, rules.State{})
			if r.Status != info.Default {
				t.Errorf("tier %d, %s at first: %s, want %s", tier, info.Code, r.Status, info.Default)
			}
			if r, _ = run(j, grace-1, lost, state); r.Status != info.Default {
				t.Errorf("tier %d, %s within the grace: %s, want %s", tier, info.Code, r.Status, info.Default)
			}
			r, _ = run(j, grace, lost, state)
			if r.Status != readiness.Red || !slices.Contains(codesOf(r), info.Code) {
				t.Errorf("tier %d, %s after the grace: %s %v", tier, info.Code, r.Status, codesOf(r))
			}
		}
	}
}

// What is seen and bad is no loss of visibility: its status does not depend on
// time.
func TestOtherCodesHaveNoGrace(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger)
	for _, info := range readiness.Codes() {
		if rules.IsVisibility(info.Code) {
			continue
		}
		bad := healthy(failed("c", lag, info.Code))
		_, state := run(j, 0, bad, rules.State{})
		if r, _ := run(j, 24*time.Hour, bad, state); r.Status != info.Default {
			t.Errorf("%s is %s after a day, want %s", info.Code, r.Status, info.Default)
		}
		if !state.UnseenSince.IsZero() {
			t.Errorf("%s counts as not seen", info.Code)
		}
	}
}

// A standby that only the primary sees is yellow, and after the grace a DR side
// that nobody sees: red VIS_DR.
func TestOneSidedViewBecomesLossOfDR(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger)
	oneSided := healthy(failed("b", topology, readiness.StandbyPathLost))
	r, state := run(j, 0, oneSided, rules.State{})
	expect(t, r, readiness.Yellow, readiness.StandbyPathLost)
	r, _ = run(j, 2*time.Minute, oneSided, state)
	expect(t, r, readiness.Red, readiness.StandbyPathLost, readiness.VisDR)
	for _, c := range r.Children {
		if want := map[string]readiness.Status{"a": readiness.Green, "b": readiness.Red}[c.Name]; c.Status != want {
			t.Errorf("endpoint %s is %s, want %s", c.Name, c.Status, want)
		}
	}
	for _, i := range r.Indicators {
		if i.Failure != nil && i.Status != readiness.Red {
			t.Errorf("the reading of %s at %s is %s in a red verdict", i.Observation.Indicator, i.Endpoint, i.Status)
		}
	}
}

// One run that sees everything ends the loss; the next one starts from the
// beginning.
func TestVisibilityReturns(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger)
	lost := healthy(failed("c", lag, readiness.VisEndpoint))
	_, state := run(j, 0, lost, rules.State{})
	_, state = run(j, time.Minute, healthy(), state)
	if !state.UnseenSince.IsZero() {
		t.Errorf("still unseen since %s", state.UnseenSince)
	}
	r, state := run(j, 3*time.Minute, lost, state)
	expect(t, r, readiness.Unknown, readiness.VisEndpoint)
	r, _ = run(j, 5*time.Minute, lost, state)
	expect(t, r, readiness.Red, readiness.VisEndpoint)
}

// The side that is lost may change; the loss goes on.
func TestLossOfAnotherSideIsTheSameLoss(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger)
	_, state := run(j, 0, healthy(failed("a", lag, readiness.VisPrimary)), rules.State{})
	r, _ := run(j, 2*time.Minute, healthy(failed("b", lag, readiness.VisDR)), state)
	expect(t, r, readiness.Red, readiness.VisDR)
}

// A stale required reading is a loss of visibility like any other.
func TestStaleRequiredReadingTurnsRed(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger)
	stale := append(without(lag, healthy()), shifted(-time.Hour, []readiness.Observation{readAt("b", lag, readiness.Num(0))})...)
	r, state := run(j, 0, stale, rules.State{})
	expect(t, r, readiness.Unknown, readiness.VisStale, readiness.IndicatorMissing)
	r, _ = run(j, 2*time.Minute, stale, state)
	expect(t, r, readiness.Red, readiness.VisStale, readiness.IndicatorMissing)
}

// An optional part gives at most yellow, however long it is not seen, and does
// not start the grace of what is required.
func TestOptionalPartNeverTurnsRed(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger)
	elsewhere := failed("c", lag, readiness.VisEndpoint)
	elsewhere.Optional = true
	for name, o := range map[string]readiness.Observation{
		"endpoint":        elsewhere,
		"indicator":       failed("b", archive, readiness.VisEndpoint),
		"stale indicator": shifted(-time.Hour, []readiness.Observation{read(archive, readiness.Str("ok"))})[0],
	} {
		_, state := run(j, 0, healthy(o), rules.State{})
		r, state := run(j, 24*time.Hour, healthy(o), state)
		if r.Status != readiness.Yellow || !state.UnseenSince.IsZero() {
			t.Errorf("%s: %s %v, unseen since %s", name, r.Status, codesOf(r), state.UnseenSince)
		}
		r, _ = run(j, 24*time.Hour, healthy(o, failed("a", lag, readiness.VisPrimary)), state)
		if r.Status != readiness.Unknown {
			t.Errorf("%s: a new loss beside it is %s at once", name, r.Status)
		}
	}
}

// A loss that a wrong clock dated in the future starts now: it does not wait for
// the clock to come there.
func TestLossDatedInTheFutureStartsNow(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger)
	lost := healthy(failed("c", lag, readiness.VisEndpoint))
	_, state := run(j, 1000*time.Hour, lost, rules.State{})
	r, state := run(j, 0, lost, state)
	expect(t, r, readiness.Unknown, readiness.VisEndpoint)
	r, _ = run(j, 2*time.Minute, lost, state)
	expect(t, r, readiness.Red, readiness.VisEndpoint)
}
