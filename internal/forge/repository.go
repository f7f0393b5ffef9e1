package forge

import (
	"context"
	"fmt"
	"net/url"

	"github.com/bcctl/bcctl/pkg/approval"
)

// Repository is what GitHub says of the repository.
type Repository struct {
	approval.Repository
	Owner    string
	Name     string
	CloneURL string
	Private  bool
}

// Repository reads the repository under its configured name. The number in the answer
// must be the configured one: after a rename or a transfer another repository may
// answer under the old name (PR-01).
func (c *Client) Repository(ctx context.Context) (Repository, error) {
	ctx = c.withBudget(ctx)
	r, _, err := c.gh.Repositories.Get(ctx, c.opts.Owner, c.opts.Name)
	if err != nil {
		return Repository{}, fmt.Errorf("read the repository: %w", wrap(err))
	}
	return Repository{
		Repository: approval.Repository{ID: r.GetID(), FullName: r.GetFullName(), DefaultBranch: r.GetDefaultBranch()},
		Owner:      r.GetOwner().GetLogin(), Name: r.GetName(), CloneURL: r.GetCloneURL(), Private: r.GetPrivate(),
	}, nil
}

// configured reads the repository and refuses another one. What is changed is changed
// only in the one that was meant.
func (c *Client) configured(ctx context.Context) (Repository, error) {
	r, err := c.Repository(ctx)
	switch {
	case err != nil:
		return r, err
	case c.opts.RepositoryID <= 0:
		return r, fmt.Errorf("%w: github.repository-id is not set; it is %d for %s", ErrRepository, r.ID, r.FullName)
	case r.ID != c.opts.RepositoryID:
		return r, fmt.Errorf("%w: %s has the id %d, and github.repository-id is %d (PR-01)", ErrRepository, r.FullName, r.ID, c.opts.RepositoryID)
	}
	return r, nil
}

// tip is the commit of a branch, by GitHub's interface.
func (c *Client) tip(ctx context.Context, branch string) (string, error) {
	ref, _, err := c.gh.Git.GetRef(ctx, c.opts.Owner, c.opts.Name, "heads/"+branch)
	if err != nil {
		return "", fmt.Errorf("read branch %s: %w", branch, wrap(err))
	}
	return commit(ref.GetObject().GetSHA()), nil
}

// belongs tells whether an address to clone from is of the same GitHub as the
// interface, so that it may be given the token.
func (c *Client) belongs(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.User == nil && u.Scheme == c.t.base.Scheme && (u.Host == c.t.base.Host || "api."+u.Host == c.t.base.Host)
}

// user of a login, with its number.
func (c *Client) user(ctx context.Context, login string) (*approval.User, error) {
	u, _, err := c.gh.Users.Get(ctx, login)
	if err != nil {
		return nil, fmt.Errorf("read the account %s: %w", login, wrap(err))
	}
	return account(u), nil
}

// Myself is the account the token belongs to. An App has none: ErrPermission.
func (c *Client) Myself(ctx context.Context) (approval.User, error) {
	u, err := c.user(c.withBudget(ctx), "")
	if err != nil {
		return approval.User{}, err
	}
	return *u, nil
}
