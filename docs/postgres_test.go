package docs_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors/postgres"
)

var indicatorRow = regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| ([a-z]*) ?\\| (yes)? ?\\|")

// docs/postgresql.md lists every indicator, with its unit and whether it is
// required, and no other.
func TestIndicatorsAreDescribed(t *testing.T) {
	described := map[string]string{}
	for _, m := range indicatorRow.FindAllStringSubmatch(readPage(t, "docs/postgresql.md").text, -1) {
		described[m[1]] = m[2] + " " + m[3]
	}
	for _, i := range (postgres.Factory{}).Indicators() {
		want := string(i.Unit) + " "
		if i.Required {
			want += "yes"
		}
		got, ok := described[string(i.ID)]
		switch {
		case !ok:
			t.Errorf("docs/postgresql.md does not describe %s", i.ID)
		case got != want:
			t.Errorf("docs/postgresql.md says %q of %s, the catalog %q", got, i.ID, want)
		}
		delete(described, string(i.ID))
	}
	for id := range described {
		t.Errorf("docs/postgresql.md describes %s, which nothing measures", id)
	}
}

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
