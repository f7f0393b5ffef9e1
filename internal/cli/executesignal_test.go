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
		stderr.until(t, "terminated: waits for ledger/promote; the run stops at the next hold point. Should this process be ended before: bcctl execute "+s.id)
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
