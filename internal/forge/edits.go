package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/bcctl/bcctl/pkg/approval"
)

// commentsQuery asks which comments were edited, and for the texts they had before.
// The latest texts are first.
const commentsQuery = `query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    databaseId
    pullRequest(number: $number) {
      comments(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { id fullDatabaseId lastEditedAt includesCreatedEdit }
      }
    }
  }
}`

const formerQuery = `query($id: ID!, $after: String) {
  node(id: $id) {
    ... on IssueComment {
      fullDatabaseId
      userContentEdits(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { deletedAt diff }
      }
    }
  }
}`

type pageInfo struct {
	HasNextPage bool   `json:"hasNextPage"`
	EndCursor   string `json:"endCursor"`
}

type graphErrors []struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// editedComments notes which comments of people were edited, and what they said
// before (RUN-03). What the token may not ask stays unknown, and the rules say what
// follows.
func (c *Client) editedComments(ctx context.Context, number int, comments []approval.Comment) error {
	if len(comments) == 0 {
		return nil
	}
	nodes, err := c.commentEdits(ctx, number)
	if err != nil {
		return fmt.Errorf("ask which comments were edited: %w", err)
	}
	for i := range comments {
		m := &comments[i]
		node, ok := nodes[m.ID]
		if !ok {
			continue
		}
		m.Edited = approval.FactOf(node.edited)
		if !node.edited || m.User == nil || m.User.Type != approval.UserTypeUser {
			continue
		}
		if m.Former, err = c.formerTexts(ctx, node.id, m.ID); err != nil {
			return fmt.Errorf("ask what comment %d said before it was edited: %w", m.ID, err)
		}
	}
	return nil
}

type commentNode struct {
	id     string
	edited bool
}

// commentEdits tells for each comment whether it was edited.
func (c *Client) commentEdits(ctx context.Context, number int) (map[int64]commentNode, error) {
	found := map[int64]commentNode{}
	after := any(nil)
	for range maxComments/perPage + 2 {
		var answer struct {
			Data *struct {
				Repository *struct {
					DatabaseID  int64 `json:"databaseId"`
					PullRequest *struct {
						Comments struct {
							PageInfo pageInfo `json:"pageInfo"`
							Nodes    []*struct {
								Node     string          `json:"id"`
								ID       json.RawMessage `json:"fullDatabaseId"`
								EditedAt json.RawMessage `json:"lastEditedAt"`
								Includes *bool           `json:"includesCreatedEdit"`
							} `json:"nodes"`
						} `json:"comments"`
					} `json:"pullRequest"`
				} `json:"repository"`
			} `json:"data"`
			Errors graphErrors `json:"errors"`
		}
		_, err := c.call(ctx, http.MethodPost, c.graphQL(), map[string]any{
			"query": commentsQuery, "variables": map[string]any{"owner": c.opts.Owner, "name": c.opts.Name, "number": number, "after": after},
		}, &answer)
		switch {
		case errors.Is(err, ErrPermission) || errors.Is(err, ErrNotFound):
			return nil, nil
		case err != nil:
			return nil, err
		case len(answer.Errors) > 0 || answer.Data == nil || answer.Data.Repository == nil || answer.Data.Repository.PullRequest == nil:
			return nil, nil // unknown, also where the interface is another than we know
		case c.opts.RepositoryID != 0 && answer.Data.Repository.DatabaseID != c.opts.RepositoryID:
			return nil, nil // another repository has answered
		}
		list := answer.Data.Repository.PullRequest.Comments
		for _, n := range list.Nodes {
			if n == nil || n.Includes == nil || len(n.EditedAt) == 0 || n.Node == "" {
				continue
			}
			id, err := strconv.ParseInt(trimQuotes(string(n.ID)), 10, 64)
			if err != nil {
				continue
			}
			found[id] = commentNode{n.Node, *n.Includes || string(n.EditedAt) != "null"}
		}
		if !list.PageInfo.HasNextPage {
			return found, nil
		}
		if list.PageInfo.EndCursor == after || list.PageInfo.EndCursor == "" {
			return nil, fmt.Errorf("%w: the pages of comments lead in a circle", ErrUnavailable)
		}
		after = list.PageInfo.EndCursor
	}
	return nil, fmt.Errorf("%w: the pages of comments do not end", ErrUnavailable)
}

// maxEdits is how many edits of one comment are read; of more, not all are known.
const maxEdits = 1000

// formerTexts reads the lines of all texts a comment ever had that ask bcctl for
// something. A text that was taken out of the history is not known.
func (c *Client) formerTexts(ctx context.Context, node string, comment int64) (approval.List[string], error) {
	list := approval.Complete[string]()
	after := any(nil)
	for range maxEdits / perPage {
		var answer struct {
			Data *struct {
				Node *struct {
					ID    json.RawMessage `json:"fullDatabaseId"`
					Edits *struct {
						PageInfo pageInfo `json:"pageInfo"`
						Nodes    []*struct {
							DeletedAt json.RawMessage `json:"deletedAt"`
							Diff      *string         `json:"diff"`
						} `json:"nodes"`
					} `json:"userContentEdits"`
				} `json:"node"`
			} `json:"data"`
			Errors graphErrors `json:"errors"`
		}
		_, err := c.call(ctx, http.MethodPost, c.graphQL(), map[string]any{"query": formerQuery, "variables": map[string]any{"id": node, "after": after}}, &answer)
		switch {
		case errors.Is(err, ErrPermission) || errors.Is(err, ErrNotFound):
			return approval.List[string]{}, nil
		case err != nil:
			return approval.List[string]{}, err
		case len(answer.Errors) > 0 || answer.Data == nil || answer.Data.Node == nil || answer.Data.Node.Edits == nil || trimQuotes(string(answer.Data.Node.ID)) != strconv.FormatInt(comment, 10):
			return approval.List[string]{}, nil
		}
		edits := answer.Data.Node.Edits
		if len(edits.Nodes) == 0 {
			list.Complete = approval.No // it was edited, and nothing is known of it
		}
		for _, n := range edits.Nodes {
			if n == nil || n.Diff == nil || string(n.DeletedAt) != "null" {
				list.Complete = approval.No
				continue
			}
			list.Items = append(list.Items, asking(*n.Diff)...)
		}
		if !edits.PageInfo.HasNextPage {
			return list, nil
		}
		if edits.PageInfo.EndCursor == after || edits.PageInfo.EndCursor == "" {
			return approval.List[string]{}, fmt.Errorf("%w: the pages of edits lead in a circle", ErrUnavailable)
		}
		after = edits.PageInfo.EndCursor
	}
	list.Complete = approval.No
	return list, nil
}

// asking are the lines of a text that ask bcctl for something. Should the interface
// give a difference instead of a text, they begin with its sign.
func asking(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if rest := strings.TrimLeft(line, "+- "); strings.HasPrefix(rest, "/bcctl ") {
			lines = append(lines, rest)
		}
	}
	return lines
}
