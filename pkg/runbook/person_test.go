package runbook_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// folk answer by themselves.
type folk func(ctx context.Context, t runbook.Task) runbook.Answer

func (f folk) Ask(ctx context.Context, t runbook.Task) runbook.Answer { return f(ctx, t) }

// handmade is a plan in which people stop, promote and rejoin.
func handmade() *runbook.Plan {
	yes := true
	by := func(id string) runbook.Step {
		return runbook.Step{ID: id, Mutates: &yes, Operation: runbook.Operation{Manual: &runbook.Manual{Instructions: "do " + id, Attest: id + " is done"}},
			Done: &runbook.Operation{Uses: "pg.native/standby-fit", With: map[string]string{"evidence": "${steps." + id + ".evidence}"}}}
	}
	m := memberOf("ledger")
	promote := by("promote")
	promote.Done.With = nil
	m.Steps = []runbook.Step{undone(by("stop-old"), runbook.Operation{Manual: &runbook.Manual{Instructions: "start it", Attest: "it runs"}}), promote, by("rejoin")}
	m.HoldPoints, m.Atomic = []string{"rejoin"}, []runbook.Section{{From: "stop-old", To: "promote"}}
	return planOf(m)
}

// asked starts a plan, with people who answer so.
func (w *world) asked(p *runbook.Plan, answer folk, want runbook.EndKind) runbook.End {
	w.t.Helper()
	w.dead = false
	r := w.runner(p)
	r.People = answer
	end, err := r.Start(context.Background())
	if err != nil || end.Kind != want {
		w.t.Fatalf("the run ended %s (%s %s: %s, %v), want %s\n%s", end.Kind, end.Code, end.Step, end.Message, err, want, w.journal())
	}
	return end
}

// does is a person who does what is asked and says so.
func (w *world) does(_ context.Context, t runbook.Task) runbook.Answer {
	w.holds[t.Member.Resource+"/"+t.ID] = !t.Undo
	return runbook.Answer{Given: true, Yes: true, By: "olga", Message: "seen"}
}

// silent is a person who does not answer about a step.
func (w *world) silent(about string, done bool) folk {
	return func(ctx context.Context, t runbook.Task) runbook.Answer {
		if t.ID != about {
			return w.does(ctx, t)
		}
		if done {
			w.does(ctx, t)
		}
		return runbook.Answer{Message: "nobody answered"}
	}
}

// A word is believed once live state agrees, and a probe may use what was attested.
func TestSI03WordOfAPersonIsProbed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var evidence string
		w.probe["stop-old"] = func(task runbook.Task) connectors.Outcome {
			evidence = task.Done.With["evidence"]
			return connectors.Outcome{State: connectors.Done, Message: "it is down"}
		}
		w.asked(handmade(), w.does, runbook.EndSucceeded)
		if evidence != "olga seen" {
			t.Errorf("the probe was told %q", evidence)
		}

		for _, state := range []connectors.OutcomeState{connectors.NotDone, connectors.InDoubt, ""} {
			w := newWorld(t)
			w.probe["promote"] = failing(state)
			asked := 0
			end := w.asked(handmade(), func(ctx context.Context, t runbook.Task) runbook.Answer {
				if t.ID == "promote" {
					asked++
				}
				return w.does(ctx, t)
			}, runbook.EndHeld)
			if end.Code != readiness.ProbeDisagrees || asked != 3 || !end.State.Changed() || w.holder == "" || slices.Contains(w.order(), "step.intent stop-old undo") {
				t.Errorf("%s: %s, asked %d times, changed %v, held by %q\n%s", state, end.Code, asked, end.State.Changed(), w.holder, w.journal())
			}
			delete(w.probe, "promote")
			w.asked(handmade(), w.does, runbook.EndSucceeded)
		}
	})
}

// Whoever was asked may have begun: without an answer the run is part way, keeps its
// locks, and asks again.
func TestSI03UnansweredIsPartWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, about := range []string{"stop-old", "promote", "rejoin"} {
			for _, done := range []bool{false, true} {
				w := newWorld(t)
				end := w.asked(handmade(), w.silent(about, done), runbook.EndHeld)
				if end.Code != readiness.PersonNeeded || !end.State.Changed() || w.holder == "" {
					t.Errorf("%s: %s, changed %v, held by %q", about, end.Code, end.State.Changed(), w.holder)
				}
				var again []string
				w.asked(handmade(), func(ctx context.Context, t runbook.Task) runbook.Answer {
					again = append(again, t.ID)
					return w.does(ctx, t)
				}, runbook.EndSucceeded)
				if len(again) == 0 || again[0] != about {
					t.Errorf("asked again about %v, not %s", again, about)
				}
			}
		}
	})
}

// A point of no return that a person may have passed without a word is never taken back: a
// run that may not go on stops there, whatever live state shows. Once somebody has said
// that it was not done, it goes back.
func TestSI35UnansweredPointOfNoReturn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, done := range []bool{true, false} {
			w := newWorld(t)
			w.asked(handmade(), w.silent("promote", done), runbook.EndHeld)
			w.deny[runbook.AtStart] = runbook.Ruling{Message: "withdrawn"}
			w.asked(handmade(), w.does, runbook.EndDenied)
			if slices.Contains(w.order(), "step.intent stop-old undo") {
				t.Errorf("done %v, taken back\n%s", done, w.journal())
			}
		}
	})
}

// Who says no before the point of no return is asked to take back what may be there of the
// step as well.
func TestSI24NoOfAPersonGoesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, about := range []string{"stop-old", "promote"} {
			w := newWorld(t)
			w.asked(handmade(), func(ctx context.Context, t runbook.Task) runbook.Answer {
				if t.ID == about && !t.Undo {
					return runbook.Answer{Given: true, By: "olga", Message: "no"}
				}
				return w.does(ctx, t)
			}, runbook.EndFailed)
			if !slices.Contains(w.order(), "step.intent stop-old undo") || w.holder != "" || len(w.standing()) > 0 {
				t.Errorf("%s: held by %q, %v stands\n%s", about, w.holder, w.standing(), w.journal())
			}
		}
	})
}
