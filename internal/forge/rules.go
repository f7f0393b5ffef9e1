package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/bcctl/bcctl/pkg/approval"
)

// maxSuites is how many evaluations of rules are looked through for that of a merge.
const maxSuites = 5000

// ruleSuite is one evaluation of the repository's rules.
type ruleSuite struct {
	ID       int64             `json:"id"`
	After    string            `json:"after_sha"`
	Ref      string            `json:"ref"`
	Result   string            `json:"result"`
	PushedAt *github.Timestamp `json:"pushed_at"`
}

// suiteOf finds what the rules said when a commit arrived on a branch (ADM-02). Not
// found, or not to be seen with this token, is the zero value. GitHub keeps a month.
func (c *Client) suiteOf(ctx context.Context, branch, sha string) (approval.RuleSuite, error) {
	suites, all, err := pages[ruleSuite](ctx, c, c.repoPath("/rulesets/rule-suites?ref=%s&time_period=month", escape("refs/heads/"+branch)), maxSuites)
	if errors.Is(err, ErrPermission) || errors.Is(err, ErrNotFound) {
		return approval.RuleSuite{}, nil
	}
	if err != nil {
		return approval.RuleSuite{}, fmt.Errorf("read evaluations of the rules: %w", err)
	}
	if !all {
		// One that was not read could be the bypass.
		return approval.RuleSuite{}, nil
	}
	var found approval.RuleSuite
	for _, s := range suites {
		if s.After != sha || s.Ref != "refs/heads/"+branch {
			continue
		}
		// Should there be several, the one that speaks against the merge is taken.
		if r := approval.SuiteResult(s.Result); found.Result == "" || r == approval.SuiteBypass || r == approval.SuiteFail && found.Result == approval.SuitePass {
			found = approval.RuleSuite{ID: s.ID, Result: r}
		}
	}
	return found, nil
}

// Rule is a rule that holds for a branch. Rules of a type we do not know are kept
// (API-05).
type Rule struct {
	Type       string          `json:"type"`
	Parameters json.RawMessage `json:"parameters,omitempty"`
	SourceType string          `json:"ruleset_source_type,omitempty"`
	Source     string          `json:"ruleset_source,omitempty"`
	RulesetID  int64           `json:"ruleset_id,omitempty"`
}

// BranchRules lists the rules that hold for a branch, of the repository and above it.
func (c *Client) BranchRules(ctx context.Context, branch string) ([]Rule, error) {
	rules, all, err := pages[Rule](c.withBudget(ctx), c, c.repoPath("/rules/branches/%s", url.PathEscape(branch)), 1000)
	if err == nil && !all {
		err = fmt.Errorf("%w: more than 1000 rules", ErrUnavailable)
	}
	if err != nil {
		return nil, fmt.Errorf("read the rules of branch %s: %w", branch, err)
	}
	return rules, nil
}

// ruleset is one set of rules, without them.
type ruleset struct {
	ID          int64             `json:"id"`
	Name        string            `json:"name"`
	Target      string            `json:"target"`
	Enforcement string            `json:"enforcement"`
	UpdatedAt   *github.Timestamp `json:"updated_at"`
}

func (c *Client) rulesets(ctx context.Context) ([]ruleset, error) {
	sets, all, err := pages[ruleset](ctx, c, c.repoPath("/rulesets?includes_parents=true"), 1000)
	if err == nil && !all {
		err = fmt.Errorf("%w: more than 1000 sets of rules", ErrUnavailable)
	}
	if err != nil {
		return nil, fmt.Errorf("list sets of rules: %w", err)
	}
	return sets, nil
}

// recent is how far back changes to what decides are listed (ADM-03).
const recent = 24 * time.Hour
