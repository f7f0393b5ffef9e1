package git

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A commit is made in repositories of both kinds of ids, and leaves no ref behind.
func TestAddFiles(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"sha1", "sha256"} {
		dir := t.TempDir()
		if out, err := exec.Command("git", "init", "--quiet", "--object-format="+format, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		parent := ""
		for _, name := range []string{"a", "audit/b c"} {
			commit, err := AddFiles(t.Context(), dir, parent, map[string][]byte{name: []byte("x\r\n")}, Author{"n", "e@localhost"}, time.Unix(1e9, 0), "m")
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			blobs, err := Blobs(t.Context(), dir, commit, 10, name)
			if err != nil || len(blobs) != 1 || blobs[0].Path != name || blobs[0].Size != 3 || !blobs[0].Plain() {
				t.Errorf("%s: %+v, %v", format, blobs, err)
			}
			parent = commit
		}
		if steps, err := Log(t.Context(), dir, parent); err != nil || len(steps) != 2 {
			t.Errorf("%s: %+v, %v", format, steps, err)
		}
		if out, err := exec.Command("git", "-C", dir, "for-each-ref").Output(); err != nil || len(out) > 0 {
			t.Errorf("%s: left behind: %s, %v", format, out, err)
		}
	}
	if _, err := AddFiles(t.Context(), t.TempDir(), strings.Repeat("0", 40), map[string][]byte{"a\nM 100644 inline b": nil}, Author{}, time.Now(), ""); err == nil {
		t.Error("a path of two lines is taken")
	}
}
