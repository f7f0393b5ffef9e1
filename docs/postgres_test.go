package docs_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
)

// The SQL of docs/postgresql.md, run on a real primary, is all that a green check
// with a heartbeat needs.
func TestSQLIsEnough(t *testing.T) {
	lab := pgpairtest.Start(t, pgpair.Options{})
	ctx := t.Context()
	// The laboratory made the same by itself; what is shown must do without.
	prepare := []string{
		"DROP SCHEMA bcctl CASCADE",
		"DROP OWNED BY bcctl_monitor, bcctl_heartbeat", "DROP ROLE bcctl_monitor, bcctl_heartbeat",
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
	for _, role := range []string{pgpair.RoleMonitor, pgpair.RoleHeartbeat} {
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
			return
		}
	}
	t.Errorf("checks after running the SQL shown are not green:\n%s%s", stdout, stderr)
}
