package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-github/v60/github"
)

// NewPull is a pull request that is to be opened. Its branch has been pushed already.
type NewPull struct {
	Branch    string
	Base      string // default: the repository's default branch
	Title     string
	Body      string
	Reviewers []string // logins
	Teams     []string // short names
	Labels    []string
}

// changeTries is how often a change whose answer was lost is looked for and made again.
const changeTries = 3

// OpenPull opens a pull request for a branch, or finds the open one that the branch has
// already: asking twice makes one (API-03). Asking people for reviews, and labels, are
// tried when it is there; an error about them comes with the pull request.
func (c *Client) OpenPull(ctx context.Context, n NewPull) (number int, url string, err error) {
	ctx = c.withBudget(ctx)
	repo, err := c.configured(ctx)
	if err != nil {
		return 0, "", err
	}
	if n.Base == "" {
		n.Base = repo.DefaultBranch
	}
	pull, err := c.openOnce(ctx, repo, n)
	if err != nil {
		return 0, "", err
	}
	number, url = pull.GetNumber(), pull.GetHTMLURL()
	return number, url, errors.Join(c.askFor(ctx, number, n), c.label(ctx, number, n.Labels))
}

func (c *Client) openOnce(ctx context.Context, repo Repository, n NewPull) (*github.PullRequest, error) {
	var lost error
	for range changeTries {
		found, err := c.openPullOf(ctx, repo, n)
		if err != nil || found != nil {
			return found, err
		}
		var made github.PullRequest
		_, err = c.call(ctx, http.MethodPost, c.repoPath("/pulls"), map[string]any{"title": n.Title, "head": n.Branch, "base": n.Base, "body": n.Body}, &made)
		if err == nil {
			return &made, nil
		}
		if !errors.Is(err, ErrLost) {
			return nil, fmt.Errorf("open a pull request for %s: %w", n.Branch, err)
		}
		lost = err
	}
	return nil, fmt.Errorf("%w: open a pull request for %s: %w", ErrUnavailable, n.Branch, lost)
}

// openPullOf finds the open pull request of a branch. The filter is GitHub's, and
// checked: a filter it does not understand gives every pull request.
func (c *Client) openPullOf(ctx context.Context, repo Repository, n NewPull) (*github.PullRequest, error) {
	pulls, _, err := pages[github.PullRequest](ctx, c, c.repoPath("/pulls?state=open&head=%s&base=%s", escape(repo.Owner+":"+n.Branch), escape(n.Base)), maxPulls)
	if err != nil {
		return nil, fmt.Errorf("look for the pull request of %s: %w", n.Branch, err)
	}
	for i := range pulls {
		if p := &pulls[i]; p.GetHead().GetRef() == n.Branch && p.GetHead().GetRepo().GetID() == repo.ID && p.GetBase().GetRef() == n.Base {
			return p, nil
		}
	}
	return nil, nil
}

// askFor asks people and teams for reviews; asking twice changes nothing.
func (c *Client) askFor(ctx context.Context, number int, n NewPull) error {
	if len(n.Reviewers)+len(n.Teams) == 0 {
		return nil
	}
	body := map[string]any{}
	if len(n.Reviewers) > 0 {
		body["reviewers"] = n.Reviewers
	}
	if len(n.Teams) > 0 {
		body["team_reviewers"] = n.Teams
	}
	err := c.again(func() error {
		_, err := c.call(ctx, http.MethodPost, c.repoPath("/pulls/%d/requested_reviewers", number), body, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("ask for reviews of pull request %d: %w", number, err)
	}
	return nil
}

// label adds labels; adding one twice changes nothing.
func (c *Client) label(ctx context.Context, number int, labels []string) error {
	if len(labels) == 0 {
		return nil
	}
	err := c.again(func() error {
		_, err := c.call(ctx, http.MethodPost, c.repoPath("/issues/%d/labels", number), map[string]any{"labels": labels}, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("label pull request %d: %w", number, err)
	}
	return nil
}

// again repeats a change that is the same when it is made twice.
func (c *Client) again(change func() error) error {
	var err error
	for range changeTries {
		if err = change(); !errors.Is(err, ErrLost) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
