package forge

import (
	"context"
	"fmt"

	"github.com/google/go-github/v60/github"

	"github.com/bcctl/bcctl/pkg/approval"
)

// reviews lists all reviews, whatever their state, and which of them were edited.
func (c *Client) reviews(ctx context.Context, number int) (approval.List[approval.Review], error) {
	reviews, all, err := pages[github.PullRequestReview](ctx, c, c.repoPath("/pulls/%d/reviews", number), maxReviews)
	if err != nil {
		return approval.List[approval.Review]{}, fmt.Errorf("list reviews of pull request %d: %w", number, err)
	}
	edited := map[int64]approval.Fact{}
	if len(reviews) > 0 {
		if edited, err = c.editedReviews(ctx, number); err != nil {
			return approval.List[approval.Review]{}, err
		}
	}
	list := approval.List[approval.Review]{Complete: approval.FactOf(all)}
	for _, r := range reviews {
		list.Items = append(list.Items, approval.Review{
			ID: r.GetID(), User: account(r.User), State: approval.ReviewState(r.GetState()), SubmittedAt: moment(r.SubmittedAt),
			CommitID: commit(r.GetCommitID()), Body: r.GetBody(), Edited: edited[r.GetID()],
		})
	}
	return list, nil
}

// timelineEvent is an entry of a pull request's timeline, as far as it matters here.
type timelineEvent struct {
	Event     string            `json:"event"`
	Actor     *github.User      `json:"actor"`
	CreatedAt *github.Timestamp `json:"created_at"`
	Dismissed *struct {
		ReviewID int64 `json:"review_id"`
	} `json:"dismissed_review"`
}

// kept are the kinds of events that are evidence.
var kept = map[string]approval.TimelineKind{
	string(approval.HeadForcePushed): approval.HeadForcePushed,
	string(approval.HeadDeleted):     approval.HeadDeleted,
	string(approval.HeadRestored):    approval.HeadRestored,
	string(approval.BaseChanged):     approval.BaseChanged,
	string(approval.BaseForcePushed): approval.BaseForcePushed,
	string(approval.CommentDeleted):  approval.CommentDeleted,
}

// timeline reads dismissals and what makes approvals stale.
func (c *Client) timeline(ctx context.Context, number int) (approval.List[approval.Dismissal], approval.List[approval.TimelineEvent], error) {
	events, all, err := pages[timelineEvent](ctx, c, c.repoPath("/issues/%d/timeline", number), maxEvents)
	dismissals, list := approval.List[approval.Dismissal]{Complete: approval.FactOf(all)}, approval.List[approval.TimelineEvent]{Complete: approval.FactOf(all)}
	if err != nil {
		return approval.List[approval.Dismissal]{}, approval.List[approval.TimelineEvent]{}, fmt.Errorf("read the timeline of pull request %d: %w", number, err)
	}
	for _, e := range events {
		if kind, ok := kept[e.Event]; ok {
			list.Items = append(list.Items, approval.TimelineEvent{Kind: kind, Actor: account(e.Actor), At: moment(e.CreatedAt)})
		}
		if e.Event == "review_dismissed" {
			d := approval.Dismissal{Actor: account(e.Actor), At: moment(e.CreatedAt)}
			if e.Dismissed != nil {
				d.ReviewID = e.Dismissed.ReviewID
			}
			dismissals.Items = append(dismissals.Items, d)
		}
	}
	return dismissals, list, nil
}

// activity is an entry of the repository's activity.
type activity struct {
	ID        int64             `json:"id"`
	Before    string            `json:"before"`
	After     string            `json:"after"`
	Ref       string            `json:"ref"`
	Timestamp *github.Timestamp `json:"timestamp"`
	Type      string            `json:"activity_type"`
	Actor     *github.User      `json:"actor"`
}

// movements lists how a branch moved, as the server recorded it (APP-04).
func (c *Client) movements(ctx context.Context, branch string) (approval.List[approval.Movement], error) {
	moves, all, err := pages[activity](ctx, c, c.repoPath("/activity?ref=%s", escape("refs/heads/"+branch)), maxMoves)
	if err != nil {
		return approval.List[approval.Movement]{}, fmt.Errorf("read the activity of branch %s: %w", branch, err)
	}
	list := approval.List[approval.Movement]{Complete: approval.FactOf(all)}
	for _, m := range moves {
		if m.Ref != "refs/heads/"+branch {
			continue
		}
		list.Items = append(list.Items, approval.Movement{
			ID: m.ID, Kind: m.Type, Actor: account(m.Actor), Before: commit(m.Before), After: commit(m.After), At: moment(m.Timestamp),
		})
	}
	return list, nil
}
