//go:build unix

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/internal/lab/github"
)

// job is a job of the workflow on a runner of its own, that a comment has started.
type job struct {
	*stage
	run int64
}

// confirmedBy comments as a person and starts the workflow, on a new runner.
func (s *stage) startedBy(person, line string) *job {
	s.t.Helper()
	id := s.id64at(s.As(person).Comment(s.pull, strings.TrimSuffix(line, "\n")))
	s.later(time.Second)
	j := &job{s.elsewhere(), s.AddRun(github.Run{Path: executeWorkflow, Event: "issue_comment", Actor: person})}
	file := filepath.Join(s.t.TempDir(), "event.json")
	s.ok(os.WriteFile(file, []byte(fmt.Sprintf(`{"action":"created","comment":{"id":%d,"body":"something else"}}`, id)), 0o600))
	for name, value := range map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": file, "GITHUB_RUN_ID": strconv.FormatInt(j.run, 10), "GITHUB_EVENT_NAME": "issue_comment",
		"GITHUB_ACTOR": person, "GITHUB_ACTOR_ID": strconv.FormatInt(s.users[person].ID, 10), "GITHUB_RUN_ATTEMPT": "1", "BCCTL_OPERATOR_KEY": "",
	} {
		j.vars[name] = value
	}
	return j
}

func (s *stage) id64at(id int64, err error) int64 { s.ok(err); return id }

// execute runs the job to its end.
func (j *job) execute(code int, texts ...string) outcome {
	j.t.Helper()
	out := j.bcctl("root", "", "execute", "--event")
	j.FinishRun(j.run, map[bool]string{true: "success", false: "failure"}[out.code == exitOK])
	if out.code != code {
		j.t.Fatalf("code %d, want %d\n%s%s", out.code, code, out.stdout, out.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(out.stdout+out.stderr, text) {
			j.t.Errorf("it does not say %q:\n%s%s", text, out.stdout, out.stderr)
		}
	}
	return out
}

// A comment of an operator starts the workflow; the run succeeds, and only once.
func TestExecuteEventRunsToItsEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.startedBy("dora", s.line("execute", 1)).execute(exitOK, "SUCCEEDED")
	for _, name := range []string{"fence", "promote", "repoint"} {
		if !s.holds(name) {
			t.Errorf("%s was not done", name)
		}
	}
	s.verified()
	done := s.told(runCommentName)
	for _, want := range []string{"SUCCEEDED", "attempt 1, by dora", "switchover of ledger, from fra to ams", "| 1 | ledger/promote (point of no return) | done |", "of RTO 15m left", "bcctl check ledger"} {
		if !strings.Contains(done, want) {
			t.Errorf("the comment lacks %q:\n%s", want, done)
		}
	}
	s.startedBy("dora", s.line("execute", 2)).execute(exitNotApproved)
	// Whoever may not run it cannot put a refusal in the place of what ran.
	s.startedBy("ben", s.line("execute", 2)).execute(exitNotApproved)
	if s.told(runCommentName) != done {
		t.Errorf("the comment of the run was changed:\n%s", s.told(runCommentName))
	}
}

// Whoever commented is told when the runner cannot even begin.
func TestExecuteEventThatCannotBegin(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	j := s.startedBy("dora", s.line("execute", 1))
	j.vars["DR_AUDIT_KEY"] = ""
	j.execute(exitFailed, "DR_AUDIT_KEY is not set")
	if told := s.told(refusedCommentName); !strings.Contains(told, "NOT STARTED") || !strings.Contains(told, "exit code 1;") || s.told(runCommentName) != "" || s.holds("fence") {
		t.Errorf("the comment is\n%s", told)
	}
	s.startedBy("dora", s.line("execute", 1)).execute(exitOK, "SUCCEEDED")
}

// In CI nobody can answer a manual step: the run is held before it, and the next command is
// not a comment, which would come to the same step, but the one at a terminal.
func TestExecuteEventThatNeedsAPerson(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(g *gate) {
		g.files["runbooks/by-program.yaml"] = strings.Replace(g.files["runbooks/by-program.yaml"], "  postchecks:", "    - id: told\n      manual: {instructions: call the desk, attest: the desk knows}\n  postchecks:", 1)
	})
	next := "bcctl execute " + s.id + " at a terminal, where a person can answer"
	out := s.startedBy("dora", s.line("execute", 1)).execute(exitStopped, "hint: "+next+"\n", "PERSON_NEEDED")
	if strings.Contains(out.stderr, "hint: comment on") || !s.holds("repoint") {
		t.Errorf("it says\n%s", out.stderr)
	}
	if told := s.told(runCommentName); !strings.Contains(told, next) || strings.Contains(told, "/bcctl resume") {
		t.Errorf("the comment is\n%s", told)
	}
	// Where the run is held for another reason, a comment goes on.
	s = newStage(t)
	s.put("break-promote")
	s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte(strings.Replace(hook, "is) ", "is) [ ! -e \"$2/break-$3\" ] || exit 4; ", 1)), 0o600))
	s.startedBy("dora", s.line("execute", 1)).execute(exitStopped, "/bcctl resume "+s.id)
}

// The App of the workflow is who writes locks, records and the log: the checkout has an
// address and no credential.
func TestLOCK06ExecuteEventSignsInAsTheApp(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	// What is in the folder knows no login; what comes over the network needs one.
	app := s.AddApp("bcctl", github.Permissions{"contents": "write", "pull_requests": "write", "issues": "write", "actions": "read", "administration": "read", "members": "read"})
	j := s.startedBy("dora", s.line("execute", 1))
	if out, err := exec.Command("git", "-C", j.clone, "remote", "set-url", "origin", s.GitURL()).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out := j.bcctl("root", "", "execute", "--event"); out.code != exitNoAnswer || s.holds("fence") {
		t.Fatalf("without a login: code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	for name, value := range map[string]string{"BCCTL_GITHUB_APP_ID": fmt.Sprint(app.ID), "BCCTL_GITHUB_INSTALLATION_ID": fmt.Sprint(app.Installation), "BCCTL_GITHUB_APP_KEY": "env:APP_KEY", "APP_KEY": string(app.Key)} {
		j.vars[name] = value
	}
	out := j.execute(exitOK, "SUCCEEDED")
	if strings.Contains(out.stdout+out.stderr, "ghs_") || strings.Contains(out.stdout+out.stderr, "Authorization") {
		t.Error("the login is in the output")
	}
	if !strings.Contains(s.told(runCommentName), "SUCCEEDED") {
		t.Errorf("the comment is\n%s", s.told(runCommentName))
	}
	s.verified()
}

// told is the one comment with a name, empty when there is none.
func (s *stage) told(name string) string {
	s.t.Helper()
	var list []struct{ Body string }
	s.ok(s.As("root").Do("GET", fmt.Sprintf("/issues/%d/comments?per_page=100", s.pull), nil, &list))
	var found []string
	for _, m := range list {
		if strings.HasPrefix(m.Body, forge.Marker(name)) {
			found = append(found, m.Body)
		}
	}
	if len(found) > 1 {
		s.t.Errorf("%d comments are called %s", len(found), name)
	}
	return strings.Join(found, "\n")
}

// GitHub takes no comment: the run comes to its end all the same.
func TestExecuteEventWithoutItsComment(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	j := s.startedBy("dora", s.line("execute", 1))
	s.Inject(github.Fault{Match: "POST /repos/*/issues/*/comments", Status: 502, Times: -1})
	j.execute(exitOK, "SUCCEEDED", "the comment on the pull request is not up to date")
	s.Heal()
	s.verified()
}

// A run that stopped in CI goes on in another workflow run, on a runner that has nothing:
// not while GitHub says that the first one goes on, not while its lease runs, and not
// when GitHub cannot tell.
func TestRUN05ExecuteEventGoesOnOnAnotherRunner(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.put("break-repoint")
	s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte(strings.Replace(hook, `echo "$BCCTL_RUN_NOTE" >>"$2/$3"; [ ! -e "$2/break-$3" ] || exit 9`, `[ ! -e "$2/break-$3" ] || exit 9; echo >>"$2/$3"`, 1)), 0o600))
	first := s.startedBy("dora", s.line("execute", 1))
	if out := first.bcctl("root", "", "execute", "--event"); out.code != exitStopped {
		t.Fatalf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	if told := s.told(runCommentName); !strings.Contains(told, "HELD") || !strings.Contains(told, "comment on pull request "+strconv.Itoa(s.pull)+": "+strings.TrimSpace(s.line("resume", 2))) {
		t.Errorf("the comment is\n%s", told)
	}
	s.ok(os.Remove(filepath.Join(s.world, "break-repoint")))
	s.later(time.Minute)
	s.startedBy("dora", s.line("resume", 2)).execute(exitLocked, "its run is at work, or was a moment ago")
	s.later(6 * time.Minute)
	s.startedBy("dora", s.line("resume", 2)).execute(exitLocked, "its run has not ended")
	s.FinishRun(first.run, "failure")
	s.startedBy("dora", s.line("execute", 2)).execute(exitNotApproved) // it goes on, and must be told so
	s.startedBy("dora", s.line("resume", 2)).execute(exitOK, "known from another machine", "goes on, attempt 2", "SUCCEEDED")
	s.verified()
	s.startedBy("dora", s.line("resume", 3)).execute(exitNotApproved, "never runs again")
	// The first runner, should it come back, knows that it was overtaken.
	if out := first.bcctl("root", "", "execute", "--event"); out.code != exitNotApproved || !strings.Contains(out.stderr, "never runs again") {
		t.Errorf("code %d\n%s", out.code, out.stderr)
	}
}

// A runner that is lost in the middle of a step is followed by another one, which asks
// the system what became of that step. Should the first wake up, it changes nothing.
func TestSI32ExecuteEventAfterALostRunner(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte(strings.Replace(hook, "do) while", `do) : >"$2/begun-$3"; while`, 1)), 0o600))
	s.put("pause-repoint")
	first := s.startedBy("dora", s.line("execute", 1))
	slept := make(chan outcome, 1)
	go func() { slept <- first.bcctl("root", "", "execute", "--event") }()
	s.begun("begun-repoint")
	s.FinishRun(first.run, "cancelled")
	s.later(6 * time.Minute)
	second := s.startedBy("dora", s.line("resume", 2))
	s.put("repoint") // what the lost one had begun took effect
	out := second.bcctl("root", "", "execute", "--event")
	if out.code == exitNoAnswer && strings.Contains(out.stderr, "gone on with this run; start again") {
		// What the lost one had sent last came after the copy was read.
		out = second.bcctl("root", "", "execute", "--event")
	}
	if text := out.stdout + out.stderr; out.code != exitOK || !strings.Contains(text, "stopped in the middle") || !strings.Contains(text, "SUCCEEDED") {
		t.Fatalf("the second: code %d\n%s", out.code, text)
	}
	s.FinishRun(second.run, "success")
	s.ok(os.Remove(filepath.Join(s.world, "pause-repoint")))
	if out := <-slept; out.code == exitOK || !strings.Contains(out.stderr, "LOCK_LOST") && !strings.Contains(out.stderr, "gone on with this run") {
		t.Errorf("the sleeper: code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	s.verified()
}
