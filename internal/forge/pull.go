package forge

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/go-github/v60/github"

	"github.com/bcctl/bcctl/pkg/approval"
)

// Limits of what is read of one pull request (PR-05). One more is asked for, so that
// a list at its limit can be told from one beyond it.
const (
	maxFiles    = 3000
	maxCommits  = 250
	maxReviews  = 1000
	maxEvents   = 10_000
	maxComments = 5000
	maxMoves    = 5000
)

// pull reads a pull request, without its lists.
func (c *Client) pull(ctx context.Context, number int) (*github.PullRequest, approval.PullRequest, error) {
	p, _, err := c.gh.PullRequests.Get(ctx, c.opts.Owner, c.opts.Name, number)
	if err != nil {
		return nil, approval.PullRequest{}, fmt.Errorf("read pull request %d: %w", number, wrap(err))
	}
	e := approval.PullRequest{
		Number: p.GetNumber(), ID: p.GetID(), URL: p.GetHTMLURL(), Author: account(p.User),
		Base: side(p.Base), Head: side(p.Head), Merged: truth(p.Merged),
	}
	if e.Merged == approval.Yes {
		// Before the merge the field names a trial merge of GitHub's own.
		e.MergedAt, e.MergedBy, e.MergeCommit = moment(p.MergedAt), account(p.MergedBy), commit(p.GetMergeCommitSHA())
	}
	return p, e, nil
}

// side is one side of a pull request. The repository of the head is null when it was a
// fork that is gone.
func side(b *github.PullRequestBranch) approval.Ref {
	return approval.Ref{RepositoryID: b.GetRepo().GetID(), Name: b.GetRef(), SHA: commit(b.GetSHA())}
}

// files lists what the pull request changes. Mode and size come from git.
func (c *Client) files(ctx context.Context, number int) (approval.List[approval.ChangedFile], error) {
	files, all, err := pages[github.CommitFile](ctx, c, c.repoPath("/pulls/%d/files", number), maxFiles)
	if err != nil {
		return approval.List[approval.ChangedFile]{}, fmt.Errorf("list files of pull request %d: %w", number, err)
	}
	list := approval.List[approval.ChangedFile]{Complete: approval.FactOf(all)}
	for _, f := range files {
		list.Items = append(list.Items, approval.ChangedFile{Path: f.GetFilename(), Status: f.GetStatus()})
	}
	return list, nil
}

// commits lists the commits of the pull request. GitHub shows 250 of them and says
// nothing of the rest; how many there are is in the pull request itself.
func (c *Client) commits(ctx context.Context, number, want int) (approval.List[approval.Commit], error) {
	commits, all, err := pages[github.RepositoryCommit](ctx, c, c.repoPath("/pulls/%d/commits", number), maxCommits)
	if err != nil {
		return approval.List[approval.Commit]{}, fmt.Errorf("list commits of pull request %d: %w", number, err)
	}
	list := approval.List[approval.Commit]{Complete: approval.FactOf(all && len(commits) == want)}
	for _, k := range commits {
		one := approval.Commit{
			SHA: commit(k.GetSHA()), Message: k.GetCommit().GetMessage(),
			Author:    approval.Signature{User: account(k.Author), Email: k.GetCommit().GetAuthor().GetEmail()},
			Committer: approval.Signature{User: account(k.Committer), Email: k.GetCommit().GetCommitter().GetEmail()},
		}
		if v := k.GetCommit().GetVerification(); v != nil {
			one.Verified = truth(v.Verified)
		}
		for _, p := range k.Parents {
			one.Parents = append(one.Parents, commit(p.GetSHA()))
		}
		list.Items = append(list.Items, one)
	}
	return list, nil
}

// comments lists the comments below the pull request.
func (c *Client) comments(ctx context.Context, number int) (approval.List[approval.Comment], error) {
	comments, all, err := pages[issueComment](ctx, c, c.repoPath("/issues/%d/comments", number), maxComments)
	if err != nil {
		return approval.List[approval.Comment]{}, fmt.Errorf("list comments of pull request %d: %w", number, err)
	}
	list := approval.List[approval.Comment]{Complete: approval.FactOf(all)}
	for _, m := range comments {
		list.Items = append(list.Items, m.evidence())
	}
	return list, nil
}

// issueComment has the fields go-github does not know, or does not tell from null.
type issueComment struct {
	ID        int64             `json:"id"`
	User      *github.User      `json:"user"`
	Body      string            `json:"body"`
	CreatedAt *github.Timestamp `json:"created_at"`
	UpdatedAt *github.Timestamp `json:"updated_at"`
	IssueURL  string            `json:"issue_url"`
	HTMLURL   string            `json:"html_url"`
	App       json.RawMessage   `json:"performed_via_github_app"`
}

func (m issueComment) evidence() approval.Comment {
	return approval.Comment{
		ID: m.ID, Pull: lastNumber(m.IssueURL), User: account(m.User), Body: m.Body,
		CreatedAt: moment(m.CreatedAt), UpdatedAt: moment(m.UpdatedAt), ViaApp: given(m.App),
	}
}

// Comment reads one comment by its id. Whatever an event's payload says of it is not
// looked at (CONF-01).
func (c *Client) Comment(ctx context.Context, id int64) (approval.Comment, error) {
	ctx = c.withBudget(ctx)
	var m issueComment
	if _, err := c.get(ctx, c.repoPath("/issues/comments/%d", id), &m); err != nil {
		return approval.Comment{}, fmt.Errorf("read comment %d: %w", id, err)
	}
	return m.evidence(), nil
}
