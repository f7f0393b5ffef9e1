package config_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bcctl/bcctl/internal/git"
)

// A repository in a folder of a commit loads like the folder itself, whatever the
// work tree has become since.
func TestLoadFromACommit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "config")
	if err := os.CopyFS(config, os.DirFS("testdata/complete")); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "--all"},
		{"-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgSign=false", "commit", "-q", "-m", "all"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	if err := os.WriteFile(filepath.Join(config, "roster.yaml"), []byte("broken: ["), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, _, err := git.Tree(t.Context(), config, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	repo, problems := load(t, tree)
	if len(problems) > 0 {
		t.Errorf("problems:\n%s", problems.Error())
	}
	if ledger, ok := repo.Resource("pg/ledger"); !ok || len(repo.CA(ledger)) == 0 {
		t.Error("pg/ledger or its CA is missing")
	}
	if _, problems := load(t, os.DirFS(config)); len(problems) == 0 {
		t.Error("the work tree, which is broken, has no problems")
	}
}
