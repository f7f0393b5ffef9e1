package git

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// history is a repository in which people commit and merge.
type history struct {
	t   *testing.T
	dir string
}

func (h history) git(as string, args ...string) string {
	h.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", h.dir, "-c", "user.name=" + as, "-c", "user.email=" + as + "@example.com"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (h history) write(as, file, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, file), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.git(as, "add", file)
	h.git(as, "commit", "--quiet", "-m", "write "+file+"\n\nCo-authored-by: x")
}

func (h history) authors(path string, max int) (authors []string, complete bool) {
	h.t.Helper()
	list, complete, err := Authorship(h.t.Context(), h.dir, "main", path, max)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, w := range list {
		if len(w.Commit) != 40 || w.Committer != w.Author || !strings.Contains(w.Message, "\n\nCo-authored-by: x") && len(w.Parents) == 1 {
			h.t.Errorf("%+v", w)
		}
		name, _, _ := strings.Cut(w.Author, "@")
		authors = append(authors, name)
	}
	slices.Sort(authors)
	return authors, complete
}

// Who wrote on the branch that brought a file wrote it, all of them; who merged it did
// not, unless the merge itself changed it.
func TestID04Authorship(t *testing.T) {
	t.Parallel()
	h := history{t, t.TempDir()}
	h.git("root", "init", "--quiet", "--initial-branch=main")
	h.write("root", "config", "1")
	h.git("ann", "checkout", "--quiet", "-b", "ask")
	h.write("ann", "request", "1")
	h.write("finn", "request", "2")
	h.write("gus", "other", "of the same branch")
	h.git("ben", "checkout", "--quiet", "main")
	h.write("eve", "config", "2")
	h.git("ben", "merge", "--quiet", "--no-ff", "-m", "Merge", "ask")
	h.write("eve", "config", "3")
	check := func(path string, want ...string) {
		t.Helper()
		if got, complete := h.authors(path, 250); !complete || !slices.Equal(got, want) {
			t.Errorf("%s: %v, complete %v, want %v", path, got, complete, want)
		}
	}
	check("request", "ann", "finn", "gus")
	check("config", "eve", "eve", "root")
	check("nothing")
	if got, complete := h.authors("request", 2); complete || len(got) != 2 {
		t.Errorf("cut off: %v, complete %v", got, complete)
	}

	h.git("ann", "checkout", "--quiet", "-b", "more", "main~1")
	h.write("ann", "second", "1")
	h.git("mallory", "checkout", "--quiet", "main")
	h.git("mallory", "merge", "--quiet", "--no-ff", "--no-commit", "more")
	h.write("mallory", "second", "smuggled")
	check("second", "ann", "mallory")

	h.write("dora", "request", "changed on main") // a squash, a rebase, a push
	check("request", "ann", "dora", "finn", "gus")

	shallow := t.TempDir()
	if out, err := exec.Command("git", "clone", "--quiet", "--depth", "1", "file://"+h.dir, shallow).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, _, err := Authorship(t.Context(), shallow, "HEAD", "request", 250); !errors.Is(err, ErrShallow) {
		t.Errorf("a shallow clone: %v", err)
	}
}
