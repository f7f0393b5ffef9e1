package git

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

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
		{"ignored document gone", func() {
			if err := os.Remove(filepath.Join(folder, "secret.yaml")); err != nil {
				t.Fatal(err)
			}
		}, false},
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
