package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/bcctl/bcctl/pkg/approval"
)

// SayExactly adds a comment that is one line and nothing else, as the lines that
// command bcctl must be. One of the own account that says the same is not made again.
func (c *Client) SayExactly(ctx context.Context, number int, line string) (approval.Comment, error) {
	ctx = c.withBudget(ctx)
	if _, err := c.configured(ctx); err != nil {
		return approval.Comment{}, err
	}
	me, err := c.Myself(ctx)
	if err != nil {
		return approval.Comment{}, err
	}
	var lost error
	for range changeTries {
		all, err := c.comments(ctx, number)
		if err != nil {
			return approval.Comment{}, err
		}
		for _, said := range all.Items {
			if said.User != nil && said.User.ID == me.ID && strings.TrimSpace(said.Body) == line {
				return said, nil
			}
		}
		var made issueComment
		_, err = c.call(ctx, http.MethodPost, c.repoPath("/issues/%d/comments", number), map[string]string{"body": line}, &made)
		if err == nil {
			return made.evidence(), nil
		}
		if !errors.Is(err, ErrLost) {
			return approval.Comment{}, fmt.Errorf("comment on pull request %d: %w", number, err)
		}
		lost = err
	}
	return approval.Comment{}, fmt.Errorf("%w: comment on pull request %d: %w", ErrUnavailable, number, lost)
}
