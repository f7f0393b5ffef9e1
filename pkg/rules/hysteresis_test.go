package rules_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// step is one run of a sequence: what the lag at b was, and what must come of it.
type step struct {
	at     time.Duration // since noon
	mib    float64       // lag in MiB; below zero: the reading failed
	old    time.Duration // age of the reading
	absent bool          // the series is not part of the run
	want   readiness.Status
	code   readiness.Code // reason about the lag; empty when there is none
}

const unread = -1

// walk judges a sequence, each run with the state of the one before as a store
// would keep it.
func walk(t *testing.T, j *rules.Judge, steps []step) rules.State {
	t.Helper()
	var state rules.State
	for n, s := range steps {
		at := noon.Add(s.at)
		o := readAt("b", lag, readiness.Num(s.mib*(1<<20)))
		if s.mib == unread {
			o = failed("b", lag, readiness.QueryFailed)
		}
		o.ObservedAt = at.Add(-s.old)
		observations := shifted(s.at, append(without(lag, healthy()), readAt("other", lag, readiness.Num(0))))
		if !s.absent {
			observations = append(observations, o)
		}
		var r readiness.Result
		r, state = j.Evaluate(at, observations, restored(t, state))
		about := slices.DeleteFunc(slices.Clone(r.Reasons), func(x readiness.Reason) bool { return x.Endpoint != "b" })
		switch {
		case r.Status != s.want:
			t.Fatalf("step %d at %s: %s %+v, want %s", n, s.at, r.Status, r.Reasons, s.want)
		case s.code == "" && len(about) > 0, s.code != "" && (len(about) != 1 || about[0].Code != s.code):
			t.Fatalf("step %d at %s: reasons %+v, want %q", n, s.at, about, s.code)
		}
	}
	return state
}

func restored(t *testing.T, s rules.State) rules.State {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back rules.State
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// Yellow from 10 MiB until below 5, red from 100 until below 50, good for a minute.
func limited() rules.Policy {
	return rules.Policy{Thresholds: map[readiness.ID]rules.Threshold{lag: {
		Yellow: &rules.Level{Raise: "10MiB", Clear: quantity("5MiB")}, Red: &rules.Level{Raise: "100MiB", Clear: quantity("50MiB")}, ClearFor: dur(time.Minute)}}}
}

const (
	high    = readiness.ReplicationLagHigh
	clears  = readiness.Clearing
	green   = readiness.Green
	yellow  = readiness.Yellow
	unknown = readiness.Unknown
	red     = readiness.Red
	m       = time.Minute
	s30     = 30 * time.Second
)

func TestHysteresis(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][]step{
		"worsens at once":                    {{0, 1, 0, false, green, ""}, {1, 10, 0, false, yellow, high}, {2, 100, 0, false, red, high}},
		"worsens at once from the first run": {{0, 100, 0, false, red, high}},
		"below raise but not below clear":    {{0, 10, 0, false, yellow, high}, {m, 9.9, 0, false, yellow, high}, {2 * m, 5, 0, false, yellow, high}, {9 * m, 5, 0, false, yellow, high}},
		"clears after a minute of good samples": {{0, 10, 0, false, yellow, high}, {s30, 4, 0, false, yellow, clears},
			{s30 + 59*time.Second, 4, 0, false, yellow, clears}, {s30 + m, 4, 0, false, green, ""}, {2 * m, 9, 0, false, green, ""}},
		"one good sample proves no minute":        {{0, 10, 0, false, yellow, high}, {m, 4, 59 * time.Second, false, yellow, clears}},
		"a sample seen again proves no more time": {{0, 10, 0, false, yellow, high}, {s30, 4, 0, false, yellow, clears}, {s30 + 50*time.Second, 4, 50 * time.Second, false, yellow, clears}},
		"a bad sample starts the minute again":    {{0, 10, 0, false, yellow, high}, {m, 4, 0, false, yellow, clears}, {m + s30, 7, 0, false, yellow, high}, {2 * m, 4, 0, false, yellow, clears}, {3*m - 1, 4, 0, false, yellow, clears}, {3 * m, 4, 0, false, green, ""}},
		"an unknown sample starts the minute again": {{0, 10, 0, false, yellow, high}, {m, 4, 0, false, yellow, clears},
			{m + s30, unread, 0, false, unknown, readiness.QueryFailed}, {2*m + s30, 4, 0, false, yellow, clears}, {3*m + s30, 4, 0, false, green, ""}},
		"an unknown sample does not end the breach": {{0, 10, 0, false, yellow, high}, {m, unread, 0, false, unknown, readiness.QueryFailed}, {2 * m, 9, 0, false, yellow, high}},
		"a run without the series is no sample": {{0, 10, 0, false, yellow, high}, {m, 4, 0, false, yellow, clears},
			{m + s30, 0, 0, true, green, ""}, {9 * m, 4, 0, false, yellow, clears}, {10 * m, 4, 0, false, green, ""}},
		"red clears to yellow first":                       {{0, 100, 0, false, red, high}, {m, 20, 0, false, red, clears}, {2 * m, 20, 0, false, yellow, high}, {3 * m, 4, 0, false, yellow, clears}, {4 * m, 4, 0, false, green, ""}},
		"red that falls to good was good the whole minute": {{0, 100, 0, false, red, high}, {m, 4, 0, false, red, clears}, {2 * m, 4, 0, false, green, ""}},
		"red whose minute was partly yellow is yellow next": {{0, 100, 0, false, red, high}, {m, 20, 0, false, red, clears}, {m + 59*time.Second, 4, 0, false, red, clears},
			{2 * m, 4, 0, false, yellow, clears}, {3*m - 1, 4, 0, false, yellow, clears}, {3 * m, 4, 0, false, green, ""}},
		"red that falls and rises again": {{0, 100, 0, false, red, high}, {m, 20, 0, false, red, clears}, {m + s30, 60, 0, false, red, high}, {2 * m, 20, 0, false, red, clears}, {3*m - 1, 20, 0, false, red, clears}},
		"a clock set back does not hold a breach for ever": {{0, 10, 0, false, yellow, high}, {1000 * time.Hour, 4, 0, false, yellow, clears},
			{m, 4, 0, false, yellow, clears}, {2 * m, 4, 0, false, green, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			walk(t, judge(t, ledger, limited()), steps)
		})
	}
}

// Without clearFor a status ends with the first sample past the clear limit.
func TestHysteresisWithoutTime(t *testing.T) {
	t.Parallel()
	p := rules.Policy{Thresholds: map[readiness.ID]rules.Threshold{lag: {Yellow: &rules.Level{Raise: "10MiB", Clear: quantity("5MiB")}}}}
	walk(t, judge(t, ledger, p), []step{{0, 10, 0, false, yellow, high}, {m, 7, 0, false, yellow, high}, {2 * m, 4, 0, false, green, ""}, {3 * m, 7, 0, false, green, ""}})
}

// Red's clear limit has no say in the end of yellow: a value that never was red
// must not be kept yellow by it.
func TestClearLimitOfRedDoesNotHoldYellow(t *testing.T) {
	t.Parallel()
	p := rules.Policy{Thresholds: map[readiness.ID]rules.Threshold{lag: {Yellow: level("10MiB"), Red: &rules.Level{Raise: "20MiB", Clear: quantity("2MiB")}}}}
	j := judge(t, ledger, p)
	walk(t, j, []step{{0, 12, 0, false, yellow, high}, {m, 7, 0, false, green, ""}})
	walk(t, j, []step{{0, 20, 0, false, red, high}, {m, 7, 0, false, red, high}, {2 * m, 1, 0, false, green, ""}})
}

// With low-is-bad everything is turned round.
func TestHysteresisOfLowIsBad(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger, rules.Policy{Thresholds: map[readiness.ID]rules.Threshold{free: {
		Yellow: &rules.Level{Raise: "10MiB", Clear: quantity("20MiB")}, Red: level("1MiB")}}})
	var state rules.State
	for n, tt := range []struct {
		mib  float64
		want readiness.Status
	}{{100, green}, {10, yellow}, {15, yellow}, {20, yellow}, {20.1, green}, {0.5, red}, {5, yellow}, {30, green}} {
		var r readiness.Result
		r, state = j.Evaluate(noon, healthy(read(free, readiness.Num(tt.mib*(1<<20)))), state)
		if r.Status != tt.want {
			t.Errorf("step %d, %g MiB free: %s, want %s", n, tt.mib, r.Status, tt.want)
		}
	}
}

// A limit that is taken out of the policy takes its state with it.
func TestStateOfARemovedLimitIsDropped(t *testing.T) {
	t.Parallel()
	state := walk(t, judge(t, ledger, limited()), []step{{0, 100, 0, false, red, high}})
	r, next := judge(t, ledger).Evaluate(noon, healthy(), state)
	if r.Status != green || len(next.Held) != 0 {
		t.Errorf("%s, and %+v is held", r.Status, next.Held)
	}
}

// The state is no evidence: whatever it says, it makes nothing green that is not,
// and an unreadable level is as good as none.
func TestStateProvesNothing(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger, limited())
	for _, held := range []string{`{}`, `{"status":"green"}`, `{"status":"purple","goodSince":"2020-01-01T00:00:00Z"}`, `{"status":"yellow","good":"red","goodSince":"2020-01-01T00:00:00Z"}`} {
		var state rules.State
		if err := json.Unmarshal([]byte(`{"held":{"b|replication.lag":`+held+`}}`), &state); err != nil {
			t.Fatal(err)
		}
		for _, observations := range [][]readiness.Observation{nil, without(lag, healthy()), append(without(lag, healthy()), failed("b", lag, readiness.QueryFailed))} {
			if r, _ := j.Evaluate(noon, observations, state); r.Status != unknown {
				t.Errorf("%s with %d readings: %s", held, len(observations), r.Status)
			}
		}
		if r, _ := j.Evaluate(noon, append(without(lag, healthy()), readAt("b", lag, readiness.Num(100<<20))), state); r.Status != red {
			t.Errorf("%s and a lag over red: %s", held, r.Status)
		}
		if r, _ := j.Evaluate(noon, healthy(), state); r.Status == unknown || r.Status == red {
			t.Errorf("%s and no lag: %s %v", held, r.Status, codesOf(r))
		}
	}
}

// The age of a sample is no time in which the value was good: only what lies
// between two samples is.
func TestAgeOfASampleIsNotGoodTime(t *testing.T) {
	t.Parallel()
	p := limited()
	limit := p.Thresholds[lag]
	limit.ClearFor = dur(s30)
	p.Thresholds[lag] = limit
	walk(t, judge(t, ledger, p), []step{{0, 10, 0, false, yellow, high}, {m, 4, 50 * time.Second, false, yellow, clears},
		{m + 5*time.Second, 4, 55 * time.Second, false, yellow, clears}, {m + 40*time.Second, 4, time.Minute - 1, false, green, ""}})
}

// A series given twice in one run keeps the worse state, whichever came first:
// the worse level, the shorter good time, and the worse of what was good.
func TestSeriesGivenTwiceKeepsTheWorseState(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger, limited())
	_, held := j.Evaluate(noon.Add(-time.Minute), shifted(-time.Minute, append(without(lag, healthy()), readAt("b", lag, readiness.Num(200<<20)))), rules.State{})
	older := shifted(-10*time.Second, []readiness.Observation{readAt("b", lag, readiness.Num(0))})[0]
	for name, tt := range map[string]struct {
		one, two readiness.Observation
		prior    rules.State
		want     rules.Held
	}{
		"red and good":      {readAt("b", lag, readiness.Num(0)), readAt("b", lag, readiness.Num(200<<20)), rules.State{}, rules.Held{Status: red}},
		"good twice":        {older, readAt("b", lag, readiness.Num(0)), held, rules.Held{Status: red, GoodSince: noon, Good: green}},
		"yellow and good":   {readAt("b", lag, readiness.Num(20<<20)), readAt("b", lag, readiness.Num(0)), held, rules.Held{Status: red, GoodSince: noon, Good: yellow}},
		"not good and good": {readAt("b", lag, readiness.Num(60<<20)), readAt("b", lag, readiness.Num(0)), held, rules.Held{Status: red}},
		"unread and good":   {failed("b", lag, readiness.QueryFailed), readAt("b", lag, readiness.Num(0)), held, rules.Held{Status: red}},
	} {
		for _, pair := range [][]readiness.Observation{{tt.one, tt.two}, {tt.two, tt.one}} {
			r, state := j.Evaluate(noon, append(without(lag, healthy()), pair...), tt.prior)
			got := state.Held["b|replication.lag"]
			if r.Status != red || got.Status != tt.want.Status || !got.GoodSince.Equal(tt.want.GoodSince) || !got.GoodSince.IsZero() && got.Good != tt.want.Good {
				t.Errorf("%s: %s, and %+v is held, want %+v", name, r.Status, got, tt.want)
			}
		}
	}
}
