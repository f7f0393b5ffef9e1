//go:build unix

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

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
	s.startedBy("dora", s.line("execute", 2)).execute(exitNotApproved)
}
