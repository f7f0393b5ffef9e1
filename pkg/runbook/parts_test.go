package runbook_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

var lift = runbook.Operation{Uses: "mssql.dag/require-commits", With: map[string]string{"number": "0"}}

// twoSided is a switchover with a change of two servers inside the atomic section.
func twoSided(name string) runbook.MemberPlan {
	m := memberOf(name)
	m.Steps = slices.Insert(m.Steps, 3, undone(uses("require", "mssql.dag/require-commits"), lift))
	return m
}

// twoSides makes the step require a change of two servers, of which the second one does
// not do its part while bad: the step then ends in the state given.
func (w *world) twoSides(member string, bad connectors.OutcomeState) {
	a, b, both := member+"/require.a", member+"/require.b", member+"/require"
	w.do["require"] = func(t runbook.Task) connectors.Outcome {
		w.holds[a] = true
		if !w.tick() || bad != "" {
			return connectors.Outcome{State: bad, Message: "the second server refused"}
		}
		w.holds[b], w.holds[both] = true, true
		w.done[both]++
		if !w.tick() {
			return connectors.Outcome{}
		}
		return connectors.Outcome{State: connectors.Done}
	}
	w.undoing = func(t runbook.Task) {
		if t.ID == "require" {
			w.holds[a] = false
			if w.tick() { // a machine that ends between the two servers
				w.holds[b] = false
			}
		}
	}
	w.probe["require"] = func(t runbook.Task) connectors.Outcome {
		switch {
		case w.dead:
			return connectors.Outcome{}
		case !t.Undo && w.holds[a] && w.holds[b], t.Undo && !w.holds[a] && !w.holds[b]:
			return connectors.Outcome{State: connectors.Done}
		}
		return connectors.Outcome{State: connectors.NotDone}
	}
}

// What a step did in part is taken back before the point of no return, the newest first,
// where its undo is good for that, and only there.
func TestPartsAreTakenBack(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(m *runbook.MemberPlan)
		back   bool
	}{
		{"as declared", func(*runbook.MemberPlan) {}, true},
		{"with what another step returned", func(m *runbook.MemberPlan) {
			m.Steps[3].Undo = &runbook.Operation{Uses: lift.Uses, With: map[string]string{"number": "${steps.announce.position}"}}
		}, true},
		{"an action that is not for it", func(m *runbook.MemberPlan) {
			m.Steps[3].Undo = &runbook.Operation{Uses: "pg.native/lift-soft-fence"}
		}, false},
		{"a program", func(m *runbook.MemberPlan) {
			m.Steps[3].Undo = &runbook.Operation{Command: &runbook.Command{Run: []string{"/opt/hook", "lift"}}}
		}, false},
		{"with what only the step itself returns", func(m *runbook.MemberPlan) {
			m.Steps[3].Undo = &runbook.Operation{Uses: lift.Uses, With: map[string]string{"number": "${steps.require.before}"}}
		}, false},
		{"no undo", func(m *runbook.MemberPlan) { m.Steps[3].Undo = nil }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.twoSides("ledger", connectors.NotDone)
				m := twoSided("ledger")
				c.change(&m)
				w.must(t.Context(), planOf(m), runbook.EndFailed)
				var undos []string
				for _, line := range w.order() {
					if name, ok := strings.CutSuffix(line, " undo"); ok && strings.HasPrefix(line, "step.intent") {
						undos = append(undos, strings.TrimPrefix(name, "step.intent "))
					}
				}
				want := []string{"stop-old", "fence"}
				if c.back {
					want = slices.Insert(want, 0, "require")
				}
				if !slices.Equal(undos, want) || w.holds["ledger/require.a"] == c.back {
					t.Errorf("taken back: %v, want %v; %v holds\n%s", undos, want, w.standing(), w.journal())
				}
			})
		})
	}
}

// A step that says that nothing was changed is believed: there is nothing to take back,
// and no server has to answer for it.
func TestPartsOfAStepThatFailed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.do["require"] = failing(connectors.Failed)
		w.must(t.Context(), planOf(twoSided("ledger")), runbook.EndFailed)
		if slices.Contains(w.order(), "step.intent require undo") {
			t.Error(w.journal())
		}
		// Unless an earlier try may have changed something.
		w = newWorld(t)
		w.twoSides("ledger", connectors.NotDone)
		half, tries := w.do["require"], 0
		w.do["require"] = func(task runbook.Task) connectors.Outcome {
			if tries++; tries > 1 {
				return connectors.Outcome{State: connectors.Failed, Message: "no access any more"}
			}
			return half(task)
		}
		w.must(t.Context(), planOf(twoSided("ledger")), runbook.EndFailed)
		if tries != 2 || w.holds["ledger/require.a"] {
			t.Errorf("%d tries, %v holds\n%s", tries, w.standing(), w.journal())
		}
	})
}

// What is in doubt stays so: nothing is taken back before a person has said.
func TestPartsInDoubtAreForAPerson(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, done := range []bool{false, true} {
			w := newWorld(t)
			w.twoSides("ledger", connectors.InDoubt)
			known := w.probe["require"]
			w.probe["require"] = failing(connectors.InDoubt)
			p := planOf(twoSided("ledger"))
			w.must(t.Context(), p, runbook.EndInDoubt)
			if !w.holds["ledger/require.a"] || !w.holds["ledger/fence"] {
				t.Fatalf("%v holds\n%s", w.standing(), w.journal())
			}
			if _, err := runbook.Resolve(t.Context(), w, runbook.Resolution{Step: "require", Done: done, By: "olga", Reason: "looked at both"}, then); err != nil {
				t.Fatal(err)
			}
			w.probe["require"] = known
			w.deny[runbook.AtStart] = runbook.Ruling{Rules: []string{"VAL-02"}, Message: "expired"}
			w.must(t.Context(), p, runbook.EndAborted)
			if got := w.standing(); !slices.Equal(got, []string{"ledger/announce"}) {
				t.Errorf("a person said done=%v, and %v holds\n%s", done, got, w.journal())
			}
		}
	})
}

// A run whose only change was made in part has changed something: its keys are not given
// back before that is taken back, also when it may not go on.
func TestPartsAreAChange(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := memberOf("ledger")
		m.Steps[0] = undone(uses("require", "mssql.dag/require-commits"), lift)
		p := planOf(m)
		w := newWorld(t)
		w.twoSides("ledger", connectors.NotDone)
		w.crashAt = 0
		real := w.do["require"]
		w.do["require"] = func(task runbook.Task) connectors.Outcome { // the machine ends with its first server
			out := real(task)
			w.dead = true
			return out
		}
		if end, err := w.start(t.Context(), p); err == nil {
			t.Fatalf("it ended %s", end.Kind)
		}
		w.do["require"] = real
		expired := runbook.Ruling{Rules: []string{"VAL-02"}, Message: "expired"}
		w.deny[runbook.AtStart], w.deny[runbook.AfterLock] = expired, expired
		w.must(t.Context(), p, runbook.EndAborted)
		if len(w.standing()) != 0 || w.holder != "" {
			t.Errorf("%v holds, the lock is %q's\n%s", w.standing(), w.holder, w.journal())
		}

		// A try that was not even made is none.
		w = newWorld(t)
		w.check["fit"] = func() connectors.Finding {
			w.cut = true
			return connectors.Finding{Result: connectors.Passed}
		}
		end := w.must(t.Context(), p, runbook.EndNoAnswer)
		if end.State.Changed() || w.mutations != 0 {
			t.Errorf("%d changes\n%s", w.mutations, w.journal())
		}
	})
}

// The point of no return is never taken back, in part as little as whole (SI-35).
func TestSI35PartsOfThePointOfNoReturn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.twoSides("ledger", connectors.NotDone)
		m := twoSided("ledger")
		m.PointOfNoReturn = "require"
		m.Steps = slices.Delete(m.Steps, 4, 5)
		m.Atomic = []runbook.Section{{From: "stop-old", To: "require"}}
		w.must(t.Context(), planOf(m), runbook.EndFailed)
		if slices.Contains(w.order(), "step.intent require undo") {
			t.Error(w.journal())
		}
	})
}

// In a group that goes on, the member that was taken back begins anew.
func TestSI31PartsOfTheSecondWave(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		p := planOf(memberOf("ledger"), twoSided("orders"))
		w.twoSides("orders", connectors.NotDone)
		w.must(t.Context(), p, runbook.EndHeld)
		if w.holds["orders/require.a"] || w.holds["orders/fence"] || !w.holds["ledger/promote"] {
			t.Errorf("%v holds\n%s", w.standing(), w.journal())
		}
		w.twoSides("orders", "")
		w.must(t.Context(), p, runbook.EndSucceeded)
	})
}

// Whatever the servers say and whenever the machine ends: a run that did not pass the
// point of no return leaves nothing behind that says how it is taken back, one that did
// takes nothing back, and nothing is taken back twice.
func TestSI35PartsWhateverHappens(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ends := map[runbook.Ending]int{}
		for seed := range uint64(300) {
			random := rand.New(rand.NewPCG(seed, 7))
			w := newWorld(t)
			w.twoSides("ledger", "")
			usual := w.do["require"]
			w.do["require"] = func(task runbook.Task) connectors.Outcome {
				switch random.IntN(4) {
				case 0:
					return connectors.Outcome{State: connectors.Failed, Message: "refused"}
				case 1:
					w.holds["ledger/require.a"] = true
					w.tick()
					return connectors.Outcome{State: connectors.NotDone, Message: "half of it"}
				case 2:
					w.holds["ledger/require.a"] = true
					w.tick()
					return connectors.Outcome{State: connectors.InDoubt, Message: "connection reset"}
				}
				return usual(task)
			}
			if random.IntN(2) == 0 {
				w.do["promote"] = failing(connectors.Failed)
			}
			left := random.IntN(6)
			settled(t, w, planOf(twoSided("ledger")), func() int {
				if left--; left < 0 {
					return 0
				}
				return 1 + random.IntN(60)
			})
			events, err := w.Events(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			final, err := runbook.Fold(events)
			if err != nil {
				t.Fatal(err)
			}
			ends[final.Finished]++
			if got := w.standing(); final.Finished == runbook.Failed && !slices.Equal(got, []string{"ledger/announce"}) && len(got) > 0 {
				t.Errorf("seed %d: %v holds\n%s", seed, got, w.journal())
			}
			over, taken := false, map[string]bool{}
			for _, e := range events {
				said := e.Kind == runbook.StepOutcome || e.Kind == runbook.StepProbe
				switch {
				case said && e.Step == "promote" && e.State == string(connectors.Done):
					over = true
				case e.Kind == runbook.StepIntent && !e.Undo:
					delete(taken, e.Step)
				case e.Kind == runbook.StepIntent && (over || taken[e.Step]):
					t.Errorf("seed %d: %s is taken back, passed %v, before %v\n%s", seed, e.Step, over, taken[e.Step], w.journal())
				case said && e.Undo && e.State == string(connectors.Done):
					taken[e.Step] = true
				}
			}
			if t.Failed() {
				return
			}
		}
		if ends[runbook.Failed] < 50 || ends[runbook.Succeeded] < 20 {
			t.Errorf("too few of each: %v", ends)
		}
	})
}

// An event that claims more than the plan says is not followed, and one that claims it
// where there is nothing to take back is not legal.
func TestFoldParts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		half := journalOf(t, func(w *world, m *runbook.MemberPlan) {
			*m = twoSided("ledger")
			w.twoSides("ledger", connectors.NotDone)
		}, runbook.EndFailed)
		i := at(t, half, runbook.StepIntent, "require", false)
		if !half[i].Parts {
			t.Fatal("the intent does not say that its undo takes back parts")
		}
		for name, change := range map[string]func(e *runbook.Event){
			"of what changes nothing": func(e *runbook.Event) { e.Mutates = false },
			"of an undo":              func(e *runbook.Event) { e.Undo = true },
		} {
			events := slices.Clone(half[:i+1])
			change(&events[i])
			if _, err := runbook.Fold(events); err == nil {
				t.Errorf("%s: legal", name)
			}
		}
		// A journal that does not say so, as older ones, takes back nothing in part.
		older := slices.Clone(half)
		for j := range older {
			older[j].Parts = false
		}
		if _, err := runbook.Fold(older); err == nil || !strings.Contains(err.Error(), "nothing to take back") {
			t.Errorf("%v", err)
		}
		// Nor is it taken back twice.
		done := slices.IndexFunc(half, func(e runbook.Event) bool {
			return e.Kind == runbook.StepOutcome && e.Step == "require" && e.Undo
		})
		again := half[at(t, half, runbook.StepIntent, "require", true)]
		again.Seq, again.Try = int64(done+1), 2
		if _, err := runbook.Fold(append(slices.Clone(half[:done+1]), again)); err == nil {
			t.Error("twice: legal")
		}

		w := newWorld(t)
		m := twoSided("ledger")
		m.Steps[3].Undo = &runbook.Operation{Uses: "pg.native/lift-soft-fence"}
		for _, e := range half[:i+1] {
			line, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			w.lines = append(w.lines, line)
		}
		if _, err := w.start(context.WithoutCancel(t.Context()), planOf(m)); err == nil || errors.Is(err, runbook.ErrFinished) || !strings.Contains(err.Error(), "in part") {
			t.Errorf("an intent that claims more than the plan: %v", err)
		}
	})
}

// The change took effect and its answer was lost; the tries after it reach nobody, so that
// nothing was done by them. That proves nothing of the first one, and nothing is taken back.
func TestSI03DoubtOutlivesATryThatWasNotSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		m := memberOf("ledger")
		for i := range m.Steps {
			if m.Steps[i].ID == "promote" {
				m.Steps[i] = command("promote")
				m.Steps[i].Idempotent = true
			}
		}
		away := false
		w.do["promote"] = func(task runbook.Task) connectors.Outcome {
			if away {
				return connectors.Outcome{State: connectors.NotDone, Message: "no connection"}
			}
			away, w.holds["ledger/promote"] = true, true
			return connectors.Outcome{State: connectors.InDoubt}
		}
		w.probe["promote"] = func(runbook.Task) connectors.Outcome {
			if away {
				return connectors.Outcome{State: connectors.InDoubt}
			}
			return connectors.Outcome{State: connectors.Done}
		}
		w.must(t.Context(), planOf(m), runbook.EndInDoubt)
		away = false
		w.must(t.Context(), planOf(m), runbook.EndSucceeded)
		if strings.Contains(w.journal(), "undo=true") {
			t.Errorf("something was taken back\n%s", w.journal())
		}
	})
}
