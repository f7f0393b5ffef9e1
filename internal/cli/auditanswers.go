package cli

import (
	"context"
	"errors"
	"time"

	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// rosters are those that were in force on the default branch, by the history that this
// clone of the configuration has.
type rosters struct {
	a    *app
	ctx  context.Context
	dir  string // empty: there is no clone here
	tip  string
	read map[string]*approval.Roster // by commit; nil: there is none that can be read
}

// defaultBranches are where a clone has the default branch, the best first.
var defaultBranches = []string{"refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master", "HEAD"}

func (a *app) rosters(ctx context.Context) *rosters {
	r := &rosters{a: a, ctx: ctx, read: map[string]*approval.Roster{}}
	dir, err := a.findRepository()
	if err != nil {
		return r
	}
	for _, ref := range defaultBranches {
		if tip, err := git.Resolve(ctx, dir, ref); err == nil {
			r.dir, r.tip = dir, tip
			break
		}
	}
	return r
}

// Without GitHub the roster is that of a trust snapshot, which was taken of the default
// branch before: each of so many days back may be it.
const snapshotDays = 31

// rosterSkew is how much later than its signature a change of the roster may have come.
const rosterSkew = 5 * time.Minute

// answer judges an answer that a log has: text and signature, and where this clone knows
// the roster of that time, person and role.
func (r *rosters) answer(a audit.Answer) (string, error) {
	signed, err := approval.RecordedAnswer{By: a.By, Reason: a.Reason, Statement: a.Statement, Signature: a.Signature,
		Digest: runbook.Digest("sha256:" + a.Request), Step: a.Step, Status: a.Status, At: a.At, Since: a.Since}.Signed()
	if err != nil || r.dir == "" {
		return "", err
	}
	moments := []time.Time{signed.At, signed.At.Add(rosterSkew)}
	for day := 1; a.Offline && day <= snapshotDays; day++ {
		moments = append(moments, signed.At.AddDate(0, 0, -day))
	}
	var against string
	var no error
	for _, at := range moments {
		commit, roster := r.at(at)
		if roster == nil || commit == against {
			continue
		}
		if err := signed.Allowed(*roster); err == nil {
			return commit, nil
		} else if no == nil {
			against, no = commit, err
		}
	}
	if no != nil {
		return against, errors.New(no.Error() + ", by the roster of commit " + against)
	}
	return "", nil
}

// at is the roster that was in force at a moment, with its commit.
func (r *rosters) at(at time.Time) (string, *approval.Roster) {
	commit, err := git.CommitAt(r.ctx, r.dir, r.tip, at)
	if err != nil || commit == "" {
		return "", nil
	}
	if roster, done := r.read[commit]; done {
		return commit, roster
	}
	r.read[commit] = nil
	tree, _, err := git.Tree(r.ctx, r.dir, commit)
	if err != nil {
		return commit, nil
	}
	if repo, _ := config.Load(tree, config.Options{Catalog: r.a.Registry()}); repo != nil {
		if roster, ok := repo.Roster(); ok {
			r.read[commit] = &roster.Spec
		}
	}
	return commit, r.read[commit]
}
