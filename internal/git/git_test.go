package git

import (
	"context"
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

// repository makes a repository in a temporary folder.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) repository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	r := repository{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	r.git("config", "user.name", "Test")
	r.git("config", "user.email", "test@example.com")
	r.git("config", "commit.gpgSign", "false")
	return r
}

func (r repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(environment(), "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r repository) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r repository) commit() string {
	r.t.Helper()
	r.git("add", "--all")
	r.git("commit", "-q", "--allow-empty", "-m", "change")
	return r.git("rev-parse", "HEAD")
}

func read(t *testing.T, fsys fs.FS, name string) string {
	t.Helper()
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

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

func TestHead(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	if _, _, err := Head(t.Context(), r.dir); !errors.Is(err, ErrNoCommit) {
		t.Errorf("without a commit: %v, want %v", err, ErrNoCommit)
	}
	r.write(".gitignore", "*.log\nsecret.yaml\n")
	r.write("config/a.yaml", "a")
	r.write("other/b.yaml", "b")
	sha := r.commit()
	folder := filepath.Join(r.dir, "config")
	for _, step := range []struct {
		name  string
		do    func()
		dirty bool
	}{
		{"nothing changed", func() {}, false},
		{"change outside of the folder", func() { r.write("other/b.yaml", "changed") }, false},
		{"ignored file that is no document", func() { r.write("config/run.log", "x") }, false},
		{"ignored document", func() { r.write("config/secret.yaml", "x") }, true},
		{"ignored document gone", func() { os.Remove(filepath.Join(folder, "secret.yaml")) }, false},
		{"change", func() { r.write("config/a.yaml", "changed") }, true},
		{"change undone", func() { r.write("config/a.yaml", "a") }, false},
		{"new file", func() { r.write("config/new.yaml", "n") }, true},
		{"new file staged", func() { r.git("add", "--all") }, true},
	} {
		step.do()
		got, dirty, err := Head(t.Context(), folder)
		if err != nil || got != sha || dirty != step.dirty {
			t.Errorf("%s: Head is %s, %v, %v; want %s, %v", step.name, got, dirty, err, sha, step.dirty)
		}
	}
}

func TestChangedSince(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	for _, name := range []string{"config/same.yaml", "config/changed.yaml", "config/gone.yaml", "outside.yaml"} {
		r.write(name, "1")
	}
	base := r.commit()
	r.git("checkout", "-q", "-b", "topic")
	r.write("config/changed.yaml", "2")
	r.write("outside.yaml", "2")
	r.git("rm", "-q", "config/gone.yaml")
	r.write("config/sub/added.yaml", "new")
	r.commit()
	r.write("config/untracked.yaml", "new")
	// What others do on main after the branch left it is not a change of the branch.
	r.git("checkout", "-q", "main")
	r.write("config/theirs.yaml", "1")
	r.git("add", "config/theirs.yaml")
	r.git("commit", "-q", "-m", "theirs")
	r.git("checkout", "-q", "topic")

	want := []string{"changed.yaml", "gone.yaml", "sub/added.yaml", "untracked.yaml"}
	for _, revision := range []string{base, "main"} {
		got, err := ChangedSince(t.Context(), filepath.Join(r.dir, "config"), revision)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("changed since %s: %v, %v; want %v", revision, got, err, want)
		}
	}
}

func TestChangedSinceWithoutCommonHistory(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("a.yaml", "1")
	r.commit()
	r.git("checkout", "-q", "--orphan", "other")
	r.write("b.yaml", "1")
	r.commit()
	got, err := ChangedSince(t.Context(), r.dir, "main")
	if want := []string{"b.yaml"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("changed files: %v, %v; want %v", got, err, want)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("a.yaml", "a")
	r.commit()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tree := func(ctx context.Context, dir, revision string) error {
		_, _, err := Tree(ctx, dir, revision)
		return err
	}
	for name, c := range map[string]struct{ got, want error }{
		"not a repository":   {tree(t.Context(), t.TempDir(), "HEAD"), ErrNotRepository},
		"unknown revision":   {tree(t.Context(), r.dir, "nowhere"), ErrUnknownRevision},
		"empty revision":     {tree(t.Context(), r.dir, ""), ErrUnknownRevision},
		"option as revision": {tree(t.Context(), r.dir, "--help"), ErrUnknownRevision},
		"tree as revision":   {tree(t.Context(), r.dir, "HEAD:a.yaml"), ErrUnknownRevision},
		"canceled":           {tree(canceled, r.dir, "HEAD"), context.Canceled},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

func TestCallerCannotRedirectGit(t *testing.T) {
	// Sets the environment, so it is not parallel.
	r, other := newRepository(t), newRepository(t)
	r.write("a.yaml", "mine")
	sha := r.commit()
	other.write("a.yaml", "other")
	other.commit()
	t.Setenv("GIT_DIR", filepath.Join(other.dir, ".git"))
	t.Setenv("GIT_WORK_TREE", other.dir)
	fsys, got, err := Tree(t.Context(), r.dir, "HEAD")
	if err != nil || got != sha {
		t.Fatalf("Tree with GIT_DIR set: %s, %v; want %s", got, err, sha)
	}
	if text := read(t, fsys, "a.yaml"); text != "mine" {
		t.Errorf("a.yaml is %q, read from the repository in GIT_DIR", text)
	}
}

func TestReadingRunsNoProgramOfTheRepository(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("a.yaml", "a")
	r.commit()
	ran := filepath.Join(t.TempDir(), "ran")
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\ntouch "+ran+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	hooks := filepath.Join(r.dir, ".git", "hooks")
	if err := os.MkdirAll(hooks, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(hooks, "post-index-change")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	r.git("config", "core.fsmonitor", program)
	r.git("config", "diff.external", program)

	// The trap works: plain git runs the program.
	plain := exec.Command("git", "status")
	plain.Dir = r.dir
	if err := plain.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(ran); err != nil {
		t.Skip("this git runs no file system monitor:", err)
	}
	os.Remove(ran)

	r.write("a.yaml", "changed")
	if _, _, err := Head(t.Context(), r.dir); err != nil {
		t.Error(err)
	}
	if _, err := ChangedSince(t.Context(), r.dir, "HEAD"); err != nil {
		t.Error(err)
	}
	if _, _, err := Tree(t.Context(), r.dir, "HEAD"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("reading the repository ran a program that its configuration names")
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
