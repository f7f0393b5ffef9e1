//go:build unix

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/rehearsal"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// TestSI37RedUntilClosed: after roles have changed the resource is red, whatever its
// servers show, until a person has said that a backup was restored and redundancy was seen
// then. A ledger that does not answer forgives nothing.
func TestSI37RedUntilClosed(t *testing.T) {
	t.Parallel()
	s := newPairStage(t)
	s.load(pgpair.Primary, 100)
	bcctl := func(code int, typed string, args []string, texts ...string) rehearsal.Result {
		t.Helper()
		out, err := s.Bcctl(t.Context(), rehearsal.Call{Args: args, Typed: typed})
		s.ok(err)
		s.said(out, code, texts...)
		return out
	}
	check := []string{"check", "ledger"}
	bcctl(exitOK, "", []string{"close"}, "nothing that a run has moved")
	if out := bcctl(exitOK, "", check); strings.Contains(out.Stdout, string(readiness.ProtectionNotRestored)) {
		t.Fatalf("before anything has run:\n%s", out.Stdout)
	}
	r := s.approved(runbook.Switchover, "ams")
	ran := s.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "PROTECTION_NOT_RESTORED until")
	id := r.ID
	if !strings.Contains(ran.Stdout, "bcctl close "+id) {
		t.Errorf("it does not say how to end it:\n%s", ran.Stdout)
	}
	bcctl(exitRed, "", check, "PROTECTION_NOT_RESTORED", id)
	bcctl(exitRed, "", []string{"status", "ledger"}, "PROTECTION_NOT_RESTORED")
	bcctl(exitOK, "", []string{"close"}, "ledger  PROTECTION_NOT_RESTORED since ", id)

	// A ledger that does not answer forgives nothing: not where history knows, and not where
	// nothing does, which is no green either.
	git := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", s.Clone}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	remote, fetched, anew := s.GitHub.GitDir(), filepath.Join(s.Clone, ".git", "FETCH_HEAD"), append(check, "--store", "none", "--fail-on", "yellow")
	git("fetch", "-q", "origin")
	s.ok(os.Rename(remote, remote+".away"))
	bcctl(exitRed, "", anew, "PROTECTION_NOT_RESTORED", "as git fetched it last") // which a job in CI does right before
	if exec.CommandContext(t.Context(), "git", "-C", s.Clone, "fetch", "-q", "origin").Run() == nil {
		t.Fatal("a remote that is away was fetched")
	}
	bcctl(exitRed, "", anew, "PROTECTION_NOT_RESTORED", "the ledger does not tell what runs have left") // a fetch that failed is none
	s.ok(os.Rename(remote+".away", remote))
	git("fetch", "-q", "origin")
	s.ok(os.Rename(remote, remote+".away"))
	old := time.Now().Add(-time.Hour)
	s.ok(os.Chtimes(fetched, old, old))
	bcctl(exitRed, "", anew, "PROTECTION_NOT_RESTORED", "the ledger does not tell what runs have left")
	git("update-ref", "-d", "refs/remotes/origin/bcctl-ledger")
	bcctl(exitRed, "", check, "PROTECTION_NOT_RESTORED", "the ledger does not tell what runs have left")
	bcctl(exitYellow, "", anew, "the ledger does not tell what runs have left")
	s.ok(os.Rename(remote+".away", remote))

	done, says := []string{"close", id}, "the nightly one, restored on stage-3 with 100 entries\n"
	bcctl(exitFailed, "", done, "CONF-08")
	bcctl(exitFailed, says, []string{"close", "2026-001-other"}, "nothing that \"2026-001-other\" has left")
	s.ok(s.Pair.KillNode(t.Context(), pgpair.Primary)) // which is the standby now
	bcctl(exitRefused, says, done, "PROTECTION_NOT_RESTORED: redundancy is not there")
	s.ok(s.Pair.StartNode(t.Context(), pgpair.Primary))
	s.eventually("the standby is back", func() bool {
		return query[bool](s, pgpair.Standby, `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming')`)
	})
	bcctl(exitNotApproved, " \n", done, "nothing was closed: nothing was said about a backup")
	bcctl(exitRed, "", check, "PROTECTION_NOT_RESTORED")
	bcctl(exitOK, says, done, "closed: "+id+", by ")
	bcctl(exitFailed, says, done, "or it is closed")
	for range 2 {
		if out := bcctl(exitOK, "", check); strings.Contains(out.Stdout, string(readiness.ProtectionNotRestored)) {
			t.Errorf("after it was closed:\n%s", out.Stdout)
		}
	}
	bcctl(exitOK, "", []string{"audit", "export", "--format", "json"}, "protection.restored", "stage-3 with 100 entries", "BEGIN SSH SIGNATURE", "ledger/restored/"+id+"/000001.json")
	s.verified()
}
