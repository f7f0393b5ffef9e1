package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bcctl/bcctl/pkg/connectors"
)

const defaultPort = 5432

// address is a parsed endpoint address.
type address struct {
	host string
	port uint16
}

func parseAddress(text string) (address, error) {
	if text == "" {
		return address{}, errors.New("has no address")
	}
	host, portText, err := net.SplitHostPort(text)
	if err != nil {
		if strings.Contains(text, ":") && !strings.Contains(text, "]") && strings.Count(text, ":") == 1 {
			return address{}, fmt.Errorf("address %q is not host:port", text)
		}
		return address{host: strings.Trim(text, "[]"), port: defaultPort}, nil
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 || host == "" {
		return address{}, fmt.Errorf("address %q is not host:port", text)
	}
	return address{host: host, port: uint16(port)}, nil
}

func (a address) loopback() bool {
	ip := net.ParseIP(a.host)
	return a.host == "localhost" || ip != nil && ip.IsLoopback()
}

// dialer opens connections to one endpoint. Every field of the connection is set
// here: nothing is taken from PG* variables, a password file or a service file.
type dialer struct {
	base *pgx.ConnConfig
}

// newDialer prepares the configuration. One host per connection: a fallback host
// would show one node's facts under another node's name.
func newDialer(spec connectors.Spec, ep connectors.Endpoint) (*dialer, error) {
	addr, err := parseAddress(ep.Address)
	if err != nil {
		return nil, err
	}
	tlsConfig, err := tlsConfig(spec.TLS, addr)
	if err != nil {
		return nil, err
	}
	base, err := blankConfig()
	if err != nil {
		return nil, fmt.Errorf("prepare the connection: %w", err)
	}
	base.Host, base.Port = addr.host, addr.port
	base.Database = spec.Database
	if base.Database == "" {
		base.Database = "postgres"
	}
	base.TLSConfig = tlsConfig
	base.RequireAuth = "scram-sha-256"
	if methods := spec.Options["requireAuth"]; methods != "" {
		base.RequireAuth = methods
	}
	base.DefaultQueryExecMode = pgx.QueryExecModeExec
	base.RuntimeParams = map[string]string{
		"application_name": "bcctl",
		"search_path":      "pg_catalog",
		"TimeZone":         "UTC",
		"DateStyle":        "ISO",
	}
	return &dialer{base: base}, nil
}

// tlsConfig never returns a configuration that accepts any certificate.
func tlsConfig(t connectors.TLS, addr address) (*tls.Config, error) {
	if t.Mode == connectors.Disable {
		if !addr.loopback() {
			return nil, fmt.Errorf("clear text is refused for %q; use verify-full", addr.host)
		}
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if config.ServerName == "" {
		config.ServerName = addr.host
	}
	if len(t.CA) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(t.CA) {
			return nil, errors.New("the CA file holds no PEM certificate")
		}
	}
	if t.Mode == connectors.VerifyCA {
		config.InsecureSkipVerify = true // the chain is verified below, only the name is not
		roots := config.RootCAs
		config.VerifyConnection = func(state tls.ConnectionState) error {
			options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
			for _, cert := range state.PeerCertificates[1:] {
				options.Intermediates.AddCert(cert)
			}
			_, err := state.PeerCertificates[0].Verify(options)
			return err
		}
	}
	return config, nil
}

// dial connects with a credential. accepted reports whether the host took the
// TCP connection, which tells a hung host from an absent one.
func (d *dialer) dial(ctx context.Context, cred connectors.Credential, extra map[string]string) (conn *pgx.Conn, accepted bool, err error) {
	config := d.base.Copy()
	config.User, config.Password = cred.Username, cred.Password
	for k, v := range extra {
		config.RuntimeParams[k] = v
	}
	if deadline, ok := ctx.Deadline(); ok && extra["replication"] == "" {
		left := max(time.Until(deadline), time.Second)
		config.RuntimeParams["statement_timeout"] = strconv.FormatInt(left.Milliseconds(), 10)
		config.RuntimeParams["lock_timeout"] = "1000"
	}
	var tookTCP atomic.Bool
	netDialer := &net.Dialer{KeepAlive: 15 * time.Second}
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := netDialer.DialContext(ctx, network, addr)
		if err == nil {
			tookTCP.Store(true)
		}
		return c, err
	}
	conn, err = pgx.ConnectConfig(ctx, config)
	return conn, tookTCP.Load(), err
}

// closeQuietly ends a connection without waiting on a hung server: its answer to
// the goodbye is of no interest.
func closeQuietly(conn *pgx.Conn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_ = conn.Close(ctx)
}

func asPgError(err error) *pgconn.PgError {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr
	}
	return nil
}
