//go:build unix

package patroni_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/patroniset"
	"github.com/bcctl/bcctl/internal/lab/patroniset/patronisettest"
	"github.com/bcctl/bcctl/pkg/connectors"
)

// cut is the way to a member's API on which the answer to a request for a change is
// lost: before the request has arrived, while it is carried out, or afterwards.
type cut struct {
	*httptest.Server
	posts atomic.Int32
}

const (
	before  = "before"
	during  = "during"
	quietly = "afterwards"
)

func newCut(t *testing.T, set *patroniset.Set, member, when string) *cut {
	t.Helper()
	c := &cut{}
	forward := func(ctx context.Context, r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(ctx, r.Method, "https://"+set.Node(member).API+r.URL.Path, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header = r.Header.Clone()
		client := *set.API()
		client.Timeout = time.Minute
		return client.Do(req)
	}
	c.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			resp, err := forward(r.Context(), r)
			if err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			defer resp.Body.Close()
			w.WriteHeader(resp.StatusCode)
			_, _ = io.Copy(w, resp.Body) // who asked sees that it is not whole
			return
		}
		c.posts.Add(1)
		switch when {
		case during:
			ctx, cancel := context.WithTimeout(r.Context(), 300*time.Millisecond) // Patroni has noted it, and waits
			defer cancel()
			if resp, err := forward(ctx, r); err == nil {
				_ = resp.Body.Close()
			}
		case quietly:
			if resp, err := forward(r.Context(), r); err == nil {
				_ = resp.Body.Close()
			}
		}
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close() // that is the test
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// through leads the way to a member's API over a cut.
func (c *cut) through(member string) func(*connectors.ActorSpec) {
	return func(s *connectors.ActorSpec) {
		option(member, "patroni", c.Listener.Addr().String())(s)
		s.TLS.CA = append(append([]byte{}, s.TLS.CA...), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw})...)
	}
}

// TestSI34LostAnswers: a request whose answer is lost is sent once, and what became of
// it is seen on the servers.
func TestSI34LostAnswers(t *testing.T) {
	t.Parallel()
	set := patronisettest.Start(t, patroniset.Options{})
	sites := []string{"fra", "ams"}
	leader, other := patroniset.First, patroniset.Second
	for _, tt := range []struct {
		when string
		want connectors.OutcomeState
	}{{before, connectors.NotDone}, {during, connectors.Done}, {quietly, connectors.Done}} {
		way := newCut(t, set, leader, tt.when)
		c := newCrew(t, set, "run-"+tt.when, sites[0], sites[1], way.through(leader))
		c.do("pg.native/mark")
		c.outcome(tt.want, "", "pg.patroni/switchover")
		if n := way.posts.Load(); n != 1 {
			t.Errorf("%s: sent %d times", tt.when, n)
		}
		if tt.want != connectors.Done {
			ok(t, set.AwaitHealthy(t.Context(), leader))
			continue
		}
		ok(t, set.AwaitHealthy(t.Context(), other))
		c.do("pg.native/reign")
		leader, other = other, leader
		sites[0], sites[1] = sites[1], sites[0]
	}
}
