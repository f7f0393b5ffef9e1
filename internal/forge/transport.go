package forge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// attempts is how often a read is tried: once, and five times more (API-03).
	attempts = 6
	// maxLimits bounds how often one request may be told to wait.
	maxLimits = 20
	// betweenChanges is the least time between two changes (API-07).
	betweenChanges = time.Second
	// maxAnswer bounds one answer.
	maxAnswer = 32 << 20
)

// transport is the only way to GitHub. One request is under way at a time (API-07);
// limits are waited out (API-02), reads are repeated, changes are not (API-03); no
// answer of a cache is taken (API-06); credentials go to the configured host only.
type transport struct {
	opts Options
	base *url.URL
	wire http.RoundTripper
	auth Auth

	mu         sync.Mutex
	lastChange time.Time
	serverDate time.Time // of the last answer
}

// Auth is a credential: a Token or an *App. It gives the value of the Authorization
// header; stale says that the value given before was refused.
type Auth interface {
	authorization(ctx context.Context, t *transport, b *budget, stale bool) (string, error)
}

// statementKey marks a request that an App signs itself, instead of its token.
type statementKey struct{}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	b, ok := ctx.Value(budgetKey{}).(*budget)
	if !ok {
		b = &budget{t.opts.Budget}
	}
	if req.URL.Scheme != t.base.Scheme || req.URL.Host != t.base.Host {
		return nil, fmt.Errorf("%w: GitHub sent us from %s to %s", ErrRepository, t.base.Host, req.URL.Host)
	}
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close() // it was read to its end
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if own, ok := ctx.Value(statementKey{}).(string); ok {
		return t.send(req, body, own, reads(req), b)
	}
	stale := false
	for {
		auth, err := t.auth.authorization(ctx, t, b, stale)
		if err != nil {
			return nil, err
		}
		resp, err := t.send(req, body, auth, reads(req), b)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || stale {
			return resp, err
		}
		stale = true // once: an App's token may have been revoked before its time
	}
}

// reads tells whether a request changes nothing, so that it may be repeated.
// GraphQL asks by POST; bcctl sends no mutation in it.
func reads(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead || strings.HasSuffix(req.URL.Path, "/graphql")
}

// send sends one request until there is an answer that is neither a limit nor a
// failure. The caller holds the lock.
func (t *transport) send(req *http.Request, body []byte, auth string, repeatable bool, b *budget) (*http.Response, error) {
	ctx := req.Context()
	what := req.Method + " " + req.URL.Path
	if !repeatable {
		// Not a matter of GitHub being away: it does not use up the budget.
		if wait := t.lastChange.Add(betweenChanges).Sub(t.opts.Now()); wait > 0 {
			if err := t.opts.Sleep(ctx, wait); err != nil {
				return nil, err
			}
		}
		defer func() { t.lastChange = t.opts.Now() }()
	}
	failures, limits := 0, 0
	for {
		resp, err := t.once(req, body, auth)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var trouble string
		switch {
		case errors.Is(err, ErrCached):
			return nil, fmt.Errorf("%s: %w", what, err)
		case err != nil:
			trouble = what + ": " + plain(err)
		case resp.StatusCode >= 500:
			trouble = fmt.Sprintf("%s: HTTP %d", what, resp.StatusCode)
		default:
			wait, limited := t.limit(resp, limits)
			if !limited {
				return resp, nil
			}
			if limits++; limits > maxLimits {
				return nil, fmt.Errorf("%w: %s is limited for ever", ErrUnavailable, what)
			}
			// A limited request was refused: a change was not made and may be sent again.
			if err := t.pause(ctx, b, wait, fmt.Sprintf("%s: limited (HTTP %d)", what, resp.StatusCode)); err != nil {
				return nil, err
			}
			continue
		}
		if !repeatable {
			if err != nil && notSent(err) {
				return nil, fmt.Errorf("%w: %s", ErrUnavailable, trouble)
			}
			return nil, fmt.Errorf("%w: %s", ErrLost, trouble)
		}
		if failures++; failures >= attempts {
			return nil, fmt.Errorf("%w: %s, %d times", ErrUnavailable, trouble, failures)
		}
		if err := t.pause(ctx, b, jitter(failures), trouble); err != nil {
			return nil, err
		}
	}
}

// jitter is the pause after so many failures: 0.5 s doubling, and up to half of it
// less, so that runners that failed together do not come back together.
func jitter(failures int) time.Duration {
	d := 500 * time.Millisecond << (failures - 1)
	return d - rand.N(d/2)
}

// once sends a request once and reads the whole answer, so that an answer that breaks
// off is a failure like any other.
func (t *transport) once(req *http.Request, body []byte, auth string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), t.opts.AttemptTimeout)
	defer cancel()
	out := req.Clone(ctx)
	if req.Body != nil {
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	out.Header.Set("Authorization", auth)
	out.Header.Set("Cache-Control", "no-cache")
	resp, err := t.wire.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer breaks off: %w", err)
	case len(data) > maxAnswer:
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	if err := fresh(resp); err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		t.serverDate = date.UTC()
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	record(req.Context(), req, resp, data)
	return resp, nil
}

// fresh refuses what a cache answered: an approval that was withdrawn since would
// still be in it (API-06).
func fresh(resp *http.Response) error {
	age, _ := strconv.Atoi(resp.Header.Get("Age"))
	switch {
	case resp.StatusCode == http.StatusNotModified:
		return fmt.Errorf("%w: HTTP 304 although nothing was asked conditionally", ErrCached)
	case age > 0:
		return fmt.Errorf("%w, where it lay for %d s (header Age)", ErrCached, age)
	case resp.Header.Get("X-From-Cache") != "":
		return fmt.Errorf("%w (header X-From-Cache)", ErrCached)
	case strings.HasPrefix(strings.ToUpper(resp.Header.Get("X-Cache")), "HIT"):
		return fmt.Errorf("%w (header X-Cache)", ErrCached)
	}
	return nil
}

// limit tells whether an answer means that we ask too much, and how long to wait
// (API-02). Before is how often this request was told so already.
func (t *transport) limit(resp *http.Response, before int) (time.Duration, bool) {
	reset := resp.Header.Get("X-RateLimit-Reset")
	// go-github would refuse the next request by this header, by its own clock and
	// without asking; it is for us alone.
	resp.Header.Del("X-RateLimit-Reset")
	if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests {
		return 0, false
	}
	now := t.opts.Now()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = date // reset is by GitHub's clock
	}
	if after := resp.Header.Get("Retry-After"); after != "" {
		if seconds, err := strconv.Atoi(after); err == nil && seconds >= 0 {
			return max(time.Duration(seconds)*time.Second, time.Second), true
		}
		if at, err := http.ParseTime(after); err == nil {
			return max(at.Sub(now), time.Second), true
		}
	}
	exhausted := resp.Header.Get("X-RateLimit-Remaining") == "0"
	if exhausted {
		if seconds, err := strconv.ParseInt(reset, 10, 64); err == nil {
			return max(time.Unix(seconds, 0).Sub(now)+time.Second, time.Second), true
		}
	}
	if exhausted || resp.StatusCode == http.StatusTooManyRequests || speaksOfLimits(resp) {
		return time.Minute << min(before, 6), true
	}
	return 0, false
}

// speaksOfLimits looks at GitHub's words, when no header says what is meant. The
// documentation's address has changed before and is only one of the signs.
func speaksOfLimits(resp *http.Response) bool {
	data, _ := io.ReadAll(resp.Body) // a bytes.Reader
	resp.Body = io.NopCloser(bytes.NewReader(data))
	text := strings.ToLower(string(data))
	for _, words := range []string{"rate limit", "rate-limit", "ratelimit", "abuse detection", "abuse-rate"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// notSent tells whether a request failed before any of it reached GitHub.
func notSent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial"
}

// plain is an error of the network without addresses that repeat the request.
func plain(err error) string {
	var op *net.OpError
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	if errors.As(err, &op) && op.Err != nil {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}
