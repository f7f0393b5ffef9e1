package verdict

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/config"
)

// Clone reads everything about requests from a clone and from what people signed. It
// makes no connection.
type Clone struct {
	Dir          string // of the clone: the root of its work tree
	Remote       string // whose main branch was fetched last
	RepositoryID int64
	Catalog      config.Catalog
	Builtin      func(path string) ([]byte, bool)
	Now          func() time.Time

	// Trust is what this host is configured with, Signed what was handed over and what is
	// known of this host, for an attempt of a request (OFF-01 to OFF-05).
	Trust  approval.Trust
	Signed func(ctx context.Context, request string, attempt int) (approval.OfflineEvidence, error)

	// Ledger returns what is known here about a request.
	Ledger func(ctx context.Context, request string, keys []string) (approval.Ledger, error)
}

// Read reads once. Like Reader.Read, its error says that this program cannot go on.
func (o *Clone) Read(ctx context.Context, q Query) (Case, error) {
	objects := forge.Objects{Dir: o.Dir}
	tip, err := o.tip(ctx)
	if err != nil {
		return Case{}, err
	}
	c := Case{Case: approval.Case{Mode: q.Mode, RepositoryID: o.RepositoryID, Attempt: q.Attempt, Trust: o.Trust}, Reading: forge.Reading{Objects: objects}}
	e := &c.Reading.Evidence
	e.Schema, e.Source, e.RequestPath = approval.EvidenceSchema, approval.SourceOffline, q.Path
	e.Repository = approval.Repository{ID: o.RepositoryID}
	e.Main = approval.Main{Tip: tip, Checkout: q.Checkout}
	file, err := objects.File(ctx, tip, q.Path)
	if err != nil {
		return Case{}, err
	}
	e.Request, e.RequestAtTip = file.Bytes, file.File
	if err := o.authors(ctx, e, q.Path); err != nil {
		return Case{}, err
	}
	documents := &Reader{Catalog: o.Catalog, Builtin: o.Builtin}
	if err := documents.documents(ctx, &c); err != nil {
		return Case{}, err
	}
	c.Request.Commit, c.Request.SHA256 = tip, e.RequestAtTip.SHA256
	if err := documents.pins(ctx, &c); err != nil {
		return Case{}, err
	}
	signed, err := o.Signed(ctx, c.Request.Name, q.Attempt)
	if err != nil {
		return Case{}, err
	}
	e.Offline = &signed
	if e.Ledger, err = o.Ledger(ctx, c.Request.Name, keysOf(c)); err != nil {
		return Case{}, fmt.Errorf("read the ledger of this host: %w", err)
	}
	e.ReadAt = o.Now().UTC()
	c.Now, c.Evidence = e.ReadAt, *e
	return c, nil
}

// tip is the newest commit of main that is known here: what is checked out, unless that
// leaves out something of what was fetched. A commit that nobody could push yet is on
// top of it.
func (o *Clone) tip(ctx context.Context) (string, error) {
	head, err := git.Tip(ctx, o.Dir, "HEAD")
	if err != nil {
		return "", err
	}
	fetched, err := git.Tip(ctx, o.Dir, "refs/remotes/"+o.Remote+"/HEAD")
	if errors.Is(err, git.ErrNoBranch) {
		return "", fmt.Errorf("the clone does not say which branch of %s is the main one; git remote set-head %s BRANCH", o.Remote, o.Remote)
	}
	if err != nil {
		return "", err
	}
	ahead, err := git.Contains(ctx, o.Dir, head, fetched)
	if err != nil || ahead {
		return head, err
	}
	return fetched, nil
}

// authors are who wrote the request, by the addresses of its commits: accounts are
// known to the forge alone.
func (o *Clone) authors(ctx context.Context, e *approval.Evidence, path string) error {
	list, complete, err := git.Authorship(ctx, o.Dir, e.Main.Tip, path, maxAuthorship)
	if err != nil {
		return err
	}
	e.Commits.Complete = approval.FactOf(complete)
	for _, w := range list {
		e.Commits.Items = append(e.Commits.Items, approval.Commit{SHA: w.Commit, Parents: w.Parents, Message: w.Message,
			Author: approval.Signature{Email: w.Author}, Committer: approval.Signature{Email: w.Committer}})
	}
	return nil
}

// maxAuthorship is how many commits of a request can be checked (PR-05).
const maxAuthorship = 250
