package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/github"
)

// wellSet sets everything up as docs/github.md says.
func wellSet(g *gate) {
	g.AddRuleset(github.Ruleset{Name: "gate", Include: []string{"~DEFAULT_BRANCH"}, Rules: []github.Rule{github.PullRequestRule(1), {Type: "deletion"}, {Type: "non_fast_forward"}}})
	g.AddRuleset(github.Ruleset{Name: "locks", Include: []string{"refs/heads/bcctl-lock-*"}, Rules: []github.Rule{{Type: "creation"}, {Type: "update"}, {Type: "deletion"}}, Bypass: []github.BypassActor{{ID: 1, Type: "Integration"}}})
	g.AddRuleset(github.Ruleset{Name: "audit", Include: []string{"refs/heads/bcctl-audit"}, Rules: auditRules(), Bypass: []github.BypassActor{{ID: 1, Type: "Integration"}}})
	g.AddEnvironment(github.Environment{Name: executeEnvironment, BranchPolicy: "custom", Branches: []string{"main"}})
	g.SetWorkflowPermissions("read", false)
}

// auditRules keep everybody but the App from the branch of the audit log.
func auditRules(without ...string) (rules []github.Rule) {
	for _, kind := range []string{"update", "deletion", "non_fast_forward"} {
		if !slices.Contains(without, kind) {
			rules = append(rules, github.Rule{Type: kind})
		}
	}
	return rules
}

// The branch of the audit log is written by the App alone: each rule that is missing is
// named.
func TestAUD01DoctorOfTheAuditBranch(t *testing.T) {
	t.Parallel()
	for _, missing := range []string{"", "update", "deletion", "non_fast_forward"} {
		g := newGate(t, withOwners)
		g.AddRuleset(github.Ruleset{Name: "audit", Include: []string{"refs/heads/bcctl-audit"}, Rules: auditRules(missing), Bypass: []github.BypassActor{{ID: 1, Type: "Integration"}}})
		out := g.run("root", "", "doctor", "--github")
		if missing == "" && !strings.Contains(out.stdout, "ok    branch bcctl-audit (AUD-01)") {
			t.Errorf("with all rules:\n%s", out.stdout)
		}
		if bad := "BAD   branch bcctl-audit (AUD-01): no rule restricts " + missing; missing != "" && !strings.Contains(out.stdout, bad) {
			t.Errorf("without %s:\n%s", missing, out.stdout)
		}
	}
}

func withOwners(g *gate, _ map[string]string) {
	g.files[".github/CODEOWNERS"] = "/policies/ @acme/dr\n/roster.yaml @acme/dr\n/bcctl.yaml @acme/dr\n/.github/ @acme/dr\n"
}

func TestAPI08DoctorOfAWellSetRepository(t *testing.T) {
	t.Parallel()
	g := newGate(t, withOwners)
	wellSet(g)
	out := g.run("root", "", "doctor", "--github")
	if out.code != exitOK || strings.Contains(out.stdout, "BAD") || !strings.Contains(out.stdout, "?     permission to write") {
		t.Errorf("code %d:\n%s%s", out.code, out.stdout, out.stderr)
	}
}

// Each thing that is not set up as it should be is named, with what mends it.
func TestDoctorGitHubNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(g *gate)
		want   string
	}{
		"WF-05 workflows approve":          {func(g *gate) { g.SetWorkflowPermissions("read", true) }, "BAD   workflow permissions (WF-05)"},
		"WF-04 workflows write":            {func(g *gate) { g.SetWorkflowPermissions("write", false) }, "BAD   workflow permissions (WF-04)"},
		"PR-01 a name that was taken over": {func(g *gate) { g.RenameRepository("other"); g.replace() }, "BAD   repository acme/recovery"},
		"PR-01 a name that changed":        {func(g *gate) { g.RenameRepository("other") }, "set github.repository: acme/other"},
		"BIND-06 clocks differ":            {func(g *gate) { g.SetSkew(5 * 60e9) }, "BAD   clock"},
		"POL-05 somebody may bypass": {func(g *gate) {
			g.AddRuleset(github.Ruleset{Name: "weak", Include: []string{"~DEFAULT_BRANCH"}, Rules: []github.Rule{{Type: "deletion"}}, Bypass: []github.BypassActor{{ID: 5, Type: "RepositoryRole"}}})
		}, "BAD   rule set weak: it does not stop RepositoryRole 5"},
		"POL-05 a rule set that is off": {func(g *gate) {
			g.AddRuleset(github.Ruleset{Name: "off", Enforcement: "disabled", Include: []string{"~DEFAULT_BRANCH"}, Rules: []github.Rule{{Type: "deletion"}}})
		}, "BAD   rule set off: it is disabled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, withOwners)
			wellSet(g)
			tt.change(g)
			out := g.run("root", "", "doctor", "--github")
			if !strings.Contains(out.stdout, tt.want) || !strings.Contains(out.stdout, "fix: ") {
				t.Errorf("code %d, want %q:\n%s%s", out.code, tt.want, out.stdout, out.stderr)
			}
			if strings.Contains(tt.want, "BAD") != (out.code == exitFailed) && !strings.Contains(tt.want, "set github") {
				t.Errorf("code %d", out.code)
			}
		})
	}
}

func (g *gate) replace() {
	g.t.Helper()
	_, err := g.ReplaceRepository("acme/recovery")
	g.ok(err)
	for _, login := range []string{"root"} {
		g.SetRole(login, "admin")
	}
}

// Nothing set up: every line of the gate is bad.
func TestPOL05DoctorOfABareRepository(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	out := g.run("root", "", "doctor", "--github")
	for _, want := range []string{
		"BAD   branch main: changes need a pull request", "BAD   branch main: a push dismisses reviews", "BAD   branch main: the last push needs", "BAD   branch main: code owners",
		"ok    branch main: no force push", "BAD   branch bcctl-lock-doctor (LOCK-06)", "BAD   branch bcctl-audit (AUD-01)", "BAD   environment bcctl-execute (WF-03)", "BAD   owners",
	} {
		if !strings.Contains(out.stdout, want) {
			t.Errorf("no %q in:\n%s", want, out.stdout)
		}
	}
	if out.code != exitFailed {
		t.Errorf("code %d", out.code)
	}
}

// A missing permission is named.
func TestAPI08MissingPermissionIsNamed(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	all := github.Permissions{"metadata": "read", "contents": "read", "pull_requests": "write", "issues": "read", "actions": "read", "administration": "read"}
	for permission, want := range map[string]string{
		"pull_requests": "BAD   permission Pull requests: read", "actions": "BAD   permission Actions: read",
		"administration": "BAD   permission Administration: read", "contents": "BAD   permission Contents: read",
	} {
		some := github.Permissions{}
		for name, level := range all {
			if name != permission {
				some[name] = level
			}
		}
		out := g.runWith(g.TokenWith("root", some), "", "doctor", "--github")
		if !strings.Contains(out.stdout, want) || out.code != exitFailed {
			t.Errorf("without %s: code %d:\n%s%s", permission, out.code, out.stdout, out.stderr)
		}
	}
}
