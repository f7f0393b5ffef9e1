package cli

import (
	"net"
	"regexp"
	"strings"
	"testing"
)

// BIND-07: no variable leads a plan to another server, and whoever set one is told.
func TestBIND07TargetsComeFromPinnedFilesOnly(t *testing.T) {
	decoy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = decoy.Close() }()
	reached := make(chan struct{}, 100)
	go func() {
		for {
			c, err := decoy.Accept()
			if err != nil {
				return
			}
			reached <- struct{}{}
			_ = c.Close()
		}
	}()
	host, port, err := net.SplitHostPort(decoy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(t, nobodyHome)
	digest := regexp.MustCompile(`"digest": ?"(sha256:[0-9a-f]{64})"`)
	plan := func(vars map[string]string) (string, outcome) {
		out := g.runIn(vars, "x-token", "", "plan", "switchover", "ledger", "--target-timeout", "1s", "-o", "json")
		m := digest.FindStringSubmatch(out.stdout)
		if m == nil {
			t.Fatalf("code %d\n%s%s", out.code, out.stdout, out.stderr)
		}
		return m[1], out
	}
	want, out := plan(nil)
	if strings.Contains(out.stderr, "BIND-07") {
		t.Errorf("nothing is set:\n%s", out.stderr)
	}
	vars := map[string]string{"PGHOST": host, "PGHOSTADDR": host, "PGPORT": port}
	for name, value := range vars {
		t.Setenv(name, value) // drivers read the process's own
	}
	got, out := plan(vars)
	if got != want {
		t.Errorf("the plan is another: %s, not %s", got, want)
	}
	for name := range vars {
		if !strings.Contains(out.stderr, name+" is set and ignored") {
			t.Errorf("%s is not reported:\n%s", name, out.stderr)
		}
	}
	if len(reached) > 0 {
		t.Errorf("the decoy was reached %d times", len(reached))
	}
}
