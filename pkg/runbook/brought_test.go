package runbook_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// lostMachine runs a plan on a machine that is lost at a moment with what it had not
// brought elsewhere, and then on others that have only that, to its end. cut is the
// push from which on the first machine reached nobody; 0: it always did.
func lostMachine(t *testing.T, s story, k, cut int, fog string) (w *world, end runbook.End) {
	t.Helper()
	w = newWorld(t)
	s.set(w)
	w.fog = fog
	w.watch()
	pushes := 0
	w.pushing = func() {
		pushes++
		w.cut = cut > 0 && pushes >= cut
	}
	w.crashAt = k
	end, err := w.start(t.Context(), s.plan())
	w.cut, w.pushing = false, nil
	if !w.dead {
		if err != nil {
			t.Fatalf("%v\n%s", err, w.journal())
		}
	}
	// The machine is gone. A clean stop that was brought elsewhere says all there is.
	lines := len(w.lines)
	w.lines = w.lines[:w.pushed]
	if !w.dead && lines == w.pushed {
		return w, end
	}
	if len(w.lines) == 0 {
		return w, runbook.End{Kind: "nothing"}
	}
	for range 10 {
		w.dead, w.ticks, w.crashAt = false, 0, 0
		r := w.runner(s.plan())
		events, err := w.Events(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		state, err := runbook.Fold(events)
		if err != nil {
			t.Fatal(err)
		}
		r.Brought = state.Active
		end, err = r.Start(t.Context())
		if err != nil {
			if strings.Contains(err.Error(), runbook.ErrFinished.Error()) {
				return w, runbook.End{Kind: "finished"}
			}
			t.Fatalf("%v\n%s", err, w.journal())
		}
		if end.Kind != runbook.EndInDoubt {
			return w, end
		}
		w.fog = ""
		undo := end.State.Doubt().Undo
		if _, err := runbook.Resolve(t.Context(), w, runbook.Resolution{Step: end.Step, Done: w.holds[end.Member+"/"+end.Step] != undo, By: "olga", Reason: "looked"}, then); err != nil {
			t.Fatalf("%v\n%s", err, w.journal())
		}
	}
	t.Fatalf("it does not end\n%s", w.journal())
	return nil, end
}

// watch makes the world object to what would harm it: a promotion while the old
// primary may write, and its way back after a promotion.
func (w *world) watch() {
	promote := w.do["promote"]
	w.do["promote"] = func(t runbook.Task) connectors.Outcome {
		stops := slices.ContainsFunc(t.Member.Steps, func(s runbook.Step) bool { return s.ID == "stop-old" })
		if m := t.Member.Resource; !w.holds[m+"/fence"] || stops && !w.holds[m+"/stop-old"] {
			w.t.Errorf("promoted while the old primary may write\n%s", w.journal())
		}
		return w.usual(t, promote)
	}
	w.undoing = func(t runbook.Task) {
		if w.holds[t.Member.Resource+"/promote"] {
			w.t.Errorf("%s was taken back after the promotion\n%s", t.ID, w.journal())
		}
	}
}

// A machine that is lost at any moment, with every line that it had not brought
// elsewhere, is followed by another one that asks live state before it does anything:
// nothing is done twice, nothing is promoted beside an old primary that writes, and
// nothing is taken back after a promotion.
func TestRUN05GoesOnElsewhere(t *testing.T) {
	t.Parallel()
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				whole := newWorld(t)
				s.set(whole)
				pushes := 0
				whole.pushing = func() { pushes++ }
				whole.must(t.Context(), s.plan(), s.want)
				ends := map[runbook.EndKind]int{}
				fogs := []string{""}
				if s.fog {
					fogs = append(fogs, "stop-old", "promote")
				}
				for cut := range pushes + 1 {
					for k := 1; k <= whole.ticks+8; k++ {
						for _, fog := range fogs {
							w, end := lostMachine(t, s, k, cut, fog)
							ends[end.Kind]++
							about := fmt.Sprintf("lost at %d, cut off from push %d on, fog over %q: %s", k, cut, fog, end.Kind)
							for name, n := range w.done {
								id := name[strings.LastIndex(name, "/")+1:]
								if n > 1 && !slices.Contains([]string{"fence", "reign", "undo"}, id) && w.done[name+"/undo"] == 0 {
									t.Errorf("%s: %s was done %d times\n%s", about, name, n, w.journal())
								}
							}
							if end.Kind == runbook.EndSucceeded && s.want == runbook.EndSucceeded && !slices.Equal(w.standing(), whole.standing()) {
								t.Errorf("%s: %v holds, want %v\n%s", about, w.standing(), whole.standing(), w.journal())
							}
							if t.Failed() {
								return
							}
						}
					}
				}
				t.Logf("ends: %v", ends)
				if s.want == runbook.EndSucceeded && ends[runbook.EndSucceeded] < ends[runbook.EndHeld] {
					t.Errorf("it goes on too seldom: %v", ends)
				}
			})
		})
	}
}
