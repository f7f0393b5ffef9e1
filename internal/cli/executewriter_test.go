//go:build unix

package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/rehearsal"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// emergency is a failover that is asked for, approved and started.
func (s *pairStage) emergency(more ...string) (rehearsal.Request, rehearsal.Result) {
	s.t.Helper()
	r := s.approved(runbook.Failover, "ams", append(withoutPrimary(), more...)...)
	out, err := s.Bcctl(s.t.Context(), s.Execute(r, approval.VerbExecute, 1))
	s.ok(err)
	return r, out
}

// refused expects that a precheck of an emergency refuses, with its code, before
// anything is changed: no step was begun, no hook was asked to do anything.
func (s *pairStage) refused(name, check string, code string, says string, more ...string) {
	s.t.Helper()
	began := time.Now()
	r, out := s.emergency(more...)
	s.t.Logf("%s: %s", name, time.Since(began).Round(100*time.Millisecond))
	s.said(out, exitRefused, "nothing was changed", check, says)
	events, err := s.Events(r)
	s.ok(err)
	found := false
	for _, e := range events {
		if e.Kind == runbook.StepIntent {
			s.t.Errorf("%s: step %s was begun", name, e.Step)
		}
		found = found || e.Kind == runbook.PrecheckResult && e.Step == check && string(e.Code) == code
	}
	if !found {
		s.t.Errorf("%s: precheck %s does not say %s\n%s%s", name, check, code, out.Stdout, out.Stderr)
	}
	if w := s.writes(); slices.Contains(w, pgpair.Standby) {
		s.t.Fatalf("%s: %v accept writes", name, w)
	}
}

// through lets the standby receive over a way, so that the address of the primary is one
// for bcctl and for its standby.
func (s *pairStage) through(w *way) {
	s.t.Helper()
	conninfo := query[string](s, pgpair.Standby, `SHOW primary_conninfo`)
	changed := strings.Replace(conninfo, fmt.Sprintf("port=%d", w.up), fmt.Sprintf("port=%d", w.port), 1)
	s.ok(s.Pair.Exec(s.t.Context(), pgpair.Standby, `ALTER SYSTEM SET primary_conninfo = '`+changed+`'`, `SELECT pg_reload_conf()`))
	s.eventually("the standby receives over the way", func() bool {
		return query[bool](s, pgpair.Standby, fmt.Sprintf(`SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming' AND sender_port = %d)`, w.port))
	})
}

// noFence is a hook that can do everything but fence.
const noFence = `case "$1" in check|fence) echo "the power of that host cannot be switched from here" >&2; exit 4;; esac`

// TestSI22SI23ExecuteNeverTwoWriters: an emergency failover through the command line,
// while the old primary writes, lives where bcctl does not see it, hangs, or is silent
// without a fence. The same request is carried out where the fence gives evidence.
func TestSI22SI23ExecuteNeverTwoWriters(t *testing.T) {
	t.Parallel()
	s, ways := newRoutedStage(t)
	calls, old := s.spied(), ways[pgpair.Primary]
	s.Env["BCCTL_CHECK_TARGET_TIMEOUT"] = "4s" // of which each silent server takes half
	s.load(pgpair.Primary, 10)

	s.refused("it writes, whatever is accepted", "p03-gone", "PRIMARY_ALIVE", "PRIMARY_ALIVE", "--accept-unproven-writer")

	old.cut()
	s.refused("bcctl does not reach it, and its standby hears from an address of its own", "p03-gone", "WRITER_UNPROVEN", "may be the primary under another address", "--accept-unproven-writer")
	old.mend()
	s.through(old)
	old.refuse()
	s.refused("bcctl does not reach it, and its standby does", "p03-gone", "PRIMARY_PATH_LOST", "it is alive", "--accept-unproven-writer")
	old.mend()

	s.ok(s.Pair.Break(t.Context(), "hang-primary"))
	before := old.attempts()
	s.refused("it hangs", "p03-gone", "WRITER_UNPROVEN", "may go on at any moment", "--accept-unproven-writer")
	// Two plans look with one sweep and two actors each; the prechecks of the start look
	// once, or twice where the machine is slow.
	if n := old.attempts() - before; n > 8 {
		t.Errorf("a server that hangs was connected to %d times, for the request and the start", n)
	}
	s.ok(s.Pair.Repair(t.Context(), "hang-primary"))

	// The whole host behind a firewall that drops everything: it may write, and does.
	old.swallow()
	s.eventually("the standby hears nothing", func() bool {
		return query[bool](s, pgpair.Standby, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`)
	})
	s.load(pgpair.Primary, 3)
	back := s.hooked(noFence)
	s.refused("nobody knows, and nobody can fence", "p17-hook", "HOOK_REFUSED", "the power of that host cannot be switched", "--accept-unproven-writer")
	back()
	for _, verb := range []string{"fence", "stop", "start"} {
		if n := calls(verb); n != 0 {
			t.Errorf("the hook was asked to %s %d times", verb, n)
		}
	}
	r, out := s.emergency()
	s.said(out, exitOK, "SUCCEEDED", "ledger writes at ams")
	if w := s.writes(); !slices.Equal(w, []string{pgpair.Standby}) {
		t.Fatalf("%v accept writes", w)
	}
	if e := s.fact(r, "fence", "evidence"); !strings.Contains(e, "powered off") {
		t.Errorf("evidence of the fence: %q", e)
	}
	s.verified()
}

// TestSI22ExecuteFenceWithoutProof: the hook says that it fenced and gives no evidence.
// That is no proof, and nothing is promoted; unless the request accepts a writer that is
// not proved to be gone, and two of IT approved that.
func TestSI22ExecuteFenceWithoutProof(t *testing.T) {
	t.Parallel()
	s := newPairStage(t)
	s.load(pgpair.Primary, 10)
	s.ok(s.Pair.Break(t.Context(), "kill-primary"))
	s.hooked(`case "$1" in fence) echo '{"evidence":"","at":"2026-01-01T00:00:00Z"}'; exit 0;; esac`)
	_, out := s.emergency()
	s.said(out, exitFailed, "WRITER_UNPROVEN", "ledger/proof")
	if w := s.writes(); len(w) != 0 {
		t.Fatalf("%v accept writes", w)
	}
	r, out := s.emergency("--accept-unproven-writer")
	s.said(out, exitStopped, "one-primary", "WRITER_UNPROVEN")
	if w := s.writes(); !slices.Equal(w, []string{pgpair.Standby}) {
		t.Fatalf("%v accept writes", w)
	}
	// Success is not claimed before the old one is seen not to write.
	_, err := s.Pair.Hook(t.Context(), pgpair.HookCall{Verb: "make-standby", Endpoint: pgpair.Primary, Of: pgpair.Standby})
	s.ok(err)
	out = s.again(r)
	s.said(out, exitOK, "SUCCEEDED", "ledger writes at ams")
	s.verified()
}
