package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-github/v60/github"

	"github.com/bcctl/bcctl/pkg/approval"
)

// Approve posts an approving review of a pull request at one commit, with a body. A
// review of the same account with the same body at the same commit that stands already
// is the answer instead: the body, which holds the digest, is what is looked for when
// the answer was lost (API-03).
func (c *Client) Approve(ctx context.Context, number int, head, body string) (approval.Review, error) {
	ctx = c.withBudget(ctx)
	if _, err := c.configured(ctx); err != nil {
		return approval.Review{}, err
	}
	me, err := c.Myself(ctx)
	if err != nil {
		return approval.Review{}, err
	}
	var lost error
	for range changeTries {
		standing, found, err := c.standing(ctx, number, me.ID, head, body)
		if err != nil || found {
			return standing, err
		}
		var made github.PullRequestReview
		_, err = c.call(ctx, http.MethodPost, c.repoPath("/pulls/%d/reviews", number), map[string]any{"commit_id": head, "body": body, "event": "APPROVE"}, &made)
		if err == nil {
			return asReview(made), nil
		}
		if !errors.Is(err, ErrLost) {
			return approval.Review{}, fmt.Errorf("review pull request %d: %w", number, err)
		}
		lost = err
	}
	return approval.Review{}, fmt.Errorf("%w: review pull request %d: %w", ErrUnavailable, number, lost)
}

// standing finds the account's last decisive review, when it is this one.
func (c *Client) standing(ctx context.Context, number int, user int64, head, body string) (approval.Review, bool, error) {
	reviews, _, err := pages[github.PullRequestReview](ctx, c, c.repoPath("/pulls/%d/reviews", number), maxReviews)
	if err != nil {
		return approval.Review{}, false, fmt.Errorf("list reviews of pull request %d: %w", number, err)
	}
	var last approval.Review
	for _, r := range reviews {
		v := asReview(r)
		decisive := v.State == approval.Approved || v.State == approval.ChangesRequested || v.State == approval.Dismissed
		if v.User != nil && v.User.ID == user && decisive && !v.SubmittedAt.Before(last.SubmittedAt) {
			last = v
		}
	}
	return last, last.State == approval.Approved && last.CommitID == head && last.Body == body, nil
}

func asReview(r github.PullRequestReview) approval.Review {
	return approval.Review{
		ID: r.GetID(), User: account(r.User), State: approval.ReviewState(r.GetState()), SubmittedAt: moment(r.SubmittedAt),
		CommitID: commit(r.GetCommitID()), Body: r.GetBody(),
	}
}
