package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/bcctl/bcctl/pkg/approval"
)

// maxBody is what GitHub takes as the text of a comment, in characters.
const maxBody = 65_000

// Marker is the hidden line by which a comment of ours is found again.
func Marker(name string) string { return "<!-- bcctl:" + name + " -->" }

// KeepComment makes the comment with a marker say what it should: it is made once and
// changed afterwards. Only a comment of the own account is changed; somebody else's
// with the same marker is left alone. It returns the comment's address.
func (c *Client) KeepComment(ctx context.Context, number int, name, body string) (string, error) {
	ctx = c.withBudget(ctx)
	if _, err := c.configured(ctx); err != nil {
		return "", err
	}
	text := clip(Marker(name)+"\n"+body, maxBody)
	var lost error
	for range changeTries {
		mine, err := c.ownComment(ctx, number, name)
		if err != nil {
			return "", err
		}
		if mine != nil && mine.Body == text {
			return mine.HTMLURL, nil
		}
		method, path := http.MethodPost, c.repoPath("/issues/%d/comments", number)
		if mine != nil {
			method, path = http.MethodPatch, c.repoPath("/issues/comments/%d", mine.ID)
		}
		var made issueComment
		_, err = c.call(ctx, method, path, map[string]string{"body": text}, &made)
		if err == nil {
			return made.HTMLURL, nil
		}
		if !errors.Is(err, ErrLost) {
			return "", fmt.Errorf("comment on pull request %d: %w", number, err)
		}
		lost = err
	}
	return "", fmt.Errorf("%w: comment on pull request %d: %w", ErrUnavailable, number, lost)
}

// ownComment finds our comment with a marker, or nil.
func (c *Client) ownComment(ctx context.Context, number int, name string) (*issueComment, error) {
	owns, err := c.owner(ctx)
	if err != nil {
		return nil, err
	}
	comments, _, err := pages[issueComment](ctx, c, c.repoPath("/issues/%d/comments", number), maxComments)
	if err != nil {
		return nil, fmt.Errorf("list comments of pull request %d: %w", number, err)
	}
	for i := range comments {
		if m := &comments[i]; strings.HasPrefix(m.Body, Marker(name)) && owns(m) {
			return m, nil
		}
	}
	return nil, nil
}

// owner tells which comments are of the own account. An App's token has no account to
// ask for: then it is a bot's comment made through that App.
func (c *Client) owner(ctx context.Context) (func(*issueComment) bool, error) {
	if app, ok := c.opts.Auth.(*App); ok {
		return func(m *issueComment) bool {
			var by struct{ ID int64 }
			return json.Unmarshal(m.App, &by) == nil && by.ID == app.id && m.User.GetType() == "Bot"
		}, nil
	}
	me, err := c.Myself(ctx)
	if errors.Is(err, ErrPermission) {
		// A workflow's own token.
		return func(m *issueComment) bool { return m.User.GetType() == "Bot" }, nil
	}
	if err != nil {
		return nil, err
	}
	return func(m *issueComment) bool { return m.User.GetID() == me.ID }, nil
}

// Say adds a comment. Name makes it one of a kind: a comment of ours with the same
// name is not made twice, nor changed.
func (c *Client) Say(ctx context.Context, number int, name, body string) (approval.Comment, error) {
	ctx = c.withBudget(ctx)
	if _, err := c.configured(ctx); err != nil {
		return approval.Comment{}, err
	}
	var lost error
	for range changeTries {
		mine, err := c.ownComment(ctx, number, name)
		if err != nil {
			return approval.Comment{}, err
		}
		if mine != nil {
			return mine.evidence(), nil
		}
		var made issueComment
		_, err = c.call(ctx, http.MethodPost, c.repoPath("/issues/%d/comments", number), map[string]string{"body": clip(Marker(name)+"\n"+body, maxBody)}, &made)
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

// clip shortens a text to so many bytes and says so, without half a character.
func clip(text string, max int) string {
	const note = "\n\n(shortened; bcctl prints all of it)"
	if len(text) <= max {
		return text
	}
	text = strings.ToValidUTF8(text[:max-len(note)], "")
	return text + note
}
