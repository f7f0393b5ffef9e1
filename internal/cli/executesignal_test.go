//go:build unix

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// personName is this test binary as the bcctl of a person at a terminal.
const personName = "bcctl-person"

func person() int {
	env := realEnv()
	env.Terminal = func(io.Reader) bool { return true }
	return serve(env)
}

// heard is what a process says, while it says it.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// until waits until a text was said.
func (h *heard) until(t *testing.T, text string) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(h.String(), text) {
		select {
		case <-deadline:
			t.Fatalf("%q was not said:\n%s", text, h)
		case <-tick.C:
		}
	}
}

// process is bcctl execute as a process of its own, at which a person types the line.
func (s *stage) process() (*exec.Cmd, *heard) {
	s.t.Helper()
	program, err := exec.LookPath(personName)
	s.ok(err)
	cmd := exec.Command(program, "execute", fmt.Sprintf("#%d", s.pull), "--no-color")
	cmd.Dir, cmd.Stdin = s.dir, strings.NewReader(s.line("execute", 1))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_GLOBAL=/dev/null", "BCCTL_GITHUB_API_URL=" + s.URL(), "GITHUB_TOKEN=" + s.Token("root"), labClockSkew + "=" + time.Until(s.Now()).String()}
	for name, value := range s.vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var said heard
	cmd.Stderr = &said
	s.ok(cmd.Start())
	s.t.Cleanup(func() { _ = cmd.Process.Kill() }) // nothing is left where the test fails
	return cmd, &said
}

// A process that gets SIGTERM in the middle of a step says at once what it waits for and
// which command goes on should it be killed; it completes the step, stops at the next hold
// point, and ends with that same command. The command goes on.
func TestRUN08SIGTERMSaysTheNextCommand(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte(strings.Replace(hook, "do) while", `do) : >"$2/begun-$3"; while`, 1)), 0o600))
	s.put("pause-promote")
	cmd, stderr := s.process()
	stderr.until(t, "ledger/promote ...")
	s.begun("begun-promote")
	for range 2 { // the second one says so too, and ends nothing
		s.ok(cmd.Process.Signal(syscall.SIGTERM))
		stderr.until(t, "terminated: waits for ledger/promote; the run stops at the next hold point, before ledger/repoint. Should this process be ended before: bcctl execute "+s.id)
	}
	s.ok(os.Remove(filepath.Join(s.world, "pause-promote")))
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitStopped {
		t.Fatalf("%v\n%s", err, stderr)
	}
	for _, want := range []string{"hint: bcctl execute " + s.id + "\n", "RUN_CANCELED", "left)"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, stderr)
		}
	}
	if !s.holds("promote") || s.holds("repoint") {
		t.Errorf("it is not where it should have stopped\n%s", stderr)
	}
	s.later(2 * time.Minute)
	s.want(exitOK, s.line("resume", 2), "SUCCEEDED")
	s.verified()
}

// A signal that comes after the last hold point does not act any more: the run comes to its
// end, and the exit code is that of the end and not of the signal.
func TestRUN08SIGTERMAfterTheLastHoldPoint(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	// The first look at it is the probe of the step, the second one the postcheck.
	slow := strings.Replace(hook, `is) [ -e "$2/$3" ] || exit 3 ;;`, `is) [ -e "$2/$3" ] || exit 3
    [ "$3" = repoint ] || exit 0
    [ -e "$2/probed" ] || { : >"$2/probed"; exit 0; }
    : >"$2/begun-postcheck"; while [ -e "$2/pause-postcheck" ]; do sleep 0.1; done ;;`, 1)
	s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte(slow), 0o600))
	s.put("pause-postcheck")
	cmd, stderr := s.process()
	s.begun("begun-postcheck")
	s.ok(cmd.Process.Signal(syscall.SIGTERM))
	stderr.until(t, "terminated: ")
	s.ok(os.Remove(filepath.Join(s.world, "pause-postcheck")))
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if !s.holds("repoint") || strings.Contains(stderr.String(), "bcctl: error") {
		t.Errorf("it says\n%s", stderr)
	}
	s.verified()
}

// What a run that was asked to stop says of where it does is so at each place, and after the
// last hold point it does not say that there is another.
func TestSI35WhereARunStops(t *testing.T) {
	t.Parallel()
	of := func(text string) *duration.Duration {
		d, err := duration.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return &d
	}
	member := func(name, soak string) runbook.MemberPlan {
		return runbook.MemberPlan{Resource: name, HoldPoints: []string{"promote"}, Soak: soak, Steps: []runbook.Step{
			{ID: "fence", Expected: of("10s")}, {ID: "proof", Expected: of("2s")}, {ID: "promote", Expected: of("3s")}, {ID: "repoint"}, {ID: "loss", Expected: of("1s")}}}
	}
	both := []runbook.MemberPlan{member("ledger", "1m"), member("orders", "")}
	for _, c := range []struct {
		members []runbook.MemberPlan
		events  []runbook.Event
		says    string
	}{
		{both, nil, "the run stops before its next step"},
		{both, []runbook.Event{{Kind: runbook.PrecheckResult, Member: "ledger", Step: "fits"}}, "the run stops before its next step"},
		{both, []runbook.Event{{Kind: runbook.StepIntent, Member: "ledger", Step: "fence"}}, "the run stops at the next hold point, before ledger/promote (expected to take about 12s)"},
		{both, []runbook.Event{{Kind: runbook.StepIntent, Member: "ledger", Step: "promote"}, {Kind: runbook.StepOutcome, Member: "ledger", Step: "promote"}},
			"no hold point is left: the steps go on to the last one, ledger/loss, then the run stops before it is checked (expected to take about 4s)"},
		{both, []runbook.Event{{Kind: runbook.PostcheckResult, Member: "ledger", Step: "moved"}}, "the run stops after these checks, before orders"},
		{both, []runbook.Event{{Kind: runbook.PostcheckResult, Member: "orders", Step: "moved"}}, "the run stops after these checks, at its soak"},
		{both[1:], []runbook.Event{{Kind: runbook.PostcheckResult, Member: "orders", Step: "moved"}}, "no hold point is left: it goes on to its end"},
		{both, []runbook.Event{{Kind: runbook.SoakStarted}, {Kind: runbook.PostcheckResult, Member: "ledger", Step: "moved"}}, "the run stops in its soak"},
		{both, []runbook.Event{{Kind: runbook.SoakEnded}}, "it is at its end, and goes on to it"},
		{both, []runbook.Event{{Kind: runbook.UndoStarted}, {Kind: runbook.StepIntent, Member: "ledger", Step: "fence", Undo: true}}, "what was done is taken back first"},
	} {
		r := &runProgress{a: &app{globals: &globals{quiet: true}}, plan: &runbook.Plan{Waves: []runbook.Wave{{Members: c.members}}}, times: func() string { return "" }}
		for _, e := range c.events {
			r.event(e)
		}
		if got := r.stops(); got != c.says {
			t.Errorf("%+v:\n%s\nwant\n%s", c.events, got, c.says)
		}
	}
}
