package pgpairtest_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
)

// dieEnv makes the test binary start a laboratory and end without cleaning up,
// as one does that runs into its timeout.
const dieEnv = "BCCTL_PGPAIRTEST_DIE"

func TestNothingSurvivesADeadTestBinary(t *testing.T) {
	if os.Getenv(dieEnv) != "" {
		lab := pgpairtest.Start(t, pgpair.Options{})
		fmt.Println("lab:", lab.Dir())
		for _, s := range lab.Status(t.Context()) {
			fmt.Println("pid:", s.PID)
		}
		os.Exit(7)
	}
	pgpairtest.Require(t)
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), dieEnv+"=1")
	out, err := cmd.Output()
	if cmd.ProcessState.ExitCode() != 7 {
		t.Fatalf("%v: %s", err, out)
	}
	var dir string
	var pids []string
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "lab":
			dir = value
		case "pid":
			pids = append(pids, value)
		}
	}
	if dir == "" || len(pids) != 2 {
		t.Fatalf("output: %s", out)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, err := os.Stat(dir)
		running := running(pids)
		if os.IsNotExist(err) && running == "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still there: %v, processes\n%s", err, running)
		}
	}
}

// running asks ps which of some processes are neither gone nor zombies.
func running(pids []string) string {
	out, _ := exec.Command("ps", "-o", "stat=,args=", "-p", strings.Join(pids, ",")).Output() // exits 1 when it finds none
	var left []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "Z") {
			left = append(left, line)
		}
	}
	return strings.Join(left, "")
}

func TestTemplates(t *testing.T) {
	shared := []*pgpair.Lab{pgpairtest.Start(t, pgpair.Options{}), pgpairtest.Start(t, pgpair.Options{})}
	own := pgpairtest.Start(t, pgpair.Options{Template: pgpairtest.NoTemplate})
	if a, b := shared[0].SystemIdentifier(), shared[1].SystemIdentifier(); a != b || a == "" {
		t.Errorf("from one template: %q and %q", a, b)
	}
	if own.SystemIdentifier() == shared[0].SystemIdentifier() {
		t.Error("without a template it has the system identifier of the others")
	}
	if shared[0].Password(pgpair.RoleMonitor) == shared[1].Password(pgpair.RoleMonitor) {
		t.Error("two laboratories have the same passwords")
	}
}
