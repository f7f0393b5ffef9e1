package git

import (
	"os"
	"path/filepath"
	"testing"
)

// A repository whose making was stopped in the middle is made whole.
func TestMirrorStoppedInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"HEAD", "refs", "objects"} {
		m := Mirror{Dir: filepath.Join(t.TempDir(), "mirror.git")}
		if err := m.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(m.Dir, part)); err != nil {
			t.Fatal(err)
		}
		if err := m.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := run(t.Context(), m.Dir, nil, "rev-parse", "--git-dir"); err != nil {
			t.Errorf("without %s: %v", part, err)
		}
	}
}
