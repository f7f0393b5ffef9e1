//go:build unix

// Package patronisettest starts Patroni clusters for tests.
package patronisettest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/patroniset"
)

// onEnd outlives the test binary: when that ends, even by a panic or a timeout that
// runs no cleanup, it ends what a set has started and removes the directory.
const onEnd = `
cat >/dev/null
for f in "$1"/set/pid/* "$1"/set/*/data/postmaster.pid; do
	[ -f "$f" ] && kill -KILL "$(head -n 1 "$f")"
done 2>/dev/null
sleep 0.2
rm -rf "$1"
`

// Start makes a set and destroys it when the test ends. Options.Dir is not used. The
// test is skipped where Patroni is not installed, and fails there when
// BCCTL_TEST_REQUIRE contains "patroni".
func Start(t testing.TB, o patroniset.Options) *patroniset.Set {
	t.Helper()
	switch _, err := patroniset.Find(); {
	case err == nil:
	case !errors.Is(err, patroniset.ErrNotInstalled) || strings.Contains(os.Getenv("BCCTL_TEST_REQUIRE"), "patroni"):
		t.Fatalf("this test needs Patroni: %v", err)
	default:
		t.Skipf("this test needs Patroni: %v", err)
	}
	base, err := os.MkdirTemp("/tmp", "bcctl-patroni-")
	if err != nil {
		t.Fatalf("make a directory for the set: %v", err)
	}
	if err := os.Chmod(base, 0o711); err != nil { // the servers' user must get through
		t.Fatalf("open the set's directory: %v", err)
	}
	guard := exec.Command("/bin/sh", "-c", onEnd, "guard", base)
	guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	alive, err := guard.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := guard.Start(); err != nil {
		t.Fatalf("guard the set: %v", err)
	}
	t.Cleanup(func() {
		if err := errors.Join(io.Closer(alive).Close(), guard.Wait()); err != nil {
			t.Errorf("clean up the set: %v", err)
		}
	})
	o.Dir = filepath.Join(base, "set")
	set, err := patroniset.Up(t.Context(), o)
	if err != nil {
		t.Fatalf("start a Patroni cluster: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, n := range set.Nodes() {
				t.Logf("log of %s:\n%s", n.Name, tail(set.Log(n.Name)))
			}
		}
		if err := set.Destroy(); err != nil {
			t.Errorf("destroy the set: %v", err)
		}
	})
	return set
}

// tail is the end of a log.
func tail(text string) string { return text[max(0, len(text)-4000):] }
