package check

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// unreached is a target whose connector got no answer.
func unreached(_ context.Context, s connectors.Spec) ([]readiness.Observation, error) {
	var out []readiness.Observation
	for _, e := range s.Endpoints {
		out = append(out, readiness.Observation{Target: s.Target, Endpoint: e.Name, Indicator: lag, CollectedAt: s.Now(), Failure: &readiness.Finding{Code: readiness.VisBoth, Message: "no answer"}})
	}
	return out, nil
}

func stored(t *testing.T, f *fleet, resources ...*config.Resource) (*bench, *fakeStore) {
	t.Helper()
	b, s := newBench(t, repository(resources, group("all", resources[0].Name())), f), &fakeStore{}
	b.Store = s
	return b, s
}

func kinds(r Report) []string {
	var list []string
	for _, x := range r.Transitions {
		list = append(list, x.Target+" "+string(x.Kind)+" "+string(x.Code))
	}
	return list
}

// Grace, alerts and last known good go from one process to the next through the
// store alone.
func TestStateGoesFromRunToRun(t *testing.T) {
	t.Parallel()
	f := &fleet{behave: map[string]collecting{}}
	b, store := stored(t, f, resource("ledger"))
	for n, step := range []struct {
		after time.Duration
		does  collecting
		want  readiness.Status
		tells []string
	}{
		{0, healthy, green, nil},
		{m, unreached, unknown, []string{"ledger changed "}},
		{2 * m, unreached, unknown, nil},
		{3 * m, unreached, red, []string{"ledger changed ", "ledger visibility-lost VIS_BOTH"}},
		{4 * m, healthy, green, []string{"ledger changed ", "ledger visibility-back "}},
		{5 * m, unreached, unknown, []string{"ledger changed "}},
	} {
		b.Runner = &Runner{Registry: b.Registry, Store: store, Parallel: 1, TargetTimeout: time.Second, Now: b.Now} // a new process
		f.behave["ledger"], b.clock = step.does, noon.Add(step.after)
		report := b.run(t)
		if r := find(t, report, "ledger"); r.Status != step.want || !slices.Equal(kinds(report), step.tells) {
			t.Errorf("step %d: %s and %q, want %s and %q", n, r.Status, kinds(report), step.want, step.tells)
		}
	}
}

// SI-8: last known good is kept apart from the verdict, is not shown green, and
// makes nothing green. It is that of the newest green run.
func TestSI8LastKnownGoodIsForDisplayOnly(t *testing.T) {
	t.Parallel()
	f := &fleet{behave: map[string]collecting{}}
	b, store := stored(t, f, resource("ledger"))
	b.run(t)
	b.clock = noon.Add(m)
	first := find(t, b.run(t), "ledger")
	if first.LastKnownGood != nil {
		t.Error("a green result carries a last known good")
	}
	f.behave["ledger"], b.clock = unreached, noon.Add(90*time.Second)
	r := find(t, b.run(t), "ledger")
	expect(t, r, unknown, readiness.VisBoth)
	good := r.LastKnownGood
	if good == nil || !good.ObservedAt.Equal(noon.Add(m)) || len(good.Indicators) != 4 {
		t.Fatalf("last known good %+v", good)
	}
	for _, i := range good.Indicators {
		if i.Status != unknown {
			t.Errorf("%s of the last known good is %s", i.Observation.Indicator, i.Status)
		}
	}
	for _, i := range first.Indicators {
		if i.Status != green {
			t.Errorf("keeping it changed the reading of %s in the green result", i.Observation.Indicator)
		}
	}
	b.clock = noon.Add(24 * time.Hour)
	expect(t, find(t, b.run(t), "ledger"), red, readiness.VisBoth)
	if kept := store.memories["ledger"].LastKnownGood; kept == nil || !kept.ObservedAt.Equal(noon.Add(m)) {
		t.Errorf("kept is %+v", kept)
	}
}

// SI-8: what an earlier run read is not evidence, however new: a connector that
// reads nothing gets no verdict from the cache.
func TestSI8CacheIsNoEvidence(t *testing.T) {
	t.Parallel()
	f := &fleet{behave: map[string]collecting{}}
	b, _ := stored(t, f, resource("ledger"))
	b.run(t)
	asked := false
	f.behave["ledger"] = func(_ context.Context, s connectors.Spec) ([]readiness.Observation, error) {
		asked = true
		if s.Previous == nil {
			t.Error("earlier readings cannot be asked for")
			return nil, nil
		}
		if o, ok := s.Previous("b", lag); !ok || !o.ObservedAt.Equal(noon) || o.Failure != nil {
			t.Errorf("earlier reading %+v, %v", o, ok)
		}
		if o, ok := s.Previous("b", topology); ok {
			t.Errorf("a reading that was never made: %+v", o)
		}
		return nil, nil
	}
	b.clock = noon.Add(time.Second)
	expect(t, find(t, b.run(t), "ledger"), unknown, readiness.IndicatorMissing)
	if !asked {
		t.Error("the connector was not asked")
	}
}

// A store that fails is a warning, and the report is complete.
func TestStoreThatFailsCostsHistoryOnly(t *testing.T) {
	t.Parallel()
	b, store := stored(t, &fleet{}, resource("a"), resource("b"))
	store.loadErr, store.saveErr = errors.New("locked"), errors.New("disk full")
	report := b.run(t)
	if report.Verdict != green || len(report.Results) != 3 || report.Counts.Green != 2 {
		t.Errorf("verdict %s of %d results", report.Verdict, len(report.Results))
	}
	if want := []string{"history could not be read: locked", "history was not kept: disk full"}; !slices.Equal(report.Warnings, want) {
		t.Errorf("warnings %q", report.Warnings)
	}
}

// What could not be read is not replaced: the alert that was raised is cleared
// when the store answers again, and not forgotten.
func TestStateThatCouldNotBeReadIsNotReplaced(t *testing.T) {
	t.Parallel()
	f := &fleet{behave: map[string]collecting{"ledger": bad(readiness.Diverged)}}
	b, store := stored(t, f, resource("ledger"))
	b.run(t)
	b.clock = noon.Add(m)
	if got := kinds(b.run(t)); !slices.Equal(got, []string{"ledger raised DIVERGED"}) {
		t.Fatalf("%q", got)
	}
	f.behave["ledger"], store.loadErr, b.clock = healthy, errors.New("busy"), noon.Add(2*m)
	if got := kinds(b.run(t)); len(got) > 0 || len(store.reports) != 3 {
		t.Errorf("%q, and %d reports were kept", got, len(store.reports))
	}
	store.loadErr, b.clock = nil, noon.Add(3*m)
	if got := kinds(b.run(t)); !slices.Equal(got, []string{"ledger changed ", "ledger cleared DIVERGED"}) {
		t.Errorf("%q", got)
	}
}

// State that is damaged is no state: no panic, no half of it, and the verdict is
// that of the evidence.
func TestDamagedStateIsNoState(t *testing.T) {
	t.Parallel()
	for _, damaged := range []string{`{`, `null`, `[]`, `"x"`, `{"alerts":{"episodes":{"DIVERGED":null},"judged":true}}`, `{"alerts":{"unseen":null,"status":"purple"}}`,
		`{"rules":{"held":{"b|replication.lag_bytes":null}}}`, `{"rules":{"held":{"b|replication.lag_bytes":{"status":"red"}},"unseenSince":"yesterday"}}`} {
		for want, does := range map[readiness.Status]collecting{green: healthy, red: bad(readiness.Diverged), unknown: unreached} {
			b, store := stored(t, &fleet{behave: map[string]collecting{"ledger": does}}, resource("ledger", slowToClear))
			store.memories = map[string]Memory{"ledger": {Episodes: json.RawMessage(damaged), SavedAt: noon.Add(-m)}}
			if r := find(t, b.run(t), "ledger"); r.Status != want {
				t.Errorf("%s: %s %v, want %s", damaged, r.Status, codesOf(r), want)
			}
			if !json.Valid(store.memories["ledger"].Episodes) {
				t.Errorf("%s left %s", damaged, store.memories["ledger"].Episodes)
			}
		}
	}
}

// slowToClear keeps a held level for an hour of good samples.
func slowToClear(s *config.ResourceSpec) {
	s.Thresholds = thresholds(lag, "1MiB")
	limit := s.Thresholds[lag]
	limit.ClearFor = dur(time.Hour)
	s.Thresholds[lag] = limit
}

// A maximum age given for the run holds for every indicator, over every policy.
func TestMaxAgeOfTheRun(t *testing.T) {
	t.Parallel()
	old := func(ctx context.Context, s connectors.Spec) ([]readiness.Observation, error) {
		o, err := healthy(ctx, s)
		for i := range o {
			o[i].ObservedAt = o[i].ObservedAt.Add(-30 * time.Second)
		}
		return o, err
	}
	lenient := resource("ledger", func(s *config.ResourceSpec) {
		s.Thresholds = thresholds(lag, "1MiB")
		limit := s.Thresholds[lag]
		limit.MaxAge = dur(time.Hour)
		s.Thresholds[lag] = limit
	})
	b := newBench(t, repository([]*config.Resource{lenient}), &fleet{behave: map[string]collecting{"ledger": old}})
	expect(t, find(t, b.run(t), "ledger"), green, "")
	b.MaxAge = 20 * time.Second
	r := find(t, b.run(t), "ledger")
	expect(t, r, unknown, readiness.VisStale)
	for _, i := range r.Indicators {
		if i.Status == green {
			t.Errorf("the reading of %s at %q is green", i.Observation.Indicator, i.Endpoint)
		}
	}
}

// What is kept is what the report says, in full.
func TestWhatIsKept(t *testing.T) {
	t.Parallel()
	b, store := stored(t, &fleet{behave: map[string]collecting{"ledger": bad(readiness.Diverged)}}, resource("ledger"), resource("orders"))
	report := b.run(t)
	if len(store.reports) != 1 || store.reports[0].RunID != report.RunID || len(store.memories) != 2 {
		t.Fatalf("%d reports, %d memories", len(store.reports), len(store.memories))
	}
	kept := store.memories["ledger"]
	a, _ := json.Marshal(kept.Last)
	c, _ := json.Marshal(find(t, report, "ledger"))
	if string(a) != string(c) || !kept.SavedAt.Equal(noon) || len(kept.Observations) != 4 || kept.LastKnownGood != nil {
		t.Errorf("kept %s at %s with %d readings", a, kept.SavedAt, len(kept.Observations))
	}
	if !strings.Contains(string(kept.Episodes), `"DIVERGED"`) {
		t.Errorf("episodes %s", kept.Episodes)
	}
}
