package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repository makes a repository in a temporary folder.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) repository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal("git is not installed, and bcctl needs it")
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
	if err := os.Remove(ran); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}

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
