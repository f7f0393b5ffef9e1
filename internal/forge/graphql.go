package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/bcctl/bcctl/pkg/approval"
)

// editQuery asks for the one thing the REST interface does not tell: whether the text
// of a review was changed after it was written (APP-06).
const editQuery = `query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    databaseId
    pullRequest(number: $number) {
      reviews(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { fullDatabaseId lastEditedAt includesCreatedEdit }
      }
    }
  }
}`

type editAnswer struct {
	Data *struct {
		Repository *struct {
			DatabaseID  int64 `json:"databaseId"`
			PullRequest *struct {
				Reviews struct {
					PageInfo struct {
						HasNextPage bool   `json:"hasNextPage"`
						EndCursor   string `json:"endCursor"`
					} `json:"pageInfo"`
					Nodes []*struct {
						ID       json.RawMessage `json:"fullDatabaseId"` // a string, of a number larger than JSON's
						EditedAt json.RawMessage `json:"lastEditedAt"`
						Includes *bool           `json:"includesCreatedEdit"`
					} `json:"nodes"`
				} `json:"reviews"`
			} `json:"pullRequest"`
		} `json:"repository"`
	} `json:"data"`
	Errors []struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"errors"`
}

// editedReviews tells for each review whether it was edited. A review that is not in
// it, or about which the answer is not clear, is unknown. That the token may not ask is
// no error: then all are unknown, and the rules say what follows.
func (c *Client) editedReviews(ctx context.Context, number int) (map[int64]approval.Fact, error) {
	edited := map[int64]approval.Fact{}
	after := any(nil)
	for range maxReviews/perPage + 2 {
		var answer editAnswer
		_, err := c.call(ctx, http.MethodPost, c.graphQL(), map[string]any{
			"query": editQuery, "variables": map[string]any{"owner": c.opts.Owner, "name": c.opts.Name, "number": number, "after": after},
		}, &answer)
		switch {
		case errors.Is(err, ErrPermission) || errors.Is(err, ErrNotFound):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("ask which reviews were edited: %w", err)
		case len(answer.Errors) > 0 || answer.Data == nil || answer.Data.Repository == nil || answer.Data.Repository.PullRequest == nil:
			return nil, nil // unknown, also where the interface is another than we know
		case c.opts.RepositoryID != 0 && answer.Data.Repository.DatabaseID != c.opts.RepositoryID:
			return nil, nil // another repository has answered
		}
		list := answer.Data.Repository.PullRequest.Reviews
		for _, n := range list.Nodes {
			if n == nil || n.Includes == nil || len(n.EditedAt) == 0 {
				continue
			}
			id, err := strconv.ParseInt(trimQuotes(string(n.ID)), 10, 64)
			if err != nil {
				continue
			}
			edited[id] = approval.FactOf(*n.Includes || string(n.EditedAt) != "null")
		}
		if !list.PageInfo.HasNextPage {
			return edited, nil
		}
		if list.PageInfo.EndCursor == after || list.PageInfo.EndCursor == "" {
			return nil, fmt.Errorf("%w: the pages of edited reviews lead in a circle", ErrUnavailable)
		}
		after = list.PageInfo.EndCursor
	}
	return nil, fmt.Errorf("%w: the pages of edited reviews do not end", ErrUnavailable)
}

func trimQuotes(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}
