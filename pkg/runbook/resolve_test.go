package runbook_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// An answer that is disputed puts its step back where it was, also of one that was being
// taken back; and which answers nobody has acted upon is known.
func TestRUN05DisputedAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, undo := range []bool{false, true} {
			w := newWorld(t)
			lost := func(runbook.Task) connectors.Outcome { return connectors.Outcome{} }
			about := "promote"
			if undo {
				about = "stop-old"
				w.do["promote"] = failing(connectors.Failed)
				w.probe["stop-old"] = func(task runbook.Task) connectors.Outcome {
					if task.Undo {
						return connectors.Outcome{}
					}
					return connectors.Outcome{State: connectors.Done}
				}
			} else {
				w.do["promote"], w.probe["promote"] = lost, lost
			}
			end := w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndInDoubt)
			if d := end.State.Doubt(); d.Step != about || d.Undo != undo {
				t.Fatalf("in doubt about %+v", d)
			}
			for _, done := range []bool{true, false} {
				refuses := errors.New("no")
				if _, err := runbook.Resolve(t.Context(), w, runbook.Resolution{Step: about, Done: done, By: "olga", Reason: "x", Sign: func(runbook.StepRef, string) (runbook.Said, error) {
					return runbook.Said{}, refuses
				}}, then); !errors.Is(err, refuses) {
					t.Fatalf("it was not signed: %v", err)
				}
				var after string
				if _, err := runbook.Resolve(t.Context(), w, runbook.Resolution{Step: about, Done: done, By: "olga", Reason: "x", Sign: func(r runbook.StepRef, line string) (runbook.Said, error) {
					after = line
					return runbook.Said{Statement: "s", Signature: r.Step}, nil
				}}, then); err != nil {
					t.Fatal(err)
				}
				events, err := w.Events(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				last := events[len(events)-1]
				if last.Prev != after || last.Said.Signature != about || len(runbook.Standing(runbook.Answers(events))) != 1 {
					t.Fatalf("%+v after %s", last, after)
				}
				if err := runbook.Dispute(t.Context(), w, last, "forged", epoch); err != nil {
					t.Fatal(err)
				}
				if events, err = w.Events(t.Context()); err != nil {
					t.Fatal(err)
				}
				s, err := runbook.Fold(events)
				if err != nil {
					t.Fatal(err)
				}
				if d := s.Doubt(); d == nil || d.Step != about || d.Undo != undo || len(runbook.Standing(runbook.Answers(events))) != 0 {
					t.Errorf("undo %v, done %v: in doubt about %+v", undo, done, d)
				}
			}
			if n := strings.Count(w.journal(), "step.disputed"); n != 2 {
				t.Errorf("%d disputes", n)
			}
			w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndInDoubt)
			events, err := w.Events(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if left := runbook.Answers(events); len(left) != 0 {
				t.Errorf("%d answers are left after a start that claimed", len(left))
			}
		}
	})
}
