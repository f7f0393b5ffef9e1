// Package rehearsal lets a change be asked for, approved, merged and confirmed in the
// laboratory as people do it: servers or a model of them, a GitHub, a clone with settings for
// the one who confirms. How bcctl is run is up to the caller.
package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/internal/lab/people"
	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Call is one start of bcctl.
type Call struct {
	Args  []string
	Dir   string            // working directory
	Env   map[string]string // of bcctl alone; beside it only PATH
	Typed string            // what a person types at a terminal; empty: there is none
}

// Result is what came of it.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// Options of a stage.
type Options struct {
	Pair  *pgpair.Lab // with a Program; nil: there is a Model instead
	Model Model
	Dir   string // an empty folder for everything else

	// Bcctl runs bcctl once.
	Bcctl func(context.Context, Call) (Result, error)

	// Files are put over the laboratory's configuration, by path; Edit changes what is
	// there then.
	Files map[string]string
	Edit  func(files map[string]string)

	// Soak replaces that of the built-in runbooks that resources name, and Patience every
	// longer time that one of their steps and checks has; empty: as they are.
	Soak, Patience string
}

// Stage is where requests are made and carried out. Alice asks and confirms, bob
// and carol approve for IT and dan for the business, erin merges.
type Stage struct {
	Pair   *pgpair.Lab // nil where it is for a model
	GitHub *github.Server
	Clone  string            // of the operator
	Env    map[string]string // of the operator

	o      Options
	target string // name of the resource
	clock  *clock
}

// Request is one that was made, and its pull request.
type Request struct {
	ID     string
	Pull   int
	Digest runbook.Digest
	Type   runbook.Type
	To     string // site that shall write
}

// behind is by how much GitHub's clock differs from this machine's, within what is
// allowed: acts of people get seconds of their own, and none of them is in the future.
const behind = 30 * time.Second

// clock is GitHub's: whole seconds, of which no two acts of people share one.
type clock struct {
	mu    sync.Mutex
	floor time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now().Add(-behind); now.After(c.floor) {
		return now
	}
	return c.floor
}

// next begins another second.
func (c *clock) next() {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.floor = now.Truncate(time.Second).Add(time.Second)
}

// appPermissions are what bcctl asks for.
var appPermissions = github.Permissions{"contents": "write", "pull_requests": "write", "issues": "write", "checks": "write", "statuses": "write",
	"administration": "read", "members": "read", "actions": "read"}

// New makes a stage for servers that run. Close ends its GitHub.
func New(ctx context.Context, o Options) (*Stage, error) {
	s := &Stage{Pair: o.Pair, Clone: filepath.Join(o.Dir, "clone"), o: o, target: "ledger", clock: &clock{}}
	if o.Model != nil {
		s.target = o.Model.Name()
	}
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	if s.GitHub, err = github.Start(filepath.Join(o.Dir, "github"), github.Options{Now: s.clock.now, Files: files}); err != nil {
		return nil, err
	}
	if err := s.furnish(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends the GitHub of the stage. Its folder and the servers stay.
func (s *Stage) Close() error { return s.GitHub.Close() }

// furnish adds people and rules, clones, makes keys and begins the audit log.
func (s *Stage) furnish(ctx context.Context) error {
	for _, p := range people.All() {
		person := github.Person{Login: p.ID, ID: p.Number, Emails: []string{p.Email()}}
		if slices.Contains(p.Roles, string(approval.Admin)) {
			person.Role = "admin"
		}
		s.GitHub.AddPerson(person)
	}
	s.GitHub.AddRuleset(github.Ruleset{Name: "main", Include: []string{"~DEFAULT_BRANCH"}, Rules: []github.Rule{
		{Type: "deletion"}, {Type: "non_fast_forward"}, github.PullRequestRule(1)}})
	app := s.GitHub.AddApp("bcctl-lab", appPermissions)
	home := filepath.Join(s.o.Dir, "home")
	keys := filepath.Join(home, "keys")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	appKey := filepath.Join(home, "app.pem")
	if err := os.WriteFile(appKey, app.Key, 0o600); err != nil {
		return err
	}
	s.Env = map[string]string{
		"HOME": home, "XDG_STATE_HOME": filepath.Join(home, "state"), "XDG_CACHE_HOME": filepath.Join(home, "cache"), "LC_ALL": "C",
		"GIT_CONFIG_NOSYSTEM": "1", "BCCTL_GITHUB_API_URL": s.GitHub.URL(), "BCCTL_GITHUB_REPOSITORY": s.GitHub.Name(),
		"BCCTL_GITHUB_REPOSITORY_ID": strconv.FormatInt(s.GitHub.RepoID(), 10),
		"BCCTL_GITHUB_APP_ID":        strconv.FormatInt(app.ID, 10), "BCCTL_GITHUB_INSTALLATION_ID": strconv.FormatInt(app.Installation, 10), "BCCTL_GITHUB_APP_KEY": "file:" + appKey,
		"BCCTL_OPERATOR_KEY": "file:" + people.KeyFile(s.peopleDir(), "alice"),
		"BCCTL_AUDIT_ORIGIN": "example.com/acme/bcctl-audit", "BCCTL_AUDIT_KEY": "file:" + filepath.Join(keys, "writer.pem"), "BCCTL_AUDIT_LOG_KEY": "file:" + filepath.Join(keys, "log.key"),
		github.AsVariable: "alice",
	}
	if s.Pair != nil {
		s.Env["BCCTL_OPERATOR_KEY"], s.Env["BCCTL_COMMANDS_ALLOW"] = "file:"+s.Pair.KeyFile("alice"), s.Pair.HookFile()
	}
	if err := s.git(ctx, s.o.Dir, "clone", "--quiet", "-c", "user.name=alice", "-c", "user.email=alice@example.com", "file://"+s.GitHub.GitDir(), s.Clone); err != nil {
		return err
	}
	if _, err := s.must(ctx, Call{Args: []string{"audit", "keygen", "--origin", s.Env["BCCTL_AUDIT_ORIGIN"], "--out", keys}}); err != nil {
		return err
	}
	_, err := s.must(ctx, Call{Args: []string{"audit", "init", "--trust", filepath.Join(keys, "trust.json")}})
	return err
}

func (s *Stage) git(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", github.AsVariable+"=alice")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, out)
	}
	return nil
}

// Bcctl runs bcctl as the operator.
func (s *Stage) Bcctl(ctx context.Context, c Call) (Result, error) {
	if c.Env == nil {
		c.Env = s.Env
	}
	if c.Dir == "" {
		c.Dir = s.Clone
	}
	return s.o.Bcctl(ctx, c)
}

func (s *Stage) must(ctx context.Context, c Call) (Result, error) {
	r, err := s.Bcctl(ctx, c)
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("bcctl %s: exit code %d\n%s%s", strings.Join(c.Args, " "), r.Code, r.Stdout, r.Stderr)
	}
	return r, err
}

var asked = regexp.MustCompile(`(?m)^request (\S+)\n\S+/pull/(\d+)\napprove (sha256:[0-9a-f]{64})$`)

// Ask makes a request as alice. More are flags of bcctl request new.
func (s *Stage) Ask(ctx context.Context, t runbook.Type, to string, more ...string) (Request, error) {
	env := map[string]string{}
	for name, value := range s.Env {
		if !strings.HasPrefix(name, "BCCTL_GITHUB_APP") && name != "BCCTL_GITHUB_INSTALLATION_ID" {
			env[name] = value
		}
	}
	env["GITHUB_TOKEN"] = s.GitHub.Token("alice")
	s.clock.next()
	args := append([]string{"--quiet", "request", "new", string(t), s.target, "--to", to, "--reason", "a rehearsal"}, more...)
	r, err := s.must(ctx, Call{Args: args, Env: env})
	if err != nil {
		return Request{}, err
	}
	m := asked.FindStringSubmatch(r.Stdout)
	if m == nil {
		return Request{}, fmt.Errorf("bcctl request new said\n%s%s", r.Stdout, r.Stderr)
	}
	pull, err := strconv.Atoi(m[2])
	return Request{ID: m[1], Pull: pull, Digest: runbook.Digest(m[3]), Type: t, To: to}, err
}

// Approve lets everybody approve who has to, and merges.
func (s *Stage) Approve(ctx context.Context, r Request) error {
	// Carol is the second of IT that an unproven writer needs.
	for login, role := range map[string]approval.SlotRole{"bob": approval.SlotIT, "carol": approval.SlotIT, "dan": approval.SlotBusiness} {
		s.clock.next()
		if _, err := s.GitHub.As(login).Review(r.Pull, github.Approve, approval.ApprovalLine(r.Digest, role)); err != nil {
			return err
		}
	}
	s.clock.next()
	if _, err := s.GitHub.As("erin").Merge(r.Pull, github.MergeOptions{}); err != nil {
		return err
	}
	s.clock.next()
	return s.git(ctx, s.Clone, "pull", "--quiet", "origin", "main")
}

// Approved is Ask and Approve.
func (s *Stage) Approved(ctx context.Context, t runbook.Type, to string, more ...string) (Request, error) {
	r, err := s.Ask(ctx, t, to, more...)
	if err != nil {
		return r, err
	}
	return r, s.Approve(ctx, r)
}

// Line is what confirms an attempt. Every attempt but the first resumes, unless those
// before it changed nothing.
func (s *Stage) Line(r Request, verb approval.Verb, attempt int) string {
	return approval.ConfirmationLine(verb, r.ID, runbook.Request{Type: r.Type, Target: s.target, TargetSite: r.To}, r.Digest, attempt)
}

// Execute runs a request at a terminal, where alice types the line.
func (s *Stage) Execute(r Request, verb approval.Verb, attempt int) Call {
	return Call{Args: []string{"execute", r.ID, "--no-color"}, Typed: s.Line(r, verb, attempt) + "\n"}
}

// Workflow is a start in CI: alice comments the line, and a workflow run takes the
// comment's number from its event.
func (s *Stage) Workflow(r Request, verb approval.Verb, attempt int) (Call, error) {
	s.clock.next()
	id, err := s.GitHub.As("alice").Comment(r.Pull, s.Line(r, verb, attempt))
	if err != nil {
		return Call{}, err
	}
	s.clock.next()
	run := s.GitHub.AddRun(github.Run{Path: ".github/workflows/execute.yml", Event: "issue_comment", Actor: "alice"})
	event := filepath.Join(s.o.Dir, fmt.Sprintf("event-%d.json", run))
	if err := os.WriteFile(event, fmt.Appendf(nil, `{"comment":{"id":%d}}`, id), 0o600); err != nil {
		return Call{}, err
	}
	env := map[string]string{"GITHUB_RUN_ID": strconv.FormatInt(run, 10), "GITHUB_EVENT_PATH": event}
	for name, value := range s.Env {
		env[name] = value
	}
	return Call{Args: []string{"execute", "--event", "--no-color"}, Env: env}, nil
}

// Events are the journal of a request's run, as far as it has come.
func (s *Stage) Events(r Request) ([]runbook.Event, error) {
	run := strings.TrimPrefix(string(r.Digest), "sha256:")[:32]
	found, err := filepath.Glob(filepath.Join(s.Env["XDG_STATE_HOME"], "bcctl", "runs", "*", run+".jsonl"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("%d journals of run %s: %w", len(found), run, err)
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		return nil, err
	}
	return runbook.DecodeJournal(data[:bytes.LastIndexByte(data, '\n')+1])
}
