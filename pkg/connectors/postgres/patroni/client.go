package patroni

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
)

// DefaultPort is where Patroni listens unless told otherwise.
const DefaultPort = 8008

// Client asks one member. It uses no proxy, follows no redirect, keeps no connection,
// and never sends a request twice.
type Client struct {
	address endpoint.Address
	secure  *tls.Config // nil for clear text, on loopback only
}

// New prepares a client. It makes no connection.
func New(address endpoint.Address, secure *tls.Config) *Client {
	return &Client{address: address, secure: secure}
}

// Address is where the member's API is.
func (c *Client) Address() endpoint.Address { return c.address }

// Look is what a member says at one moment.
type Look struct {
	Member  Member
	Cluster Cluster
	Config  Config

	// Remote is the address that was connected to, host:port, after any name was
	// resolved; empty when nobody took a connection.
	Remote string
}

// maxAnswer is far above any answer there is.
const maxAnswer = 1 << 20

// Look asks a member for everything. It logs in nowhere: what is read needs no login.
// Where a part fails, the look holds the other parts beside the error: a member that
// says that it is a primary does so also while it cannot read the state of its cluster.
func (c *Client) Look(ctx context.Context) (Look, error) {
	var l Look
	var failed error
	ask := func(path string, into any) bool {
		remote, err := c.get(ctx, path, into)
		if remote != "" {
			l.Remote = remote
		}
		if err != nil && failed == nil {
			failed = fmt.Errorf("GET %s: %w", path, err)
		}
		return err == nil
	}
	if !ask("/patroni", &l.Member) {
		l.Member = Member{}
	}
	if !ask("/cluster", &l.Cluster) {
		l.Cluster = Cluster{}
	}
	if !ask("/config", &l.Config) {
		l.Config = Config{}
	}
	return l, failed
}

func (c *Client) get(ctx context.Context, path string, into any) (remote string, err error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { remote = i.Conn.RemoteAddr().String() }})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url(path), nil)
	if err != nil {
		return "", errors.New("the request cannot be made")
	}
	resp, err := c.client(nil).Do(req)
	if err != nil {
		return remote, cause(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return remote, cause(err)
	case resp.StatusCode != http.StatusOK:
		return remote, fmt.Errorf("the answer is %d", resp.StatusCode)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return remote, errors.New("the answer is not the JSON that Patroni gives")
	}
	return remote, nil
}

// Login is what a change is asked for with.
type Login struct {
	Username, Password string

	// Certificate is the client's, with its key, where the API asks for one; else
	// empty.
	Certificate *tls.Certificate
}

// Answer is what became of a request for a change. An answer is Patroni's word: only
// the servers tell what is so.
type Answer struct {
	// Sent reports whether any part of the request may have reached the member.
	Sent bool

	Status int    // 0 when no answer came
	Text   string // what it said, without a secret; or why no answer came
}

// Refused reports whether Patroni says that it has not even noted the request.
func (a Answer) Refused() bool {
	switch a.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusPreconditionFailed:
		return true
	}
	return false
}

// Switchover asks for an orderly change from a leader to a candidate, now. Patroni
// refuses when somebody else leads.
func (c *Client) Switchover(ctx context.Context, as Login, leader, candidate string) Answer {
	return c.post(ctx, as, "/switchover", map[string]string{"leader": leader, "candidate": candidate})
}

// Failover asks that a candidate take over without its lag or timeline being looked
// at.
func (c *Client) Failover(ctx context.Context, as Login, candidate string) Answer {
	return c.post(ctx, as, "/failover", map[string]string{"candidate": candidate})
}

// post sends a request once. A connection that is new carries it, so that the library
// has no reason to try again by itself.
func (c *Client) post(ctx context.Context, as Login, path string, what map[string]string) Answer {
	body, err := json.Marshal(what)
	if err != nil {
		return Answer{Text: err.Error()}
	}
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url(path), onlyOnce{bytes.NewReader(body)})
	if err != nil {
		return Answer{Text: "the request cannot be made"}
	}
	req.ContentLength = int64(len(body))
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(as.Username, as.Password)
	resp, err := c.client(as.Certificate).Do(req)
	if err != nil {
		return Answer{Sent: sent.Load(), Text: as.hide(cause(err).Error())}
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // the status is the answer
	return Answer{Sent: true, Status: resp.StatusCode, Text: as.hide(plain(said))}
}

// hide takes the password out of a text, also as it stands in the header of a request.
func (l Login) hide(text string) string {
	return endpoint.Redact(text, base64.StdEncoding.EncodeToString([]byte(l.Username+":"+l.Password)), l.Password)
}

// onlyOnce is a body that cannot be read again: a request with it is not repeated.
type onlyOnce struct{ io.Reader }

func (c *Client) url(path string) string {
	scheme := "https"
	if c.secure == nil {
		scheme = "http"
	}
	return scheme + "://" + c.address.String() + path
}

func (c *Client) client(certificate *tls.Certificate) *http.Client {
	secure := c.secure
	if certificate != nil && secure != nil {
		secure = secure.Clone()
		secure.Certificates = []tls.Certificate{*certificate}
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{}).DialContext,
			TLSClientConfig:     secure,
			TLSHandshakeTimeout: 10 * time.Second,
			DisableKeepAlives:   true,
			DisableCompression:  true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// cause is why a request failed, without the address, which the caller has.
func cause(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	return errors.New(endpoint.RootCause(err))
}

// plain is the first line of what a server said, as far as it can be shown.
func plain(said []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
	line = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(line, ""))
	if runes := []rune(line); len(runes) > 200 {
		line = string(runes[:200]) + "..."
	}
	return line
}
