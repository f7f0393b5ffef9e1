package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/postgres/blank"
)

const defaultPort = 5432

// maxMessage is far above any answer there is. Whoever answers at an address says
// how much memory to take for it, before it has proved to be a server.
const maxMessage = 16 << 20

// dialer opens connections to one endpoint. Every field of the connection is set
// here: nothing is taken from PG* variables, a password file or a service file.
type dialer struct {
	base *pgx.ConnConfig
}

// newDialer prepares the configuration. One host per connection: a fallback host
// would show one node's facts under another node's name.
func newDialer(spec connectors.Spec, ep connectors.Endpoint) (*dialer, error) {
	addr, err := endpoint.Parse(ep.Address, defaultPort)
	if err != nil {
		return nil, err
	}
	tlsConfig, err := endpoint.TLSConfig(spec.TLS, addr)
	if err != nil {
		return nil, err
	}
	base, err := blank.Config()
	if err != nil {
		return nil, fmt.Errorf("prepare the connection: %w", err)
	}
	base.Host, base.Port = addr.Host, addr.Port
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
	base.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		f := pgproto3.NewFrontend(r, w)
		f.SetMaxBodyLen(maxMessage)
		return f
	}
	base.RuntimeParams = map[string]string{
		"application_name": "bcctl",
		"search_path":      "pg_catalog",
		"TimeZone":         "UTC",
		"DateStyle":        "ISO",
	}
	return &dialer{base: base}, nil
}

// dial connects with a credential. accepted reports whether the host took the
// TCP connection, which tells a hung host from an absent one.
func (d *dialer) dial(ctx context.Context, cred connectors.Credential, extra map[string]string) (conn *pgx.Conn, accepted bool, err error) {
	return d.dialWithin(ctx, 0, cred, extra)
}

// dialWithin is dial where a host must take the connection within a time of its own; zero:
// it has all there is. A server that has taken it has all of it to answer in either case.
func (d *dialer) dialWithin(ctx context.Context, within time.Duration, cred connectors.Credential, extra map[string]string) (conn *pgx.Conn, accepted bool, err error) {
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
	dialer := endpoint.Dialer{Within: within}
	config.DialFunc = dialer.DialContext
	if within > 0 {
		find := config.LookupFunc
		config.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
			ctx, cancel := context.WithTimeout(ctx, within)
			defer cancel()
			return find(ctx, host)
		}
	}
	conn, err = pgx.ConnectConfig(ctx, config)
	return conn, dialer.Accepted(), err
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
