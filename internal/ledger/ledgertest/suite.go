// Package ledgertest is the contract of every store of a ledger, as tests.
package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/ledger"
)

// Store is what the suite tests.
type Store interface {
	ledger.Cells
	ledger.Records
}

// Options of the suite.
type Options struct {
	// Open returns a store as another runner would see it: the same ledger each time
	// it is called in one test.
	Open func(t *testing.T) func() Store
	// Rounds is how often two racers meet.
	Rounds int
}

// Start is when the clock of the suite begins.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Clock is a clock that tests turn.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.IsZero() {
		c.now = Start
	}
	return c.now
}

// Forward turns the clock.
func (c *Clock) Forward(d time.Duration) {
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now.Add(d)
}

// Holder returns the holder of a request's attempt.
func Holder(request string, attempt int) ledger.Holder {
	return ledger.Holder{Request: request, Digest: "sha256:" + request, Attempt: attempt, Run: fmt.Sprintf("%s-%d", request, attempt), Person: "op-" + request, Host: "runner"}
}

// Run runs the suite.
func Run(t *testing.T, o Options) {
	t.Helper()
	fresh := func(t *testing.T) (open func() *ledger.Locks, clock *Clock) {
		store, clock := o.Open(t), new(Clock)
		return func() *ledger.Locks { return &ledger.Locks{Cells: store(), Now: clock.Now} }, clock
	}
	t.Run("LOCK01OverlappingGroupsMeet", func(t *testing.T) {
		open, _ := fresh(t)
		one := mustTake(t, open(), ledger.Keys([]string{"g1"}, []string{"a", "b"}), Holder("r1", 1))
		_, err := open().Take(t.Context(), ledger.Keys([]string{"g2"}, []string{"b", "c"}), Holder("r2", 1))
		var busy *ledger.Busy
		if !errors.As(err, &busy) || busy.Key != "resource/b" || busy.Lock.Holder.Request != "r1" {
			t.Fatalf("second run: %v", err)
		}
		for _, key := range []string{"group/g2", "resource/c"} {
			if locks, err := open().Look(t.Context(), key); err != nil || len(locks) != 0 {
				t.Errorf("%s is held by half of a run: %v %v", key, locks, err)
			}
		}
		if err := open().Release(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		mustTake(t, open(), ledger.Keys([]string{"g2"}, []string{"b", "c"}), Holder("r2", 1))
	})
	t.Run("LOCK02TwoRacersNeverBothNeverPartial", func(t *testing.T) { race(t, open2(o, t), o.Rounds) })
	t.Run("LOCK02WhatWasForeseenIsNotBelieved", func(t *testing.T) { foresee(t, o) })
	t.Run("LOCK03FencesGrow", func(t *testing.T) {
		open, _ := fresh(t)
		last := int64(0)
		for i := range 4 {
			held := mustTake(t, open(), ledger.Keys(nil, []string{"a"}), Holder("r", i+1))
			if f := held.Fence("resource/a"); f <= last {
				t.Fatalf("fence %d after %d", f, last)
			} else {
				last = f
			}
			if err := open().Release(t.Context(), held); err != nil {
				t.Fatal(err)
			}
		}
		if mustTake(t, open(), ledger.Keys(nil, []string{"other"}), Holder("r", 9)).Fence("resource/a") != 0 {
			t.Error("a key that is not held has a fence")
		}
	})
	t.Run("LOCK04AReplacedLockIsNoticed", func(t *testing.T) {
		open, _ := fresh(t)
		held := mustTake(t, open(), ledger.Keys([]string{"g"}, []string{"a"}), Holder("r", 1))
		held, err := open().Renew(t.Context(), held)
		if err != nil {
			t.Fatal(err)
		}
		if err := open().Verify(t.Context(), held); err != nil {
			t.Fatal(err)
		}
		if _, err := open().Break(t.Context(), "resource/a", ledger.Unlock{Persons: []string{"x", "y"}, Reason: "host is gone", Fence: held.Fence("resource/a")}); err != nil {
			t.Fatal(err)
		}
		mustTake(t, open(), ledger.Keys(nil, []string{"a"}), Holder("other", 1))
		if err := open().Verify(t.Context(), held); !errors.Is(err, ledger.ErrLost) {
			t.Errorf("verify: %v", err)
		}
		if _, err := open().Renew(t.Context(), held); !errors.Is(err, ledger.ErrLost) {
			t.Errorf("renew: %v", err)
		}
		if err := open().Release(t.Context(), held); !errors.Is(err, ledger.ErrLost) {
			t.Errorf("release: %v", err)
		}
		if locks, err := open().Look(t.Context(), "resource/a"); err != nil || len(locks) != 1 || locks[0].Holder.Request != "other" {
			t.Errorf("the new lock: %v %v", locks, err)
		}
	})
	t.Run("LOCK05AgeFreesNothing", func(t *testing.T) { takeover(t, fresh) })
	t.Run("LOCK05UnlockNeedsTwoAndAReason", func(t *testing.T) {
		open, _ := fresh(t)
		held := mustTake(t, open(), ledger.Keys([]string{"g"}, []string{"a"}), Holder("r", 1))
		for name, u := range map[string]ledger.Unlock{
			"one person":      {Persons: []string{"x"}, Reason: "gone", Fence: 1},
			"one twice":       {Persons: []string{"x", "x"}, Reason: "gone", Fence: 1},
			"no reason":       {Persons: []string{"x", "y"}, Reason: " ", Fence: 1},
			"holder is twice": {Persons: []string{"op-r", "op-r"}, Reason: "gone", Fence: 1},
			"another lock":    {Persons: []string{"x", "y"}, Reason: "gone", Fence: 2},
			"no lock named":   {Persons: []string{"x", "y"}, Reason: "gone"},
		} {
			if _, err := open().Break(t.Context(), "group/g", u); err == nil {
				t.Errorf("%s: unlocked", name)
			}
		}
		if err := open().Verify(t.Context(), held); err != nil {
			t.Fatal(err)
		}
		removed, err := open().Break(t.Context(), "group/g", ledger.Unlock{Persons: []string{"op-r", "y"}, Reason: "gone", Fence: 1})
		if err != nil || len(removed) != 2 {
			t.Fatalf("removed %v, %v", removed, err)
		}
	})
	t.Run("LOCK06GarbageBlocks", func(t *testing.T) { garbage(t, o) })
	t.Run("Records", func(t *testing.T) { records(t, o) })
	t.Run("RecordsOfOthers", func(t *testing.T) { others(t, o) })
	t.Run("RUN01OneClaimPerAttempt", func(t *testing.T) { claims(t, o) })
	t.Run("RUN01TheEndGoesWithTheKeys", func(t *testing.T) { together(t, o) })
}

// together has a record and the release of locks in one step: all of it or nothing. A
// store that cannot do that is not asked to.
func together(t *testing.T, o Options) {
	open, clock := o.Open(t), new(Clock)
	store := open()
	j, ok := store.(ledger.Joiner)
	if !ok {
		t.Skip("this store has no such step")
	}
	l := &ledger.Locks{Cells: store, Now: clock.Now}
	keys := ledger.Keys([]string{"g"}, []string{"a"})
	held := mustTake(t, l, keys, Holder("r", 1))
	end := func(request, how string) ledger.Record {
		return ledger.Record{Kind: ledger.Finished, Request: request, Digest: "sha256:" + request, Run: request + "-1", Result: how, At: Start}
	}
	left := func() (finished []string, locks int) {
		all, err := open().All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			finished = append(finished, r.Request+" "+r.Result)
		}
		there, err := (&ledger.Locks{Cells: open(), Now: clock.Now}).Look(t.Context(), keys...)
		if err != nil {
			t.Fatal(err)
		}
		return finished, len(there)
	}
	if err := open().Add(t.Context(), end("q", "aborted")); err != nil {
		t.Fatal(err)
	}
	renewed, err := (&ledger.Locks{Cells: open(), Now: clock.Now}).Renew(t.Context(), held)
	if err != nil {
		t.Fatal(err)
	}
	// What is known of the records is old by now, and once it is not, the locks are others.
	for _, known := range []bool{false, true} {
		if known {
			if _, err := store.All(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.ReleaseWith(t.Context(), j, held, end("r", "succeeded")); !errors.Is(err, ledger.ErrMoved) {
			t.Errorf("locks that were replaced: %v", err)
		}
	}
	if err := l.ReleaseWith(t.Context(), j, renewed, end("q", "succeeded")); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("a record with another content: %v", err)
	}
	if finished, locks := left(); !slices.Equal(finished, []string{"q aborted"}) || locks != len(keys) {
		t.Fatalf("after steps that were refused: %v, %d locks", finished, locks)
	}
	if err := l.ReleaseWith(t.Context(), j, renewed, end("r", "succeeded"), end("q", "aborted")); err != nil {
		t.Fatal(err)
	}
	if finished, locks := left(); !slices.Equal(finished, []string{"q aborted", "r succeeded"}) || locks != 0 {
		t.Errorf("after the step: %v, %d locks", finished, locks)
	}
	held = mustTake(t, l, keys, Holder("s", 1))
	if err := l.ReleaseWith(t.Context(), j, held, end("q", "aborted")); err != nil {
		t.Errorf("a record that is there already: %v", err)
	}
	if _, locks := left(); locks != 0 {
		t.Errorf("%d locks are left", locks)
	}
}

func open2(o Options, t *testing.T) func(racer int) *ledger.Locks {
	store, clock := o.Open(t), new(Clock)
	return func(int) *ledger.Locks { return &ledger.Locks{Cells: store(), Now: clock.Now} }
}

func mustTake(t *testing.T, l *ledger.Locks, keys []string, h ledger.Holder) ledger.Held {
	t.Helper()
	held, err := l.Take(t.Context(), keys, h)
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func race(t *testing.T, open func(int) *ledger.Locks, rounds int) {
	t.Helper()
	sets := [2][]string{ledger.Keys([]string{"g1"}, []string{"a", "b"}), ledger.Keys([]string{"g2"}, []string{"b", "c"})}
	wins := [2]int{}
	for round := range rounds {
		var wg sync.WaitGroup
		var held [2]ledger.Held
		var errs [2]error
		begin := make(chan struct{})
		for i := range 2 {
			l := open(i)
			wg.Go(func() {
				<-begin
				held[i], errs[i] = l.Take(t.Context(), sets[i], Holder(fmt.Sprintf("r%d-%d", i, round), 1))
			})
		}
		close(begin)
		wg.Wait()
		l := open(0)
		winners := 0
		for i := range 2 {
			if errs[i] == nil {
				winners++
				wins[i]++
				continue
			}
			if !errors.Is(errs[i], ledger.ErrBusy) {
				t.Fatalf("round %d: %v", round, errs[i])
			}
		}
		if winners > 1 {
			t.Fatalf("round %d: both hold resource/b", round)
		}
		locks, err := l.Look(t.Context(), "group/g1", "group/g2", "resource/a", "resource/b", "resource/c")
		if err != nil {
			t.Fatal(err)
		}
		if len(locks) != 3*winners {
			t.Fatalf("round %d: %d winners hold %d keys", round, winners, len(locks))
		}
		for i := range 2 {
			if errs[i] == nil {
				if err := l.Release(t.Context(), held[i]); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if wins[0]+wins[1] < rounds*9/10 {
		t.Errorf("in %d of %d rounds nobody won", rounds-wins[0]-wins[1], rounds)
	}
	t.Logf("%d rounds: %d and %d wins", rounds, wins[0], wins[1])
}

func takeover(t *testing.T, fresh func(*testing.T) (func() *ledger.Locks, *Clock)) {
	ended := func(yes bool, err error) func(context.Context, ledger.Holder) (bool, error) {
		return func(context.Context, ledger.Holder) (bool, error) { return yes, err }
	}
	for name, c := range map[string]struct {
		holder ledger.Holder
		after  time.Duration
		ended  func(context.Context, ledger.Holder) (bool, error)
		want   bool
	}{
		"lease over, run ended":            {Holder("r", 2), 6 * time.Minute, ended(true, nil), true},
		"lease runs":                       {Holder("r", 2), 4 * time.Minute, ended(true, nil), false},
		"run lives":                        {Holder("r", 2), time.Hour, ended(false, nil), false},
		"nobody can tell":                  {Holder("r", 2), time.Hour, nil, false},
		"asking fails":                     {Holder("r", 2), time.Hour, ended(true, errors.New("502")), false},
		"another request":                  {Holder("q", 1), 99 * time.Hour, ended(true, nil), false},
		"same request with another digest": {ledger.Holder{Request: "r", Digest: "sha256:other", Attempt: 2, Run: "r-2", Person: "p"}, time.Hour, ended(true, nil), false},
	} {
		t.Run(name, func(t *testing.T) {
			open, clock := fresh(t)
			old := mustTake(t, open(), ledger.Keys(nil, []string{"a"}), Holder("r", 1))
			clock.Forward(c.after)
			l := open()
			l.Ended = c.ended
			held, err := l.Take(t.Context(), ledger.Keys(nil, []string{"a"}), c.holder)
			if (err == nil) != c.want {
				t.Fatalf("taken over: %v", err)
			}
			if err != nil {
				if !errors.Is(err, ledger.ErrBusy) {
					t.Errorf("error is %v", err)
				}
				return
			}
			if held.Fence("resource/a") <= old.Fence("resource/a") {
				t.Error("the fence did not grow")
			}
			// SI-32: the old holder wakes up and must do nothing.
			if err := open().Verify(t.Context(), old); !errors.Is(err, ledger.ErrLost) {
				t.Errorf("old holder: %v", err)
			}
		})
	}
}

func garbage(t *testing.T, o Options) {
	store := o.Open(t)
	clock := new(Clock)
	l := &ledger.Locks{Cells: store(), Now: clock.Now}
	held := mustTake(t, l, ledger.Keys(nil, []string{"a"}), Holder("r", 1))
	if err := l.Release(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	// The cell of a lock is known by taking one and looking at what was swapped.
	spy := &spy{Cells: store()}
	l.Cells = spy
	mustTake(t, l, ledger.Keys(nil, []string{"a"}), Holder("r", 2))
	for i, text := range []string{"", "null", "{}", "not json", `{"v":2}`, `{"v":1,"key":"resource/b"}`} {
		cells, err := store().Read(t.Context(), spy.lock)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store().Swap(t.Context(), ledger.Change{Name: spy.lock, From: cells[spy.lock].Version, Data: []byte(text)}); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		l := &ledger.Locks{Cells: store(), Now: clock.Now, Ended: func(context.Context, ledger.Holder) (bool, error) { return true, nil }}
		clock.Forward(time.Hour)
		if _, err := l.Take(t.Context(), ledger.Keys(nil, []string{"a"}), Holder("r", 3)); !errors.Is(err, ledger.ErrBusy) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := l.Break(t.Context(), "resource/a", ledger.Unlock{Persons: []string{"x", "y"}, Reason: "forged"}); err != nil {
		t.Fatal(err)
	}
	mustTake(t, l, ledger.Keys(nil, []string{"a"}), Holder("r", 4))
}

type spy struct {
	ledger.Cells
	lock string
}

func (s *spy) Swap(ctx context.Context, changes ...ledger.Change) (map[string]string, error) {
	s.lock = changes[0].Name
	return s.Cells.Swap(ctx, changes...)
}

func records(t *testing.T, o Options) {
	open := o.Open(t)
	if all, err := open().All(t.Context()); err != nil || len(all) != 0 {
		t.Fatalf("a new ledger holds %v, %v", all, err)
	}
	seen := ledger.Record{Kind: ledger.Seen, Request: "r1", Path: "requests/2026/r1.yaml", Digest: "sha256:1", At: Start}
	used := ledger.Record{Kind: ledger.Confirmed, Request: "r1", Comment: 77, Attempt: 1, At: Start}
	for range 2 { // adding again is no error
		if err := open().Add(t.Context(), seen, used); err != nil {
			t.Fatal(err)
		}
	}
	other := seen
	other.Digest = "sha256:2"
	if err := open().Add(t.Context(), other); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("PR-07, same id with another content: %v", err)
	}
	replay := used
	replay.Attempt = 2
	withdrawn := ledger.Record{Kind: ledger.Withdrawn, Request: "r1", Persons: []string{"p"}, At: Start}
	if err := open().Add(t.Context(), withdrawn, replay); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("CONF-05, comment used twice: %v", err)
	}
	all, err := open().All(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("all or none: %v, %v", all, err)
	}
	if ids := ledger.UsedComments(all); !slices.Equal(ids, []int64{77}) {
		t.Errorf("used comments are %v", ids)
	}
	if err := open().Add(t.Context(), ledger.Record{Kind: ledger.Seen, Request: "../r"}); err == nil {
		t.Error("a request named ../r was recorded")
	}
}

// others writes beside somebody else: what a store has read before does not keep what it
// adds from being compared with what is there now.
func others(t *testing.T, o Options) {
	open := o.Open(t)
	one, two := open(), open()
	record := func(request, digest string) ledger.Record {
		return ledger.Record{Kind: ledger.Seen, Request: request, Path: "requests/2026/" + request + ".yaml", Digest: digest, At: Start}
	}
	add := func(s Store, r ledger.Record) {
		t.Helper()
		if err := s.Add(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	number := func(s Store) int {
		t.Helper()
		all, err := s.All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	add(one, record("r1", "sha256:1"))
	if a, b := number(one), number(two); a != 1 || b != 1 {
		t.Fatalf("%d and %d records", a, b)
	}
	add(two, record("r2", "sha256:2"))
	if r, ok := Store(two).(ledger.Recaller); ok {
		if all, known := r.Recall(); known {
			t.Errorf("after adding something it recalls %v", all)
		}
	}
	add(one, record("r3", "sha256:3")) // which has not seen r2
	if err := one.Add(t.Context(), record("r4", "sha256:4"), record("r2", "sha256:other")); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("a record that somebody else made: %v", err)
	}
	if a, b := number(one), number(two); a != 3 || b != 3 {
		t.Errorf("%d and %d records", a, b)
	}
	if r, ok := Store(one).(ledger.Recaller); ok {
		if all, known := r.Recall(); !known || len(all) != 3 {
			t.Errorf("it recalls %v", all)
		}
	}
}

// watched are cells that say when they have been read.
type watched struct {
	ledger.Cells
	read chan struct{} // holds many
}

func (w watched) Read(ctx context.Context, names ...string) (map[string]ledger.Cell, error) {
	cells, err := w.Cells.Read(ctx, names...)
	w.read <- struct{}{}
	return cells, err
}

// foresee takes keys whose locks were looked at before somebody else changed them.
func foresee(t *testing.T, o Options) {
	keys := ledger.Keys([]string{"g"}, []string{"a", "b"})
	for name, c := range map[string]struct {
		before, after bool // whether somebody else holds a key when it is looked at, and when it is taken
		reads         int  // in all
	}{
		"free and still free":  {false, false, 1},
		"free and then taken":  {false, true, 3}, // and once more, to tell who has it
		"taken and then free":  {true, false, 2},
		"taken and still held": {true, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			open, clock := o.Open(t), new(Clock)
			w := watched{open(), make(chan struct{}, 100)}
			l, somebody := &ledger.Locks{Cells: w, Now: clock.Now}, &ledger.Locks{Cells: open(), Now: clock.Now}
			var held ledger.Held
			last := int64(0)
			take := func() {
				held = mustTake(t, somebody, ledger.Keys(nil, []string{"b"}), Holder("r2", 1))
				last = held.Fence("resource/b")
			}
			if c.before {
				take()
			}
			defer l.Foresee(t.Context(), keys)()
			<-w.read
			switch {
			case c.before && !c.after:
				if err := somebody.Release(t.Context(), held); err != nil {
					t.Fatal(err)
				}
			case c.after && !c.before:
				take()
			}
			mine, err := l.Take(t.Context(), keys, Holder("r1", 1))
			if c.after {
				var busy *ledger.Busy
				if !errors.As(err, &busy) || busy.Lock == nil || busy.Lock.Holder.Request != "r2" {
					t.Errorf("somebody has it: %v", err)
				}
			} else if err != nil || mine.Fence("resource/b") <= last {
				t.Errorf("fence %d after %d, %v", mine.Fence("resource/b"), last, err)
			}
			if reads := 1 + len(w.read); reads > c.reads {
				t.Errorf("read %d times, want %d", reads, c.reads)
			}
		})
	}
}

func claims(t *testing.T, o Options) {
	open := o.Open(t)
	const racers = 6
	var wg sync.WaitGroup
	errs := make([]error, racers)
	for i := range racers {
		store := open()
		wg.Go(func() {
			errs[i] = store.Add(t.Context(), ledger.Record{Kind: ledger.Claimed, Request: "r", Attempt: 1, Run: fmt.Sprintf("run-%d", i), At: Start})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, ledger.ErrExists):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d racers own the attempt", won, racers)
	}
	all, err := open().All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if next := ledger.Of(all, "r").NextAttempt(); next != 2 {
		t.Errorf("next attempt is %d", next)
	}
}
