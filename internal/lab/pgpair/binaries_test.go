package pgpair

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseVersion(t *testing.T) {
	for out, want := range map[string]struct {
		version string
		major   int
	}{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": {"15.18", 15},
		"postgres (PostgreSQL) 17.2\n":                           {"17.2", 17},
		"postgres (PostgreSQL) 18beta1\n":                        {"18beta1", 18},
	} {
		version, major, err := parseVersion(out)
		if err != nil || version != want.version || major != want.major {
			t.Errorf("%q: %q, %d, %v", out, version, major, err)
		}
	}
	for _, out := range []string{"", "mysqld  Ver 8.0", "postgres (PostgreSQL) unknown"} {
		if version, _, err := parseVersion(out); err == nil {
			t.Errorf("%q: read as %q", out, version)
		}
	}
}

func TestFindBinariesFollowsLinks(t *testing.T) {
	real, err := FindBinaries()
	if errors.Is(err, ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	// As on systems that put only a link to the server into PATH.
	bin := t.TempDir()
	if err := os.Symlink(real.path("postgres"), filepath.Join(bin, "postgres")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	if found, err := FindBinaries(); err != nil || found != real {
		t.Errorf("found %+v, %v; want %+v", found, err, real)
	}
}

func TestInspect(t *testing.T) {
	dir := t.TempDir()
	if _, err := inspect(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	for _, program := range []string{"initdb", "pg_ctl", "pg_basebackup", "postgres"} {
		script := "#!/bin/sh\necho 'postgres (PostgreSQL) 12.22'\n"
		if err := os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := inspect(dir); err == nil || !strings.Contains(err.Error(), "12.22, which is older than 13") {
		t.Errorf("an old version: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "pg_basebackup")); err != nil {
		t.Fatal(err)
	}
	if _, err := inspect(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a client without pg_basebackup: %v", err)
	}
}

func TestLastNumber(t *testing.T) {
	for path, want := range map[string]int{
		"/usr/lib/postgresql/9/bin": 9, "/usr/lib/postgresql/17/bin": 17, "/usr/local/opt/postgresql@16/bin": 16, "/usr/bin": 0,
	} {
		if got := lastNumber(path); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}

// TestSetupScriptAgrees: where the laboratory finds PostgreSQL, the script that
// provides it has nothing to do and nothing to say.
func TestSetupScriptAgrees(t *testing.T) {
	if _, err := FindBinaries(); err != nil {
		t.Skip(err) // the script would install it
	}
	out, err := exec.Command("../../../scripts/setup-postgres.sh").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v, output: %s", err, out)
	}
}
