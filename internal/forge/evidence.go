package forge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/pkg/approval"
)

// Reading is what was read of a request's pull request at one time.
type Reading struct {
	Evidence approval.Evidence
	Objects  Objects
	Answers  []Answer // what the evidence was taken from (AUD-03)
}

// settling is how often reading begins anew because something moved meanwhile.
const settling = 3

// Read reads everything GitHub knows of a pull request that adds the request at path,
// except for what depends on documents: Pins, Policies, Roster, RosterBefore, Changes
// and Teams. Those are for the caller, who can read documents, with Files of the
// objects, ChangesSince and Teams.
//
// It reads anew when the head or the branch move while it reads; when they do not come
// to rest it is ErrUnavailable. What cannot be seen with the token stays absent where
// the rules say what follows, and is an error elsewhere.
func (c *Client) Read(ctx context.Context, number int, path string) (Reading, error) {
	ctx = c.withBudget(ctx)
	for range settling {
		r, moved, err := c.readOnce(ctx, number, path)
		if err != nil || !moved {
			return r, err
		}
		if err := c.t.opts.Sleep(ctx, time.Second); err != nil {
			return Reading{}, err
		}
	}
	return Reading{}, fmt.Errorf("%w: the pull request or its base moves faster than it can be read", ErrUnavailable)
}

func (c *Client) readOnce(ctx context.Context, number int, path string) (r Reading, moved bool, err error) {
	ctx = WithAnswers(ctx, &r.Answers)
	e := &r.Evidence
	e.Schema, e.Source, e.RequestPath = approval.EvidenceSchema, approval.SourceGitHub, path
	repo, err := c.Repository(ctx)
	if err != nil {
		return r, false, err
	}
	e.Repository = repo.Repository
	e.Main.Ref = repo.DefaultBranch
	full, pull, err := c.pull(ctx, number)
	if err != nil {
		return r, false, err
	}
	e.Pull = pull
	// Git's own way is another one than that of requests, which go one after the other.
	fetching, leave := c.fetching(ctx, repo, number)
	defer leave()
	if e.Files, err = c.files(ctx, number); err != nil {
		return r, false, err
	}
	if len(e.Files.Items) != full.GetChangedFiles() {
		e.Files.Complete = approval.No
	}
	if e.Commits, err = c.commits(ctx, number, full.GetCommits()); err != nil {
		return r, false, err
	}
	if e.Reviews, err = c.reviews(ctx, number); err != nil {
		return r, false, err
	}
	if e.Dismissals, e.Timeline, err = c.timeline(ctx, number); err != nil {
		return r, false, err
	}
	if e.Comments, err = c.comments(ctx, number); err != nil {
		return r, false, err
	}
	if err = c.editedComments(ctx, number, e.Comments.Items); err != nil {
		return r, false, err
	}
	if pull.Head.RepositoryID == repo.ID {
		// The activity of a fork is not ours to read, and a fork is denied in any case.
		if e.Movements, err = c.movements(ctx, pull.Head.Name); err != nil {
			return r, false, err
		}
	}
	if pull.MergeCommit != "" {
		if e.RuleSuite, err = c.suiteOf(ctx, repo.DefaultBranch, pull.MergeCommit); err != nil {
			return r, false, err
		}
	}
	got := <-fetching
	if got.err != nil {
		return r, false, got.err
	}
	r.Objects, e.Pull.FetchedHead = got.objects, got.head
	// The interface's tip comes after the fetched one: when both are the same, nothing
	// moved in between, and neither is behind.
	if e.Main.Tip, err = c.tip(ctx, repo.DefaultBranch); err != nil {
		return r, false, err
	}
	if got.tip != e.Main.Tip {
		return r, true, nil
	}
	if err := r.readFiles(ctx, path); err != nil {
		return r, false, err
	}
	_, again, err := c.pull(ctx, number)
	if err != nil {
		return r, false, err
	}
	e.ReadAt, e.ServerDate = c.now().UTC(), c.ServerDate()
	return r, again.Head.SHA != pull.Head.SHA || again.Merged != pull.Merged, nil
}

// fetched is what git brought.
type fetched struct {
	objects   Objects
	tip, head string
	err       error
}

// fetching brings the objects in the background. Leave ends it, and returns when it has
// ended. A token that has to be asked for anew is, before that.
func (c *Client) fetching(ctx context.Context, repo Repository, number int) (got <-chan fetched, leave func()) {
	done, ended := make(chan fetched, 1), make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	_, err := c.token(ctx)
	go func() {
		defer close(ended)
		f := fetched{err: err}
		if err == nil {
			f.objects, f.tip, f.head, f.err = c.fetch(ctx, repo.CloneURL, repo.DefaultBranch, number)
		}
		done <- f
	}()
	return done, func() {
		cancel()
		<-ended
	}
}

// readFiles reads the request where it must be the same (BIND-01), and where the
// merge stands (PR-04).
func (r *Reading) readFiles(ctx context.Context, path string) error {
	e, o := &r.Evidence, r.Objects
	at, err := o.File(ctx, e.Pull.FetchedHead, path)
	if err != nil {
		return err
	}
	e.Request, e.RequestAtHead = at.Bytes, at.File
	for i := range e.Files.Items {
		f := &e.Files.Items[i]
		if f.Path != path || at.State != approval.FilePresent {
			continue
		}
		size := at.Size
		f.Mode, f.Size = at.Mode, &size
	}
	// Most of what is asked of the tip is read anyway.
	if _, err := o.Tree(ctx, e.Main.Tip); err != nil {
		return err
	}
	if at, err = o.File(ctx, e.Main.Tip, path); err != nil {
		return err
	}
	e.RequestAtTip = at.File
	if e.Pull.MergeCommit == "" {
		return nil
	}
	on, err := o.contains(ctx, e.Main.Tip, e.Pull.MergeCommit)
	if err != nil {
		// A merge commit that was fetched with neither branch is on none of them.
		var failed *git.Error
		if !errors.As(err, &failed) {
			return err
		}
		e.Pull.OnMain = approval.No
		return nil
	}
	e.Pull.OnMain = approval.FactOf(on)
	if e.Pull.FirstParent, err = o.firstParent(ctx, e.Pull.MergeCommit); err != nil && !errors.Is(err, git.ErrUnknownRevision) {
		return err
	}
	if at, err = o.File(ctx, e.Pull.MergeCommit, path); err != nil {
		return err
	}
	e.RequestAtMerge = at.File
	return nil
}

// ChangesSince lists what happened in the last day to rules of branches and to the
// files that decide (ADM-03).
func (c *Client) ChangesSince(ctx context.Context, r *Reading, decides func(path string) bool) error {
	ctx = WithAnswers(c.withBudget(ctx), &r.Answers)
	list, err := c.changes(ctx, r.Objects, r.Evidence.Main.Ref, decides)
	r.Evidence.Changes = list
	return err
}

func (c *Client) now() time.Time { return c.t.opts.Now() }
