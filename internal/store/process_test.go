package store_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// childEnv makes the test binary act as a process of its own: its value is what
// to do, in which file, under which name.
const childEnv = "BCCTL_TEST_STORE_CHILD"

func TestMain(m *testing.M) {
	if task := os.Getenv(childEnv); task != "" {
		if err := child(strings.Split(task, "\n")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child runs in a process of its own. It prints the id of each run it has saved.
func child(task []string) error {
	ctx := context.Background()
	path, name, runs := task[0], task[1], 0
	if _, err := fmt.Sscan(task[2], &runs); err != nil {
		return err
	}
	// Every process waits here, so that they start as one.
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	db, err := store.Open(ctx, path)
	if err != nil {
		return err
	}
	for i := range runs {
		r, memories := processRun(name, i)
		if err := db.Save(ctx, r, memories); err != nil {
			return err
		}
		fmt.Println(r.RunID)
	}
	return db.Close()
}

const (
	processTargets    = 40
	processIndicators = 10
)

// processRun is run i of a process: the same targets for all processes.
func processRun(name string, i int) (check.Report, map[string]check.Memory) {
	at := time.Date(2026, 3, 1, 12, 0, i, 0, time.UTC)
	r := check.Report{RunID: fmt.Sprintf("%s-%d", name, i), StartedAt: at.Add(-time.Second), FinishedAt: at}
	memories := make(map[string]check.Memory)
	for t := range processTargets {
		target := fmt.Sprintf("pg/%d", t)
		result := readiness.Result{Name: target, Kind: readiness.KindResource, EvaluatedAt: at, ValidUntil: at.Add(time.Minute)}
		for n := range processIndicators {
			result.Indicators = append(result.Indicators, readiness.IndicatorResult{Observation: readiness.Observation{
				Target: target, Endpoint: "dr1", Indicator: readiness.ID(fmt.Sprint("i", n)),
				Value: readiness.Num(float64(i*n) / 3), CollectedAt: at,
			}})
		}
		r.Results = append(r.Results, result)
		memories[target] = check.Memory{Episodes: json.RawMessage(fmt.Sprintf(`{"run":%q}`, r.RunID)), Last: &result, SavedAt: at}
	}
	r.Transitions = []check.Transition{{Target: "pg/0", Kind: check.Changed, At: at, Message: r.RunID}}
	return r, memories
}

// process is a child that has not begun yet.
type process struct {
	cmd    *exec.Cmd
	output *bufio.Scanner
	begin  func() error
	errors *strings.Builder
}

func start(t *testing.T, path, name string, runs int) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.CommandContext(t.Context(), exe), errors: &strings.Builder{}}
	p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s\n%s\n%d", childEnv, path, name, runs))
	p.cmd.Stderr = p.errors
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.output = bufio.NewScanner(stdout)
	if !p.output.Scan() || p.output.Text() != "ready" {
		t.Fatalf("process %s did not become ready: %s", name, p.errors)
	}
	p.begin = func() error {
		_, err := fmt.Fprintln(stdin, "go")
		return err
	}
	return p
}

// saved returns the ids of the runs that the process has saved, when it has ended.
func (p *process) saved() (ids []string, err error) {
	for p.output.Scan() {
		ids = append(ids, p.output.Text())
	}
	if err := p.cmd.Wait(); err != nil {
		return ids, fmt.Errorf("%w: %s", err, p.errors)
	}
	return ids, p.output.Err()
}

// TestProcessesSaveAtOnce lets four processes create one new file together and
// save 25 runs each.
func TestProcessesSaveAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "history.db")
	const processes, runs = 4, 25
	var children []*process
	for n := range processes {
		children = append(children, start(t, path, fmt.Sprintf("p%d", n), runs))
	}
	for _, p := range children {
		if err := p.begin(); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for _, p := range children {
		group.Go(func() {
			if ids, err := p.saved(); err != nil || len(ids) != runs {
				t.Errorf("a process saved %d runs, want %d: %v", len(ids), runs, err)
			}
		})
	}
	group.Wait()

	expectWhole(t, path)
	db := open(t, path, store.Options{})
	found, err := db.Runs(t.Context(), store.Query{})
	if err != nil || len(found) != processes*runs {
		t.Errorf("%d runs, want %d (%v)", len(found), processes*runs, err)
	}
	changes, err := db.Transitions(t.Context(), "pg/0", time.Time{})
	if err != nil || len(changes) != processes*runs {
		t.Errorf("%d transitions, want %d (%v)", len(changes), processes*runs, err)
	}
	memories, err := db.Load(t.Context(), []string{"pg/0"})
	if want := time.Date(2026, 3, 1, 12, 0, runs-1, 0, time.UTC); err != nil || !memories["pg/0"].SavedAt.Equal(want) {
		t.Errorf("the memory was saved at %s, want %s (%v)", memories["pg/0"].SavedAt, want, err)
	}
}

// TestProcessesCreateAtOnce repeats the hardest moment of all: several processes
// find no file, or one that is not finished.
func TestProcessesCreateAtOnce(t *testing.T) {
	for round := range 10 {
		path := filepath.Join(t.TempDir(), fmt.Sprint(round), "history.db")
		var children []*process
		for n := range 4 {
			children = append(children, start(t, path, fmt.Sprintf("p%d", n), 1))
		}
		for _, p := range children {
			if err := p.begin(); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range children {
			if _, err := p.saved(); err != nil {
				t.Errorf("round %d: %v", round, err)
			}
		}
		if leftover, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".history-*")); len(leftover) > 0 {
			t.Errorf("round %d left %q behind", round, leftover)
		}
	}
}

// TestKilledWhileSaving kills a process with no warning at random moments of its
// work, again and again on the same file.
func TestKilledWhileSaving(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	known := make(map[string]bool) // runs that a process has said it saved
	for round := range 20 {
		p := start(t, path, fmt.Sprintf("r%d", round), 1_000_000)
		if err := p.begin(); err != nil {
			t.Fatal(err)
		}
		// The first of them dies while it creates the file, the others while saving.
		var moment <-chan time.Time
		if round < 5 {
			moment = time.After(rand.N(15 * time.Millisecond))
		} else {
			for range 1 + rand.IntN(3) {
				if !p.output.Scan() {
					t.Fatalf("round %d: %s", round, p.errors)
				}
				known[p.output.Text()] = true
			}
			moment = time.After(rand.N(10 * time.Millisecond))
		}
		<-moment
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		ids, err := p.saved()
		if err == nil {
			t.Fatalf("round %d: the process ended by itself", round)
		}
		for _, id := range ids {
			known[id] = true
		}
		expectWhole(t, path)

		db, err := store.Open(t.Context(), path)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		found, err := db.Runs(t.Context(), store.Query{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		present := make(map[string]bool, len(found))
		for _, r := range found {
			present[r.ID] = true
		}
		for id := range known {
			if !present[id] {
				t.Errorf("round %d: run %s was saved and is gone", round, id)
			}
		}
		// A run may be saved whose process died before it could say so: one at most
		// in each round.
		if extra := len(present) - len(known); extra > round+1 {
			t.Errorf("round %d: %d runs that no process reported", round, extra)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(known) < 15 {
		t.Errorf("only %d runs were saved in all: the test hardly tested anything", len(known))
	}
}
