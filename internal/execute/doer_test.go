package execute

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/config/secretref"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

func TestHTTP(t *testing.T) {
	t.Parallel()
	seen := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Authorization")
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/fail":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			_, _ = w.Write([]byte("pool is ber"))
		}
	}))
	t.Cleanup(srv.Close)
	d := &Doer{Secrets: vaultOf{"env:TOKEN": "canary-token"}, Now: time.Now}
	for name, tt := range map[string]struct {
		h       runbook.HTTP
		changes bool
		want    connectors.OutcomeState
	}{
		"as expected":                 {runbook.HTTP{URL: srv.URL + "/ok", Contains: "ber"}, false, connectors.Done},
		"another text":                {runbook.HTTP{URL: srv.URL + "/ok", Contains: "fra"}, false, connectors.NotDone},
		"another code":                {runbook.HTTP{URL: srv.URL + "/fail"}, false, connectors.NotDone},
		"a redirect is not followed":  {runbook.HTTP{URL: srv.URL + "/away"}, false, connectors.NotDone},
		"a change that failed":        {runbook.HTTP{URL: srv.URL + "/fail", Method: "POST"}, true, connectors.InDoubt},
		"a change":                    {runbook.HTTP{URL: srv.URL + "/ok", Method: "POST", Bearer: "env:TOKEN"}, true, connectors.Done},
		"no server":                   {runbook.HTTP{URL: "http://127.0.0.1:1/"}, true, connectors.InDoubt},
		"not encrypted":               {runbook.HTTP{URL: "http://lb.example.com/"}, true, connectors.Failed},
		"a name that only looks like": {runbook.HTTP{URL: "http://127.0.0.1.example.com/"}, true, connectors.Failed},
		"a user in the address":       {runbook.HTTP{URL: "https://u:p@lb.example.com/"}, true, connectors.Failed},
		"without its secret":          {runbook.HTTP{URL: srv.URL + "/ok", Bearer: "env:NONE"}, true, connectors.Failed},
	} {
		out := d.request(t.Context(), tt.h, tt.changes)
		if out.State != tt.want || strings.Contains(out.Message, "canary") {
			t.Errorf("%s: %s %s", name, out.State, out.Message)
		}
		if tt.h.Bearer == "env:TOKEN" && seen != "Bearer canary-token" {
			t.Errorf("%s: the server got %q", name, seen)
		}
	}
}

// A server whose certificate nobody vouches for is not believed.
func TestHTTPVerifiesCertificates(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // that the client hangs up is what is tested
	srv.StartTLS()
	t.Cleanup(srv.Close)
	d := &Doer{Now: time.Now}
	if out := d.request(t.Context(), runbook.HTTP{URL: srv.URL}, true); out.State != connectors.InDoubt || !strings.Contains(out.Message, "certificate") {
		t.Errorf("%s %s", out.State, out.Message)
	}
}

// Taking back is proved by the step's own probe, the other way round.
func TestSI03ProbeOfUndo(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(srv.Close)
	d := &Doer{Now: time.Now}
	for path, want := range map[string][2]connectors.OutcomeState{
		srv.URL + "/yes":      {connectors.Done, connectors.NotDone},
		srv.URL + "/no":       {connectors.NotDone, connectors.Done},
		"http://127.0.0.1:1/": {connectors.InDoubt, connectors.InDoubt},
	} {
		task := runbook.Task{Operation: runbook.Operation{Command: &runbook.Command{}}, Done: &runbook.Operation{HTTP: &runbook.HTTP{URL: path}}}
		if out := d.Probe(t.Context(), task); out.State != want[0] {
			t.Errorf("%s: %s", path, out.State)
		}
		task.Undo = true
		if out := d.Probe(t.Context(), task); out.State != want[1] {
			t.Errorf("%s taken back: %s", path, out.State)
		}
	}
	if out := d.Probe(t.Context(), runbook.Task{Operation: runbook.Operation{Command: &runbook.Command{}}}); out.State != connectors.InDoubt {
		t.Errorf("without a probe: %s", out.State)
	}
}

// looker is a platform with one action, which only reads. It notes how it was asked.
type looker struct {
	connectors.Factory
	connectors.Actor
	anew []bool
}

func (l *looker) Actions() []connectors.Action                             { return []connectors.Action{{Name: "x/so"}} }
func (l *looker) OpenActor(connectors.ActorSpec) (connectors.Actor, error) { return l, nil }
func (l *looker) Check(_ context.Context, c connectors.Call) connectors.Finding {
	l.anew = append(l.anew, c.Anew)
	return connectors.Finding{Result: connectors.Passed}
}

// Prechecks that follow each other may share what they saw; a step that only reads, and
// the probe of a step, decide by what is so now.
func TestSI8AStepSharesNothing(t *testing.T) {
	t.Parallel()
	l := &looker{}
	d := &Doer{Registry: connectors.Registry{"x": l}, Now: time.Now, Spec: func(string) (connectors.Spec, bool) { return connectors.Spec{}, true }}
	so := runbook.Operation{Uses: "x/so"}
	task := runbook.Task{Member: runbook.MemberPlan{Platform: "x", Resource: "r"}, Operation: so}
	if f := d.Check(t.Context(), task); f.Result != connectors.Passed {
		t.Error(f)
	}
	if out := d.Do(t.Context(), task); out.State != connectors.Done {
		t.Error(out)
	}
	task.Operation, task.Done = runbook.Operation{Command: &runbook.Command{}}, &so
	if out := d.Probe(t.Context(), task); out.State != connectors.Done {
		t.Error(out)
	}
	if !slices.Equal(l.anew, []bool{false, true, true}) {
		t.Errorf("precheck, step and probe asked anew: %v", l.anew)
	}
}

func TestWhatCannotBeDoneIsRefused(t *testing.T) {
	t.Parallel()
	d := &Doer{Registry: connectors.Registry{}, Now: time.Now}
	for name, op := range map[string]runbook.Operation{
		"sql of no platform": {SQL: &runbook.SQL{Side: runbook.New, Statement: "drop table x"}}, "an action": {Uses: "pg.native/promote"}, "nothing": {},
	} {
		if out := d.Do(t.Context(), runbook.Task{Operation: op}); out.State != connectors.Failed {
			t.Errorf("%s: %s", name, out.State)
		}
		if f := d.Check(t.Context(), runbook.Task{Operation: op}); f.Result != connectors.Unknown {
			t.Errorf("%s as a check: %s", name, f.Result)
		}
	}
}

// vaultOf is what references resolve to, and is empty of everything else.
type vaultOf map[secretref.Ref]string

func (v vaultOf) Value(_ context.Context, ref secretref.Ref) (string, error) {
	if value, ok := v[ref]; ok {
		return value, nil
	}
	return "", errors.New("nothing is there")
}
