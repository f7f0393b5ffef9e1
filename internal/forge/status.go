package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// State is how far a check is.
type State string

// States of checks.
const (
	Running State = "running"
	Passed  State = "passed"
	Failed  State = "failed"
)

// Check is what is shown beside a commit. It decides nothing: no rule of approvals
// looks at checks (APP-09).
type Check struct {
	SHA     string
	Name    string // such as bcctl/plan
	State   State
	Title   string // one line
	Summary string // Markdown
	URL     string
}

// Report shows a check beside a commit: as a check run where the token is an App's or a
// workflow's, else as a commit status. Reporting twice leaves one.
func (c *Client) Report(ctx context.Context, k Check) error {
	ctx = c.withBudget(ctx)
	if _, err := c.configured(ctx); err != nil {
		return err
	}
	err := c.again(func() error { return c.checkRun(ctx, k) })
	if errors.Is(err, ErrPermission) {
		err = c.again(func() error { return c.status(ctx, k) })
	}
	if err != nil {
		return fmt.Errorf("report %s for %s: %w", k.Name, k.SHA, err)
	}
	return nil
}

// checkRun makes the run, or changes the one with this name. Two of one name are no
// harm: the newest is shown.
func (c *Client) checkRun(ctx context.Context, k Check) error {
	body := map[string]any{"name": k.Name, "head_sha": k.SHA, "external_id": k.Name, "output": map[string]string{"title": k.Title, "summary": clip(k.Summary, maxBody)}}
	if k.URL != "" {
		body["details_url"] = k.URL
	}
	switch k.State {
	case Passed:
		body["status"], body["conclusion"] = "completed", "success"
	case Failed:
		body["status"], body["conclusion"] = "completed", "failure"
	default:
		body["status"] = "in_progress"
	}
	var runs struct {
		CheckRuns []struct {
			ID         int64  `json:"id"`
			ExternalID string `json:"external_id"`
		} `json:"check_runs"`
	}
	if _, err := c.get(ctx, c.repoPath("/commits/%s/check-runs?check_name=%s&filter=latest&per_page=100", k.SHA, escape(k.Name)), &runs); err != nil {
		return err
	}
	for _, r := range runs.CheckRuns {
		if r.ExternalID == k.Name {
			delete(body, "head_sha")
			_, err := c.call(ctx, http.MethodPatch, c.repoPath("/check-runs/%d", r.ID), body, nil)
			return err
		}
	}
	_, err := c.call(ctx, http.MethodPost, c.repoPath("/check-runs"), body, nil)
	return err
}

func (c *Client) status(ctx context.Context, k Check) error {
	state := map[State]string{Passed: "success", Failed: "failure"}[k.State]
	if state == "" {
		state = "pending"
	}
	body := map[string]string{"state": state, "context": k.Name, "description": clipLine(k.Title, 140)}
	if k.URL != "" {
		body["target_url"] = k.URL
	}
	_, err := c.call(ctx, http.MethodPost, c.repoPath("/statuses/%s", k.SHA), body, nil)
	return err
}

// clipLine shortens a line to so many characters.
func clipLine(s string, max int) string {
	if r := []rune(s); len(r) > max {
		return string(r[:max-3]) + "..."
	}
	return s
}
