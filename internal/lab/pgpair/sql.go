package pgpair

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// unaffected overrides what the driver would otherwise take from PG* variables
// and open does not replace. Only PGSERVICE cannot be overridden: when it names a
// service that does not exist, the driver refuses every connection.
const unaffected = `password=none passfile=/dev/null sslcert='' sslkey='' sslpassword='' sslsni=1 sslnegotiation=postgres ` +
	`connect_timeout=5 target_session_attrs=any`

// Connect opens a superuser's connection through the private socket. Commits on
// it do not wait for synchronous standbys, so that work on the laboratory cannot
// hang in a fault it has put in itself.
func (l *Lab) Connect(ctx context.Context, node string) (*pgx.Conn, error) {
	n, err := l.Node(node)
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable %s",
		l.state.SocketDir, n.Port, superuser, database, unaffected))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", node, err)
	}
	return open(ctx, node, config, map[string]string{"synchronous_commit": "local"})
}

// ConnectAs opens a connection of one of the Role constants over TCP, as bcctl
// itself does: TLS with the certificate verified, and SCRAM.
func (l *Lab) ConnectAs(ctx context.Context, node, role string) (*pgx.Conn, error) {
	n, err := l.Node(node)
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=verify-full sslrootcert=%s %s",
		n.Host, n.Port, role, database, l.CAFile(), unaffected))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", node, err)
	}
	config.Password = l.Password(role)
	return open(ctx, node, config, nil)
}

// open replaces what the environment (PGOPTIONS, PGAPPNAME and so on) put into
// the configuration.
func open(ctx context.Context, node string, config *pgx.ConnConfig, parameters map[string]string) (*pgx.Conn, error) {
	config.RuntimeParams = map[string]string{"application_name": "bcctl lab"}
	for name, value := range parameters {
		config.RuntimeParams[name] = value
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", node, err)
	}
	return conn, nil
}

// hangUp ends a connection. Whether the server heard of it changes nothing about
// what was done; a hung one is not waited for.
func hangUp(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// Exec runs statements on a node as superuser, each in a transaction of its own.
func (l *Lab) Exec(ctx context.Context, node string, statements ...string) error {
	conn, err := l.Connect(ctx, node)
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn)
	for _, statement := range statements {
		if _, err := conn.PgConn().Exec(ctx, statement).ReadAll(); err != nil {
			return fmt.Errorf("run a statement on %s: %w", node, err)
		}
	}
	return nil
}

// QueryRow reads one row on a node as superuser into dest. Without a row the
// error wraps pgx.ErrNoRows.
func (l *Lab) QueryRow(ctx context.Context, node, query string, dest ...any) error {
	conn, err := l.Connect(ctx, node)
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn)
	if err := conn.QueryRow(ctx, query).Scan(dest...); err != nil {
		return fmt.Errorf("query %s: %w", node, err)
	}
	return nil
}

// holds answers a question that is one boolean.
func (l *Lab) holds(ctx context.Context, node, query string) (yes bool, err error) {
	err = l.QueryRow(ctx, node, query, &yes)
	return yes, err
}
