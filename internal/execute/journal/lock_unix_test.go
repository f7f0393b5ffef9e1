//go:build unix

package journal

import (
	"syscall"
	"testing"
)

// TestCloseWhileAChildIsBeingStarted: between fork and exec a child has what its parent
// has open. A second descriptor of the lock stands for it.
func TestCloseWhileAChildIsBeingStarted(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(dir, "r1", nil)
	if err != nil {
		t.Fatal(err)
	}
	child, err := syscall.Dup(int(j.lock.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(child) }) // it held nothing that is looked at
	if running, _, err := Running(dir, "r1"); !running || err != nil {
		t.Fatalf("while it is open: running %v, %v", running, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if running, _, err := Running(dir, "r1"); running || err != nil {
		t.Fatalf("after it was closed: running %v, %v", running, err)
	}
	if j, err = Open(dir, "r1", nil); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}
