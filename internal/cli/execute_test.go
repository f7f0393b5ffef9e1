//go:build unix

package cli

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/ledger/gitstore"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/connectors/all"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// stage is a request that was made, approved and merged as people do it, for a runbook
// of programs: what they change are files of a folder.
type stage struct {
	*gate
	world  string // folder with what holds
	target string
	id     string
	digest runbook.Digest
	vars   map[string]string
	keys   map[string]string // files with the keys of people
	clone  string            // another machine's; empty: the first one's
	same   bool              // everything lies on one medium

	typing  func() // called when a person is waited for
	journal func(runbook.Journal) runbook.Journal
}

// hook is the program of the runbook: verb and name.
const hook = `
case "$1" in
  do) while [ -e "$2/pause-$3" ]; do sleep 0.1; done; echo "$BCCTL_RUN_NOTE" >>"$2/$3"; [ ! -e "$2/break-$3" ] || exit 9; echo '{"at":"0/3000060"}' ;;
  undo) rm -f "$2/$3" ;;
  is) [ -e "$2/$3" ] || exit 3 ;;
  fits) [ ! -e "$2/unfit" ] || { echo "it does not fit" >&2; exit 3; } ;;
esac
`

func newStage(t *testing.T, change ...func(*gate)) *stage {
	t.Helper()
	return stageFor(t, "ledger", nil, change...)
}

// stageFor is a stage with a request for a target, with more said of it.
func stageFor(t *testing.T, target string, ask []string, change ...func(*gate)) *stage {
	t.Helper()
	s := &stage{world: t.TempDir(), target: target}
	script := filepath.Join(s.world, "hook.sh")
	if err := os.WriteFile(script, []byte(hook), 0o600); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	s.keys = map[string]string{}
	public := map[string]string{}
	for _, person := range []string{"dora", "ben", "finn"} {
		_, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		block, err := ssh.MarshalPrivateKey(private, "")
		if err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.NewSignerFromKey(private)
		if err != nil {
			t.Fatal(err)
		}
		s.keys[person] = filepath.Join(home, person)
		if err := os.WriteFile(s.keys[person], pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		public[person] = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	}
	command := func(verb, name string) string {
		return fmt.Sprintf("command: {run: [/bin/sh, %s, %s, %s, %s]}", script, verb, s.world, name)
	}
	step := func(name, more string) string {
		return fmt.Sprintf("    - id: %s\n      %s\n      done: {%s}\n%s", name, command("do", name), command("is", name), more)
	}
	book := "apiVersion: bcctl/v1\nkind: Runbook\nmetadata: {name: by-program}\nspec:\n  for: {type: switchover, platform: postgresql}\n  prechecks:\n" +
		"    - id: fits\n      " + command("fits", "x") + "\n  steps:\n" +
		step("fence", "      undo: {"+command("undo", "fence")+"}\n") + step("promote", "") + step("repoint", "") +
		"  postchecks:\n    - id: moved\n      " + command("is", "repoint") + "\n  pointOfNoReturn: promote\n  holdPoints: [repoint]\n  atomic: [{from: fence, to: promote}]\n"
	s.gate = newGate(t, func(g *gate, _ map[string]string) {
		g.files["bcctl.yaml"] += "audit: {origin: example.com/acme/audit, key: \"env:DR_AUDIT_KEY\", log-key: \"env:DR_AUDIT_LOG_KEY\"}\n"
		g.files["runbooks/by-program.yaml"] = book
		g.files["resources/ledger.yaml"] = program("ledger")
		for person, key := range public {
			one := fmt.Sprintf("{id: %s, github: [{id: %d}]", person, g.users[person].ID)
			g.files["roster.yaml"] = strings.Replace(g.files["roster.yaml"], one, one+fmt.Sprintf(", sshKeys: [{key: %q}]", key), 1)
		}
		for _, c := range change {
			c(g)
		}
	})
	s.vars = map[string]string{"HOME": home, "BCCTL_COMMANDS_ALLOW": "/bin/sh", "BCCTL_OPERATOR_KEY": "file:" + s.keys["dora"], "MONITOR": "x"}
	s.auditKeys()
	for _, args := range [][]string{{"config", "user.name", "Ann"}, {"config", "user.email", s.users["ann"].Email}} {
		if out, err := exec.Command("git", append([]string{"-C", s.dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	s.ask(map[string]approval.SlotRole{"ben": approval.SlotIT, "cleo": approval.SlotBusiness}, ask...)
	return s
}

// ask makes a request as ann, which these people approve and ben merges.
func (s *stage) ask(by map[string]approval.SlotRole, more ...string) {
	s.t.Helper()
	out := s.bcctl("ann", "", append([]string{"request", "new", "switchover", s.target, "--reason", "power supply", "--target-timeout", "1s", "--quiet"}, more...)...)
	m := regexp.MustCompile(`request (\S+)\n\S+/pull/(\d+)\napprove (sha256:[0-9a-f]{64})\n`).FindStringSubmatch(out.stdout)
	if m == nil {
		s.t.Fatalf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	s.id, s.digest = m[1], runbook.Digest(m[3])
	if _, err := fmt.Sscan(m[2], &s.pull); err != nil {
		s.t.Fatal(err)
	}
	// The laboratory's remote is a folder, which does not know who pushed: the same
	// bytes once more, as ann.
	s.path = "requests/2026/" + s.id + ".yaml"
	raw, err := gitShow(s.GitDir(), "bcctl/request/"+s.id+":"+s.path)
	s.ok(err)
	s.ok(s.As("ann").ClosePull(s.pull))
	s.must(s.As("ann").Commit("again-"+s.id, github.Change{Base: "main", Files: map[string]string{s.path: raw}, Message: "Ask"}))
	s.pull, err = s.As("ann").OpenPull("again-"+s.id, "main", "Switch ledger ("+s.id+")", "")
	s.ok(err)
	s.later(time.Minute)
	for login, role := range by {
		s.id64(s.As(login).Review(s.pull, github.Approve, approval.ApprovalLine(s.digest, role)))
		s.later(time.Minute)
	}
	s.merge("ben")
	s.git("pull", "--quiet", "origin", "main")
}

// program is a resource that is switched over by the programs of the stage.
func program(name string) string {
	return strings.NewReplacer("name: ledger\n", "name: "+name+"\n", "credentials:", "procedures: {switchover: {runbook: by-program}}\n  credentials:", "ledger-a.example.net:5432", "127.0.0.1:1", "ledger-b.example.net:5432", "127.0.0.1:2").
		Replace(fmt.Sprintf(gateResource, 1))
}

// keyboard tells when it is read.
type keyboard struct {
	io.Reader
	typing func()
}

func (k keyboard) Read(p []byte) (int, error) {
	if k.typing != nil {
		k.typing()
	}
	return k.Reader.Read(p)
}

func (s *stage) id64(_ int64, err error) { s.ok(err) }

func (s *stage) git(args ...string) {
	s.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", s.dir, "-c", "advice.detachedHead=false"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("git %v: %v: %s", args, err, out)
	}
}

// auditKeys makes keys and begins the log.
func (s *stage) auditKeys() {
	s.t.Helper()
	dir := filepath.Join(s.vars["HOME"], "keys")
	for _, args := range [][]string{{"audit", "keygen", "--origin", "example.com/acme/audit", "--out", dir}, {"audit", "init", "--trust", filepath.Join(dir, "trust.json")}} {
		if out := s.bcctl("root", "", args...); out.code != exitOK {
			s.t.Fatalf("%v: code %d\n%s%s", args, out.code, out.stdout, out.stderr)
		}
		for name, file := range map[string]string{"DR_AUDIT_KEY": "writer.pem", "DR_AUDIT_LOG_KEY": "log.key"} {
			data, err := os.ReadFile(filepath.Join(dir, file))
			s.ok(err)
			s.vars[name] = strings.TrimSpace(string(data))
		}
	}
}

// bcctl runs bcctl on the operator's machine, which keeps what it wrote before.
func (s *stage) bcctl(login, typed string, args ...string) outcome {
	s.t.Helper()
	vars := map[string]string{"BCCTL_GITHUB_API_URL": s.URL(), "GITHUB_TOKEN": s.Token(login), "LC_ALL": "C", "PATH": os.Getenv("PATH"), "GIT_CONFIG_GLOBAL": "/dev/null"}
	for k, v := range s.vars {
		vars[k] = v
	}
	var stdout, stderr bytes.Buffer
	code := Run(s.t.Context(), Env{
		Stdin: keyboard{strings.NewReader(typed), s.typing}, journal: s.journal, Stdout: &stdout, Stderr: &stderr, Dir: cmp.Or(s.clone, s.dir), Now: s.Now, Sleep: s.Sleep, Registry: all.Registry,
		Terminal: func(io.Reader) bool { return typed != "" },
		Lookup:   func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
		Medium: func(dir string) (string, error) {
			if other := vars["BCCTL_OFFLINE_DIR"]; other != "" && !s.same && strings.HasPrefix(dir, other) {
				return "another", nil
			}
			return "this", nil
		},
	}, args)
	return outcome{code, stdout.String(), stderr.String()}
}

// elsewhere is another machine: a clone of its own, and nothing that was kept on the
// first one.
func (s *stage) elsewhere() *stage {
	s.t.Helper()
	o := *s
	o.clone, o.vars = filepath.Join(s.t.TempDir(), "clone"), maps.Clone(s.vars)
	o.vars["HOME"] = s.t.TempDir()
	cmd := exec.Command("git", "clone", "--quiet", "--branch", "main", s.GitDir(), o.clone)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	return &o
}

// as is the same machine with another person at it.
func (s *stage) as(person string) *stage {
	o := *s
	o.vars = maps.Clone(s.vars)
	o.vars["BCCTL_OPERATOR_KEY"] = "file:" + s.keys[person]
	return &o
}

// line is what the operator types.
func (s *stage) line(verb string, attempt int) string {
	return fmt.Sprintf("/bcctl %s %s SWITCHOVER %s@ams %s attempt=%d\n", verb, s.id, s.target, s.digest.Short(), attempt)
}

func (s *stage) holds(name string) bool {
	_, err := os.Stat(filepath.Join(s.world, name))
	return err == nil
}

func (s *stage) put(name string) {
	s.t.Helper()
	s.ok(os.WriteFile(filepath.Join(s.world, name), nil, 0o600))
}

// want runs execute and expects a code, and that texts are in what it says.
func (s *stage) want(code int, typed string, texts ...string) outcome {
	s.t.Helper()
	out := s.bcctl("root", typed, "execute", fmt.Sprintf("#%d", s.pull), "--no-color") // the token reads everything; who confirms is who signs
	all := out.stdout + out.stderr
	if out.code != code {
		s.t.Fatalf("code %d, want %d\n%s", out.code, code, all)
	}
	for _, text := range texts {
		if !strings.Contains(all, text) {
			s.t.Errorf("it does not say %q:\n%s", text, all)
		}
	}
	return out
}

// explained runs explain and expects a code, and that texts are in what it says.
func (s *stage) explained(code int, texts ...string) {
	s.t.Helper()
	out := s.bcctl("root", "", "explain", fmt.Sprintf("#%d", s.pull))
	if out.code != code {
		s.t.Errorf("explain: code %d, want %d\n%s%s", out.code, code, out.stdout, out.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(out.stdout, text) {
			s.t.Errorf("explain does not say %q:\n%s", text, out.stdout)
		}
	}
}

// verified checks the audit log.
func (s *stage) verified() {
	s.t.Helper()
	if out := s.bcctl("root", "", "audit", "verify", "--max-age", "240h"); out.code != exitOK {
		s.t.Errorf("the audit log: code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
}

// An approved request runs from the confirmation to the end, and never again.
func TestRUN01ExecuteRunsWhatWasApproved(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	// One character off is no confirmation (CONF-02, SI-18).
	s.want(exitNotApproved, strings.Replace(s.line("execute", 1), "ledger@ams", "ledger@fra", 1), "nothing was started", "bcctl explain")
	if s.holds("fence") {
		t.Fatal("something was done without a confirmation")
	}
	out := s.want(exitOK, s.line("execute", 1), "SUCCEEDED", "POINT OF NO RETURN", "PROTECTION_NOT_RESTORED", "type exactly")
	for _, name := range []string{"fence", "promote", "repoint"} {
		if !s.holds(name) {
			t.Errorf("%s was not done\n%s", name, out.stderr)
		}
	}
	s.verified()
	// Who confirmed acted, not the account that the program ran under.
	for _, kind := range []string{"execution.intent", "execution.outcome"} {
		csv := s.bcctl("dora", "", "audit", "export", "--format", "csv", "--kind", kind)
		if csv.code != exitOK || !strings.Contains(csv.stdout, ",human,") || !strings.Contains(csv.stdout, ",dora,") {
			t.Errorf("%s: code %d\n%s%s", kind, csv.code, csv.stdout, csv.stderr)
		}
	}
	s.want(exitNotApproved, s.line("execute", 2), "never runs again", "bcctl request new switchover ledger") // RUN-02
}

// Nobody types in a pipe, and no flag answers for a person.
func TestCONF08ExecuteNeedsATerminal(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(exitFailed, "", "typed by a person at a terminal")
	for _, flag := range []string{"--yes", "--force", "--skip-checks", "--no-verify"} {
		if out := s.bcctl("dora", s.line("execute", 1), "execute", s.id, flag); out.code != exitFailed || !strings.Contains(out.stderr, "unknown flag") {
			t.Errorf("%s: code %d %s", flag, out.code, out.stderr)
		}
	}
	if s.holds("fence") {
		t.Error("something was done")
	}
}

// A precheck that refuses leaves nothing changed and nothing locked; with the next
// attempt the same request runs.
func TestRUN05ExecuteAfterARefusal(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.put("unfit")
	s.want(exitRefused, s.line("execute", 1), "nothing was changed", "it does not fit")
	s.verified()
	s.explained(exitOK, "Next: run bcctl execute "+s.id, strings.TrimSpace(s.line("execute", 2)))
	s.ok(os.Remove(filepath.Join(s.world, "unfit")))
	s.later(time.Minute)
	s.want(exitNotApproved, s.line("execute", 1), "nothing was started") // CONF-05: a new attempt is a new line
	s.want(exitOK, s.line("execute", 2), "SUCCEEDED")
	s.verified()
}

// A step that fails after the point of no return stops the run; the same command goes
// on there.
func TestRUN06ExecuteGoesOn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.put("break-repoint")
	s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte(strings.Replace(hook, `echo "$BCCTL_RUN_NOTE" >>"$2/$3"; [ ! -e "$2/break-$3" ] || exit 9`, `[ ! -e "$2/break-$3" ] || exit 9; echo >>"$2/$3"`, 1)), 0o600))
	s.want(exitStopped, s.line("execute", 1), "stopped part way", "hint: bcctl execute "+s.id)
	if !s.holds("promote") || s.holds("repoint") {
		t.Fatal("it is not where it should have stopped")
	}
	s.verified()
	// Explain says what is typed next, where the journal is and where it is not.
	s.explained(exitOK, "RUN-06   attempt 1: it is not finished", "Next: go on with attempt 1", strings.TrimSpace(s.line("resume", 2)))
	home := s.vars["HOME"]
	s.vars["HOME"] = s.t.TempDir()
	s.explained(exitOK, "Next: attempt 1 was claimed and has not ended", "where it ran", strings.TrimSpace(s.line("resume", 2)))
	s.vars["HOME"] = home
	s.ok(os.Remove(filepath.Join(s.world, "break-repoint")))
	s.later(time.Minute)
	s.want(exitNotApproved, s.line("execute", 2)) // it is a resume, and must be typed as one
	s.want(exitOK, s.line("resume", 2), "goes on, attempt 2", "SUCCEEDED")
	s.verified()
}

// Past the point of no return a run is finished after its request has expired, also by
// a person at a terminal; before that point it is not.
func TestRUN06ExecuteGoesOnAfterExpiry(t *testing.T) {
	t.Parallel()
	for obstacle, tt := range map[string]struct {
		verb, text, next string
		code             int
	}{
		"break-repoint": {"resume", "SUCCEEDED", "go on with attempt 1", exitOK},
		"unfit":         {"execute", "BIND-06", "bcctl request new switchover ledger", exitNotApproved},
	} {
		t.Run(obstacle, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.put(obstacle)
			s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte(strings.Replace(hook, `echo "$BCCTL_RUN_NOTE" >>"$2/$3"; [ ! -e "$2/break-$3" ] || exit 9`, `[ ! -e "$2/break-$3" ] || exit 9; echo >>"$2/$3"`, 1)), 0o600))
			s.bcctl("root", s.line("execute", 1), "execute", fmt.Sprintf("#%d", s.pull))
			if s.holds("repoint") || s.holds("promote") != (tt.verb == "resume") {
				t.Fatal("it is not where it should have stopped")
			}
			s.ok(os.Remove(filepath.Join(s.world, obstacle)))
			s.later(25 * time.Hour)
			s.explained(tt.code, tt.next)
			s.want(tt.code, s.line(tt.verb, 2), tt.text)
		})
	}
}

// A request is withdrawn while its run stands part way: the same command takes back what
// was done and frees the lock, at a terminal and by a comment. It is confirmed all the same.
func TestRUN03WithdrawnPartWayIsTakenBack(t *testing.T) {
	t.Parallel()
	stuck := strings.NewReplacer("undo) ", `undo) [ ! -e "$2/stay" ] || exit 9; `, `do) while`, `do) [ ! -e "$2/break-$3" ] || exit 9; while`).Replace(hook)
	for name, back := range map[string]func(s *stage){
		"at a terminal": func(s *stage) {
			s.want(exitNotApproved, strings.Replace(s.line("resume", 2), "ledger@ams", "ledger@fra", 1), "only takes back", "CONF-02")
			if !s.holds("fence") {
				s.t.Fatal("taken back without a confirmation")
			}
			s.want(exitNotApproved, s.line("resume", 2), "only takes back", "ended; the steps that were done are taken back")
		},
		"by a comment": func(s *stage) {
			s.startedBy("ben", s.line("resume", 2)).execute(exitNotApproved, "CONF-03")
			if !s.holds("fence") {
				s.t.Fatal("taken back by somebody who is no operator")
			}
			s.startedBy("dora", s.line("resume", 2)).execute(exitNotApproved, "ended; the steps that were done are taken back")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte(stuck), 0o600))
			s.put("break-promote")
			s.put("stay")
			if name == "at a terminal" {
				s.want(exitStopped, s.line("execute", 1), "UNDO_FAILED")
			} else {
				first := s.startedBy("dora", s.line("execute", 1))
				first.execute(exitStopped, "UNDO_FAILED")
				s.FinishRun(first.run, "failure")
			}
			s.later(6 * time.Minute)
			if out := s.bcctl("ann", "", "withdraw", fmt.Sprintf("#%d", s.pull)); out.code != exitOK {
				t.Fatalf("withdraw: code %d\n%s%s", out.code, out.stdout, out.stderr)
			}
			s.ok(os.Remove(filepath.Join(s.world, "stay")))
			back(s)
			if s.holds("fence") || s.holds("promote") {
				t.Error("it is not taken back")
			}
			if out := s.bcctl("root", "", "unlock", "ledger"); !strings.Contains(out.stdout, "is not locked") {
				t.Errorf("%s%s", out.stdout, out.stderr)
			}
			s.verified()
		})
	}
}

// What will run is shown before a person confirms it: what, which steps, where there
// is no way back, who approved, until when.
func TestCONF09WhatWillRunIsShown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(exitNotApproved, "no\n", "switchover of ledger, from fra to ams (tier 1)", string(s.digest), "approved      it by ben", "approved      business by cleo", "valid until",
		"fence", "promote  POINT OF NO RETURN", "repoint  (may stop before it)", "type exactly:\n  "+s.line("execute", 1), "nothing was started")
}

// A request whose approvals do not hold any more does not run, nothing is locked, and
// that somebody tried is on record.
func TestAUD06DenialsAreRecorded(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	comment, err := s.As("ann").Comment(s.pull, approval.WithdrawalLine(s.id))
	s.ok(err)
	s.want(exitNotApproved, s.line("execute", 1), "nothing was changed")
	if s.holds("fence") {
		t.Error("something was done")
	}
	out := s.bcctl("root", "", "audit", "export", "--format", "json")
	if out.code != exitOK || !strings.Contains(out.stdout, "request.evaluated") || !strings.Contains(out.stdout, "refused") || !strings.Contains(out.stdout, strings.TrimPrefix(string(s.digest), "sha256:")) {
		t.Errorf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	s.verified()
	// What execute saw is in the ledger, and stays there when the comment goes (RUN-03).
	s.ok(s.As("ann").DeleteComment(comment))
	s.explained(exitNotApproved, "RUN-03   the request was withdrawn")
}

// A group whose first member is past its point of no return is brought to its end,
// although its request has expired meanwhile: half a group would be worse.
func TestRUN06AGroupIsNotStrandedByItsExpiry(t *testing.T) {
	t.Parallel()
	s := stageFor(t, "shop", []string{"--expires", "1h"}, func(g *gate) {
		g.files["resources/orders.yaml"] = program("orders")
		g.files["groups/shop.yaml"] = "apiVersion: bcctl/v1\nkind: Group\nmetadata: {name: shop}\nspec:\n  members: [{name: ledger}, {name: orders}]\n"
	})
	s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte(strings.Replace(hook, "do) while", `do) : >"$2/begun-$3"; while`, 1)), 0o600))
	s.put("pause-repoint") // of the first member
	ended := make(chan outcome, 1)
	go func() {
		ended <- s.bcctl("root", s.line("execute", 1), "execute", fmt.Sprintf("#%d", s.pull), "--no-color")
	}()
	s.begun("begun-repoint")
	s.later(2 * time.Hour)
	s.ok(os.Remove(filepath.Join(s.world, "pause-repoint")))
	out := <-ended
	if out.code != exitOK || !strings.Contains(out.stderr, "orders/promote done") {
		t.Errorf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	s.verified()
}

// After a failover of a resource nothing begins there for as long as a calendar says, by
// what the ledger has: not what ended long ago, not another resource, not what was no
// failover. Afterwards the same request runs.
func TestSI33PauseAfterFailover(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(g *gate) {
		g.files["policies/calendar.yaml"] = "apiVersion: bcctl/v1\nkind: Calendar\nmetadata: {name: bank}\nspec:\n  afterFailover:\n    - {name: calm, reason: no to and fro, lasts: 2h}\n"
		for id, of := range map[string][2]string{"over-ledger": {"failover", "ledger"}, "long-ago": {"failover", "ledger"}, "switched": {"switchover", "ledger"}, "elsewhere": {"failover", "orders"}, "given-up": {"failover", "ledger"}} {
			g.files["requests/2026/"+id+".yaml"] = "apiVersion: bcctl/v1\nkind: Request\nmetadata: {name: " + id + "}\nspec:\n  type: " + of[0] + "\n  target: " + of[1] + "\n  targetSite: ams\n  reason: x\n  requester: ann\n" +
				"  notBefore: 2026-03-01T00:00:00Z\n  expiresAt: 2026-03-02T00:00:00Z\n  pins: {a.yaml: sha256:" + strings.Repeat("0", 64) + "}\n  plan: sha256:" + strings.Repeat("1", 64) + "\n  commit: \"" + strings.Repeat("0", 40) + "\"\n"
		}
	})
	store := &gitstore.Store{Dir: s.dir, Remote: "origin", Now: s.Now}
	now := s.Now().Truncate(time.Second)
	ended := func(id, result string, at time.Time) {
		s.ok(store.Add(t.Context(), ledger.Record{Kind: ledger.Finished, Request: id, Digest: "sha256:" + strings.Repeat("a", 64), Run: id, Result: result, At: at}))
	}
	ended("long-ago", "succeeded", now.Add(-3*time.Hour))
	ended("switched", "succeeded", now)
	ended("elsewhere", "succeeded", now)
	ended("given-up", "failed", now) // it was taken back: nothing was failed over
	ended("over-ledger", "succeeded", now)
	over := now.Add(2 * time.Hour).UTC().Format(time.RFC3339)
	out := s.want(exitNotApproved, s.line("execute", 1), "SI-33", "the pause after a failover calm of calendar bank is for ledger until "+over, "as request over-ledger ended at", "it may begin from "+over+" on", "nothing was changed")
	for _, other := range []string{"long-ago", "switched", "elsewhere", "given-up"} {
		if strings.Contains(out.stdout+out.stderr, other) {
			t.Errorf("it names %s", other)
		}
	}
	if s.holds("fence") {
		t.Error("something was done")
	}
	s.verified()
	s.later(2*time.Hour + time.Second)
	s.want(exitOK, s.line("execute", 1), "SUCCEEDED")
}

// Nothing begins in a freeze: nothing is locked and nothing changed, and the refusal is on
// record. Afterwards the same request runs.
func TestSI33NothingBeginsInAFreeze(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(g *gate) {
		g.files["policies/calendar.yaml"] = "apiVersion: bcctl/v1\nkind: Calendar\nmetadata: {name: bank}\nspec:\n  freezes:\n    - {name: closing, reason: quarter, from: 2026-03-01T00:00:00Z, until: 2026-03-10T13:00:00Z}\n"
	})
	s.explained(exitOK, "NOT NOW (SI-33): ", "the freeze closing of calendar bank is for ledger until 2026-03-10T13:00:00Z (quarter); it may begin from 2026-03-10T13:00:00Z on")
	s.want(exitNotApproved, s.line("execute", 1), "SI-33", "the freeze closing of calendar bank is for ledger until 2026-03-10T13:00:00Z (quarter); it may begin from 2026-03-10T13:00:00Z on", "nothing was changed")
	if s.holds("fence") {
		t.Error("something was done")
	}
	s.verified()
	s.later(2 * time.Hour)
	s.want(exitOK, s.line("execute", 1), "SUCCEEDED")
}
