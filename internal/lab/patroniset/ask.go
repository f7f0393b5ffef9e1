//go:build unix

package patroniset

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cluster is what Patroni says of itself under /cluster.
type Cluster struct {
	Members []struct {
		Name, Role, State string
		Timeline          int
		Lag               any // bytes, or a word where it is not known
	}
	Pause bool
}

// Lag is how many bytes a member lacks, as Patroni counts; -1 when it does not know.
func (c Cluster) Lag(name string) int {
	for _, m := range c.Members {
		if n, known := m.Lag.(float64); m.Name == name && known {
			return int(n)
		}
	}
	return -1
}

// Leader is the name of the member that leads.
func (c Cluster) Leader() string {
	for _, m := range c.Members {
		if m.Role == "leader" {
			return m.Name
		}
	}
	return ""
}

func apiClient(ca []byte) (*http.Client, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("the CA is no certificate")
	}
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}}, nil
}

// Cluster asks a member.
func (s *Set) Cluster(ctx context.Context, name string) (c Cluster, err error) {
	return c, s.call(ctx, http.MethodGet, name, "/cluster", nil, &c)
}

// API is a client that trusts the certificates of the set.
func (s *Set) API() *http.Client { return s.api }

// Configure changes the cluster's dynamic configuration: PATCH /config. A nil value
// takes a key out.
func (s *Set) Configure(ctx context.Context, change map[string]any) error {
	var errs []error
	for _, m := range s.members { // any member that lives will do
		err := s.call(ctx, http.MethodPatch, m.Name, "/config", change, nil)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Pause puts the cluster into maintenance mode, or takes it out, and waits until every
// member that answers says so.
func (s *Set) Pause(ctx context.Context, paused bool) error {
	value := any(nil)
	if paused {
		value = true
	}
	if err := s.Configure(ctx, map[string]any{"pause": value}); err != nil {
		return err
	}
	return s.await(ctx, "the pause to be seen", func(Cluster) bool {
		for _, m := range s.members {
			if c, err := s.Cluster(ctx, m.Name); err == nil && c.Pause != paused {
				return false
			}
		}
		return true
	})
}

func (s *Set) call(ctx context.Context, method, name, path string, body, into any) error {
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://"+s.member(name).API+path, &sent)
	if err != nil {
		return err
	}
	if body != nil {
		req.SetBasicAuth(UserAPI, s.Password(UserAPI))
	}
	resp, err := s.api.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s of %s: %s", method, path, name, resp.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// connect opens a superuser's connection, whose commits do not wait for standbys.
func (s *Set) connect(ctx context.Context, name string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(fmt.Sprintf("postgres://%s@%s/postgres?sslmode=verify-full&sslrootcert=%s&passfile=/dev/null&connect_timeout=5",
		superuser, s.member(name).Address, s.path("tls", "lab-ca.pem")))
	if err != nil {
		return nil, err
	}
	config.Password = s.Password(superuser)
	config.RuntimeParams = map[string]string{"application_name": "bcctl lab", "synchronous_commit": "local"}
	return pgx.ConnectConfig(ctx, config)
}

// Exec runs statements on a member as superuser.
func (s *Set) Exec(ctx context.Context, name string, statements ...string) error {
	conn, err := s.connect(ctx, name)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", name, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, statement := range statements {
		if _, err := conn.PgConn().Exec(ctx, statement).ReadAll(); err != nil {
			return fmt.Errorf("run a statement on %s: %w", name, err)
		}
	}
	return nil
}

// QueryRow reads one value on a member as superuser into dest.
func (s *Set) QueryRow(ctx context.Context, name, query string, dest any, args ...any) error {
	conn, err := s.connect(ctx, name)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", name, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := conn.QueryRow(ctx, query, args...).Scan(dest); err != nil {
		return fmt.Errorf("query %s: %w", name, err)
	}
	return nil
}
