//go:build unix

package journal_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/execute/journal"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// outside is a world in files, which survives the process: an effect is a line of a
// file, and the process says before and after each thing it does where it is, so that
// its parent can end it there.
type outside struct {
	dir string
	j   *journal.File
}

func (o *outside) at(place string) {
	fmt.Println(place)
	if _, err := bufio.NewReader(os.Stdin).ReadByte(); err != nil {
		os.Exit(3)
	}
}

func (o *outside) Events(ctx context.Context) ([]runbook.Event, error) { return o.j.Events(ctx) }
func (o *outside) Push(context.Context) error                          { return nil }

func (o *outside) Append(ctx context.Context, e runbook.Event) error {
	o.at("before " + string(e.Kind) + " " + e.Step)
	err := o.j.Append(ctx, e)
	o.at("after " + string(e.Kind) + " " + e.Step)
	return err
}

func (o *outside) Check(context.Context, runbook.Task) connectors.Finding {
	return connectors.Finding{Result: connectors.Passed}
}

func (o *outside) Do(_ context.Context, t runbook.Task) connectors.Outcome {
	o.at("before the effect of " + t.ID)
	f, err := os.OpenFile(filepath.Join(o.dir, t.ID), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return connectors.Outcome{}
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, t.Key); err != nil {
		return connectors.Outcome{}
	}
	o.at("after the effect of " + t.ID)
	return connectors.Outcome{State: connectors.Done}
}

func (o *outside) Probe(_ context.Context, t runbook.Task) connectors.Outcome {
	if _, err := os.Stat(filepath.Join(o.dir, t.ID)); err != nil {
		return connectors.Outcome{State: connectors.NotDone}
	}
	return connectors.Outcome{State: connectors.Done}
}

func (o *outside) Markers(context.Context, runbook.MemberPlan) []connectors.Marker { return nil }
func (o *outside) Ask(context.Context, runbook.Task) runbook.Answer                { return runbook.Answer{} }
func (o *outside) Verify(context.Context, runbook.Circumstances) runbook.Ruling {
	return runbook.Ruling{Allowed: true}
}
func (o *outside) Confirm(context.Context, runbook.Circumstances) runbook.Ruling {
	return runbook.Ruling{Allowed: true, By: "olga"}
}
func (o *outside) Lock(context.Context, string, []string) (map[string]int64, error) {
	return map[string]int64{"resource/ledger": 1}, nil
}
func (o *outside) Claim(context.Context, string, int) error { return nil }
func (o *outside) Held(context.Context) error               { return nil }
func (o *outside) Release(context.Context) error            { return nil }

func plan() *runbook.Plan {
	action := func(id string) runbook.Step {
		return runbook.Step{ID: id, Operation: runbook.Operation{Uses: "pg.native/" + id}}
	}
	check := func(id string) []runbook.Check {
		return []runbook.Check{{ID: id, Operation: runbook.Operation{Uses: "pg.native/check"}}}
	}
	return &runbook.Plan{Request: "q1", Type: runbook.Switchover, Target: "ledger", Digest: "sha256:1", Waves: []runbook.Wave{{Members: []runbook.MemberPlan{{
		Resource: "ledger", Prechecks: check("pre"), Steps: []runbook.Step{action("fence"), action("promote"), action("repoint")}, Postchecks: check("post"),
		PointOfNoReturn: "promote", Atomic: []runbook.Section{{From: "fence", To: "promote"}},
	}}}}}
}

// TestMain lets the test program be the process that is killed.
func TestMain(m *testing.M) {
	dir := os.Getenv("BCCTL_TEST_KILL")
	if dir == "" {
		os.Exit(m.Run())
	}
	j, err := journal.Open(filepath.Join(dir, "journal"), "r1", nil)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	o := &outside{dir: dir, j: j}
	catalog := func(name string) (connectors.Action, bool) {
		return connectors.Action{Name: name, Changes: name != "pg.native/check"}, true
	}
	r := runbook.Runner{Run: "r1", Request: "q1", Plan: plan(), Terms: runbook.Terms{Type: runbook.Switchover}, Catalog: catalog, Journal: o, Doer: o, People: o, Guard: o, Ledger: o}
	end, err := r.Start(context.Background())
	fmt.Println("end", end.Kind, err)
	os.Exit(0)
}

// started runs the process until it has said n places, then ends it with SIGKILL. It
// reports how many places there were and the last line.
func started(t *testing.T, dir string, n int) (int, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BCCTL_TEST_KILL="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, last, places := bufio.NewScanner(out), "", 0
	for lines.Scan() {
		if last = lines.Text(); strings.HasPrefix(last, "end ") {
			break
		}
		if places++; places == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			break
		}
		if _, err := in.Write([]byte{'\n'}); err != nil {
			break
		}
	}
	_ = in.Close()
	_ = cmd.Wait() // killed, or over: the last line says which
	return places, last
}

// A process that is killed with SIGKILL at every boundary, and started again, comes
// to the end, and every effect is there once.
//
// Not parallel: a process that has been forked and not yet replaced holds the locks
// of all others for a moment.
func TestRUN04KillAtEveryRecordBoundary(t *testing.T) {
	all, last := started(t, t.TempDir(), -1)
	if all < 20 || last != "end succeeded <nil>" {
		t.Fatalf("%d places, then %q", all, last)
	}
	for n := 1; n <= all; n++ {
		dir := t.TempDir()
		started(t, dir, n)
		if _, last := started(t, dir, -1); last != "end succeeded <nil>" && !strings.Contains(last, runbook.ErrFinished.Error()) {
			t.Fatalf("killed at %d of %d, then: %s", n, all, last)
		}
		for _, step := range []string{"fence", "promote", "repoint"} {
			data, err := os.ReadFile(filepath.Join(dir, step))
			if err != nil || strings.Count(string(data), "\n") != 1 {
				t.Errorf("killed at %d: effect of %s: %q, %v", n, step, data, err)
			}
		}
		data, err := os.ReadFile(journal.Path(filepath.Join(dir, "journal"), "r1"))
		if err != nil {
			t.Fatal(err)
		}
		events, err := runbook.DecodeJournal(data)
		if err != nil {
			t.Fatalf("killed at %d: %v", n, err)
		}
		if s, err := runbook.Fold(events); err != nil || s.Finished != runbook.Succeeded {
			t.Errorf("killed at %d: %s, %v", n, s.Finished, err)
		}
	}
}
