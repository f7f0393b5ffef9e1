package cli

import (
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/pkg/approval"
)

// Two people approve with the command, and what they post is what counts.
func TestAPP05ApprovePostsWhatCounts(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	typed := g.digest().Short() + "\n"
	for login, role := range map[string]string{"ben": "it", "cleo": "business"} {
		out := g.run(login, typed, "approve", gateID)
		if out.code != exitOK || !strings.Contains(out.stdout, "posted as "+role) || !strings.Contains(out.stdout, string(g.digest())) {
			t.Fatalf("%s: code %d:\n%s%s", login, out.code, out.stdout, out.stderr)
		}
		g.later(60e9)
	}
	// A second time is no second review.
	if out := g.run("ben", typed, "approve", "#1"); out.code != exitOK {
		t.Errorf("again: code %d: %s", out.code, out.stderr)
	}
	posts := 0
	for _, r := range g.Requests() {
		if r == "POST /repos/acme/recovery/pulls/1/reviews" {
			posts++
		}
	}
	if posts != 2 {
		t.Errorf("%d reviews were posted", posts)
	}
	out := g.denied("PR-04") // and nothing else is missing
	if !strings.Contains(out.stdout, "NOT APPROVED: 1 reason") || !strings.Contains(out.stdout, "Next: merge the pull request") {
		t.Error(out.stdout)
	}
	g.merge("ben")
	if out := g.run("root", "", "explain", gateID); out.code != exitOK {
		t.Errorf("code %d:\n%s", out.code, out.stdout)
	}
}

// approve refuses what would not count, with the rule, and posts nothing.
func TestApproveRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		login, typed string
		args         []string
		change       func(g *gate)
		code         int
		want         string
	}{
		"ID-04 the requester":        {login: "ann", code: exitNotApproved, want: "ID-04: ann may not approve"},
		"ID-03 nobody of the roster": {login: "mallory", change: func(g *gate) { g.AddUser("mallory") }, code: exitNotApproved, want: "ID-03: "},
		"APP-08 without the role":    {login: "finn", code: exitNotApproved, want: "APP-08: finn holds none"},
		"APP-08 another role":        {login: "ben", args: []string{"--as", "business"}, code: exitNotApproved, want: "APP-08: ben cannot approve as business"},
		"APP-07 after the merge":     {login: "ben", change: func(g *gate) { g.merge("root") }, code: exitNotApproved, want: "APP-07: "},
		"BIND-06 an expired request": {login: "ben", change: func(g *gate) { g.later(48 * 3600e9) }, code: exitNotApproved, want: "BIND-06: "},
		"CONF-08 from a pipe":        {login: "ben", typed: "-", code: exitFailed, want: "CONF-08"},
		"CONF-08 one digit off":      {login: "ben", typed: "000000000000\n", code: exitNotApproved, want: "that is not the digest"},
		"CONF-08 a digit more":       {login: "ben", typed: "+0\n", code: exitNotApproved, want: "that is not the digest"},
		"CONF-08 nothing":            {login: "ben", typed: "\n", code: exitNotApproved, want: "that is not the digest"},
		"BIND-02 a pinned file has moved": {login: "ben", code: exitNotApproved, want: "BIND-02: ", change: func(g *gate) {
			g.must(g.As("root").Commit("main", github.Change{Files: map[string]string{"resources/ledger.yaml": g.files["resources/ledger.yaml"] + "# x\n"}}))
		}},
		"no such request":      {login: "ben", args: []string{"no-such"}, code: exitFailed, want: "there is no pull request that adds"},
		"a role that is none":  {login: "ben", args: []string{"--as", "ceo"}, code: exitFailed, want: "neither it nor business"},
		"API-04 GitHub is off": {login: "ben", code: exitNoAnswer, want: "nothing was decided", change: func(g *gate) { g.Inject(github.Fault{Match: "GET", Times: -1, Status: 502}) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t)
			digest := g.digest().Short()
			if tt.change != nil {
				tt.change(g)
			}
			typed := tt.typed
			switch typed {
			case "":
				typed = digest + "\n"
			case "-":
				typed = ""
			case "+0\n":
				typed = digest + "0\n"
			}
			args := append([]string{"approve", gateID}, tt.args...)
			if name == "no such request" {
				args = []string{"approve", "no-such"}
			}
			out := g.run(tt.login, typed, args...)
			if out.code != tt.code || !strings.Contains(out.stderr, tt.want) {
				t.Errorf("code %d, want %d with %q:\n%s%s", out.code, tt.code, tt.want, out.stdout, out.stderr)
			}
			for _, r := range g.Requests() {
				if strings.HasPrefix(r, "POST /repos") {
					t.Errorf("it posted: %s", r)
				}
			}
		})
	}
}

// --dry-run shows what would be posted, without a terminal, and posts nothing.
func TestApproveDryRun(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	out := g.run("ben", "", "approve", gateID, "--dry-run")
	if out.code != exitOK || !strings.Contains(out.stdout, approval.ApprovalLine(g.digest(), approval.SlotIT)) {
		t.Errorf("code %d:\n%s%s", out.code, out.stdout, out.stderr)
	}
	for _, r := range g.Requests() {
		if strings.HasPrefix(r, "POST /repos") {
			t.Errorf("it posted: %s", r)
		}
	}
}
