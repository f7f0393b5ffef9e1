package gitlog_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/audittest"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
)

// order is what a writer process is to do.
type order struct {
	Dir     string
	Writer  string // private key
	Name    string
	Entries int
	Each    int // entries in a segment
}

const orderVariable = "BCCTL_TEST_AUDIT_WRITER"

func TestMain(m *testing.M) {
	if text := os.Getenv(orderVariable); text != "" {
		if err := write(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// write appends entries, and says of each segment when it is durable.
func write(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	signer, err := audit.ParseSigner([]byte(o.Writer))
	if err != nil {
		return err
	}
	ctx := context.Background()
	l, err := gitlog.Open(ctx, gitlog.Options{Dir: o.Dir, Remote: "origin"})
	if err != nil {
		return err
	}
	if _, err := l.Publish(ctx); err != nil { // what was left by one that was killed
		return err
	}
	k := audittest.Keys{Writer: signer}
	for n := 0; n < o.Entries; n += o.Each {
		var entries []audit.Entry
		for i := range o.Each {
			entries = append(entries, audittest.Verdict(fmt.Sprintf("%s-%d", o.Name, n+i)))
		}
		if _, err := audittest.Append(ctx, l, k, time.Now(), entries...); err != nil {
			return err
		}
		fmt.Println(n + o.Each)
	}
	return nil
}

// start starts a writer. What it says is durable is told to said.
func start(t *testing.T, o order, said func(n int)) (kill func(), wait func() error) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), orderVariable+"="+string(text))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaint strings.Builder
	cmd.Stderr = &complaint
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() { _ = cmd.Process.Kill() }, func() error {
		for scan := bufio.NewScanner(out); scan.Scan(); {
			n, err := strconv.Atoi(scan.Text())
			if err != nil {
				return errors.Join(err, cmd.Wait())
			}
			said(n)
		}
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("%w: %s", err, complaint.String())
		}
		return nil
	}
}

// count says how often each system has a verdict in the log.
func count(t *testing.T, l *gitlog.Log) map[string]int {
	t.Helper()
	found := map[string]int{}
	r := verify(t, l, audit.Options{Each: func(e audit.Recorded) error {
		if e.Type == audit.CheckResult {
			found[e.System]++
		}
		return nil
	}})
	if r.Result != audit.Verified {
		t.Fatalf("the log does not verify: %+v", r.Findings)
	}
	return found
}

// Several processes append through one remote: every entry is there once, and the
// log verifies. The full number (10 processes of 100 entries) is what make bench
// runs; here are fewer.
func TestProcessesAppendAtOnce(t *testing.T) {
	t.Parallel()
	processes, entries := 4, 6
	if text := os.Getenv("BCCTL_TEST_AUDIT_FULL"); text != "" {
		processes, entries = 10, 100
	}
	_, clones := remoteAndClones(t, processes)
	k := audittest.NewKeys(t, audit.BackendEd25519)
	private := audittest.PrivateKey(t, audit.BackendEd25519)
	writer, err := audit.ParseSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	k.Trust.Keys[0] = audittest.PublicKey(t, writer, audit.RoleWriter)
	k.Writer = writer
	l := open(t, clones[0], "origin")
	audittest.Init(t, l, k, time.Now())
	var group sync.WaitGroup
	begun := time.Now()
	for i := range processes {
		_, wait := start(t, order{Dir: clones[i], Writer: string(private), Name: fmt.Sprint("p", i), Entries: entries, Each: 1}, func(int) {})
		group.Go(func() {
			if err := wait(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	t.Logf("%d processes of %d entries: %s", processes, entries, time.Since(begun).Round(time.Millisecond))
	if _, err := l.Seal(t.Context(), k.Log); err != nil {
		t.Fatal(err)
	}
	found := count(t, l)
	if len(found) != processes*entries {
		t.Errorf("%d entries, want %d", len(found), processes*entries)
	}
	for system, n := range found {
		if n != 1 {
			t.Errorf("%s is there %d times", system, n)
		}
	}
}

// Writers are killed at random moments: what they said was durable is there once,
// nothing is there twice, and the log verifies each time.
func TestKilledWhileAppending(t *testing.T) {
	t.Parallel()
	rounds := 12
	if os.Getenv("BCCTL_TEST_AUDIT_FULL") != "" {
		rounds = 200
	}
	_, clones := remoteAndClones(t, 1)
	k := audittest.NewKeys(t, audit.BackendEd25519)
	private := audittest.PrivateKey(t, audit.BackendEd25519)
	writer, err := audit.ParseSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	k.Trust.Keys[0] = audittest.PublicKey(t, writer, audit.RoleWriter)
	k.Writer = writer
	l := open(t, clones[0], "origin")
	audittest.Init(t, l, k, time.Now())
	durable := map[string]bool{}
	for round := range rounds {
		name := fmt.Sprint("r", round)
		kill, wait := start(t, order{Dir: clones[0], Writer: string(private), Name: name, Entries: 40, Each: 2}, func(n int) {
			for i := range n {
				durable[fmt.Sprintf("%s-%d", name, i)] = true
			}
		})
		timer := time.AfterFunc(time.Duration(rand.IntN(900))*time.Millisecond, kill)
		_ = wait() // killed, or done
		timer.Stop()
		removeLocks(t, clones[0])
		found := count(t, l)
		for system := range durable {
			if found[system] != 1 {
				t.Fatalf("round %d: %s was said to be durable and is there %d times", round, system, found[system])
			}
		}
		for system, n := range found {
			if n != 1 {
				t.Fatalf("round %d: %s is there %d times", round, system, n)
			}
		}
	}
	if _, err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ids, err := l.Pending(); err != nil || len(ids) > 0 {
		t.Errorf("pending at the end: %v, %v", ids, err)
	}
	for system, n := range count(t, l) {
		if n != 1 {
			t.Errorf("at the end %s is there %d times", system, n)
		}
	}
}

// removeLocks does what git asks a person to do after it was killed.
func removeLocks(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, ".git"), func(path string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".lock") {
			return os.Remove(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
