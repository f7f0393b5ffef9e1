package forge

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/bcctl/bcctl/pkg/approval"
)

// workflowRun has the fields of a run that go-github does not know.
type workflowRun struct {
	ID              int64        `json:"id"`
	Attempt         int          `json:"run_attempt"`
	Event           string       `json:"event"`
	Actor           *github.User `json:"actor"`
	TriggeringActor *github.User `json:"triggering_actor"`
	Path            string       `json:"path"`
	HeadBranch      string       `json:"head_branch"`
	HeadSHA         string       `json:"head_sha"`
	Status          string       `json:"status"`
	Conclusion      string       `json:"conclusion"`
	Repository      struct {
		ID int64 `json:"id"`
	} `json:"repository"`
}

// Run reads the workflow run that bcctl is part of: from GitHub, because the run's own
// environment can be written by the workflow (CONF-06, CONF-07).
func (c *Client) Run(ctx context.Context, r *Reading, id int64) (approval.WorkflowRun, error) {
	ctx = WithAnswers(c.withBudget(ctx), &r.Answers)
	var run workflowRun
	if _, err := c.get(ctx, c.repoPath("/actions/runs/%d", id), &run); err != nil {
		return approval.WorkflowRun{}, fmt.Errorf("read workflow run %d: %w", id, err)
	}
	path, _, _ := strings.Cut(run.Path, "@") // a reusable workflow's path ends with @REF
	e := approval.WorkflowRun{
		ID: run.ID, Attempt: run.Attempt, Event: run.Event, Actor: account(run.Actor), TriggeringActor: account(run.TriggeringActor),
		Workflow: path, RepositoryID: run.Repository.ID, HeadBranch: run.HeadBranch, HeadSHA: commit(run.HeadSHA),
	}
	if e.HeadSHA != "" && r.Evidence.Main.Tip != "" {
		on, err := r.Objects.contains(ctx, r.Evidence.Main.Tip, e.HeadSHA)
		e.HeadOnMain = approval.FactOf(on && err == nil) // a commit that is not here is not behind main
	}
	return e, nil
}

// RunState is how far a workflow run has come.
type RunState struct {
	Status     string // as GitHub says: queued, in_progress, completed
	Conclusion string // of a completed one
	Attempt    int
}

// Ended reports whether nothing of the run is under way any more. Only GitHub's own
// word says so: a status that is empty or unknown is not an end.
func (s RunState) Ended() bool { return s.Status == "completed" && s.Conclusion != "" }

// RunState asks how far a workflow run of the repository has come. ErrNotFound: it is
// not there any more, or this token may not see it.
func (c *Client) RunState(ctx context.Context, id int64) (RunState, error) {
	ctx = c.withBudget(ctx)
	var run workflowRun
	if _, err := c.get(ctx, c.repoPath("/actions/runs/%d", id), &run); err != nil {
		return RunState{}, fmt.Errorf("read workflow run %d: %w", id, err)
	}
	if run.ID != id || run.Repository.ID != c.opts.RepositoryID {
		return RunState{}, fmt.Errorf("%w: workflow run %d is of another repository", ErrRepository, id)
	}
	return RunState{Status: run.Status, Conclusion: run.Conclusion, Attempt: run.Attempt}, nil
}
