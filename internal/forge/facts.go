package forge

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/bcctl/bcctl/pkg/approval"
)

// What GitHub left out, sent as null or in another form than its own is absent, and an
// absent value speaks for nothing (API-01).

// account is an account of an answer; null stays nil.
func account(u *github.User) *approval.User {
	if u == nil {
		return nil
	}
	return &approval.User{ID: u.GetID(), Type: approval.UserType(u.GetType()), Login: u.GetLogin()}
}

// commit is the id of a commit, or empty.
func commit(sha string) string {
	if len(sha) != 40 && len(sha) != 64 || strings.Trim(sha, "0123456789abcdef") != "" {
		return ""
	}
	return sha
}

// earliest is before GitHub's first day: no time of it is earlier.
var earliest = time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC)

// moment is a time of an answer, or zero.
func moment(t *github.Timestamp) time.Time {
	if t == nil || t.Before(earliest) {
		return time.Time{}
	}
	return t.UTC()
}

// given tells whether a field was there and not null. Absent is neither yes nor no.
func given(raw json.RawMessage) approval.Fact {
	if len(raw) == 0 {
		return ""
	}
	return approval.FactOf(string(raw) != "null")
}

// truth is a boolean of an answer; null is neither.
func truth(b *bool) approval.Fact {
	if b == nil {
		return ""
	}
	return approval.FactOf(*b)
}
