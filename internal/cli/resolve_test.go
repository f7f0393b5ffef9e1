//go:build unix

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/bcctl/bcctl/internal/execute/journal"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// foggyHook is the program of the runbook where nobody can tell whether a step took effect.
var foggyHook = strings.Replace(hook, "  is) ", `  is) [ ! -e "$2/fog-$3" ] || exit 4; `, 1)

// lose lets the answer of promote be lost, and nobody tell what became of it.
func (s *stage) lose() {
	s.t.Helper()
	s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte(foggyHook), 0o600))
	s.put("break-promote")
	s.put("fog-promote")
}

// clear ends that.
func (s *stage) clear() {
	s.t.Helper()
	for _, name := range []string{"break-promote", "fog-promote"} {
		s.ok(os.Remove(filepath.Join(s.world, name)))
	}
}

const looked = "pg_controldata says: in production"

// settle runs resolve of promote and expects a code, and texts in what it says.
func (s *stage) settle(code int, typed, answer string, more []string, texts ...string) {
	s.t.Helper()
	out := s.bcctl("root", typed, append([]string{"resolve", s.id, answer, "--step", "ledger/promote", "--reason", looked, "--no-color"}, more...)...)
	all := out.stdout + out.stderr
	if out.code != code {
		s.t.Fatalf("resolve %s: code %d, want %d\n%s", answer, out.code, code, all)
	}
	for _, text := range texts {
		if !strings.Contains(all, text) {
			s.t.Errorf("resolve %s does not say %q:\n%s", answer, text, all)
		}
	}
}

func (s *stage) answer(answer string) string {
	return fmt.Sprintf("/bcctl resolve %s ledger/promote %s %s\n", s.id, answer, s.digest.Short())
}

// runs is the folder of the journals.
func (s *stage) runs() string {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(s.vars["HOME"], ".local", "state", "bcctl", "runs", "*"))
	if err != nil || len(found) != 1 {
		s.t.Fatalf("%v, %v", found, err)
	}
	return found[0]
}

// events is the journal as it stands.
func (s *stage) events() []runbook.Event {
	s.t.Helper()
	data, err := os.ReadFile(journal.Path(s.runs(), runOf(s.digest)))
	s.ok(err)
	events, err := runbook.DecodeJournal(data)
	s.ok(err)
	return events
}

// A step that nobody can tell about is settled by an operator who types and signs it, and
// by nobody else; the run goes on from there, and the log says who, what and why.
func TestRUN05ResolveIsSignedByAnOperator(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lose()
	s.want(exitStopped, s.line("execute", 1), "nobody can tell", "bcctl resolve "+s.id+" --step ledger/promote")
	before := len(s.events())
	s.settle(exitFailed, "", "done", nil, "CONF-08")
	s.as("ben").settle(exitNotApproved, s.answer("done"), "done", nil, "RUN-05", "ben is no operator")
	for _, typed := range []string{"yes\n", "ledger/promote done\n", s.answer("not-done"), strings.Replace(s.answer("done"), "ledger/promote", "ledger/fence", 1), strings.TrimSuffix(s.answer("done"), "\n") + " \n"} {
		s.settle(exitNotApproved, typed, "done", nil, "not the line")
	}
	if out := s.bcctl("root", s.answer("done"), "resolve", s.id, "done", "--step", "ledger/fence", "--reason", looked); out.code != exitFailed || !strings.Contains(out.stderr, "ledger/promote is") {
		t.Errorf("another step: code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	if out := s.bcctl("root", s.answer("done"), "resolve", s.id, "done", "--step", "ledger/promote", "--reason", "two\nlines"); out.code != exitFailed || !strings.Contains(out.stderr, "one line") {
		t.Errorf("a reason of two lines: code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	if n := len(s.events()); n != before {
		t.Fatalf("%d lines were written", n-before)
	}
	s.settle(exitOK, s.answer("done"), "done", nil, "type exactly", looked, "settled: ledger/promote is done, says dora")
	s.settle(exitFailed, s.answer("done"), "done", nil, "no step of run")
	e := s.events()[before]
	if e.Kind != runbook.StepResolved || e.By != "dora" || e.Message != looked || e.Said == nil || !strings.Contains(e.Said.Statement, looked) || !strings.Contains(e.Said.Signature, "BEGIN SSH SIGNATURE") {
		t.Fatalf("%+v", e)
	}
	s.clear()
	// A start that ends before its claim takes nothing away of what will be on record.
	s.want(exitNotApproved, "no\n", "nothing was started")
	s.want(exitOK, s.line("resume", 2), "SUCCEEDED")
	s.verified()
	verify := s.bcctl("root", "", "audit", "verify", "--max-age", "240h")
	if want := " is done, said dora: " + looked + " (held against the roster of commit "; !strings.Contains(verify.stdout, want) {
		t.Errorf("audit verify does not say %q:\n%s", want, verify.stdout)
	}
	s.heldAgainstTheRosterOfThatTime()
	_, rest, _ := strings.Cut(verify.stdout, "resolved ledger/promote of run ")
	show := s.bcctl("root", "", "audit", "show", strings.Fields(rest)[0])
	for _, want := range []string{"done, as dora said: " + looked, "by dora", "signed {", "bcctl-resolve-v1", "BEGIN SSH SIGNATURE"} {
		if !strings.Contains(show.stdout, want) {
			t.Errorf("audit show does not say %q:\n%s", want, show.stdout)
		}
	}
	if n := strings.Count(show.stdout, "as dora said"); n != 1 {
		t.Errorf("it is there %d times", n)
	}
}

// heldAgainstTheRosterOfThatTime: with a history of the default branch in which dora was no
// operator when she signed, what she signed is found; that she is one now, or that she is
// none any more, changes nothing.
func (s *stage) heldAgainstTheRosterOfThatTime() {
	s.t.Helper()
	o := s.elsewhere()
	in := func(at time.Time, args ...string) string {
		s.t.Helper()
		cmd := exec.Command("git", append([]string{"-C", o.clone, "-c", "user.name=Ann", "-c", "user.email=ann@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_COMMITTER_DATE="+at.UTC().Format(time.RFC3339))
		out, err := cmd.CombinedOutput()
		if err != nil {
			s.t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	in(s.Now(), "fetch", "--quiet", "origin", "refs/heads/*:refs/remotes/origin/*")
	roster := filepath.Join(o.clone, "roster.yaml")
	was, err := os.ReadFile(roster)
	s.ok(err)
	// change commits a roster as of a moment, on top of what is there or in place of it.
	change := func(at time.Time, text string, more ...string) {
		s.t.Helper()
		s.ok(os.WriteFile(roster, []byte(text), 0o600))
		in(at, append([]string{"commit", "--quiet", "--all", "--message", "Roster"}, more...)...)
		in(at, "update-ref", "refs/remotes/origin/main", "HEAD")
	}
	in(s.Now(), "remote", "set-head", "origin", "--delete")
	without := strings.ReplaceAll(string(was), "operator", "viewer")
	if without == string(was) {
		s.t.Fatal("nobody is an operator")
	}
	verify := func() outcome { return o.bcctl("root", "", "audit", "verify", "--max-age", "240h") }
	change(s.Now().Add(time.Hour), without)
	if out := verify(); out.code != exitOK {
		s.t.Errorf("she is none any more: code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	change(s.Now().Add(-240*time.Hour), without, "--amend")
	change(s.Now().Add(time.Hour), string(was))
	if out := verify(); out.code != exitAudit || !strings.Contains(out.stdout, "AUD-35") || !strings.Contains(out.stdout, "dora is no operator, by the roster of commit") {
		s.t.Errorf("she was none then: code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
}

// What was not done is done again, once.
func TestRUN05ResolveNotDone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lose()
	s.want(exitStopped, s.line("execute", 1), "nobody can tell")
	s.ok(os.Remove(filepath.Join(s.world, "promote")))
	s.settle(exitOK, s.answer("not-done"), "not-done", nil, "settled: ledger/promote is not-done")
	s.clear()
	s.want(exitOK, s.line("resume", 2), "SUCCEEDED")
	if !s.holds("promote") {
		t.Error("it was not done again")
	}
	s.verified()
}

// A run without GitHub is settled without it, by the roster that root keys signed; not with
// GitHub, and not where GitHub answers to a run that is not of this host.
func TestRUN05ResolveOffline(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.sign("ben", approval.SlotIT)
	o.sign("cleo", approval.SlotBusiness)
	o.lose()
	o.run(exitStopped, o.line("execute", 1), "nobody can tell", "bcctl resolve "+o.id+" --step ledger/promote", "--offline --snapshot "+o.trust+", then")
	here := []string{"--offline", "--snapshot", o.trust}
	o.settle(exitNoAnswer, o.answer("done"), "done", nil, "GitHub")
	o.settle(exitFailed, o.answer("done"), "done", here[:1], "--offline needs the trust snapshot")
	o.as("ben").settle(exitNotApproved, o.answer("done"), "done", here, "ben is no operator")
	o.settle(exitNotApproved, "yes\n", "done", here, "not the line")
	// The roster of this clone is not the one that was signed.
	roster, err := os.ReadFile(filepath.Join(o.dir, "roster.yaml"))
	o.ok(err)
	o.ok(os.WriteFile(filepath.Join(o.dir, "roster.yaml"), append(roster, "# mine\n"...), 0o600))
	o.git("-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "--all", "--message", "mine")
	o.settle(exitNotApproved, o.answer("done"), "done", here, "OFF-02")
	o.git("reset", "--quiet", "--hard", "HEAD~1")
	o.vars["BCCTL_OFFLINE_HOST"] = "laptop"
	o.settle(exitNotApproved, o.answer("done"), "done", here, "OFF-01")
	o.vars["BCCTL_OFFLINE_HOST"] = "dr-host"
	release, err := o.host().Hold()
	o.ok(err)
	o.settle(exitLocked, o.answer("done"), "done", here, "OFF-05")
	o.ok(release())
	o.settle(exitOK, o.answer("done"), "done", here, "settled: ledger/promote is done, says dora", "bcctl execute "+o.id+" --offline")
	o.clear()
	o.run(exitOK, o.line("resume", 2), "SUCCEEDED")
	o.up()
	o.reconcile(exitOK, "", nil, "settled")
	o.verified()
	if out := o.bcctl("root", "", "audit", "verify", "--max-age", "240h"); !strings.Contains(out.stdout, "said dora: "+looked) {
		t.Errorf("%s", out.stdout)
	}
}

// Where GitHub answers it is asked, but for a run that began without it.
func TestRUN05ResolveOfflineIsNotForConvenience(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.up()
	o.lose()
	o.want(exitStopped, o.stage.line("execute", 1), "nobody can tell")
	o.settle(exitNotApproved, o.answer("done"), "done", []string{"--offline", "--snapshot", o.trust}, "OFF-01", "the forge answers")
	o.settle(exitOK, o.answer("done"), "done", nil, "settled")
}

// An answer in the journal that the operator did not sign as it stands there counts for
// nothing: the step is in doubt again, nothing is done on its word, and the log says so.
func TestRUN05ForgedAnswersCountForNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lose()
	s.want(exitStopped, s.line("execute", 1), "nobody can tell")
	key := func(person string) ssh.Signer {
		data, err := os.ReadFile(s.keys[person])
		s.ok(err)
		signer, err := ssh.ParsePrivateKey(data)
		s.ok(err)
		return signer
	}
	// sign is what the person signs, after a change of the statement.
	sign := func(person string, namespace string, change func(*approval.ResolvedStatement)) func(runbook.StepRef, string) (runbook.Said, error) {
		return func(about runbook.StepRef, after string) (runbook.Said, error) {
			st := approval.ResolvedStatement{After: after, At: s.Now().UTC().Truncate(time.Second), Line: approval.ResolveLine(s.id, s.digest, about, true), Person: person, Reason: looked}
			if change != nil {
				change(&st)
			}
			text, err := approval.EncodeResolved(st)
			if err != nil {
				return runbook.Said{}, err
			}
			sig, err := signWith(key(person), text, namespace)
			return runbook.Said{Statement: string(text), Signature: string(sig)}, err
		}
	}
	attempt := 1
	for _, c := range []struct {
		name string
		by   string
		sign func(runbook.StepRef, string) (runbook.Said, error)
		says string
	}{
		{"nobody signed", "dora", nil, "nobody signed it"},
		{"nonsense was signed", "dora", func(runbook.StepRef, string) (runbook.Said, error) { return runbook.Said{Statement: "{}"}, nil }, "not what bcctl resolve writes"},
		{"by somebody who is no operator", "ben", sign("ben", approval.NamespaceResolve, nil), "ben is no operator"},
		{"in the name of somebody else", "dora", sign("ben", approval.NamespaceResolve, nil), "who decided"},
		{"in the name of the operator, with another key", "dora", sign("ben", approval.NamespaceResolve, func(st *approval.ResolvedStatement) { st.Person = "dora" }), "no operator"},
		{"the other answer", "dora", sign("dora", approval.NamespaceResolve, func(st *approval.ResolvedStatement) {
			st.Line = strings.Replace(st.Line, " done ", " not-done ", 1)
		}), "another answer"},
		{"of another request", "dora", sign("dora", approval.NamespaceResolve, func(st *approval.ResolvedStatement) { st.Line = strings.Replace(st.Line, s.id, "other", 1) }), "about something else"},
		{"for another reason", "dora", sign("dora", approval.NamespaceResolve, func(st *approval.ResolvedStatement) { st.Reason = "because" }), "is not what was signed"},
		{"at another place of the journal", "dora", sign("dora", approval.NamespaceResolve, func(st *approval.ResolvedStatement) { st.After = strings.Repeat("0", 64) }), "another place"},
		{"for another purpose", "dora", sign("dora", approval.NamespaceConfirm, nil), "was made for"},
		{"in the future", "dora", sign("dora", approval.NamespaceResolve, func(st *approval.ResolvedStatement) { st.At = st.At.Add(time.Hour) }), "in the future"},
	} {
		j, err := journal.Open(s.runs(), runOf(s.digest), nil)
		s.ok(err)
		_, err = runbook.Resolve(t.Context(), j, runbook.Resolution{Step: "promote", Done: true, By: c.by, Reason: looked, Sign: c.sign}, s.Now)
		s.ok(err)
		s.ok(j.Close())
		t.Log(c.name)
		attempt++
		s.want(exitStopped, s.line("resume", attempt), "does not count", c.says, "nobody can tell")
		if s.holds("repoint") {
			t.Fatal("the run went on")
		}
	}
	// A signature that was changed, and one that is gone on: resolve finds it, and asks anew.
	j, err := journal.Open(s.runs(), runOf(s.digest), nil)
	s.ok(err)
	_, err = runbook.Resolve(t.Context(), j, runbook.Resolution{Step: "promote", Done: true, By: "dora", Reason: looked, Sign: func(about runbook.StepRef, after string) (runbook.Said, error) {
		said, err := sign("dora", approval.NamespaceResolve, nil)(about, after)
		said.Statement = strings.Replace(said.Statement, looked, "pg_controldata says: in recovery!!", 1)
		return said, err
	}}, s.Now)
	s.ok(err)
	s.ok(j.Close())
	s.settle(exitOK, s.answer("done"), "done", nil, "does not count", "settled: ledger/promote is done, says dora")
	s.clear()
	s.want(exitOK, s.line("resume", attempt+1), "SUCCEEDED")
	s.verified()
	verify := s.bcctl("root", "", "audit", "verify", "--max-age", "240h")
	if n := strings.Count(verify.stdout, "resolved ledger/promote"); n != 1 {
		t.Errorf("%d answers are on record:\n%s", n, verify.stdout)
	}
	csv := s.bcctl("root", "", "audit", "export", "--format", "csv", "--kind", "step.result")
	if n := strings.Count(csv.stdout, `""reasons"":[""RUN-05""]`); n != attempt {
		t.Errorf("that an answer does not count is on record %d times of %d:\n%s", n, attempt, csv.stdout)
	}
}
