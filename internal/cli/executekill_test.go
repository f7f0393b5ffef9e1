//go:build unix

package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/rehearsal"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// everywhere asks for what takes long: BCCTL_TEST_EXECUTE_FULL=1, or 2/3 for the second of
// three parts.
func everywhere() bool { return os.Getenv("BCCTL_TEST_EXECUTE_FULL") != "" }

// spied lets the hook of a laboratory write down what it is asked, and returns how often
// a verb was since the call before.
func (s *pairStage) spied() func(verb string) int {
	s.t.Helper()
	log := s.Pair.HookFile() + ".log"
	s.ok(os.WriteFile(log, nil, 0o600))
	s.hooked(`echo "$1" >>` + log)
	seen := 0
	return func(verb string) int {
		s.t.Helper()
		data, err := os.ReadFile(log)
		s.ok(err)
		n := 0
		lines := strings.Fields(string(data))
		for _, line := range lines[seen:] {
			if line == verb {
				n++
			}
		}
		if verb == "" {
			seen = len(lines)
		}
		return n
	}
}

// hooked puts lines before those of the laboratory's hook, until it is called.
func (s *pairStage) hooked(lines string) (back func()) {
	s.t.Helper()
	text, err := os.ReadFile(s.Pair.HookFile())
	s.ok(err)
	s.ok(os.WriteFile(s.Pair.HookFile(), []byte(strings.Replace(string(text), "\n", "\n"+lines+"\n", 1)), 0o755))
	return func() { s.ok(os.WriteFile(s.Pair.HookFile(), text, 0o755)) }
}

// killed starts a request and lets its process die there.
func (s *pairStage) killed(r rehearsal.Request, moment, what string) {
	s.t.Helper()
	call := s.Execute(r, approval.VerbExecute, 1)
	call.Env, call.Dir = s.Env, s.Clone
	out, err := (&child{moment: moment, what: what}).run(s.t.Context(), call)
	s.ok(err)
	if out.Code != -1 {
		s.t.Fatalf("it did not die %s %q: code %d\n%s%s", moment, what, out.Code, out.Stdout, out.Stderr)
	}
}

// boundaries are the moments around every step of a switchover, and those of the run.
func boundaries() [][2]string {
	if !everywhere() {
		return [][2]string{{"after", "step.intent stop-old"}, {"before", "step.outcome promote"}, {"after", "step.outcome soft-fence"}, {"before", "step.outcome rejoin"}, {"after", "claimed"}, {"after", "run.finished"}}
	}
	var all [][2]string
	for _, line := range []string{"run.started", "locked", "claimed", "precheck.result p17-hook", "point-of-no-return promote", "postcheck.result one-primary", "soak.started", "soak.ended", "run.finished", "released"} {
		all = append(all, [2]string{"before", line}, [2]string{"after", line})
	}
	for _, step := range []string{"mark", "checkpoint-old", "soft-fence", "drain", "stop-old", "control-data", "prove", "promote", "reign", "checkpoint-new", "slot", "siblings", "rejoin", "stale-slots", "lift-fence"} {
		for _, kind := range []string{"step.intent ", "step.outcome "} {
			all = append(all, [2]string{"before", kind + step}, [2]string{"after", kind + step})
		}
	}
	return part(all)
}

// part is the one that BCCTL_TEST_EXECUTE_FULL asks for.
func part[T any](all []T) []T {
	var one, parts int
	if n, err := fmt.Sscanf(os.Getenv("BCCTL_TEST_EXECUTE_FULL"), "%d/%d", &one, &parts); err != nil || n != 2 || parts < 1 {
		return all
	}
	var some []T
	for i, v := range all {
		if i%parts == one-1 {
			some = append(some, v)
		}
	}
	return some
}

// TestRUN04ExecuteKilledAnywhere: the process is killed around steps of a switchover of
// real servers, and the same command ends it as if nothing had been: every effect once,
// and the log verifies.
func TestRUN04ExecuteKilledAnywhere(t *testing.T) {
	t.Parallel()
	s := newPairStage(t)
	calls := s.spied()
	s.load(pgpair.Primary, 100)
	at, other, to, from := pgpair.Primary, pgpair.Standby, "ams", "fra"
	for _, b := range boundaries() {
		t.Logf("killed %s %s", b[0], b[1])
		before := s.timeline(at)
		calls("")
		r := s.approved(runbook.Switchover, to)
		s.killed(r, b[0], b[1])
		switch out := s.again(r); {
		case out.Code == exitOK:
		case s.state(r).Finished == runbook.Succeeded && out.Code == exitNotApproved: // killed after its end
		default:
			t.Fatalf("killed %s %s: code %d\n%s%s", b[0], b[1], out.Code, out.Stdout, out.Stderr)
		}
		at, other, to, from = other, at, from, to
		s.ended(at, other, 100)
		if now := s.timeline(at); now != before+1 {
			t.Errorf("killed %s %s: timeline %d, and it was %d", b[0], b[1], now, before)
		}
		if n := query[int](s, at, fmt.Sprintf(`SELECT count(*) FROM bcctl.reign WHERE tli = %d`, before+1)); n != 1 {
			t.Errorf("killed %s %s: %d reigns", b[0], b[1], n)
		}
		for _, verb := range []string{"stop", "make-standby"} {
			if n := calls(verb); n != 1 {
				t.Errorf("killed %s %s: the hook was asked to %s %d times", b[0], b[1], verb, n)
			}
		}
		if state := s.state(r); state.Finished != runbook.Succeeded || !state.Released {
			t.Errorf("killed %s %s: finished %q, released %v", b[0], b[1], state.Finished, state.Released)
		}
		s.verified()
	}
}

// TestRUN08ExecuteIsToldToStop: SIGTERM inside the atomic section is written down at
// once and acts where clients can write again; what is said is the command that goes on.
func TestRUN08ExecuteIsToldToStop(t *testing.T) {
	t.Parallel()
	s := newPairStage(t)
	s.load(pgpair.Primary, 10)
	r := s.approved(runbook.Switchover, "ams")
	call := s.Execute(r, approval.VerbExecute, 1)
	call.Env, call.Dir = s.Env, s.Clone
	out, err := (&child{moment: "signal", what: "step.intent stop-old"}).run(t.Context(), call)
	s.ok(err)
	s.said(out, exitStopped, "stopped part way", "hint: bcctl execute "+r.ID+"\n")
	if state := s.state(r); !state.Canceled || state.Step("ledger", "reign").Status != runbook.StepDone || state.Step("ledger", "rejoin").Tries != 0 {
		t.Errorf("canceled %v, reign %s, rejoin tried %d times", state.Canceled, state.Step("ledger", "reign").Status, state.Step("ledger", "rejoin").Tries)
	}
	if w := s.writes(); !slices.Equal(w, []string{pgpair.Standby}) {
		t.Errorf("%v accept writes", w)
	}
	if out := s.again(r); out.Code != exitOK {
		t.Fatalf("code %d\n%s%s", out.Code, out.Stdout, out.Stderr)
	}
	s.ended(pgpair.Standby, pgpair.Primary, 10)
	s.verified()
}
