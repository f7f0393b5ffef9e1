package forge

import (
	"errors"
	"fmt"
	"net/http"
)

// Errors a caller may ask for.
var (
	// ErrUnavailable says that GitHub did not answer within the budget: nothing was
	// decided (API-04).
	ErrUnavailable = errors.New("GitHub unavailable")
	// ErrLost says that a change was sent and its answer lost: whether it was made is
	// not known, and it is looked for before it is repeated (API-03).
	ErrLost = errors.New("the answer to a change was lost")
	// ErrCached says that an answer did not come from GitHub itself (API-06).
	ErrCached = errors.New("the answer came from a cache")
	// ErrRepository says that the repository is not the configured one (PR-01).
	ErrRepository = errors.New("not the configured repository")
	// ErrNotFound says that GitHub knows no such thing, or does not show it to this
	// token: GitHub tells the two apart for nobody.
	ErrNotFound = errors.New("not found, or not visible to this token")
	// ErrPermission says that the token may not do it.
	ErrPermission = errors.New("the token may not")
)

// StatusError is an answer that refuses.
type StatusError struct {
	Method, Path string
	Code         int
	Message      string // GitHub's words
	Permissions  string // what the call would have needed, in GitHub's words: pull_requests=write
}

// Error says what was asked and what GitHub said.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s %s: HTTP %d", e.Method, e.Path, e.Code)
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Permissions != "" && (e.Code == http.StatusForbidden || e.Code == http.StatusNotFound) {
		text += " (needs the permission " + e.Permissions + ")"
	}
	return text
}

// Is maps status codes to the errors of this package.
func (e *StatusError) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Code == http.StatusNotFound
	case ErrPermission:
		return e.Code == http.StatusForbidden || e.Code == http.StatusUnauthorized
	}
	return false
}
