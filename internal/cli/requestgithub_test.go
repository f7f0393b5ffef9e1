package cli

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/pkg/approval"
)

// ask makes a request with the command line and opens its pull request as ann. Who
// pushes to the laboratory's folder is nobody, so the file goes through its interface.
func (g *gate) ask(args ...string) string {
	g.t.Helper()
	for _, config := range [][]string{{"config", "user.name", "Ann"}, {"config", "user.email", g.users["ann"].Email}} {
		if out, err := exec.Command("git", append([]string{"-C", g.dir}, config...)...).CombinedOutput(); err != nil {
			g.t.Fatalf("%v: %s", err, out)
		}
	}
	out := g.run("ann", "", append([]string{"request", "new", "--target-timeout", "1s", "--quiet", "--no-push"}, args...)...)
	m := regexp.MustCompile(`(?m)^request (\S+)\nbranch  (\S+)\n`).FindStringSubmatch(out.stdout)
	if m == nil {
		g.t.Fatalf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	g.path = "requests/2026/" + m[1] + ".yaml"
	raw, err := gitShow(g.dir, m[2]+":"+g.path)
	g.ok(err)
	g.branch = m[2]
	g.must(g.As("ann").Commit(g.branch, github.Change{Base: "main", Files: map[string]string{g.path: raw}, Message: "Ask"}))
	g.pull, err = g.As("ann").OpenPull(g.branch, "main", "Ask", "")
	g.ok(err)
	g.later(time.Minute)
	return m[1]
}

// nobodyHome lets the resource have a procedure, and servers that refuse at once.
func nobodyHome(g *gate, _ map[string]string) {
	g.files["resources/ledger.yaml"] = strings.NewReplacer("credentials:", "procedures: {switchover: {name: pg.native}}\n  credentials:", "ledger-a.example.net:5432", "127.0.0.1:1", "ledger-b.example.net:5432", "127.0.0.1:2").
		Replace(fmt.Sprintf(gateResource, 1))
}

// An emergency that the command line asks for is one that the verifier accepts, with
// the one approval of its entry; the same request made in the ordinary way is not.
func TestBG01EmergencyAsItIsMadeIsAccepted(t *testing.T) {
	t.Parallel()
	glass := func(g *gate, r map[string]string) {
		nobodyHome(g, r)
		g.files["policies/approvals.yaml"] = strings.Replace(gatePolicy, "slots: [{role: it}, {role: business}]}", "slots: [{role: it}, {role: business}], ticket: {system: change, pattern: 'CHG[0-9]+'}}", 1) +
			"  breakGlass:\n    - {tier: 1, action: switchover, slots: [{role: it}], incidentPattern: 'INC-[0-9]+', validFor: 40m}\n"
	}
	for name, tt := range map[string]struct {
		args []string
		code int
		rule string
	}{
		"emergency": {[]string{"--break-glass", "INC-7", "--break-glass-reason", "the site burns"}, exitOK, ""},
		"ordinary":  {[]string{"--ticket", "CHG7"}, exitNotApproved, "ID-06"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, glass)
			id := g.ask(append([]string{"switchover", "ledger", "--reason", "power supply"}, tt.args...)...)
			g.approve("ben", approval.SlotIT)
			g.merge("ben")
			out := g.run("root", "", "explain", id)
			if out.code != tt.code || !strings.Contains(out.stdout, tt.rule) {
				t.Errorf("code %d, want %d and %q:\n%s%s", out.code, tt.code, tt.rule, out.stdout, out.stderr)
			}
		})
	}
}

// A request as people make it: planned, pushed, opened as a pull request whose text
// holds the line that counts, and withdrawn.
func TestRequestOnGitHub(t *testing.T) {
	t.Parallel()
	g := newGate(t, nobodyHome)
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
