package session

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
)

// wire is the way to one account. The driver sends some requests outside of any
// context, such as the goodbye and the cancelling of a query whose deadline has
// passed; here they end with the sweep they belong to, or shortly after.
type wire struct {
	transport *http.Transport
	dialer    *endpoint.Dialer

	mu       sync.Mutex
	deadline time.Time
	closed   chan struct{}
}

// afterwards is how long the cancelling of what was asked may take after the
// deadline.
const afterwards = 300 * time.Millisecond

var errClosed = errors.New("the session is closed")

func newWire(config *tls.Config, timeout time.Duration) *wire {
	dialer := &endpoint.Dialer{}
	return &wire{
		dialer: dialer,
		closed: make(chan struct{}),
		transport: &http.Transport{
			Proxy:               nil, // a proxy of the environment would see where bcctl goes, and a wrong one would hide an account
			DialContext:         dialer.DialContext,
			TLSClientConfig:     config,
			TLSHandshakeTimeout: timeout,
			MaxIdleConnsPerHost: 2,
			IdleConnTimeout:     90 * time.Second,
			ForceAttemptHTTP2:   false,
		},
	}
}

// until bounds all requests from now on by the deadline of ctx.
func (w *wire) until(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline = time.Time{}
	if at, ok := ctx.Deadline(); ok {
		w.deadline = at.Add(afterwards)
	}
}

// within bounds all requests from now on by a length of time.
func (w *wire) within(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline = time.Now().Add(d)
}

// cut ends what is under way and refuses everything after it.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.closed:
	default:
		close(w.closed)
	}
	w.transport.CloseIdleConnections()
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	deadline := w.deadline
	w.mu.Unlock()
	select {
	case <-w.closed:
		return nil, errClosed
	default:
	}
	ctx, cancel := context.WithCancel(r.Context())
	if !deadline.IsZero() {
		ctx, cancel = context.WithDeadline(r.Context(), deadline)
	}
	ended := make(chan struct{})
	var once sync.Once
	end := func() { once.Do(func() { cancel(); close(ended) }) }
	go func() {
		select {
		case <-w.closed:
			cancel()
		case <-ended:
		}
	}()
	response, err := w.transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		end()
		return nil, err
	}
	response.Body = &body{response.Body, end}
	if busy(response.StatusCode) {
		_ = response.Body.Close() // what it says is for people who use a browser
		return nil, &StatusError{response.StatusCode}
	}
	return response, nil
}

// busy reports whether a status says that the service does not serve now. The
// driver would say that it timed out.
func busy(status int) bool {
	return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}

// StatusError is an answer of something in front of the service, or of one that
// does not serve.
type StatusError struct{ Status int }

func (e *StatusError) Error() string {
	return fmt.Sprintf("the service answers %d %s", e.Status, http.StatusText(e.Status))
}

// CloseIdleConnections is called by http.Client.
func (w *wire) CloseIdleConnections() { w.transport.CloseIdleConnections() }
