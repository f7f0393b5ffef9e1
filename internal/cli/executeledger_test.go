//go:build unix

package cli

import (
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/internal/lab/rehearsal"
	"github.com/bcctl/bcctl/internal/ledger/pgstore"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// ledgerHome is a server for locks, another cluster than those of the resources, and its
// address with a login.
func ledgerHome(t *testing.T) (*pgpair.Lab, string) {
	t.Helper()
	pgpairtest.Require(t)
	home := pgpairtest.Start(t, pgpair.Options{Template: pgpairtest.NoTemplate})
	if err := home.Exec(t.Context(), pgpair.Primary, pgstore.Schema, `ALTER ROLE bcctl_ledger PASSWORD 'canary-ledger'`); err != nil {
		t.Fatal(err)
	}
	node, err := home.Node(pgpair.Primary)
	if err != nil {
		t.Fatal(err)
	}
	return home, "postgres://bcctl_ledger:canary-ledger@" + node.Address() + "/postgres?sslrootcert=" + url.QueryEscape(home.CAFile())
}

// inDatabase are settings by which locks are there.
func inDatabase(home *pgpair.Lab) string {
	return fmt.Sprintf("ledger:\n  url: env:LEDGER_URL\n  system-identifier: %q\n", home.SystemIdentifier())
}

// TestLOCK05UnlockWithLocksInADatabase: what TestLOCK05UnlockAndTheSleeperDoesNothing
// shows, with locks, claims and copy in a database; another machine goes on from there.
func TestLOCK05UnlockWithLocksInADatabase(t *testing.T) {
	t.Parallel()
	home, address := ledgerHome(t)
	s := newStage(t, func(g *gate) { g.files["bcctl.yaml"] += "repository: lab\n" + inDatabase(home) })
	s.vars["LEDGER_URL"] = address
	unlocksASleeper(t, s)
	claims := 0
	if err := home.QueryRow(t.Context(), pgpair.Primary, `SELECT count(*) FROM bcctl_ledger.records WHERE name LIKE 'claimed/%'`, &claims); err != nil || claims != 2 {
		t.Errorf("%d claims in the database: %v", claims, err)
	}
}

// TestSI32LedgerInADatabase: a run whose locks, claims and copy are in a database, on a
// server that is not one of the resource. No branch has any of them; a run that was
// killed goes on from there; without the database nothing begins.
func TestSI32LedgerInADatabase(t *testing.T) {
	t.Parallel()
	home, address := ledgerHome(t)
	s := newPairStage(t, func(_ *pgpair.Options, o *rehearsal.Options) {
		o.Files = map[string]string{"bcctl.yaml": "repository: lab\n" + inDatabase(home)}
	})
	s.load(pgpair.Primary, 10)
	s.Env["LEDGER_URL"] = "postgres://bcctl_ledger:canary-ledger@127.0.0.1:1/postgres"
	r := s.approved(runbook.Switchover, "ams")
	out := s.execute(exitNoAnswer, r, approval.VerbExecute, 1, "the ledger does not answer")
	s.Env["LEDGER_URL"] = address
	if text := out.Stdout + out.Stderr; strings.Contains(text, "canary") {
		t.Errorf("it says the password:\n%s", text)
	}

	s.killed(r, "after", "step.intent promote")
	var locks, copies, claims int
	count := func() {
		t.Helper()
		if err := home.QueryRow(t.Context(), pgpair.Primary, `SELECT (SELECT count(*) FROM bcctl_ledger.cells WHERE name LIKE 'lock-%'), (SELECT count(*) FROM bcctl_ledger.cells WHERE name LIKE 'run-%'),
			(SELECT count(*) FROM bcctl_ledger.records WHERE name LIKE 'claimed/%')`, &locks, &copies, &claims); err != nil {
			t.Fatal(err)
		}
	}
	if count(); locks == 0 || copies != 1 || claims != 1 {
		t.Errorf("after the kill: %d locks, %d copies, %d claims", locks, copies, claims)
	}
	s.execute(exitOK, r, approval.VerbResume, 2, "SUCCEEDED")
	if count(); locks != 0 || copies != 1 || claims != 2 {
		t.Errorf("at the end: %d locks, %d copies, %d claims", locks, copies, claims)
	}
	s.ended(pgpair.Standby, pgpair.Primary, 10)
	s.verified()
	refs, err := exec.CommandContext(t.Context(), "git", "-C", s.Clone, "ls-remote", "origin", "refs/heads/bcctl-*").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(refs)) {
		if !strings.HasSuffix(strings.TrimSpace(line), "/bcctl-audit") {
			t.Errorf("there is a branch: %s", line)
		}
	}
}
