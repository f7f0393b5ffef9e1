// Package pgstore keeps locks and records of a ledger in a PostgreSQL database that
// all runners reach. What is changed together is changed in one transaction, each cell
// compared with the version it must have.
package pgstore

import (
	"bytes"
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/postgres/blank"
)

// Schema makes the tables and the role that a ledger needs, once, by who owns the
// database. bcctl makes none: in a database that is not the one that is meant there
// would be a second ledger, which knows of no lock of the first.
//
//go:embed schema.sql
var Schema string

// Store is a ledger in a database.
type Store struct {
	// URL returns where it is, as late as possible:
	// postgres://user:password@host:port/database?sslrootcert=FILE.
	URL func(ctx context.Context) (string, error)

	// SystemIdentifier is the cluster that is meant. Who is led to another one is told
	// so, instead of finding everything free.
	SystemIdentifier string

	// Repository keeps the ledgers of several repositories apart.
	Repository string
}

var (
	_ ledger.Cells     = (*Store)(nil)
	_ ledger.Versioner = (*Store)(nil)
	_ ledger.Records   = (*Store)(nil)
)

// limit bounds one use of the database, the connecting included.
const limit = 20 * time.Second

// place is a URL taken apart.
type place struct {
	address  endpoint.Address
	tls      *tls.Config
	user     *url.Userinfo
	database string
}

var errURL = errors.New("the address of the ledger is not postgres://user:password@host:port/database, with sslrootcert=FILE or nothing after it")

// parse never repeats what it reads: a password may be anywhere in it.
func parse(text string) (place, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.User.Username() == "" || u.Hostname() == "" || strings.Trim(u.Path, "/") == "" || u.Fragment != "" {
		return place{}, errURL
	}
	p := place{user: u.User, database: strings.Trim(u.Path, "/")}
	if p.address, err = endpoint.Parse(u.Host, 5432); err != nil {
		return place{}, errURL
	}
	var t connectors.TLS
	for name, values := range u.Query() {
		switch {
		case len(values) != 1:
			return place{}, errURL
		case name == "sslrootcert":
			if t.CA, err = os.ReadFile(values[0]); err != nil {
				return place{}, errors.New("the file under sslrootcert of the ledger's address cannot be read")
			}
		case name == "sslmode" && values[0] == "verify-full": // which is what is done
		case name == "sslmode":
			return place{}, errors.New("the ledger is reached with sslmode=verify-full only")
		default:
			return place{}, errURL
		}
	}
	p.tls, err = endpoint.TLSConfig(t, p.address)
	return p, err
}

// connect opens a session and makes sure whose it is.
func (s *Store) connect(ctx context.Context) (*pgx.Conn, error) {
	text, err := s.URL(ctx)
	if err != nil {
		return nil, err
	}
	p, err := parse(text)
	if err != nil {
		return nil, err
	}
	config, err := blank.Config()
	if err != nil {
		return nil, err
	}
	password, _ := p.user.Password()
	config.Host, config.Port, config.Database, config.TLSConfig = p.address.Host, p.address.Port, p.database, p.tls
	config.User, config.Password, config.RequireAuth = p.user.Username(), password, "scram-sha-256"
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.RuntimeParams = map[string]string{
		"application_name": "bcctl ledger", "search_path": "pg_catalog",
		// An idle or lost client must not keep others waiting.
		"statement_timeout": "10000", "lock_timeout": "5000", "idle_in_transaction_session_timeout": "10000",
	}
	var dialer endpoint.Dialer
	config.DialFunc = dialer.DialContext
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		var refused *pgconn.PgError
		if errors.As(err, &refused) {
			return nil, fmt.Errorf("the ledger: login failed: %s", endpoint.Redact(refused.Message, password))
		}
		return nil, errors.New("the ledger does not answer: " + endpoint.Redact(endpoint.Classify(err, dialer.Accepted(), limit).Message, password))
	}
	if err := s.isMeant(ctx, conn); err != nil {
		hangUp(conn)
		return nil, err
	}
	return conn, nil
}

// isMeant proves that the server is the one that is meant, that it writes, and that
// what it confirms it keeps. A standby would show locks as they were a while ago.
func (s *Store) isMeant(ctx context.Context, conn *pgx.Conn) error {
	var system, commit string
	var standby, there bool
	err := conn.QueryRow(ctx, `SELECT (SELECT system_identifier FROM pg_control_system())::text, pg_is_in_recovery(), current_setting('synchronous_commit'),
		EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'bcctl_ledger' AND c.relname = 'cells')`).Scan(&system, &standby, &commit, &there)
	switch {
	case err != nil:
		return said(err)
	case system != s.SystemIdentifier:
		return fmt.Errorf("the ledger is in cluster %s, and behind its address is cluster %s: nothing was read or written", s.SystemIdentifier, system)
	case standby:
		return errors.New("behind the ledger's address is a standby: give that of the server that writes")
	case !there:
		return errors.New("the database has no table bcctl_ledger.cells: make the ledger as docs/operations.md says, or correct its address")
	case commit == "off" || commit == "local":
		_, err = conn.Exec(ctx, `SET synchronous_commit = on`)
		return said(err)
	}
	return nil
}

// said is an error without the values that a server adds to it.
func said(err error) error {
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return fmt.Errorf("the ledger: %s (SQLSTATE %s)", refused.Message, refused.Code)
	default:
		return errors.New("the ledger does not answer: " + endpoint.RootCause(err))
	}
}

// hangUp ends a connection without waiting on a hung server.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_ = conn.Close(ctx) // what was done is done
}

// use does something in one transaction, or nothing of it.
func (s *Store) use(ctx context.Context, mode pgx.TxAccessMode, do func(ctx context.Context, tx pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer hangUp(conn) // which takes back what was not committed
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: mode})
	if err != nil {
		return said(err)
	}
	if err := do(ctx, tx); err != nil {
		return err
	}
	return said(tx.Commit(ctx))
}

// Read implements ledger.Cells.
func (s *Store) Read(ctx context.Context, names ...string) (map[string]ledger.Cell, error) {
	cells := map[string]ledger.Cell{}
	err := s.use(ctx, pgx.ReadOnly, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT name, version, data FROM bcctl_ledger.cells WHERE repository = $1 AND name = ANY($2)`, s.Repository, names)
		if err != nil {
			return said(err)
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			var version int64
			var data []byte
			if err := rows.Scan(&name, &version, &data); err != nil {
				return said(err)
			}
			cells[name] = ledger.Cell{Version: strconv.FormatInt(version, 10), Data: data}
		}
		return said(rows.Err())
	})
	if err != nil {
		return nil, err
	}
	return cells, nil
}

// Versions implements ledger.Versioner.
func (s *Store) Versions(ctx context.Context, names ...string) (map[string]string, error) {
	versions := map[string]string{}
	err := s.use(ctx, pgx.ReadOnly, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT name, version::text FROM bcctl_ledger.cells WHERE repository = $1 AND name = ANY($2)`, s.Repository, names)
		if err != nil {
			return said(err)
		}
		defer rows.Close()
		for rows.Next() {
			var name, version string
			if err := rows.Scan(&name, &version); err != nil {
				return said(err)
			}
			versions[name] = version
		}
		return said(rows.Err())
	})
	if err != nil {
		return nil, err
	}
	return versions, nil
}

// Swap implements ledger.Cells. Cells are changed in the order of their names, so that
// two swaps never wait for each other; one that comes second finds other versions.
func (s *Store) Swap(ctx context.Context, changes ...ledger.Change) (map[string]string, error) {
	changes = slices.Clone(changes)
	slices.SortFunc(changes, func(a, b ledger.Change) int { return strings.Compare(a.Name, b.Name) })
	versions := map[string]string{}
	err := s.use(ctx, pgx.ReadWrite, func(ctx context.Context, tx pgx.Tx) error {
		for _, c := range changes {
			version, err := s.change(ctx, tx, c)
			if err != nil {
				return err
			}
			if c.Data != nil {
				versions[c.Name] = version
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return versions, nil
}

// change makes one change, or says that the cell was not as expected. Versions are made
// here and by chance: a database that lost what it had confirmed would count the same
// numbers again, and who held a lock before would take another one for it.
func (s *Store) change(ctx context.Context, tx pgx.Tx, c ledger.Change) (version string, err error) {
	moved := fmt.Errorf("%w: %s", ledger.ErrMoved, c.Name)
	from, bad := strconv.ParseInt(c.From, 10, 64)
	if bad != nil && c.From != "" {
		return "", moved // no version of this store
	}
	switch {
	case c.From == "" && c.Data == nil:
		var there bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM bcctl_ledger.cells WHERE repository = $1 AND name = $2)`, s.Repository, c.Name).Scan(&there); err != nil {
			return "", said(err)
		}
		if there {
			return "", moved
		}
		return "", nil
	case c.From == "":
		err = tx.QueryRow(ctx, `INSERT INTO bcctl_ledger.cells(repository, name, data, version) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING version::text`,
			s.Repository, c.Name, c.Data, rand.Int64()).Scan(&version)
	case c.Data == nil:
		err = tx.QueryRow(ctx, `DELETE FROM bcctl_ledger.cells WHERE repository = $1 AND name = $2 AND version = $3 RETURNING version::text`,
			s.Repository, c.Name, from).Scan(&version)
	default:
		err = tx.QueryRow(ctx, `UPDATE bcctl_ledger.cells SET data = $4, version = $5, changed_at = clock_timestamp()
			WHERE repository = $1 AND name = $2 AND version = $3 RETURNING version::text`, s.Repository, c.Name, from, c.Data, rand.Int64()).Scan(&version)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return "", moved
	}
	return version, said(err)
}

// Add implements ledger.Records.
func (s *Store) Add(ctx context.Context, records ...ledger.Record) error {
	list := map[string][]byte{}
	for _, r := range records {
		name, data, err := r.Encode()
		if err != nil {
			return err
		}
		if there, twice := list[name]; twice && !bytes.Equal(there, data) {
			return fmt.Errorf("%s: %w", name, ledger.ErrExists)
		}
		list[name] = data
	}
	var names []string
	for name := range list {
		names = append(names, name)
	}
	slices.Sort(names)
	return s.use(ctx, pgx.ReadWrite, func(ctx context.Context, tx pgx.Tx) error {
		for _, name := range names {
			tag, err := tx.Exec(ctx, `INSERT INTO bcctl_ledger.records(repository, name, data) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, s.Repository, name, list[name])
			if err != nil {
				return said(err)
			}
			if tag.RowsAffected() == 1 {
				continue
			}
			var there []byte
			if err := tx.QueryRow(ctx, `SELECT data FROM bcctl_ledger.records WHERE repository = $1 AND name = $2`, s.Repository, name).Scan(&there); err != nil {
				return said(err)
			}
			if !bytes.Equal(there, list[name]) {
				return fmt.Errorf("%s: %w", name, ledger.ErrExists)
			}
		}
		return nil
	})
}

// All implements ledger.Records.
func (s *Store) All(ctx context.Context) ([]ledger.Record, error) {
	var records []ledger.Record
	err := s.use(ctx, pgx.ReadOnly, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT name, data FROM bcctl_ledger.records WHERE repository = $1 ORDER BY name`, s.Repository)
		if err != nil {
			return said(err)
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			var data []byte
			if err := rows.Scan(&name, &data); err != nil {
				return said(err)
			}
			r, err := ledger.Decode(name, data)
			if err != nil {
				return err
			}
			records = append(records, r)
		}
		return said(rows.Err())
	})
	return records, err
}
