package github_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	api "github.com/google/go-github/v60/github"

	"github.com/bcctl/bcctl/internal/lab/github"
)

func TestT01_AlteredAnswersAndUnknownCallsAreViolations(t *testing.T) {
	l := start(t)
	n := l.open()
	tok := l.Token("bob")
	wants := func(what, part string) {
		t.Helper()
		v := l.forgive()
		if len(v) != 1 || !strings.Contains(v[0], part) {
			t.Errorf("%s: violations %q, want one with %q", what, v, part)
		}
	}
	l.Inject(github.Fault{Match: "GET", Rewrite: func(b []byte) []byte {
		return []byte(strings.Replace(string(b), `"number":1`, `"number":"one"`, 1))
	}})
	l.get(tok, "/repos/acme/recovery/pulls/1")
	wants("a number that is text", "/number")
	l.Inject(github.Fault{Match: "GET", Rewrite: func(b []byte) []byte {
		return []byte(strings.Replace(string(b), `"merged":false,`, ``, 1))
	}})
	l.get(tok, "/repos/acme/recovery/pulls/1")
	wants("a field less", "merged")
	l.get(tok, "/repos/acme/recovery/pulls?sorted=yes")
	wants("an unknown parameter", "sorted")
	l.get(tok, "/repos/acme/recovery/pulls?state=merged")
	wants("an unknown value", "state")
	l.get(tok, "/repos/acme/recovery/stargazers")
	wants("a call that is not modelled", "not modelled")
	l.send("POST", tok, "/repos/acme/recovery/pulls/1/reviews", `{"event":"LGTM"}`)
	wants("a wrong body", "event")
	l.send("POST", tok, "/repos/acme/recovery/git/refs", ``)
	wants("no body", "no body")
	// And what GitHub allows to be null may be.
	id := must[int64](t)(l.As("bob").Review(n, github.Approve, "ok"))
	l.Repoint(id, "")
	if v := l.review(id); v.CommitID != nil {
		t.Errorf("commit %v", v.CommitID)
	}
}

func TestT02_LimitsAndErrors(t *testing.T) {
	l := start(t)
	l.open()
	c := l.as("bob")
	get := func() error {
		_, _, err := c.PullRequests.Get(ctx, "acme", "recovery", 1)
		return err
	}
	var abuse *api.AbuseRateLimitError
	var limit *api.RateLimitError
	var plain *api.ErrorResponse
	l.Inject(github.Fault{Match: "GET", Status: http.StatusForbidden, Secondary: true, RetryAfter: 7 * time.Second})
	if err := get(); !errors.As(err, &abuse) || abuse.RetryAfter == nil || *abuse.RetryAfter != 7*time.Second {
		t.Errorf("secondary limit: %v", err)
	}
	c = l.as("bob") // the library remembers
	l.Inject(github.Fault{Match: "GET", Status: http.StatusForbidden, Secondary: true})
	if err := get(); !errors.As(err, &abuse) || abuse.Response.Header.Get("Retry-After") != "" {
		t.Errorf("secondary limit without a time: %v", err)
	}
	l.Inject(github.Fault{Match: "GET", Status: http.StatusForbidden, Primary: true, Reset: time.Now().Add(time.Hour)})
	if err := get(); !errors.As(err, &limit) {
		t.Errorf("primary limit: %v", err)
	}
	c = l.as("bob")
	l.Inject(github.Fault{Match: "GET /repos/*/pulls/1", Skip: 1, Times: 2, Status: http.StatusBadGateway})
	check(t, get())
	for range 2 {
		if err := get(); !errors.As(err, &plain) || plain.Response.StatusCode != http.StatusBadGateway {
			t.Errorf("502: %v", err)
		}
	}
	check(t, get())
	l.SetSkew(5 * time.Minute)
	_, _, h := l.get(l.Token("bob"), "/rate_limit")
	if at, err := http.ParseTime(h.Get("Date")); err != nil || !at.Equal(l.Now().Add(5*time.Minute)) {
		t.Errorf("Date %s, %v", h.Get("Date"), err)
	}
}

// The connection breaks before or after the thing is done.
func TestT02_LostAnswers(t *testing.T) {
	l := start(t)
	main := l.Head("main")
	ref := &api.Reference{Ref: api.String("refs/heads/lock"), Object: &api.GitObject{SHA: &main}}
	l.Inject(github.Fault{Match: "POST /repos/*/git/refs", DropBefore: true})
	if _, _, err := l.as("bob").Git.CreateRef(ctx, "acme", "recovery", ref); err == nil || l.Head("lock") != "" {
		t.Errorf("dropped before: %v, the ref is %q", err, l.Head("lock"))
	}
	l.Inject(github.Fault{Match: "POST /repos/*/git/refs", DropAfter: true})
	if _, _, err := l.as("bob").Git.CreateRef(ctx, "acme", "recovery", ref); err == nil || l.Head("lock") != main {
		t.Errorf("dropped after: %v, the ref is %q", err, l.Head("lock"))
	}
	want := []string{"POST /repos/acme/recovery/git/refs", "POST /repos/acme/recovery/git/refs"}
	if got := l.Requests(); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("requests %q", got)
	}
}

func TestT02_StaleReads(t *testing.T) {
	l := start(t)
	n := l.open()
	id := must[int64](t)(l.As("bob").Review(n, github.Approve, "ok"))
	l.Inject(github.Fault{Match: "GET", Times: 2, Stale: true})
	check(t, l.As("bob").Dismiss(n, id, "no"))
	head := l.Head("r1")
	next := must[string](t)(l.As("alice").Commit("r1", github.Change{Files: map[string]string{"y": "y"}}))
	if got := l.review(id).GetState(); got != "APPROVED" {
		t.Errorf("first read: %s", got)
	}
	pr, _, err := l.as("bob").PullRequests.Get(ctx, "acme", "recovery", n)
	check(t, err)
	if pr.GetHead().GetSHA() != head {
		t.Errorf("second read: head %s", pr.GetHead().GetSHA())
	}
	if got := l.review(id).GetState(); got != "DISMISSED" {
		t.Errorf("third read: %s", got)
	}
	pr, _, err = l.as("bob").PullRequests.Get(ctx, "acme", "recovery", n)
	check(t, err)
	if pr.GetHead().GetSHA() != next {
		t.Errorf("fourth read: head %s", pr.GetHead().GetSHA())
	}
}

// What a server kept is there for the next one.
func TestT02_StateOutlivesTheServer(t *testing.T) {
	dir := t.TempDir()
	clock := newClock()
	o := github.Options{Now: clock.Now, Persist: true, Violation: func(v string) { t.Error(v) }}
	srv, err := github.Start(dir, o)
	check(t, err)
	srv.AddUser("alice")
	srv.AddUser("bob")
	tok := srv.Token("bob")
	must[string](t)(srv.As("alice").Commit("r1", github.Change{Files: map[string]string{requestPath: "x"}}))
	n := must[int](t)(srv.As("alice").OpenPull("r1", "main", "T", ""))
	id := must[int64](t)(srv.As("bob").Review(n, github.Approve, "ok"))
	check(t, srv.Close())
	srv, err = github.Start(dir, o)
	check(t, err)
	t.Cleanup(func() { check(t, srv.Close()) })
	l := &lab{Server: srv, clock: clock, t: t}
	v, _, err := l.client(tok).PullRequests.GetReview(ctx, "acme", "recovery", n, id)
	check(t, err)
	if v.GetState() != "APPROVED" || srv.Head("r1") == "" {
		t.Errorf("review %v", v)
	}
}

func TestStartRefusesToListenElsewhere(t *testing.T) {
	if srv, err := github.Start(t.TempDir(), github.Options{Address: "0.0.0.0:0"}); err == nil {
		check(t, srv.Close())
		t.Error("it listens everywhere")
	}
}
