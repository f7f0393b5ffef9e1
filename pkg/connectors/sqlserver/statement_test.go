package sqlserver

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/pkg/connectors"
)

const (
	addOne = `UPDATE dbo.bcctl_heartbeat SET seq = seq + 1`
	asked  = `SELECT CASE WHEN seq = 2 THEN 1 ELSE 0 END AS done FROM dbo.bcctl_heartbeat`
)

func speakerOf(t *testing.T, lab *sqlag.Group, change ...func(*connectors.ActorSpec)) connectors.SQLActor {
	t.Helper()
	return newHand(t, lab, "fra", "ams", change...).actor.(connectors.SQLActor)
}

// TestSI34StatementOnceSQLServer: a statement whose connection is lost, before and
// after it was carried out, is in doubt; the question tells which, once the session
// is gone.
func TestSI34StatementOnceSQLServer(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		lab := startLab(t, sqlag.Options{Name: "orders"})
		name := lab.Nodes()[0].Name
		add := connectors.Statement{Side: connectors.SideFrom, Database: "orders", Text: addOne}
		done := connectors.Statement{Side: connectors.SideFrom, Database: "orders", Text: asked}
		a := speakerOf(t, lab)
		if f := a.AskStatement(t.Context(), done); f.Result != connectors.Refused {
			t.Fatalf("before: %s %s", f.Result, f.Message)
		}
		lab.Cut(name, addOne, applied)
		if out := a.DoStatement(t.Context(), add); out.State != connectors.InDoubt {
			t.Errorf("applied %v: %s %s", applied, out.State, out.Message)
		}
		if lab.Cuts() != 0 {
			t.Fatal("nothing was cut")
		}
		if f := a.SettledStatement(t.Context(), connectors.SideFrom); f.Result != connectors.Passed {
			t.Errorf("settled: %s %s", f.Result, f.Message)
		}
		want := connectors.Refused
		if applied {
			want = connectors.Passed
		}
		if f := a.AskStatement(t.Context(), done); f.Result != want {
			t.Errorf("applied %v: %s %s", applied, f.Result, f.Message)
		}
		if !applied {
			if out := a.DoStatement(t.Context(), add); out.State != connectors.Done || out.Facts["rows"] != "1" {
				t.Errorf("again: %s %s %v", out.State, out.Message, out.Facts)
			}
		}
		if f := a.AskStatement(t.Context(), done); f.Result != connectors.Passed {
			t.Errorf("at the end: %s %s", f.Result, f.Message)
		}
	}
}

// A session of the run that is still there may yet change something.
func TestStatementIsWaitedFor(t *testing.T) {
	t.Parallel()
	lab := startLab(t, sqlag.Options{Name: "orders"})
	spec := actorSpec(lab, "fra", "ams")
	c, err := Factory{}.Open(spec.Spec)
	if err != nil {
		t.Fatal(err)
	}
	o := *c.(*Connector).openers[0]
	o.shown = "bcctl sql run-1"
	cred, err := spec.Credential(t.Context(), connectors.Execute)
	if err != nil {
		t.Fatal(err)
	}
	conn, _, err := o.open(t.Context(), cred, "master", false)
	if err != nil {
		t.Fatal(err)
	}
	a := speakerOf(t, lab)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if f := a.SettledStatement(ctx, connectors.SideFrom); f.Result != connectors.Unknown || !strings.Contains(f.Message, "still under way") {
		t.Errorf("%s %s", f.Result, f.Message)
	}
	if f := a.SettledStatement(t.Context(), connectors.SideTo); f.Result != connectors.Passed {
		t.Errorf("the other side: %s %s", f.Result, f.Message)
	}
	conn.close()
	if f := a.SettledStatement(t.Context(), connectors.SideFrom); f.Result != connectors.Passed {
		t.Errorf("afterwards: %s %s", f.Result, f.Message)
	}
}

// What a statement may come to, and what is not sent.
func TestSI21StatementOutcomesSQLServer(t *testing.T) {
	t.Parallel()
	lab := startLab(t, sqlag.Options{Name: "orders"})
	expect := "2"
	for name, tt := range map[string]struct {
		st    connectors.Statement
		spec  func(*connectors.ActorSpec)
		state connectors.OutcomeState
	}{
		"answered":        {connectors.Statement{Text: `UPDATE dbo.bcctl_heartbeat SET seq = 2 OUTPUT inserted.seq WHERE id = 1`, Expect: &expect}, nil, connectors.Done},
		"not as expected": {connectors.Statement{Text: `SELECT 3 AS three`, Expect: &expect}, nil, connectors.InDoubt},
		"an error":        {connectors.Statement{Text: `UPDATE dbo.nothing SET seq = 1`}, nil, connectors.InDoubt},
		"the secondary":   {connectors.Statement{Side: connectors.SideTo, Text: addOne}, nil, connectors.InDoubt},
		"another group": {connectors.Statement{Text: addOne}, func(s *connectors.ActorSpec) {
			s.Identity = map[string]string{groupIdentity: "00000000-0000-0000-0000-000000000001"}
		}, connectors.Failed},
		"while a plan is made": {connectors.Statement{Text: addOne}, func(s *connectors.ActorSpec) { s.Run = "" }, connectors.Failed},
	} {
		if tt.st.Side == "" {
			tt.st.Side = connectors.SideFrom
		}
		tt.st.Database = "orders"
		var change []func(*connectors.ActorSpec)
		if tt.spec != nil {
			change = append(change, tt.spec)
		}
		if out := speakerOf(t, lab, change...).DoStatement(t.Context(), tt.st); out.State != tt.state || out.Message == "" {
			t.Errorf("%s: %s %s", name, out.State, out.Message)
		}
	}
}

// A question is one SELECT that changes nothing, as far as its text tells.
func TestQuestionsChangeNothing(t *testing.T) {
	t.Parallel()
	for text, asks := range map[string]bool{
		"SELECT COUNT(*) FROM app.steps":                                    true,
		"-- how many\nselect 1 where 'x; DROP TABLE y' = [update].[Delete]": true,
		"WITH a AS (SELECT 1 AS updated) SELECT updated FROM a":             true,
		"SELECT 1 UPDATE app.steps SET n = 1":                               false,
		"SELECT 1\nexec sp_configure":                                       false,
		"SELECT * INTO app.copy FROM app.steps":                             false,
		"WITH a AS (SELECT 1 AS n) DELETE FROM app.steps":                   false,
		"SELECT * FROM OPENQUERY(other, 'DELETE FROM t')":                   false,
		"sp_who":                                  false,
		"/* SELECT */ UPDATE t SET n=1":           false,
		"SELECT 1; SELECT 2":                      false,
		"IF 1 = 1 SELECT 1":                       false,
		"DECLARE @n int SELECT @n":                false,
		"SELECT [a]]'] FROM x UPDATE t SET n = 1": false, "SELECT [a]]b UPDATE t] FROM t": true,
		"": false,
	} {
		if err := (Factory{}).CheckQuestion(text); (err == nil) != asks {
			t.Errorf("%q: %v", text, err)
		}
	}
}
