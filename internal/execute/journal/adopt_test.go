package journal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/bcctl/bcctl/internal/execute/journal"
)

// A copy is taken when it says more, or something else; what only this machine knew
// stays beside it. That it was brought is known until something is added.
func TestRUN05ACopyIsTaken(t *testing.T) {
	t.Parallel()
	three := filled(t, t.TempDir(), 3)
	two := three[:bytes.LastIndexByte(three[:len(three)-1], '\n')+1]
	dir := t.TempDir()
	j := open(t, dir, nil)
	if taken, err := j.Adopt(two); !taken || err != nil || !j.Brought {
		t.Fatalf("an empty journal: taken %v, brought %v, %v", taken, j.Brought, err)
	}
	if taken, err := j.Adopt(two); taken || err != nil {
		t.Errorf("the same again: taken %v, %v", taken, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir, nil) // a process that ended before it added anything
	if !j.Brought {
		t.Error("that it was brought is forgotten")
	}
	if err := j.Append(t.Context(), next(t, j)); err != nil || j.Brought {
		t.Errorf("after an event of this machine: brought %v, %v", j.Brought, err)
	}
	if taken, err := j.Adopt(two); taken || err != nil {
		t.Errorf("a copy that says less: taken %v, %v", taken, err)
	}
	other := filled(t, t.TempDir(), 5)
	other = bytes.Clone(other)
	e := open(t, t.TempDir(), nil)
	first := next(t, e)
	first.Message = "another story"
	if err := e.Append(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	line, err := first.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if taken, err := j.Adopt(append(line, '\n')); !taken || err != nil {
		t.Fatalf("another story: taken %v, %v", taken, err)
	}
	if kept, err := os.ReadFile(journal.Path(dir, "r1") + ".overtaken-3"); err != nil || !bytes.Equal(kept, three) {
		t.Errorf("what this machine had is gone: %v", err)
	}
	if _, err := j.Adopt(other[:len(other)-2]); err == nil {
		t.Error("half a line was taken")
	}
	if _, err := os.Stat(filepath.Join(dir, "r1.jsonl")); err != nil {
		t.Error(err)
	}
}
