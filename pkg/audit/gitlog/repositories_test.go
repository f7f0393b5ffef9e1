package gitlog_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/audittest"
	"github.com/bcctl/bcctl/pkg/audit/dirlog"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
)

// The tree is over the bytes of files: the hashes of Git's objects, the shape of its
// history and the line endings of a checkout do not matter.
func TestRepositoriesOfEveryKind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		format string
		do     func(t *testing.T, bare string)
	}{
		{"SHA-256 objects", "sha256", nil},
		{"squashed", "sha1", func(t *testing.T, bare string) {
			squashed := run(t, bare, "commit-tree", "-m", "squashed", gitlog.DefaultRef+"^{tree}")
			run(t, bare, "update-ref", gitlog.DefaultRef, squashed)
		}},
		{"rebased", "sha1", func(t *testing.T, bare string) {
			work := filepath.Join(t.TempDir(), "work")
			run(t, bare, "clone", "--quiet", "--branch", "bcctl-audit", bare, work)
			run(t, work, "rebase", "--quiet", "--root", "--force-rebase", "--reset-author-date")
			run(t, work, "push", "--quiet", "--force", "origin", "bcctl-audit")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bare := filepath.Join(t.TempDir(), "log.git")
			run(t, t.TempDir(), "init", "--quiet", "--bare", "--object-format="+tt.format, bare)
			l := open(t, bare, "")
			k := audittest.NewKeys(t, audit.BackendSSH)
			audittest.Init(t, l, k, time.Now())
			append1(t, l, k, audittest.Verdict("payments"))
			sealing, err := l.Seal(t.Context(), k.Log)
			if err != nil {
				t.Fatal(err)
			}
			append1(t, l, k, audittest.Verdict("shop"))
			append1(t, l, k, audittest.Verdict("payments"))
			before := run(t, bare, "rev-parse", gitlog.DefaultRef)
			if tt.do != nil {
				tt.do(t, bare)
				if run(t, bare, "rev-parse", gitlog.DefaultRef) == before {
					t.Fatal("the branch is as it was")
				}
			}
			if _, err := l.Seal(t.Context(), k.Log); err != nil {
				t.Fatal(err)
			}
			r := verify(t, l, audit.Options{Pin: sealing.Note})
			if r.Result != audit.Verified || r.Entries != 7 || r.Unsealed != 0 || r.Tier != 1 {
				t.Fatalf("%s, %+v", r.Result, r)
			}
			// Checked out where line endings are converted, its files are the same bytes.
			work := filepath.Join(t.TempDir(), "crlf")
			run(t, bare, "clone", "--quiet", "--config", "core.autocrlf=true", "--branch", "bcctl-audit", bare, work)
			if err := os.RemoveAll(filepath.Join(work, ".git")); err != nil {
				t.Fatal(err)
			}
			folder, err := audit.Verify(t.Context(), dirlog.Open(work, nil), audit.Options{Now: time.Now(), Pin: sealing.Note})
			if err != nil || folder.Result != audit.Verified || folder.Head != r.Head {
				t.Errorf("checked out: %v, %s, %+v", err, folder.Result, folder.Findings)
			}
		})
	}
}
