package forge

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/pkg/approval"
)

// changes lists what happened to the rules of branches, and to files that decide, in
// the last day: by the server's record of pushes, not by the dates of commits, which
// their authors make (ADM-03). Decides tells which paths decide.
func (c *Client) changes(ctx context.Context, o Objects, branch string, decides func(path string) bool) (approval.List[approval.AuthorityChange], error) {
	list := approval.List[approval.AuthorityChange]{Complete: approval.Yes}
	since := c.now().Add(-recent)
	sets, err := c.rulesets(ctx)
	switch {
	case errors.Is(err, ErrPermission) || errors.Is(err, ErrNotFound):
		list.Complete = "" // not to be seen with this token
	case err != nil:
		return list, err
	}
	for _, s := range sets {
		at := moment(s.UpdatedAt)
		if at.IsZero() {
			full := struct{ ruleset }{}
			if _, err := c.get(ctx, c.repoPath("/rulesets/%d?includes_parents=true", s.ID), &full); err == nil {
				at = moment(full.UpdatedAt)
			}
		}
		if at.IsZero() {
			list.Complete = ""
		} else if at.After(since) {
			list.Items = append(list.Items, approval.AuthorityChange{What: "ruleset " + s.Name, At: at})
		}
	}
	moves, all, err := pages[activity](ctx, c, c.repoPath("/activity?ref=%s&time_period=day", escape("refs/heads/"+branch)), maxMoves)
	if err != nil {
		return list, fmt.Errorf("read the activity of branch %s: %w", branch, err)
	}
	if !all {
		list.Complete = approval.No
	}
	for _, m := range moves {
		if m.Ref != "refs/heads/"+branch || moment(m.Timestamp).Before(since) {
			continue
		}
		paths, err := o.changed(ctx, m.Before, m.After)
		if err != nil {
			list.Complete = approval.No // commits of a force-push may be gone
			continue
		}
		for _, path := range paths {
			if decides(path) || strings.HasPrefix(path, ".github/") || strings.HasSuffix(path, "CODEOWNERS") {
				list.Items = append(list.Items, approval.AuthorityChange{What: path, Actor: m.Actor.GetLogin(), At: moment(m.Timestamp)})
			}
		}
	}
	return list, nil
}

// changed lists the paths whose contents differ between two commits.
func (o Objects) changed(ctx context.Context, before, after string) ([]string, error) {
	if strings.Trim(before, "0") == "" || strings.Trim(after, "0") == "" {
		return nil, fmt.Errorf("the branch was made or deleted")
	}
	return once(o, func() ([]string, error) { return git.Differences(ctx, o.Dir, before, after) }, "changed", before, after)
}
