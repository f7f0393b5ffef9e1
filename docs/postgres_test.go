package docs_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/postgres"
)

// The SQL of docs/postgresql.md, run on a real primary, is all that a green check
// with a heartbeat needs.
func TestSQLIsEnough(t *testing.T) {
	lab := pgpairtest.Start(t, pgpair.Options{})
	ctx := t.Context()
	// The laboratory made the same by itself; what is shown must do without.
	prepare := []string{
		"DROP SCHEMA bcctl CASCADE",
		"DROP OWNED BY bcctl_monitor, bcctl_heartbeat, bcctl_execute", "DROP ROLE bcctl_monitor, bcctl_heartbeat, bcctl_execute",
	}
	shown := 0
	for _, b := range readPage(t, "docs/postgresql.md").blocks {
		if b.language == "sql" {
			shown++
			prepare = append(prepare, b.text)
		}
	}
	if shown < 4 {
		t.Fatalf("docs/postgresql.md shows %d pieces of SQL only", shown)
	}
	for _, role := range []string{pgpair.RoleMonitor, pgpair.RoleHeartbeat, pgpair.RoleExecute} {
		prepare = append(prepare, fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", role, lab.Password(role)))
	}
	if err := lab.Exec(ctx, pgpair.Primary, prepare...); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "config")
	if err := lab.WriteConfig(dir); err != nil {
		t.Fatal(err)
	}
	// The roles reach the standby a moment later: a check until then is not green.
	var stdout, stderr string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		var code int
		stdout, stderr, code = bcctl(t, dir, "check", "-o", "wide", "--all")
		if code == 0 && strings.Contains(stdout, "GREEN 1 of 1") {
			executeLoginIsEnough(t, lab)
			return
		}
	}
	t.Errorf("checks after running the SQL shown are not green:\n%s%s", stdout, stderr)
}

// executeLoginIsEnough asks the servers whether the execute login of the page may do
// what the steps need.
func executeLoginIsEnough(t *testing.T, lab *pgpair.Lab) {
	t.Helper()
	ca, err := lab.CA()
	if err != nil {
		t.Fatal(err)
	}
	spec := connectors.ActorSpec{From: "fra", To: "ams", Spec: connectors.Spec{
		Target: "ledger", Identity: map[string]string{"systemIdentifier": lab.SystemIdentifier()}, TLS: connectors.TLS{CA: ca},
		Credential: func(_ context.Context, p connectors.Purpose) (connectors.Credential, error) {
			role := map[connectors.Purpose]string{connectors.Monitor: pgpair.RoleMonitor, connectors.Execute: pgpair.RoleExecute}[p]
			return connectors.Credential{Username: role, Password: lab.Password(role)}, nil
		}}}
	for _, n := range lab.Nodes() {
		spec.Endpoints = append(spec.Endpoints, connectors.Endpoint{Name: n.Name, Site: n.Site, Address: n.Address()})
	}
	actor, err := postgres.Factory{}.OpenActor(spec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = actor.Close() }() // its questions are answered
	if f := actor.Check(t.Context(), connectors.Call{Action: "pg.native/privileges"}); f.Result != connectors.Passed {
		t.Errorf("the execute login of the page: %s %s: %s", f.Result, f.Code, f.Message)
	}
}
