package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/connectors/all"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// gate is a repository on the laboratory's GitHub with a tier 1 resource, people, a
// policy, and one request by ann in a pull request.
type gate struct {
	*github.Server
	t      *testing.T
	mu     sync.Mutex
	now    time.Time
	dir    string // clone of main
	users  map[string]github.User
	pull   int
	path   string
	branch string            // of the pull request
	files  map[string]string // main's own
}

const (
	gateBranch = "request/r1"
	gateID     = "r1"
)

func (g *gate) Now() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now
}

// later lets time go by: GitHub's clock has whole seconds.
func (g *gate) later(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = g.now.Add(d)
}

func (g *gate) Sleep(ctx context.Context, d time.Duration) error {
	g.later(d)
	return ctx.Err()
}

const gateResource = `apiVersion: bcctl/v1
kind: Resource
metadata:
  name: ledger
spec:
  platform: postgresql
  tier: %d
  environment: production
  owner: dba
  objectives: {rpo: 1m, rto: 15m}
  home: {primary: fra, dr: ams}
  endpoints:
    - {name: ledger-a, site: fra, address: "ledger-a.example.net:5432"}
    - {name: ledger-b, site: ams, address: "ledger-b.example.net:5432"}
  identity: {systemIdentifier: "7312345678901234567"}
  connection: {database: postgres, tls: {mode: verify-full}}
  credentials: {monitor: {username: monitor, password: "env:MONITOR"}}
`

const gatePolicy = `apiVersion: bcctl/v1
kind: ApprovalPolicy
metadata:
  name: approvals
spec:
  entries:
    - {tier: 1, action: switchover, slots: [{role: it}, {role: business}]}
    - {tier: 2, action: switchover, slots: [{role: it}]}
`

const gateSites = `apiVersion: bcctl/v1
kind: SiteList
metadata:
  name: sites
spec:
  sites:
    - {name: fra}
    - {name: ams}
`

// newGate opens the pull request; change may alter main's files and the request first.
func newGate(t *testing.T, change ...func(g *gate, request map[string]string)) *gate {
	t.Helper()
	g := &gate{t: t, now: time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC), users: map[string]github.User{}, path: "requests/2026/" + gateID + ".yaml", branch: gateBranch}
	srv, err := github.Start(t.TempDir(), github.Options{Now: g.Now, Violation: func(s string) { t.Error("violation: " + s) }})
	if err != nil {
		t.Fatal(err)
	}
	g.Server = srv
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, login := range []string{"ann", "ben", "cleo", "dora", "finn", "root"} {
		g.users[login] = srv.AddUser(login)
	}
	srv.SetRole("root", "admin")
	g.files = map[string]string{
		"bcctl.yaml":              fmt.Sprintf("github:\n  repository: %s\n  repository-id: %d\n", srv.Name(), srv.RepoID()),
		"sites.yaml":              gateSites,
		"resources/ledger.yaml":   fmt.Sprintf(gateResource, 1),
		"policies/approvals.yaml": gatePolicy,
		"roster.yaml":             g.roster("ann: approver-it operator", "ben: approver-it", "cleo: approver-business", "dora: operator approver-it", "finn: viewer", "root: admin"),
	}
	request := map[string]string{
		"type": "switchover", "target": "ledger", "targetSite": "ams", "reason": "maintenance", "requester": "ann",
		"notBefore": "2026-03-10T11:00:00Z", "expiresAt": "2026-03-10T18:00:00Z", "plan": "sha256:" + strings.Repeat("1", 64),
	}
	for _, f := range change {
		f(g, request)
	}
	g.must(g.As("root").Commit("main", github.Change{Files: g.files, Message: "Configuration"}))
	srv.AddRuleset(github.Ruleset{Name: "main", Include: []string{"refs/heads/main"}, Rules: []github.Rule{{Type: "deletion"}, {Type: "non_fast_forward"}}})
	g.later(48 * time.Hour) // long before the request
	g.must(g.As("ann").Commit(gateBranch, github.Change{Base: "main", Files: map[string]string{g.path: g.request(request)}, Message: "Ask"}))
	g.pull, err = g.As("ann").OpenPull(gateBranch, "main", "Switch ledger", "")
	g.ok(err)
	g.later(time.Minute)
	g.clone()
	return g
}

func (g *gate) ok(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *gate) must(sha string, err error) string {
	g.t.Helper()
	g.ok(err)
	return sha
}

func (g *gate) id(n int64, err error) int64 {
	g.t.Helper()
	g.ok(err)
	return n
}

// roster writes a roster of lines "person: roles".
func (g *gate) roster(lines ...string) string {
	var b strings.Builder
	b.WriteString("apiVersion: bcctl/v1\nkind: Roster\nmetadata:\n  name: roster\nspec:\n  people:\n")
	for _, line := range lines {
		person, roles, _ := strings.Cut(line, ": ")
		u := g.users[person]
		fmt.Fprintf(&b, "    - {id: %s, github: [{id: %d}], emails: [%q], roles: [%s]}\n", person, u.ID, u.Email, strings.ReplaceAll(roles, " ", ", "))
	}
	return b.String()
}

// request writes the request with the pins of what main holds.
func (g *gate) request(fields map[string]string) string {
	source, ok := runbook.BuiltinSource("pg.native/switchover")
	if !ok {
		g.t.Fatal("no runbook pg.native/switchover")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: bcctl/v1\nkind: Request\nmetadata:\n  name: %s\nspec:\n", gateID)
	for _, key := range sortedKeys(fields) {
		fmt.Fprintf(&b, "  %s: %q\n", key, fields[key])
	}
	fmt.Fprintf(&b, "  commit: %q\n  pins:\n    \"bcctl:runbooks/pg.native/switchover\": %q\n", g.Head("main"), runbook.FileDigest(source))
	for _, path := range sortedKeys(g.files) {
		if strings.HasPrefix(path, "resources/") || strings.HasPrefix(path, "policies/") || strings.HasPrefix(path, "groups/") || strings.HasPrefix(path, "runbooks/") {
			fmt.Fprintf(&b, "    %q: %q\n", path, runbook.FileDigest([]byte(g.files[path])))
		}
	}
	return b.String()
}

// clone makes the operator's clone of main anew.
func (g *gate) clone() {
	g.t.Helper()
	g.dir = filepath.Join(g.t.TempDir(), "clone")
	cmd := exec.Command("git", "clone", "--quiet", "--branch", "main", g.GitDir(), g.dir)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		g.t.Fatalf("%v: %s", err, out)
	}
}

func gitShow(dir, what string) (string, error) {
	raw, err := exec.Command("git", "-C", dir, "show", what).Output()
	return string(raw), err
}

// digest is that of the request as it is on the branch.
func (g *gate) digest() runbook.Digest {
	g.t.Helper()
	raw, err := exec.Command("git", "-C", g.GitDir(), "show", g.branch+":"+g.path).Output()
	g.ok(err)
	return runbook.RequestDigest(g.RepoID(), g.path, raw)
}

// approve posts an approval as the person would, and lets a minute go by.
func (g *gate) approve(login string, role approval.SlotRole) int64 {
	g.t.Helper()
	id := g.id(g.As(login).Review(g.pull, github.Approve, approval.ApprovalLine(g.digest(), role)))
	g.later(time.Minute)
	return id
}

func (g *gate) merge(by string) string {
	g.t.Helper()
	sha := g.must(g.As(by).Merge(g.pull, github.MergeOptions{}))
	g.later(time.Minute)
	return sha
}

// approved is a request with what it needs, merged.
func approved(t *testing.T, change ...func(*gate, map[string]string)) *gate {
	g := newGate(t, change...)
	g.approve("ben", approval.SlotIT)
	g.approve("cleo", approval.SlotBusiness)
	g.merge("ben")
	return g
}

// outcome is what a command line gave.
type outcome struct {
	code           int
	stdout, stderr string
}

// run runs bcctl as a person with a token, with what they type.
func (g *gate) run(login, typed string, args ...string) outcome {
	g.t.Helper()
	return g.runWith(g.Token(login), typed, args...)
}

// runWith is run with another token.
func (g *gate) runWith(token, typed string, args ...string) outcome {
	g.t.Helper()
	return g.runIn(nil, token, typed, args...)
}

// runIn is runWith with more in the environment.
func (g *gate) runIn(more map[string]string, token, typed string, args ...string) outcome {
	g.t.Helper()
	home := g.t.TempDir()
	vars := map[string]string{
		"HOME": home, "BCCTL_GITHUB_API_URL": g.URL(), "GITHUB_TOKEN": token, "LC_ALL": "C",
		"PATH": os.Getenv("PATH"),
	}
	maps.Copy(vars, more)
	var stdout, stderr bytes.Buffer
	env := Env{
		Stdin: strings.NewReader(typed), Stdout: &stdout, Stderr: &stderr, Dir: g.dir, Now: g.Now, Sleep: g.Sleep, Registry: all.Registry,
		Terminal: func(io.Reader) bool { return typed != "" },
		Lookup:   func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
	}
	code := Run(g.t.Context(), env, args)
	if strings.Contains(stdout.String()+stderr.String(), vars["GITHUB_TOKEN"]) {
		g.t.Error("the token is in the output")
	}
	return outcome{code, stdout.String(), stderr.String()}
}

// denied explains the request and expects a rule to stand against it.
func (g *gate) denied(rule string) outcome {
	g.t.Helper()
	out := g.run("root", "", "explain", gateID)
	if out.code != exitNotApproved || !strings.Contains(out.stdout, rule+" ") && !strings.Contains(out.stdout, rule+":") {
		g.t.Errorf("code %d, want %s in:\n%s%s", out.code, rule, out.stdout, out.stderr)
	}
	return out
}
