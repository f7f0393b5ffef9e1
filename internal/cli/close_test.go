//go:build unix

package cli

import (
	"os"
	"strings"
	"testing"

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
	out := s.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "PROTECTION_NOT_RESTORED until")
	id := r.ID
	if !strings.Contains(out.Stdout, "bcctl close "+id) {
		t.Errorf("it does not say how to end it:\n%s", out.Stdout)
	}
	bcctl(exitRed, "", check, "PROTECTION_NOT_RESTORED", id)
	bcctl(exitRed, "", []string{"status", "ledger"}, "PROTECTION_NOT_RESTORED")
	bcctl(exitOK, "", []string{"close"}, "ledger  PROTECTION_NOT_RESTORED since ", id)

	remote := s.GitHub.GitDir()
	s.ok(os.Rename(remote, remote+".away"))
	bcctl(exitRed, "", check, "PROTECTION_NOT_RESTORED", "the ledger does not tell what runs have left")
	s.ok(os.Rename(remote+".away", remote))

	done, line := []string{"close", id, "--backup", "nightly restored on stage-3"}, "/bcctl close "+id+"\n"
	bcctl(exitFailed, line, []string{"close", id}, "--backup is needed")
	bcctl(exitFailed, "", done, "CONF-08")
	bcctl(exitFailed, line, []string{"close", "2026-001-other", "--backup", "x"}, "has left nothing without protection")
	s.ok(s.Pair.KillNode(t.Context(), pgpair.Primary)) // which is the standby now
	bcctl(exitRefused, line, done, "PROTECTION_NOT_RESTORED: redundancy is not there")
	s.ok(s.Pair.StartNode(t.Context(), pgpair.Primary))
	s.eventually("the standby is back", func() bool {
		return query[bool](s, pgpair.Standby, `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming')`)
	})
	bcctl(exitNotApproved, "yes\n", done, "nothing was closed: that is not the line")
	bcctl(exitRed, "", check, "PROTECTION_NOT_RESTORED")
	bcctl(exitOK, line, done, "closed: "+id+", by ")
	bcctl(exitFailed, line, done, "somebody has closed it")
	if out := bcctl(exitOK, "", check); strings.Contains(out.Stdout, string(readiness.ProtectionNotRestored)) {
		t.Errorf("after it was closed:\n%s", out.Stdout)
	}
	bcctl(exitOK, "", []string{"audit", "export", "--format", "json"}, "protection.restored", "close/", "ledger/restored/"+id+".json")
	s.verified()
}
