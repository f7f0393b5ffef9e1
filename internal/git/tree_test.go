package git

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTreeHoldsTheCommitNotTheWorkTree(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("a.yaml", "committed\r\n")
	r.write("dir/deep/b.yaml", "b")
	r.write("empty.yaml", "")
	r.write("ünïcode name.yaml", "u")
	sha := r.commit()
	r.write("a.yaml", "changed since")
	r.write("new.yaml", "not committed")

	fsys, got, err := Tree(t.Context(), r.dir, "main")
	if err != nil {
		t.Fatal(err)
	}
	if got != sha {
		t.Errorf("commit is %s, want %s", got, sha)
	}
	if err := fstest.TestFS(fsys, "a.yaml", "dir/deep/b.yaml", "empty.yaml", "ünïcode name.yaml"); err != nil {
		t.Error(err)
	}
	if text := read(t, fsys, "a.yaml"); text != "committed\r\n" {
		t.Errorf("a.yaml is %q, want the committed bytes", text)
	}
	if _, err := fs.Stat(fsys, "new.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not committed: %v, want fs.ErrNotExist", err)
	}
}

func TestTreeOfAFolder(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("outside.yaml", "o")
	first := r.commit()
	r.write("config/bcctl.yaml", "b")
	r.write("config/x/y.yaml", "y")
	r.commit()
	folder := filepath.Join(r.dir, "config")

	fsys, _, err := Tree(t.Context(), folder, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(fsys, "bcctl.yaml", "x/y.yaml"); err != nil {
		t.Error(err)
	}
	if _, err := fs.Stat(fsys, "outside.yaml"); err == nil {
		t.Error("the tree of a folder holds a file from outside of it")
	}
	if _, _, err := Tree(t.Context(), folder, first); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a commit without the folder: %v, want fs.ErrNotExist", err)
	}
}

func TestTreeRefusesLinksAndLargeFiles(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	if err := os.Symlink("/etc/passwd", filepath.Join(r.dir, "link.yaml")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	r.write("large.yaml", strings.Repeat("x", MaxFile+1))
	r.write("fits.yaml", strings.Repeat("x", MaxFile))
	r.commit()
	fsys, _, err := Tree(t.Context(), r.dir, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(fsys, "link.yaml"); !errors.Is(err, errLink) {
		t.Errorf("reading a link: %v, want %v", err, errLink)
	}
	info, err := fs.Stat(fsys, "link.yaml")
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("a link has mode %v (%v), want a symbolic link", info.Mode(), err)
	}
	if _, err := fs.ReadFile(fsys, "large.yaml"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("reading a large file: %v, want %v", err, ErrTooLarge)
	}
	if got := len(read(t, fsys, "fits.yaml")); got != MaxFile {
		t.Errorf("a file at the limit has %d bytes, want %d", got, MaxFile)
	}
}

func TestTreeLeavesOutSubmodules(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("a.yaml", "a")
	sha := r.commit()
	r.git("update-index", "--add", "--cacheinfo", "160000,"+sha+",module")
	r.git("commit", "-q", "-m", "module")
	fsys, _, err := Tree(t.Context(), r.dir, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(fsys, "a.yaml"); err != nil {
		t.Error(err)
	}
	if _, err := fs.Stat(fsys, "module"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a submodule: %v, want fs.ErrNotExist", err)
	}
}

func TestParseTreeRefusesStrangeNames(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"100644 blob abc 3\t../up\x00",
		"100644 blob abc 3\t/abs\x00",
		"100644 blob abc\tshort\x00",
		"100644 blob abc many\tname\x00",
	} {
		if entries, err := parseTree([]byte(line)); err == nil {
			t.Errorf("%q was taken as %v", line, entries)
		}
	}
}

// A file of a tree that was read whole is the one that git has, with its mode; what was
// not read is not taken for a file.
func TestCommitted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@localhost"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "--quiet")
	for name, text := range map[string]string{"plain": "a", "folder/tool": "b", "large": strings.Repeat("x", MaxFile+1)} {
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Chmod(filepath.Join(dir, "folder/tool"), 0o755), os.Symlink("plain", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	git("add", "-A")
	git("commit", "--quiet", "-m", "first")
	first := git("rev-parse", "HEAD")
	tree, err := TreeOf(t.Context(), dir, first)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"plain": "100644 a", "folder/tool": "100755 b", "large": "", "link": "", "folder": "", "none": "", ".": ""} {
		mode, data, ok := Committed(tree, name)
		if ok != (want != "") || ok && mode+" "+string(data) != want {
			t.Errorf("%s: %s %q %v", name, mode, data, ok)
		}
	}
	git("mv", "plain", "moved")
	if err := os.Chmod(filepath.Join(dir, "folder/tool"), 0o644); err != nil {
		t.Fatal(err)
	}
	git("commit", "--quiet", "-am", "second")
	if paths, err := Differences(t.Context(), dir, first, git("rev-parse", "HEAD")); err != nil || !slices.Equal(paths, []string{"folder/tool", "moved", "plain"}) {
		t.Errorf("differences: %v, %v", paths, err)
	}
	if _, err := Differences(t.Context(), dir, strings.Repeat("1", 40), first); err == nil {
		t.Error("a commit that is not there is compared")
	}
}
