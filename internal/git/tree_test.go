package git

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
