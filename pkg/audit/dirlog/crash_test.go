package dirlog_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/audittest"
	"github.com/bcctl/bcctl/pkg/audit/dirlog"
)

// order is what a writer process is to do: to append segments that are signed
// already, one after the other, and to seal after each.
type order struct {
	Dir      string
	Log      string // private key of the log
	Segments []audit.Signed
}

const orderVariable = "BCCTL_TEST_DIRLOG_WRITER"

func TestMain(m *testing.M) {
	if name := os.Getenv(orderVariable); name != "" {
		runtime.LockOSThread() // strace counts the calls of each thread
		if err := write(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// write says of each segment when it is durable.
func write(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return err
	}
	key, err := audit.ParseLogKey(o.Log)
	if err != nil {
		return err
	}
	l := dirlog.Open(o.Dir, nil)
	for _, s := range o.Segments {
		if err := l.Append(context.Background(), s); err != nil {
			return err
		}
		fmt.Println(s.ID)
		if _, err := l.Seal(context.Background(), key); err != nil {
			return err
		}
	}
	return nil
}

// start makes a log with one segment, and the order to add n more.
func start(t *testing.T, n int) (orderFile string, o order) {
	t.Helper()
	dir := t.TempDir()
	k := audittest.NewKeys(t, audit.BackendEd25519)
	o = order{Dir: filepath.Join(dir, "log"), Log: k.LogPrivate}
	l := dirlog.Open(o.Dir, nil)
	// Of another year, so that all folders of a day are made anew.
	k.Trust.Limits.MaxUnsealed = int64((1000 * 24 * time.Hour).Seconds())
	audittest.Init(t, l, k, time.Now().AddDate(-1, 0, 0))
	sealing, err := l.Seal(t.Context(), k.Log)
	if err != nil {
		t.Fatal(err)
	}
	view := audit.View{Seen: sealing.Head}
	for range n {
		s, err := audit.NewRun(audittest.Origin, time.Now(), "bcctl test").Open(time.Now(), view, k.Writer.ID(), audittest.Verdict("payments"))
		if err != nil {
			t.Fatal(err)
		}
		o.Segments = append(o.Segments, audittest.Sign(t, s, k.Writer))
	}
	orderFile = filepath.Join(dir, "order.json")
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(orderFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return orderFile, o
}

// segments verifies a log and returns which segments it has.
func segments(t *testing.T, dir string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	r, err := audit.Verify(t.Context(), dirlog.Open(dir, nil), audit.Options{Now: time.Now(), MaxAge: -1, Each: func(e audit.Recorded) error {
		found[e.Segment] = true
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Result != audit.Verified {
		t.Fatalf("the log does not verify: %+v", r.Findings)
	}
	return found
}

// check holds a log against what a writer said: the log verifies, each segment is
// there whole or not at all, and what was said to be durable is there.
func check(t *testing.T, o order, said []byte, when string) {
	t.Helper()
	found := segments(t, o.Dir)
	for scan := bufio.NewScanner(bytes.NewReader(said)); scan.Scan(); {
		if !found[scan.Text()] {
			t.Fatalf("%s: %s was said to be durable and is not there", when, scan.Text())
		}
	}
}

// finish lets another writer do the rest.
func finish(t *testing.T, orderFile string, o order) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), orderVariable+"="+orderFile)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the next writer fails: %v: %s", err, out)
	}
	found := segments(t, o.Dir)
	for _, s := range o.Segments {
		if !found[s.ID.String()] {
			t.Fatalf("%s is not there in the end", s.ID)
		}
	}
	if left, err := os.ReadDir(filepath.Join(o.Dir, ".bcctl")); err != nil || len(left) != 1 {
		t.Fatalf("left behind: %v, %v", left, err) // the lock stays
	}
}

// A writer is killed before each system call that changes a file, once for each
// call. BCCTL_TEST_AUDIT_FULL kills it before the calls too that only read.
func TestKilledBeforeEachCall(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		if strings.Contains(os.Getenv("BCCTL_TEST_REQUIRE"), "tools") {
			t.Fatal("strace is not installed, and BCCTL_TEST_REQUIRE says that it must be")
		}
		t.Skip("strace is not installed")
	}
	if out, err := exec.Command(strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=mkdirat", os.Args[0], "-test.run", "^$").CombinedOutput(); err != nil {
		t.Skipf("strace cannot trace here: %v: %s", err, out)
	}
	calls := []string{"mkdirat", "write", "fsync", "linkat", "unlinkat", "renameat"}
	if os.Getenv("BCCTL_TEST_AUDIT_FULL") != "" {
		calls = append(calls, "openat", "close", "flock", "newfstatat", "getdents64", "read")
	}
	for _, call := range calls {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			kills := 0
			for n := 1; ; n++ {
				orderFile, o := start(t, 1)
				cmd := exec.Command(strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n), os.Args[0])
				cmd.Env = append(os.Environ(), orderVariable+"="+orderFile)
				var complaint bytes.Buffer
				cmd.Stderr = &complaint
				said, err := cmd.Output()
				check(t, o, said, fmt.Sprintf("killed before %s number %d", call, n))
				finish(t, orderFile, o)
				if err == nil {
					break
				}
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() == 1 {
					t.Fatalf("%s number %d: %v: %s", call, n, err, complaint.String())
				}
				kills++
			}
			t.Logf("%d kills", kills)
			if kills == 0 {
				t.Errorf("an append and a seal make no %s", call)
			}
		})
	}
}

// A writer is killed at random moments, over and over on the same log.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	rounds := 8
	if os.Getenv("BCCTL_TEST_AUDIT_FULL") != "" {
		rounds = 300
	}
	orderFile, o := start(t, 40)
	for round := range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), orderVariable+"="+orderFile)
		var said bytes.Buffer
		cmd.Stdout = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(rand.IntN(200))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // killed, or done
		timer.Stop()
		check(t, o, said.Bytes(), fmt.Sprintf("round %d", round))
	}
	finish(t, orderFile, o)
}
