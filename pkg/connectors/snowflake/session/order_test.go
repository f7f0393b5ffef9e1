package session

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"
)

// Package quiet is initialized before the driver, and this package after it, in
// whatever program links them: that is all the rest relies on.
func TestOrderOfInitialization(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1", "HOME="+home, "XDG_CACHE_HOME="+home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var order []string
	for _, m := range regexp.MustCompile(`(?m)^init (\S+) @`).FindAllStringSubmatch(string(out), -1) {
		order = append(order, m[1])
	}
	quiet := slices.Index(order, "github.com/bcctl/bcctl/pkg/connectors/snowflake/quiet")
	driver := slices.Index(order, "github.com/snowflakedb/gosnowflake")
	if quiet < 0 || driver < 0 || quiet > driver {
		t.Errorf("quiet is number %d and the driver number %d of %d packages", quiet, driver, len(order))
	}
	entries, err := os.ReadDir(home)
	if err != nil || len(entries) > 0 {
		t.Errorf("linking the driver made %v (%v)", entries, err)
	}
}
