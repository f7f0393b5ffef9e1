package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/internal/verdict"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// planLine is all that a comment which asks for a plan says.
const planLine = "/bcctl plan"

// planComment is the name of the one comment of ours that holds the plan.
const planComment = "plan"

// maxEvent is how much of the event's file is read, in bytes: GitHub sends no more.
const maxEvent = 26 << 20

// planEvent makes the plan that a comment asked for. Of the event it takes the number
// of the comment alone. What the comment says, and where it stands, is asked of
// GitHub: whatever the payload holds besides may have been written by anybody (CONF-01).
func (a *app) planEvent(ctx context.Context, flags *pflag.FlagSet, o *planOptions) error {
	id, err := a.askedBy()
	if err != nil {
		return err
	}
	return a.withForge(ctx, flags, func(r *repository, c *forge.Client) error {
		m, err := c.Comment(ctx, id)
		switch {
		case errors.Is(err, forge.ErrNotFound):
			return fail(exitFailed, fmt.Errorf("there is no comment %d, or this token may not see it", id), "comment "+planLine+" on the pull request")
		case err != nil:
			return forgeError(err)
		case m.Body != planLine:
			return fail(exitFailed, fmt.Errorf("comment %d is not exactly %s", id, planLine), "comment "+planLine+" on the pull request")
		}
		found, err := c.AtPull(ctx, m.Pull)
		if errors.Is(err, forge.ErrNotFound) {
			return fail(exitFailed, fmt.Errorf("comment %d is at number %d, which is no pull request that adds a request: %w", id, m.Pull, err), "bcctl request new TYPE TARGET")
		}
		if err != nil {
			return forgeError(err)
		}
		return a.commentPlan(ctx, r, c, found, o)
	})
}

// askedBy is the number of the comment that GitHub Actions was started by, or for.
func (a *app) askedBy() (int64, error) {
	const hint = "bcctl plan --comment REQUEST, outside GitHub Actions"
	path := a.getenv("GITHUB_EVENT_PATH")
	if path == "" {
		return 0, usage(errors.New("--event is for GitHub Actions: GITHUB_EVENT_PATH is not set"), hint)
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, fail(exitFailed, fmt.Errorf("read the event: %w", err), hint)
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxEvent))
	if err != nil {
		return 0, fail(exitFailed, fmt.Errorf("read the event: %w", err), hint)
	}
	// What is typed into a dispatch is a text.
	var event struct {
		Comment struct {
			ID int64 `json:"id"`
		} `json:"comment"`
		Inputs struct {
			Comment string `json:"comment"`
		} `json:"inputs"`
	}
	if err := json.Unmarshal(data, &event); err != nil {
		return 0, fail(exitFailed, errors.New("the event is not one of a comment or of a dispatch with a comment's number"), hint)
	}
	id := event.Comment.ID
	if id == 0 && event.Inputs.Comment != "" {
		if id, err = strconv.ParseInt(event.Inputs.Comment, 10, 64); err != nil {
			return 0, fail(exitFailed, fmt.Errorf("the dispatch's comment %q is no number", event.Inputs.Comment), "the digits at the end of the comment's address")
		}
	}
	if id <= 0 {
		return 0, fail(exitFailed, errors.New("the event names no comment"), hint)
	}
	return id, nil
}

// planOnPull makes the plan of a request on GitHub, and keeps it as a comment there.
func (a *app) planOnPull(ctx context.Context, flags *pflag.FlagSet, what string, o *planOptions) error {
	return a.withForge(ctx, flags, func(r *repository, c *forge.Client) error {
		found, err := findPull(ctx, c, what)
		if err != nil {
			return err
		}
		return a.commentPlan(ctx, r, c, found, o)
	})
}

// withForge does something with the repository's settings and its GitHub.
func (a *app) withForge(ctx context.Context, flags *pflag.FlagSet, do func(*repository, *forge.Client) error) error {
	r, err := a.openSettings(ctx, flags)
	if err != nil {
		return err
	}
	c, err := a.forge(ctx, r.settings)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(r, c)
}

// unplannable are the rules without which there is nothing to plan: the pull request is
// another repository's, or adds more than one request, or something of it could not be
// read.
var unplannable = map[approval.RuleID]bool{"PR-01": true, "PR-02": true, "PR-03": true, "PR-05": true, "BIND-05": true}

// commentPlan plans the request of a pull request. The request is the file at the head
// of the pull request, read as data by the commit's id; everything else is as it is on
// main. No file of the pull request is ever in a directory.
func (a *app) commentPlan(ctx context.Context, r *repository, c *forge.Client, found forge.Found, o *planOptions) error {
	reader := a.verdicts(r, c)
	reader.Ledger = nil // a plan does not depend on what was run
	k, err := reader.Read(ctx, verdict.Query{Pull: found.Number, Path: found.Path, Mode: approval.ModeReview})
	if err != nil {
		return forgeError(err)
	}
	req, verified, err := plannable(k, found)
	if err != nil {
		return err
	}
	at := *r
	at.repo, at.fsys, at.commit = k.Repo, k.Tree, req.Spec.Commit
	var problems config.Problems
	if at.rules, problems = check.Validate(at.repo, at.registry); len(problems) > 0 {
		return fail(exitConfig, errors.New(problems.Error()), "bcctl validate")
	}
	p, err := a.makePlan(ctx, &at, req.Spec.Wish(req.Name()), askedOf(req.Spec))
	if err != nil {
		return err
	}
	v := a.planView(p)
	v.Request, v.Drift, v.Digest = &req.Spec, runbook.DriftOf(req.Spec, p), verified.Digest
	address, err := c.KeepComment(ctx, found.Number, planComment, v.Markdown())
	if err != nil {
		return forgeError(err)
	}
	a.remark("the plan is at %s", address)
	return a.showPlan(v, o.output)
}

// plannable finds the request among what was read, or says by which rule it is none.
func plannable(k verdict.Case, found forge.Found) (*config.Request, approval.Verdict, error) {
	v := approval.Verify(k.Case)
	var why []string
	for _, d := range v.Denials {
		if unplannable[d.Rule] {
			why = append(why, fmt.Sprintf("%s: %s", d.Rule, strings.TrimPrefix(d.Subject+": "+d.Message, ": ")))
		}
	}
	if len(why) > 0 {
		return nil, v, fail(exitNotApproved, fmt.Errorf("pull request %d is not planned: %s", found.Number, strings.Join(why, "; ")), fmt.Sprintf("bcctl explain '#%d'", found.Number))
	}
	if k.Repo != nil {
		for _, q := range k.Repo.Requests {
			if q.Origin.File == found.Path {
				return q, v, nil
			}
		}
	}
	return nil, v, fail(exitNotApproved, fmt.Errorf("the request %s of pull request %d cannot be read", found.Path, found.Number), fmt.Sprintf("bcctl explain '#%d'", found.Number))
}
