package cli

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/approval"
)

// A request as people make it: planned, pushed, opened as a pull request whose text
// holds the line that counts, and withdrawn.
func TestRequestOnGitHub(t *testing.T) {
	t.Parallel()
	g := newGate(t, func(g *gate, _ map[string]string) {
		g.files["resources/ledger.yaml"] = strings.Replace(fmt.Sprintf(gateResource, 1), "credentials:", "procedures: {switchover: {name: pg.native}}\n  credentials:", 1)
		g.files["resources/ledger.yaml"] = strings.NewReplacer("ledger-a.example.net:5432", "127.0.0.1:1", "ledger-b.example.net:5432", "127.0.0.1:2").Replace(g.files["resources/ledger.yaml"])
	})
	for _, args := range [][]string{{"config", "user.name", "Ann"}, {"config", "user.email", g.users["ann"].Email}} {
		if out, err := exec.Command("git", append([]string{"-C", g.dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	out := g.run("ann", "", "request", "new", "switchover", "ledger", "--reason", "power supply", "--target-timeout", "1s", "--quiet")
	if out.code != exitOK {
		t.Fatalf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	m := regexp.MustCompile(`request (\S+)\n\S+/pull/(\d+)\napprove (sha256:[0-9a-f]{64})\n`).FindStringSubmatch(out.stdout)
	if m == nil {
		t.Fatalf("the answer is %q", out.stdout)
	}
	id, number, digest := m[1], m[2], m[3]
	// What the person is told is what the verifier works out from the pull request. Who
	// pushed is not known here, because the laboratory's remote is a folder.
	if shown := g.run("root", "", "explain", id); !strings.Contains(shown.stdout, digest) {
		t.Errorf("explain knows another digest than %s:\n%s%s", digest, shown.stdout, shown.stderr)
	}
	dry := g.run("ann", "", "withdraw", id, "--dry-run")
	if dry.code != exitOK || !strings.Contains(dry.stdout, approval.WithdrawalLine(id)) {
		t.Errorf("withdraw: code %d\n%s%s", dry.code, dry.stdout, dry.stderr)
	}
	for range 2 { // the second one finds the first
		if done := g.run("ann", "", "withdraw", id); done.code != exitOK || !strings.Contains(done.stdout, "withdrawn: "+id) {
			t.Errorf("withdraw: code %d\n%s%s", done.code, done.stdout, done.stderr)
		}
	}
	posts := 0
	for _, r := range g.Requests() {
		if strings.HasPrefix(r, "POST ") && strings.HasSuffix(r, "/issues/"+number+"/comments") {
			posts++
		}
	}
	if posts != 1 {
		t.Errorf("the withdrawal was posted %d times", posts)
	}
	if why := g.run("root", "", "explain", id); why.code != exitNotApproved || !strings.Contains(strings.ToLower(why.stdout), "withdrawn") {
		t.Errorf("explain: code %d\n%s%s", why.code, why.stdout, why.stderr)
	}
}
