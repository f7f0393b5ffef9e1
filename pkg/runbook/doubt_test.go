package runbook_test

import (
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// TestSI03ADoubtOutlivesATryThatFails: the answer to a step was lost, and the next try says
// that it changed nothing, as when it could not connect. That says nothing of the first.
func TestSI03ADoubtOutlivesATryThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		then  connectors.OutcomeState // what live state says at last
		end   runbook.EndKind
		fence bool // it holds at the end
	}{
		"nobody can tell":        {connectors.InDoubt, runbook.EndInDoubt, true},
		"the first one did it":   {connectors.Done, runbook.EndSucceeded, true},
		"the first one did not":  {connectors.NotDone, runbook.EndFailed, false},
		"the zero value is none": {"", runbook.EndInDoubt, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				tries, looks := 0, 0
				w.do["fence"] = func(task runbook.Task) connectors.Outcome {
					if task.Undo {
						w.holds["ledger/fence"] = false
						return connectors.Outcome{State: connectors.Done}
					}
					if tries++; tries == 1 {
						w.holds["ledger/fence"] = c.fence
						return connectors.Outcome{State: connectors.InDoubt, Message: "the connection went away"}
					}
					return connectors.Outcome{State: connectors.Failed, Message: "no connection"}
				}
				w.probe["fence"] = func(task runbook.Task) connectors.Outcome {
					if task.Undo {
						return connectors.Outcome{State: connectors.Done}
					}
					if looks++; looks == 1 {
						return connectors.Outcome{State: connectors.InDoubt, Message: "no answer"}
					}
					return connectors.Outcome{State: c.then}
				}
				w.must(t.Context(), planOf(memberOf("ledger")), c.end)
				if tries < 2 || w.holds["ledger/fence"] != c.fence {
					t.Errorf("%d tries, fenced: %v\n%s", tries, w.holds["ledger/fence"], w.journal())
				}
			})
		})
	}
}

// TestSI34AcknowledgedStatementIsNotSentAgain: a server has committed a statement that may
// not be carried out twice, and its probe finds nothing of it. Neither this start nor the
// next one sends it again; a person says what is so.
func TestSI34AcknowledgedStatementIsNotSentAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := memberOf("ledger")
		m.Steps[4] = runbook.Step{ID: "reign", Operation: runbook.Operation{SQL: &runbook.SQL{Side: runbook.New, Statement: "INSERT INTO app.queue VALUES (1)"}},
			Done: &runbook.Operation{SQL: &runbook.SQL{Side: runbook.New, Statement: "SELECT count(*) = 1 FROM app.other"}}}
		p := planOf(m)
		w := newWorld(t)
		w.probe["reign"] = func(runbook.Task) connectors.Outcome {
			return connectors.Outcome{State: connectors.NotDone, Message: "answered no"}
		}
		for start := 1; start <= 3; start++ {
			if end := w.must(t.Context(), p, runbook.EndInDoubt); end.Step != "reign" || w.done["ledger/reign"] != 1 {
				t.Fatalf("start %d stopped at %s, and the statement was carried out %d times\n%s", start, end.Step, w.done["ledger/reign"], w.journal())
			}
		}
		if _, err := runbook.Resolve(t.Context(), w, runbook.Resolution{Step: "reign", Done: true, By: "olga", Reason: "the row is there"}, then); err != nil {
			t.Fatal(err)
		}
		w.must(t.Context(), p, runbook.EndSucceeded)
		if w.done["ledger/reign"] != 1 {
			t.Errorf("carried out %d times\n%s", w.done["ledger/reign"], w.journal())
		}
	})
}

// TestDisputedAnswerPutsBackWhatWasKnown: a person says that what was done in part is taken
// back, and it turns out that the word does not count. It is where it was before, and not
// done, which it never was.
func TestDisputedAnswerPutsBackWhatWasKnown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, done := range []bool{true, false} {
			w := newWorld(t)
			w.twoSides("ledger", connectors.NotDone)
			probed := w.probe["require"]
			w.undoing = func(task runbook.Task) {
				if task.ID == "require" {
					panic("nobody knows how far it came")
				}
			}
			w.probe["require"] = func(task runbook.Task) connectors.Outcome {
				if task.Undo {
					return connectors.Outcome{State: connectors.InDoubt, Message: "no answer"}
				}
				return probed(task)
			}
			w.must(t.Context(), planOf(twoSided("ledger")), runbook.EndInDoubt)
			before := w.state().Step("ledger", "require")
			if before.Status != runbook.StepNotDone || !before.Half || before.Undo != runbook.StepInDoubt {
				t.Fatalf("%+v\n%s", before, w.journal())
			}
			if _, err := runbook.Resolve(t.Context(), w, runbook.Resolution{Step: "require", Done: done, By: "olga", Reason: "looked"}, then); err != nil {
				t.Fatal(err)
			}
			events, err := w.Events(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			e := events[len(events)-1]
			e.Seq, e.Kind, e.State, e.By, e.Message = e.Seq+1, runbook.StepDisputed, string(connectors.InDoubt), "", "olga is no operator"
			s, err := runbook.Fold(append(events, e))
			if err != nil {
				t.Fatal(err)
			}
			after := s.Step("ledger", "require")
			if after.Status != before.Status || after.Half != before.Half || after.Undo != before.Undo {
				t.Errorf("an answer of done=%v that does not count left %+v, before it %+v", done, after, before)
			}
		}
	})
}

func (w *world) state() *runbook.State {
	w.t.Helper()
	events, err := w.Events(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := runbook.Fold(events)
	if err != nil {
		w.t.Fatal(err)
	}
	return &s
}
