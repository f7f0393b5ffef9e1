package runbook_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// story is a plan in a world, and what becomes of it when nothing is killed.
type story struct {
	name string
	plan func() *runbook.Plan
	set  func(w *world)
	want runbook.EndKind
	fog  bool // also with probes that cannot tell
}

func stories() []story {
	soak, err := duration.Parse("30s")
	if err != nil {
		panic(err)
	}
	one := func() *runbook.Plan {
		m := memberOf("ledger")
		m.Soak = soak.String()
		return planOf(m)
	}
	two := func() *runbook.Plan { return planOf(memberOf("ledger"), memberOf("orders")) }
	return []story{
		{"switchover", one, func(*world) {}, runbook.EndSucceeded, true},
		{"group in two waves", two, func(*world) {}, runbook.EndSucceeded, false},
		{"a step fails before the point of no return", one, func(w *world) { w.do["stop-old"] = failing(connectors.Failed) }, runbook.EndFailed, false},
		{"a step is not done before it", one, func(w *world) { w.do["fence"] = failing(connectors.NotDone) }, runbook.EndFailed, false},
		{"the point of no return itself fails", one, func(w *world) { w.do["promote"] = failing(connectors.Failed) }, runbook.EndFailed, true},
		{"a step fails after it", one, func(w *world) { w.do["dns"] = failing(connectors.Failed) }, runbook.EndHeld, false},
		{"a postcheck does not pass", one, func(w *world) { w.check["one"] = refused("TWO_WRITERS") }, runbook.EndHeld, false},
		{"withdrawn before the point of no return", one, func(w *world) {
			w.deny[runbook.BeforeNoReturn] = runbook.Ruling{Rules: []string{"RUN-03"}, Message: "withdrawn"}
		}, runbook.EndAborted, false},
		{"a step is done in part before it", func() *runbook.Plan { return planOf(twoSided("ledger")) }, func(w *world) { w.twoSides("ledger", connectors.NotDone) }, runbook.EndFailed, false},
		{"its answer is lost", func() *runbook.Plan { return planOf(twoSided("ledger")) }, func(w *world) { w.twoSides("ledger", connectors.InDoubt) }, runbook.EndFailed, false},
		{"a step is not done, and all may be done anew", func() *runbook.Plan { return planOf(repeatable("ledger")) }, func(w *world) { w.do["stop-old"] = failing(connectors.NotDone) }, runbook.EndHeld, false},
		{"the same in two waves", func() *runbook.Plan { return planOf(memberOf("ledger"), repeatable("orders")) }, func(w *world) { w.onlyOf("orders", "stop-old", failing(connectors.NotDone)) }, runbook.EndHeld, false},
		{"the point of no return is not reached", func() *runbook.Plan { return planOf(repeatable("ledger")) }, func(w *world) { w.do["promote"] = silent }, runbook.EndHeld, false},
		{"there is only forward", func() *runbook.Plan { return failover("ledger") }, func(*world) {}, runbook.EndSucceeded, true},
		{"and that does not work", func() *runbook.Plan { return failover("ledger") }, func(w *world) { w.do["detach"] = failing(connectors.Failed) }, runbook.EndHeld, false},
		{"a precheck refuses", one, func(w *world) { w.check["fit"] = refused("NOT_A_STANDBY") }, runbook.EndRefused, false},
	}
}

// settled starts a run until it ends by itself. A person settles what nobody can
// tell, truthfully.
func settled(t *testing.T, w *world, p *runbook.Plan, crashes func() int) runbook.End {
	t.Helper()
	for range 40 {
		w.ticks, w.crashAt = 0, crashes()
		end, err := w.start(t.Context(), p)
		if w.dead {
			continue
		}
		if err != nil {
			if strings.Contains(err.Error(), runbook.ErrFinished.Error()) {
				return runbook.End{Kind: runbook.EndKind("finished")}
			}
			t.Fatalf("%v\n%s", err, w.journal())
		}
		if end.Kind != runbook.EndInDoubt {
			return end
		}
		w.dead, w.crashAt, w.fog = false, 0, "" // who looks sees
		holds := w.holds[end.Member+"/"+end.Step]
		undo := end.State.Doubt().Undo
		if _, err := runbook.Resolve(t.Context(), w, runbook.Resolution{Step: end.Step, Done: holds != undo, By: "olga", Reason: "looked at the host"}, then); err != nil {
			t.Fatalf("%v\n%s", err, w.journal())
		}
	}
	t.Fatalf("the run does not end\n%s", w.journal())
	return runbook.End{}
}

// same checks that a killed run has come to the same end as one that was not.
func same(t *testing.T, s story, whole, w *world, end runbook.End, about string) {
	t.Helper()
	if want, got := whole.standing(), w.standing(); !slices.Equal(want, got) {
		t.Errorf("%s: %v holds at the end, want %v\n%s", about, got, want, w.journal())
	}
	events, err := w.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	final, err := runbook.Fold(events)
	if err != nil {
		t.Fatalf("%s: %v", about, err)
	}
	wantFinal := map[runbook.EndKind]runbook.Ending{runbook.EndSucceeded: runbook.Succeeded, runbook.EndFailed: runbook.Failed, runbook.EndAborted: runbook.Aborted}[s.want]
	if final.Finished != wantFinal {
		t.Errorf("%s: finished %q (%s), want %q\n%s", about, final.Finished, end.Kind, wantFinal, w.journal())
	}
	for name, n := range w.done {
		id := name[strings.LastIndex(name, "/")+1:]
		if n > 1+w.done[name+"/undo"] && !slices.Contains([]string{"fence", "reign", "undo"}, id) && (id != "announce" || s.want != runbook.EndHeld) {
			t.Errorf("%s: %s was done %d times\n%s", about, name, n, w.journal())
		}
	}
	open := ""
	for _, e := range events {
		switch e.Kind {
		case runbook.StepIntent:
			if open != "" {
				t.Errorf("%s: intent of %s while %s has no outcome\n%s", about, e.Step, open, w.journal())
			}
			open = e.Step
		case runbook.StepOutcome, runbook.StepProbe, runbook.StepResolved:
			open = ""
		}
	}
}

// A run that is killed at any moment, before or after any line of its journal and
// before or after any effect, comes to the same end when it is started again, and
// brings about nothing twice that must not be.
func TestSI03KilledAtEveryBoundary(t *testing.T) {
	t.Parallel()
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				whole := newWorld(t)
				s.set(whole)
				whole.must(t.Context(), s.plan(), s.want)
				if whole.ticks < 10 {
					t.Fatalf("only %d moments", whole.ticks)
				}
				fogs := []string{""}
				if s.fog {
					fogs = append(fogs, "stop-old", "promote")
				}
				for _, fog := range fogs {
					for k := 1; k <= whole.ticks; k++ {
						w := newWorld(t)
						s.set(w)
						w.fog = fog
						killed := false
						end := settled(t, w, s.plan(), func() int {
							if killed {
								return 0
							}
							killed = true
							return k
						})
						same(t, s, whole, w, end, fmt.Sprintf("killed at %d of %d, fog over %q", k, whole.ticks, fog))
						if t.Failed() {
							return
						}
					}
				}
			})
		})
	}
}

// The same with a machine that ends again and again, at moments by chance.
func TestRUN05KilledManyTimes(t *testing.T) {
	t.Parallel()
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				whole := newWorld(t)
				s.set(whole)
				whole.must(t.Context(), s.plan(), s.want)
				for seed := range uint64(20) {
					random := rand.New(rand.NewPCG(seed, 1))
					w := newWorld(t)
					s.set(w)
					if random.IntN(3) == 0 {
						w.fog = []string{"announce", "fence", "stop-old", "promote"}[random.IntN(4)]
					}
					left := 1 + random.IntN(8)
					end := settled(t, w, s.plan(), func() int {
						if left--; left < 0 {
							return 0
						}
						return 1 + random.IntN(whole.ticks)
					})
					same(t, s, whole, w, end, fmt.Sprintf("seed %d", seed))
					if t.Failed() {
						return
					}
				}
			})
		})
	}
}
