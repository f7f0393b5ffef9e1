package forge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// Answer names one answer of GitHub that evidence was taken from. The audit log keeps
// the hash, so that a recorded answer can be told from another (AUD-03).
type Answer struct {
	Method string `json:"method"`
	Path   string `json:"path"` // with query
	Status int    `json:"status"`
	SHA256 string `json:"sha256"`       // of the body as it came
	ID     string `json:"id,omitempty"` // GitHub's own id of the request
}

type answersKey struct{}

// WithAnswers makes requests under the context add to a list what they were answered.
func WithAnswers(ctx context.Context, list *[]Answer) context.Context {
	return context.WithValue(ctx, answersKey{}, list)
}

func record(ctx context.Context, req *http.Request, resp *http.Response, body []byte) {
	list, ok := ctx.Value(answersKey{}).(*[]Answer)
	if !ok {
		return
	}
	sum := sha256.Sum256(body)
	*list = append(*list, Answer{req.Method, req.URL.RequestURI(), resp.StatusCode, hex.EncodeToString(sum[:]), resp.Header.Get("X-GitHub-Request-Id")})
}
