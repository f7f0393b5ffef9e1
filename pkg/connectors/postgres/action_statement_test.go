package postgres

import (
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
)

// TestSI21QuestionGoesToWhoWasLookedAt: the address of the primary moves to the standby
// between the look and the question. The standby has the same system identifier, and its
// answer says nothing of the primary.
func TestSI21QuestionGoesToWhoWasLookedAt(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	home, away := lab.Nodes()[0].Address(), lab.Nodes()[1].Address()
	via := forward(t, home)
	h := newHand(t, lab, "run-1", "fra", "ams", func(s *connectors.ActorSpec) { s.Endpoints[0].Address = via.address() })
	asker := h.actor.(connectors.SQLActor)
	question := connectors.Statement{Side: connectors.SideFrom, Text: "SELECT NOT pg_is_in_recovery()"}
	if f := asker.AskStatement(t.Context(), question); f.Result != connectors.Passed {
		t.Fatalf("%s %s", f.Result, f.Message)
	}
	if f := asker.SettledStatement(t.Context(), connectors.SideFrom); f.Result != connectors.Passed {
		t.Fatalf("%s %s", f.Result, f.Message)
	}
	for name, ask := range map[string]func() connectors.Finding{
		"a question":               func() connectors.Finding { return asker.AskStatement(t.Context(), question) },
		"whether it is still sent": func() connectors.Finding { return asker.SettledStatement(t.Context(), connectors.SideFrom) },
	} {
		before := via.attempts()
		if f := ask(); f.Result != connectors.Passed {
			t.Fatalf("%s: %s %s", name, f.Result, f.Message)
		}
		last := via.attempts() - before // the one that asks comes after those that look
		via.leadFrom(via.attempts()+last, away)
		if f := ask(); f.Result != connectors.Unknown {
			t.Errorf("%s: another server was believed: %s %s", name, f.Result, f.Message)
		}
		if n := via.attempts() - before; n != 2*last {
			t.Errorf("%s: %d connections, then %d", name, last, n-last)
		}
		via.lead(home)
	}
}
