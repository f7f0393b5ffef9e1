//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// cutHook stops at each of its calls for whoever waits at the pipe of that name.
const cutHook = `[ ! -p "$2/cut-$1-$3" ] || { echo >"$2/cut-$1-$3"; read _ <"$2/ack"; }
` + hook

// cutAt has something done while a call of the hook is under way: do-fence, fits-x.
func (s *stage) cutAt(call string, cut func()) {
	s.t.Helper()
	var pipes []*os.File
	for _, name := range []string{"cut-" + call, "ack"} {
		path := filepath.Join(s.world, name)
		s.ok(syscall.Mkfifo(path, 0o600))
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		s.ok(err)
		pipes = append(pipes, f)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var b [1]byte
		if _, err := pipes[0].Read(b[:]); err != nil {
			return // the hook was never called
		}
		cut()
		_ = os.Remove(filepath.Join(s.world, "cut-"+call)) // it does so once
		_, _ = pipes[1].WriteString("\n")                  // a hook that was killed reads nothing
	}()
	s.t.Cleanup(func() {
		_ = pipes[0].Close()
		<-done
		_ = pipes[1].Close()
	})
}

// brittle is a journal whose disk can fail.
type brittle struct {
	runbook.Journal
	full *atomic.Bool
}

func (j brittle) Append(ctx context.Context, e runbook.Event) error {
	if j.full.Load() {
		return errors.New("no space left on device")
	}
	return j.Journal.Append(ctx, e)
}

// goOn runs the same command, with the line that it asks for.
func (s *stage) goOn() outcome {
	s.t.Helper()
	s.later(time.Minute)
	run := func(typed string) outcome {
		return s.bcctl("root", typed, "execute", fmt.Sprintf("#%d", s.pull), "--no-color")
	}
	out := run("?\n")
	m := regexp.MustCompile(`type exactly:\n  (/bcctl .*)\n`).FindStringSubmatch(out.stderr)
	if m == nil {
		return out
	}
	return run(m[1] + "\n")
}

// Each thing a run needs is taken away at each moment of it. What happens is what the
// table in docs/execution.md says; once all is back, the same command ends the run.
func TestRUN09SI02CutAtEachMoment(t *testing.T) {
	t.Parallel()
	nothing, fenced, all := []string{}, []string{"fence"}, []string{"fence", "promote", "repoint"}
	const api, disk = "GitHub", "disk"
	for _, c := range []struct {
		moment, what string
		code         int
		done         []string // steps with an effect
		says         string
		after        int // exit code of the same command when all is back
	}{
		{"before the claim", api, exitNoAnswer, nothing, "nothing was changed", exitOK},
		{"before the claim", disk, exitStopped, nothing, "goes on, once this is mended", exitOK},
		{"before the first change", api, exitNoAnswer, nothing, "nothing was changed", exitOK},
		{"before the first change", disk, exitStopped, nothing, "goes on, once this is mended", exitOK},
		{"inside the atomic section", api, exitOK, all, "SUCCEEDED", exitNotApproved},
		{"inside the atomic section", disk, exitStopped, fenced, "goes on, once this is mended", exitOK},
		{"at the point of no return", api, exitOK, all, "SUCCEEDED", exitNotApproved},
		{"at the point of no return", disk, exitStopped, []string{"fence", "promote"}, "goes on, once this is mended", exitOK},
		{"after it", api, exitOK, all, "SUCCEEDED", exitNotApproved},
		{"after it", disk, exitStopped, all, "goes on, once this is mended", exitOK},
	} {
		t.Run(c.moment+" "+c.what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte(cutHook), 0o600))
			full := &atomic.Bool{}
			s.journal = func(j runbook.Journal) runbook.Journal { return brittle{j, full} }
			cut, heal := func() { full.Store(true) }, func() { full.Store(false) }
			if c.what == api {
				cut, heal = func() { s.Inject(github.Fault{Status: 502, Times: -1}) }, s.Heal
			}
			switch c.moment {
			case "before the claim":
				s.typing = cut
			case "before the first change":
				s.cutAt("fits-x", cut)
			case "inside the atomic section":
				s.cutAt("do-fence", cut)
			case "at the point of no return":
				s.cutAt("do-promote", cut)
			default:
				s.cutAt("do-repoint", cut)
			}
			s.want(c.code, s.line("execute", 1), c.says)
			var done []string
			for _, step := range all {
				if s.holds(step) {
					done = append(done, step)
				}
			}
			if !slices.Equal(done, c.done) {
				t.Errorf("%v is done, want %v", done, c.done)
			}
			heal()
			s.typing = nil
			out := s.goOn()
			if out.code != c.after || out.code == exitNotApproved && !strings.Contains(out.stderr, "never runs again") {
				t.Fatalf("afterwards: code %d, want %d\n%s%s", out.code, c.after, out.stdout, out.stderr)
			}
			for _, step := range all {
				if !s.holds(step) {
					t.Errorf("%s is not done in the end", step)
				}
			}
			if out := s.bcctl("root", "", "audit", "recover"); out.code != exitOK {
				t.Errorf("recover: code %d\n%s%s", out.code, out.stdout, out.stderr)
			}
			s.verified()
		})
	}
}
