package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"
)

// apiVersion is the version of the REST interface that go-github v60 asks for.
const apiVersion = "2022-11-28"

// Options say which repository is meant, and who asks.
type Options struct {
	APIURL       string // default https://api.github.com/
	Owner, Name  string // of the repository
	RepositoryID int64  // its number, which alone identifies it (PR-01)

	Auth Auth // a Token or an *App

	Mirror string // directory of a bare repository of ours, made when it is not there

	UserAgent      string
	Budget         time.Duration // how long an operation may wait in all; default 5 min
	AttemptTimeout time.Duration // of one attempt; default 30 s

	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
}

// Client speaks with GitHub about one repository. It may be used by several
// goroutines; requests go out one after the other.
type Client struct {
	opts Options
	t    *transport
	gh   *github.Client
	read readBefore // of commits in the mirror

	cloning sync.Mutex
	clone   string // address to clone from, once it is known
}

// New prepares a client; nothing is sent. A transport of the caller's own is not
// taken: it could keep answers (API-06).
func New(opts Options) (*Client, error) {
	if opts.APIURL == "" {
		opts.APIURL = "https://api.github.com/"
	}
	base, err := url.Parse(opts.APIURL)
	switch {
	case err != nil || base.Host == "":
		return nil, errors.New("github.api-url is no address; write https://HOST/api/v3/ or leave it out")
	case base.User != nil:
		return nil, errors.New("github.api-url holds a user or a token; write it without, and use github.token")
	case base.Scheme != "https" && !(base.Scheme == "http" && loopback(base.Hostname())):
		return nil, fmt.Errorf("github.api-url begins with %s://; a token is sent over https only", base.Scheme)
	case opts.Owner == "" || opts.Name == "" || strings.ContainsAny(opts.Owner+opts.Name, "/?#%"):
		return nil, errors.New("github.repository is not owner/name")
	case opts.Auth == nil || opts.Auth == Auth((*App)(nil)):
		return nil, errors.New("no credentials for GitHub")
	}
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
	}
	if opts.UserAgent == "" {
		opts.UserAgent = "bcctl"
	}
	if opts.Budget <= 0 {
		opts.Budget = 5 * time.Minute
	}
	if opts.AttemptTimeout <= 0 {
		opts.AttemptTimeout = 30 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Sleep == nil {
		opts.Sleep = sleep
	}
	wire := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: opts.AttemptTimeout,
		IdleConnTimeout:       time.Minute,
		ForceAttemptHTTP2:     true,
	}
	c := &Client{opts: opts, t: &transport{opts: opts, base: base, wire: wire, auth: opts.Auth}}
	c.gh = github.NewClient(&http.Client{Transport: c.t, CheckRedirect: c.redirect})
	c.gh.BaseURL, c.gh.UserAgent = base, opts.UserAgent
	return c, nil
}

// Close lets connections go.
func (c *Client) Close() { c.t.wire.(*http.Transport).CloseIdleConnections() }

// redirect follows a few redirects of reads on the same host: a repository that was
// renamed. What is read is compared with the configured number in any case (PR-01).
func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) > 3:
		return fmt.Errorf("%w: more than three redirects", ErrRepository)
	case via[0].Method != http.MethodGet:
		return fmt.Errorf("%w: %s/%s was renamed or moved; correct github.repository", ErrRepository, c.opts.Owner, c.opts.Name)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ServerDate is GitHub's clock at its last answer.
func (c *Client) ServerDate() time.Time {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	return c.t.serverDate
}

// graphQL is the address of the GraphQL interface, which is not below that of the
// REST interface on a server of one's own.
func (c *Client) graphQL() string {
	u := *c.t.base
	if path, ok := strings.CutSuffix(u.Path, "/api/v3/"); ok {
		u.Path = path + "/api/graphql"
	} else {
		u.Path += "graphql"
	}
	return u.String()
}

// repoPath is the path of something of the repository.
func (c *Client) repoPath(format string, args ...any) string {
	return "repos/" + c.opts.Owner + "/" + c.opts.Name + fmt.Sprintf(format, args...)
}

// call sends one request and decodes the answer, for what go-github has no call for.
func (c *Client) call(ctx context.Context, method, path string, body, into any) (*github.Response, error) {
	req, err := c.gh.NewRequest(method, path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.gh.Do(ctx, req, into)
	return resp, wrap(err)
}

// get is call for reads.
func (c *Client) get(ctx context.Context, path string, into any) (*github.Response, error) {
	return c.call(ctx, http.MethodGet, path, nil, into)
}

// wrap turns go-github's errors into those of this package. Errors of the transport
// keep their kind.
func wrap(err error) error {
	var refused *github.ErrorResponse
	var limited *github.RateLimitError
	var abuse *github.AbuseRateLimitError
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused) && refused.Response != nil:
		return statusOf(refused.Response, refused.Message)
	case errors.As(err, &limited), errors.As(err, &abuse):
		return fmt.Errorf("%w: %w", ErrUnavailable, err) // the transport waits these out; it never lets one through
	case errors.As(err, &syntax), errors.As(err, &kind), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: an answer that is not GitHub's: %w", ErrUnavailable, err)
	}
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err // without the address, which the inner error names already
	}
	return err
}

func statusOf(resp *http.Response, message string) error {
	e := &StatusError{Code: resp.StatusCode, Message: message, Permissions: resp.Header.Get("X-Accepted-GitHub-Permissions")}
	if resp.Request != nil {
		e.Method, e.Path = resp.Request.Method, resp.Request.URL.Path
	}
	return e
}

func statusError(req *http.Request, resp *http.Response, body []byte) error {
	var words struct{ Message string }
	_ = json.Unmarshal(body, &words) // an answer without words is told by its code
	return &StatusError{Method: req.Method, Path: req.URL.Path, Code: resp.StatusCode, Message: words.Message}
}
