package patroni_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/postgres/patroni"
)

// api is a stand-in for a member's API, and counts the requests for a change.
func api(t *testing.T, handle http.HandlerFunc) (*patroni.Client, *atomic.Int32) {
	t.Helper()
	var posts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts.Add(1)
		}
		handle(w, r)
	}))
	t.Cleanup(server.Close)
	addr, err := endpoint.Parse(server.Listener.Addr().String(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return patroni.New(addr, nil), &posts
}

func login() patroni.Login { return patroni.Login{Username: "api", Password: "hunter22-secret"} }

// TestSI34ARequestIsSentOnce: whatever becomes of it, and a redirect leads nowhere.
func TestSI34ARequestIsSentOnce(t *testing.T) {
	t.Parallel()
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close() // that is the test
		}
	}
	for name, tt := range map[string]struct {
		handle  http.HandlerFunc
		status  int
		refused bool
	}{
		"done": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Successfully switched over") }, 200, false},
		"another leader": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "leader name does not match", http.StatusPreconditionFailed)
		}, 412, true},
		"wrong password": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "not authenticated", http.StatusUnauthorized)
		}, 401, true},
		"it gave up waiting": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "Switchover status unknown", http.StatusServiceUnavailable)
		}, 503, false},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		}, 307, false},
		"hung up": {hangUp, 0, false},
		"hung up after a part": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 200")
				_ = conn.Close()
			}
		}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, posts := api(t, func(w http.ResponseWriter, r *http.Request) {
				var asked map[string]string
				if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.URL.Path == "/switchover" && (asked["leader"] != "a" || asked["candidate"] != "b" || len(asked) != 2) {
					t.Errorf("%s asked %v, %v", r.URL.Path, asked, err)
				}
				tt.handle(w, r)
			})
			answer := client.Switchover(t.Context(), login(), "a", "b")
			if !answer.Sent || answer.Status != tt.status || answer.Refused() != tt.refused || tt.status != 307 && answer.Text == "" {
				t.Errorf("%+v", answer)
			}
			if n := posts.Load(); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

// TestSI34NothingWasSent: without a connection nothing can have happened.
func TestSI34NothingWasSent(t *testing.T) {
	t.Parallel()
	client, posts := api(t, func(http.ResponseWriter, *http.Request) {})
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if answer := client.Failover(canceled, login(), "b"); answer.Sent || answer.Refused() || posts.Load() != 0 {
		t.Errorf("canceled before: %+v", answer)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr, err := endpoint.Parse(listener.Addr().String(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if answer := patroni.New(addr, nil).Failover(t.Context(), login(), "b"); answer.Sent || !strings.Contains(answer.Text, "refused") {
		t.Errorf("nobody listens: %+v", answer)
	}
}

// TestSI5AnswersShowNoSecret: a server may repeat what it was sent.
func TestSI5AnswersShowNoSecret(t *testing.T) {
	t.Parallel()
	client, _ := api(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, password, _ := r.BasicAuth()
		fmt.Fprintf(w, "no: %s \x1b[31m%s%s", password, r.Header.Get("Authorization"), strings.Repeat("x", 10_000))
	})
	answer := client.Failover(t.Context(), login(), "b")
	encoded := base64.StdEncoding.EncodeToString([]byte("api:" + login().Password))
	if strings.Contains(answer.Text, login().Password) || strings.Contains(answer.Text, encoded) || strings.ContainsRune(answer.Text, 0x1b) || len(answer.Text) > 400 {
		t.Errorf("%d bytes: %q", len(answer.Text), answer.Text)
	}
}

// TestAnswersOfVersions: the same from Patroni of several versions, as their
// documentation and source have it.
func TestAnswersOfVersions(t *testing.T) {
	t.Parallel()
	started := time.Date(2024, 8, 28, 19, 39, 26, 352526000, time.UTC)
	for version, member := range map[string]string{
		"2.0": `{"state":"running","postmaster_start_time":"2024-08-28 19:39:26.352526 UTC","role":"master","timeline":3,"database_system_identifier":"7268616322854375442","patroni":{"version":"2.0.0","scope":"demo"}}`,
		"3.0": `{"state":"running","postmaster_start_time":"2024-08-28 19:39:26.352526+00:00","role":"master","timeline":3,"database_system_identifier":"7268616322854375442","pause":true,"patroni":{"version":"3.0.2","scope":"demo"}}`,
		"4.0": `{"state":"running","postmaster_start_time":"2024-08-28 21:39:26.352526+02:00","role":"primary","timeline":3,"tags":{"nofailover":"yes","clonefrom":true},"database_system_identifier":"7268616322854375442","patroni":{"version":"4.0.0","scope":"demo","name":"patroni1"}}`,
	} {
		client, _ := api(t, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, map[string]string{
				"/patroni": member,
				"/cluster": `{"members":[{"name":"patroni1","role":"leader","state":"running","api_url":"https://10.89.0.5:8008/patroni","host":"10.89.0.5","port":5432,"timeline":3},
					{"name":"patroni2","role":"quorum_standby","state":"streaming","timeline":3,"lag":17},{"name":"patroni3","role":"replica","state":"running","lag":"unknown"}],
					"scheduled_switchover":{"at":"2026-03-01T00:00:00+00:00","from":"patroni1"}}`,
				"/config": `{"ttl":30,"loop_wait":10,"synchronous_mode":"quorum","maximum_lag_on_failover":33554432}`,
			}[r.URL.Path])
		})
		l, err := client.Look(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		second, _ := l.Cluster.Row("patroni2")
		third, _ := l.Cluster.Row("patroni3")
		switch {
		case !l.Member.Primary() || !l.Member.Started.Equal(started) || l.Member.Timeline != 3 || l.Member.Patroni.Scope != "demo" || l.Member.Paused != (version == "3.0"):
			t.Errorf("%s: member %+v", version, l.Member)
		case l.Member.Tags.Has("nofailover") != (version == "4.0") || l.Member.Tags.Has("nosync"):
			t.Errorf("%s: tags %v", version, l.Member.Tags)
		case l.Cluster.Leader() != "patroni1" || !second.Running() || !second.Synchronous() || second.Lag.Bytes != 17 || third.Lag.Known || l.Cluster.Scheduled == nil:
			t.Errorf("%s: cluster %+v", version, l.Cluster)
		case !l.Config.IsSynchronous() || l.Config.IsStandby() || l.Config.Turn() != 40*time.Second || l.Config.MaximumLagBytes() != 32<<20:
			t.Errorf("%s: configuration %+v", version, l.Config)
		case l.Remote != client.Address().String():
			t.Errorf("%s: connected to %s", version, l.Remote)
		}
	}
}

// FuzzLook: whoever answers at an address may say anything.
func FuzzLook(f *testing.F) {
	f.Add(`{"state":"running"}`, `{"members":[{"name":"a","lag":-1}]}`, `{"ttl":1e300}`)
	f.Add(`{"tags":[1],"postmaster_start_time":7}`, `{"members":[{"lag":null,"tags":"x"}]}`, `{"standby_cluster":{"host":"x"}}`)
	f.Add(`[]`, `null`, `{"ttl":-5,"maximum_lag_on_failover":-1}`)
	f.Fuzz(func(t *testing.T, member, cluster, config string) {
		var l patroni.Look
		_ = json.Unmarshal([]byte(member), &l.Member) // what cannot be read is left out
		_ = json.Unmarshal([]byte(cluster), &l.Cluster)
		_ = json.Unmarshal([]byte(config), &l.Config)
		l.Member.Tags.Has("nofailover")
		for _, row := range l.Cluster.Members {
			if row.Lag.Bytes < 0 || !row.Lag.Known && row.Lag.Bytes != 0 {
				t.Errorf("lag %+v of %q", row.Lag, cluster)
			}
		}
		if turn := l.Config.Turn(); turn < 0 || turn > 2*time.Hour {
			t.Errorf("turn %s of %q", turn, config)
		}
		if n := l.Config.MaximumLagBytes(); n < 0 {
			t.Errorf("lag %d of %q", n, config)
		}
	})
}
