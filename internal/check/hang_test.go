package check

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

type collecting = func(context.Context, connectors.Spec) ([]readiness.Observation, error)

// deaf hangs until released, whatever its context says.
func deaf(released <-chan struct{}) collecting {
	return func(ctx context.Context, s connectors.Spec) ([]readiness.Observation, error) {
		<-released
		return healthy(ctx, s)
	}
}

// patient hangs until its context ends, as the contract of a connector says.
func patient(ctx context.Context, _ connectors.Spec) ([]readiness.Observation, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// bubble makes a bench on the bubble's clock.
func bubble(t *testing.T, f *fleet, names ...string) *bench {
	t.Helper()
	var resources []*config.Resource
	for _, name := range names {
		resources = append(resources, resource(name))
	}
	b := newBench(t, repository(resources, group("all", names...)), f)
	b.Now = time.Now
	return b
}

func (f *fleet) of(target string) []*fakeConnector {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []*fakeConnector
	for _, c := range f.opened {
		if c.spec.Target == target {
			list = append(list, c)
		}
	}
	return list
}

func closes(t *testing.T, c *fakeConnector, want int) {
	t.Helper()
	if _, closed := c.counts(); closed != want {
		t.Errorf("the connector of %s was closed %d times, want %d", c.spec.Target, closed, want)
	}
}

// A connector that hangs and ignores its context costs its own deadline and
// nothing of the others, and is closed when it comes back at last.
func TestHungConnectorIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		f := &fleet{behave: map[string]collecting{"hung": deaf(released)}}
		b := bubble(t, f, "hung", "orders", "stock")
		start := time.Now()
		report := b.run(t)
		if took := time.Since(start); took != b.TargetTimeout+abandonAfter {
			t.Errorf("the sweep took %s", took)
		}
		expect(t, find(t, report, "hung"), unknown, readiness.VisCollector)
		expect(t, find(t, report, "orders"), green, "")
		expect(t, find(t, report, "stock"), green, "")
		expect(t, find(t, report, "all"), unknown, readiness.MemberUnknown)
		if report.Verdict != unknown {
			t.Errorf("verdict %s", report.Verdict)
		}
		if m := find(t, report, "hung").Reasons[0].Message; !strings.Contains(m, "10s") {
			t.Errorf("message %q does not say how long was waited", m)
		}
		hung := f.of("hung")[0]
		synctest.Wait()
		closes(t, hung, 0) // it is still in use
		close(released)
		synctest.Wait()
		closes(t, hung, 1)
	})
}

// With one place only, a hung target delays those after it by the time it keeps its
// place, not by its deadline.
func TestHungConnectorGivesItsPlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		defer close(released)
		b := bubble(t, &fleet{behave: map[string]collecting{"a": deaf(released), "b": deaf(released)}}, "a", "b", "c")
		b.Parallel = 1
		start := time.Now()
		report := b.run(t)
		if took := time.Since(start); took != heldFor+b.TargetTimeout+abandonAfter {
			t.Errorf("the sweep took %s", took)
		}
		expect(t, find(t, report, "c"), green, "")
	})
}

// However many hang, no more than crowd for each place are under way.
func TestHungConnectorsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var under, most atomic.Int32
		f := &fleet{behave: map[string]collecting{}}
		var names []string
		for i := range 20 {
			name := string(rune('a' + i))
			names = append(names, name)
			f.behave[name] = func(ctx context.Context, s connectors.Spec) ([]readiness.Observation, error) {
				defer under.Add(-1)
				if n := under.Add(1); n > most.Load() {
					most.Store(n)
				}
				return patient(ctx, s)
			}
		}
		b := bubble(t, f, names...)
		b.Parallel = 2
		start := time.Now()
		b.run(t)
		if got := most.Load(); got != 2*crowd {
			t.Errorf("%d were under way at once, want %d", got, 2*crowd)
		}
		if took := time.Since(start); took >= 10*b.TargetTimeout {
			t.Errorf("the sweep took %s, as if each held its place", took)
		}
	})
}

// Fifty hung targets side by side take as long as one.
func TestManyHungConnectorsTakeAsLongAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		defer close(released)
		f := &fleet{behave: map[string]collecting{}}
		var names []string
		for i := range 50 {
			name := string(rune('a'+i/26)) + string(rune('a'+i%26))
			names, f.behave[name] = append(names, name), deaf(released)
		}
		b := bubble(t, f, append(names, "zz")...)
		b.Parallel = 64
		start := time.Now()
		report := b.run(t)
		if took := time.Since(start); took != b.TargetTimeout+abandonAfter {
			t.Errorf("the sweep took %s", took)
		}
		if report.Counts != (Counts{Unknown: 50, Green: 1}) {
			t.Errorf("counts %+v", report.Counts)
		}
	})
}

// One that keeps to its context is waited for, reported and closed in place.
func TestPatientConnectorIsNotAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{behave: map[string]collecting{"slow": patient}}
		b := bubble(t, f, "slow")
		start := time.Now()
		report := b.run(t)
		if took := time.Since(start); took != b.TargetTimeout {
			t.Errorf("the sweep took %s", took)
		}
		expect(t, find(t, report, "slow"), unknown, readiness.VisCollector)
		closes(t, f.of("slow")[0], 1)
	})
}

// An abandoned connector is not used again: the next sweep has a new one.
func TestAbandonedConnectorIsNotUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		f := &fleet{behave: map[string]collecting{"hung": deaf(released)}}
		b := bubble(t, f, "hung")
		b.KeepOpen = true
		b.run(t)
		f.behave["hung"] = healthy
		expect(t, find(t, b.run(t), "hung"), green, "")
		opened := f.of("hung")
		if len(opened) != 2 {
			t.Fatalf("%d connectors were opened", len(opened))
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		closes(t, opened[0], 0)
		closes(t, opened[1], 1)
		close(released)
		synctest.Wait()
		closes(t, opened[0], 1)
		closes(t, opened[1], 1)
	})
}

// Nor is one that was kept while it was well.
func TestKeptConnectorThatHangsIsNotUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		f := &fleet{behave: map[string]collecting{}}
		var sick atomic.Bool
		f.behave["moody"] = func(ctx context.Context, s connectors.Spec) ([]readiness.Observation, error) {
			if sick.Load() {
				<-released
			}
			return healthy(ctx, s)
		}
		b := bubble(t, f, "moody")
		b.KeepOpen = true
		expect(t, find(t, b.run(t), "moody"), green, "")
		sick.Store(true)
		expect(t, find(t, b.run(t), "moody"), unknown, readiness.VisCollector)
		sick.Store(false)
		expect(t, find(t, b.run(t), "moody"), green, "")
		opened := f.of("moody")
		if len(opened) != 2 {
			t.Fatalf("%d connectors were opened", len(opened))
		}
		close(released)
		_ = b.Close()
		synctest.Wait()
		closes(t, opened[0], 1)
		closes(t, opened[1], 1)
	})
}

// An interrupted check does not wait for the deadlines of those it still reads,
// starts no more, and reports every target.
func TestInterruptedCheckEndsSoonAndReportsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		defer close(released)
		f := &fleet{behave: map[string]collecting{"b": deaf(released), "c": patient}}
		b := bubble(t, f, "a", "b", "c", "d", "e")
		b.Parallel = 2 // a comes and goes, b and c hang, d and e wait
		store := &fakeStore{}
		b.Store = store
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(heldFor/2, cancel) // before b and c give their places up
		start := time.Now()
		report := b.runWith(t, ctx)
		if took := time.Since(start); took != heldFor/2+abandonAfter {
			t.Errorf("the sweep took %s", took)
		}
		expect(t, find(t, report, "a"), green, "")
		for _, name := range []string{"b", "c", "d", "e"} {
			expect(t, find(t, report, name), unknown, readiness.VisCollector)
		}
		if len(f.of("d"))+len(f.of("e")) > 0 {
			t.Error("a target was begun after the interruption")
		}
		if len(store.reports) != 1 || store.saveContext != nil {
			t.Errorf("%d reports were saved, with a context that says %v", len(store.reports), store.saveContext)
		}
	})
}

// A sweep that takes longer than evidence lasts does not call green what it read
// at its beginning, in no part of its report.
func TestSI7SlowSweepDoesNotReportExpiredGreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, s connectors.Spec) ([]readiness.Observation, error) {
			time.Sleep(70 * time.Second)
			return healthy(ctx, s)
		}
		b := bubble(t, &fleet{behave: map[string]collecting{"b": slow}}, "a", "b")
		b.Parallel, b.TargetTimeout = 1, 2*time.Minute
		store := &fakeStore{}
		b.Store = store
		report := b.run(t)
		expect(t, find(t, report, "a"), unknown, readiness.VisStale)
		expect(t, find(t, report, "b"), green, "")
		expect(t, find(t, report, "all"), unknown, readiness.MemberUnknown)
		if report.Verdict != unknown || report.Counts != (Counts{Unknown: 1, Green: 1}) {
			t.Errorf("verdict %s, counts %+v", report.Verdict, report.Counts)
		}
		if last := store.memories["a"].Last; last == nil || last.Status != unknown {
			t.Errorf("kept as the last verdict: %+v", last)
		}
	})
}

// A connector that panics is reported with the place of the panic. What it
// panicked with may hold a connection string and is not repeated.
func TestPanicIsReportedWithoutItsValue(t *testing.T) {
	t.Parallel()
	var nobody *config.Resource
	f := &fleet{behave: map[string]collecting{
		"secret": func(context.Context, connectors.Spec) ([]readiness.Observation, error) {
			panic("postgres://m:hunter2@db/")
		},
		"error": func(context.Context, connectors.Spec) ([]readiness.Observation, error) {
			panic(errors.New("password hunter2"))
		},
		"runtime": func(context.Context, connectors.Spec) ([]readiness.Observation, error) {
			return nil, errors.New(nobody.Spec.Owner)
		},
	}}
	b := newBench(t, repository([]*config.Resource{resource("secret"), resource("error"), resource("runtime"), resource("fine")}), f)
	b.KeepOpen = true
	report := b.run(t)
	expect(t, find(t, report, "fine"), green, "")
	for name, want := range map[string]string{"secret": "a panic of type string", "error": "a panic of type *errors.errorString", "runtime": "nil pointer dereference"} {
		r := find(t, report, name)
		expect(t, r, unknown, readiness.VisCollector)
		m := r.Reasons[slices.IndexFunc(r.Reasons, func(x readiness.Reason) bool { return x.Code == readiness.VisCollector })].Message
		if !strings.Contains(m, want) || !strings.Contains(m, "hang_test.go:") || strings.Contains(m, "hunter2") || strings.ContainsAny(m, "\n") || strings.Contains(m, "check/hang_test.go") {
			t.Errorf("%s: message %q", name, m)
		}
	}
	if _, kept := b.open["secret"]; kept {
		t.Error("a connector that panicked is kept for the next sweep")
	}
	if _, kept := b.open["fine"]; !kept {
		t.Error("a good connector is not kept")
	}
}

// After a panic the connector is closed once, and by nobody who would wait for it.
func TestPanickedConnectorIsClosedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{behave: map[string]collecting{"bad": func(context.Context, connectors.Spec) ([]readiness.Observation, error) { panic("x") }}}
		b := bubble(t, f, "bad")
		b.KeepOpen = true
		b.run(t)
		b.run(t)
		_ = b.Close()
		synctest.Wait()
		if opened := f.of("bad"); len(opened) != 2 {
			t.Errorf("%d connectors were opened in two sweeps", len(opened))
		} else {
			closes(t, opened[0], 1)
			closes(t, opened[1], 1)
		}
	})
}
