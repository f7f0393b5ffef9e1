package forge

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"
)

// Found is a pull request that adds a request.
type Found struct {
	Number int
	Path   string // of the request
	State  string // open or closed
	Merged bool
	URL    string
}

const (
	// maxPulls is how many pull requests are looked through for one.
	maxPulls = 1000
	// maxLooked is how many of them are looked into.
	maxLooked = 100
)

// Find looks for the pull requests that add a request, by its id: those whose branch
// or title name it first, then those that are open. The newest comes first. Nothing
// found is ErrNotFound.
func (c *Client) Find(ctx context.Context, id string) ([]Found, error) {
	ctx = c.withBudget(ctx)
	pulls, _, err := pages[github.PullRequest](ctx, c, c.repoPath("/pulls?state=all&sort=created&direction=desc"), maxPulls)
	if err != nil {
		return nil, fmt.Errorf("list pull requests: %w", err)
	}
	names := func(p github.PullRequest) bool {
		return strings.Contains(p.GetHead().GetRef(), id) || strings.Contains(p.GetTitle(), id)
	}
	slices.SortStableFunc(pulls, func(a, b github.PullRequest) int {
		return rank(names(a), a.GetState()) - rank(names(b), b.GetState())
	})
	var found []Found
	for i, p := range pulls {
		if i == maxLooked || !names(p) && (len(found) > 0 || p.GetState() != "open") {
			break
		}
		path, err := c.requestOf(ctx, p.GetNumber(), id)
		if err != nil {
			return nil, err
		}
		if path != "" {
			found = append(found, Found{p.GetNumber(), path, p.GetState(), !moment(p.MergedAt).IsZero(), p.GetHTMLURL()})
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("a pull request that adds request %q: %w", id, ErrNotFound)
	}
	return found, nil
}

func rank(named bool, state string) int {
	switch {
	case named:
		return 0
	case state == "open":
		return 1
	default:
		return 2
	}
}

// requestOf is the path of the request with an id that a pull request adds, or empty.
func (c *Client) requestOf(ctx context.Context, number int, id string) (string, error) {
	files, _, err := pages[github.CommitFile](ctx, c, c.repoPath("/pulls/%d/files", number), maxFiles)
	if err != nil {
		return "", fmt.Errorf("list files of pull request %d: %w", number, err)
	}
	for _, f := range files {
		if f.GetStatus() == "added" && requestPath(f.GetFilename(), id) {
			return f.GetFilename(), nil
		}
	}
	return "", nil
}

// plainRequest is what a request's file may be called: a name with a separator, a
// control character or a leading dot is none (PR-03).
var plainRequest = regexp.MustCompile(`^requests/[0-9]{4}/([A-Za-z0-9][A-Za-z0-9._-]{0,127})\.yaml$`)

// requestPath tells whether a path is that of a request, of any when id is empty:
// requests/YYYY/ID.yaml.
func requestPath(path, id string) bool {
	m := plainRequest.FindStringSubmatch(path)
	return m != nil && (id == "" || m[1] == id)
}

// AtPull is the pull request with a number, when it adds a request.
func (c *Client) AtPull(ctx context.Context, number int) (Found, error) {
	ctx = c.withBudget(ctx)
	p, _, err := c.gh.PullRequests.Get(ctx, c.opts.Owner, c.opts.Name, number)
	if err != nil {
		return Found{}, fmt.Errorf("read pull request %d: %w", number, wrap(err))
	}
	path, err := c.requestOf(ctx, number, "")
	if err != nil {
		return Found{}, err
	}
	if path == "" {
		return Found{}, fmt.Errorf("pull request %d adds no request: %w", number, ErrNotFound)
	}
	return Found{number, path, p.GetState(), p.GetMerged(), p.GetHTMLURL()}, nil
}

// escape is a value in a query.
func escape(s string) string { return url.QueryEscape(s) }
