//go:build unix

package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/rehearsal"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// rehearsed is a stage on which requests are made and carried out as people do it.
type rehearsed struct {
	*rehearsal.Stage
	t *testing.T
}

func rehearse(t *testing.T, o rehearsal.Options) *rehearsed {
	t.Helper()
	stage, err := rehearsal.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stage.Close(); err != nil {
			t.Error(err)
		}
	})
	return &rehearsed{stage, t}
}

func (s *rehearsed) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// approved is a request that may run.
func (s *rehearsed) approved(kind runbook.Type, to string, more ...string) rehearsal.Request {
	s.t.Helper()
	r, err := s.Approved(s.t.Context(), kind, to, more...)
	s.ok(err)
	return r
}

// execute starts a request and expects a code, and texts in what it says.
func (s *rehearsed) execute(code int, r rehearsal.Request, verb approval.Verb, attempt int, texts ...string) rehearsal.Result {
	s.t.Helper()
	out, err := s.Bcctl(s.t.Context(), s.Execute(r, verb, attempt))
	s.ok(err)
	s.said(out, code, texts...)
	return out
}

func (s *rehearsed) said(out rehearsal.Result, code int, texts ...string) {
	s.t.Helper()
	all := out.Stdout + out.Stderr
	if out.Code != code {
		s.t.Fatalf("code %d, want %d\n%s", out.Code, code, all)
	}
	for _, text := range texts {
		if !strings.Contains(all, text) {
			s.t.Errorf("it does not say %q:\n%s", text, all)
		}
	}
}

// verified checks the audit log.
func (s *rehearsed) verified() {
	s.t.Helper()
	out, err := s.Bcctl(s.t.Context(), rehearsal.Call{Args: []string{"audit", "verify"}})
	s.ok(err)
	s.said(out, exitOK, "VERIFIED")
}

// answered is a start whose operator answers a question of the run with yes.
func (s *rehearsed) answered(r rehearsal.Request) rehearsal.Result {
	s.t.Helper()
	call := s.Execute(r, approval.VerbExecute, 1)
	call.Typed += "yes\n"
	out, err := s.Bcctl(s.t.Context(), call)
	s.ok(err)
	s.said(out, exitOK, "SUCCEEDED")
	return out
}

// fact is what a step of a run returned.
func (s *rehearsed) fact(r rehearsal.Request, step, name string) string {
	s.t.Helper()
	events, err := s.Events(r)
	s.ok(err)
	value := ""
	for _, e := range events {
		if e.Step == step && e.Facts[name] != "" {
			value = e.Facts[name]
		}
	}
	return value
}

func (s *rehearsed) eventually(what string, holds func() bool) {
	s.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit.C:
			s.t.Fatalf("waited for ever: %s", what)
		}
	}
}

// state is what the journal of a run says.
func (s *rehearsed) state(r rehearsal.Request) runbook.State {
	s.t.Helper()
	events, err := s.Events(r)
	s.ok(err)
	state, err := runbook.Fold(events)
	s.ok(err)
	return state
}

// again starts a request once more, as its operator would: the line says that it goes on
// where something was begun.
func (s *rehearsed) again(r rehearsal.Request) rehearsal.Result {
	s.t.Helper()
	state := s.state(r)
	verb := approval.VerbExecute
	if state.Claims > 0 && (state.Changed() || state.Open != nil) {
		verb = approval.VerbResume
	}
	out, err := s.Bcctl(s.t.Context(), s.Execute(r, verb, state.NextAttempt()))
	s.ok(err)
	return out
}
