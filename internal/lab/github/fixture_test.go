package github_test

import (
	"context"
	"net/url"
	"sync"
	"testing"
	"time"

	api "github.com/google/go-github/v60/github"

	"github.com/bcctl/bcctl/internal/lab/github"
)

// clock is a clock that goes when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// lab is a server with three people in it.
type lab struct {
	*github.Server
	*clock
	t          *testing.T
	mu         sync.Mutex
	violations []string
}

const requestPath = "requests/2026/r1.yaml"

func start(t *testing.T) *lab {
	t.Helper()
	l := &lab{clock: newClock(), t: t}
	srv, err := github.Start(t.TempDir(), github.Options{Now: l.Now, Violation: l.violation, Files: map[string]string{"README.md": "recovery\n", "policies/a.yaml": "a: 1\n"}})
	if err != nil {
		t.Fatal(err)
	}
	l.Server = srv
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		for _, v := range l.violations {
			t.Error("violation:", v)
		}
	})
	for _, login := range []string{"alice", "bob", "carol"} {
		srv.AddUser(login)
	}
	return l
}

func (l *lab) violation(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.violations = append(l.violations, what)
}

// forgive returns the violations so far, which the test wanted.
func (l *lab) forgive() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.violations
	l.violations = nil
	return v
}

// client is the unmodified library with a token.
func (l *lab) client(token string) *api.Client {
	l.t.Helper()
	c := api.NewClient(nil).WithAuthToken(token)
	base, err := url.Parse(l.URL() + "/")
	if err != nil {
		l.t.Fatal(err)
	}
	c.BaseURL = base
	return c
}

func (l *lab) as(login string) *api.Client { return l.client(l.Token(login)) }

// open makes a branch with a request and a pull request for it.
func (l *lab) open() int {
	l.t.Helper()
	alice := l.As("alice")
	if _, err := alice.Commit("r1", github.Change{Files: map[string]string{requestPath: "kind: Request\n"}}); err != nil {
		l.t.Fatal(err)
	}
	l.step(time.Second)
	n, err := alice.OpenPull("r1", "main", "Failover of ledger", "please")
	if err != nil {
		l.t.Fatal(err)
	}
	l.step(time.Second)
	return n
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var ctx = context.Background()
