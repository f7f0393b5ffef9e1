package sqlag_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/microsoft/go-mssqldb"

	"github.com/bcctl/bcctl/internal/lab/sqlag"
)

// start gives a laboratory that ends with the test.
func start(t *testing.T, o sqlag.Options) *sqlag.Group {
	t.Helper()
	g, err := sqlag.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// open is a pool of the unmodified driver with one connection.
func open(t *testing.T, g *sqlag.Group, n *sqlag.Instance, user, encrypt string, more ...string) *sql.DB {
	t.Helper()
	return openAt(t, g, n.Address(), user, append([]string{"encrypt", encrypt}, more...)...)
}

// openAt is open at any address.
func openAt(t *testing.T, g *sqlag.Group, address, user string, more ...string) *sql.DB {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, g.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	q := url.Values{"encrypt": {"true"}, "TrustServerCertificate": {"false"}, "certificate": {ca}, "app name": {"test"}, "database": {"master"}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	u := url.URL{Scheme: "sqlserver", User: url.UserPassword(user, g.Password(user)), Host: address, RawQuery: q.Encode()}
	db, err := sql.Open("sqlserver", u.String())
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() }) // the server may be gone
	return db
}

func short(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// ask returns the rows of a query as texts; NULL is "NULL".
func ask(t *testing.T, db *sql.DB, query string, args ...any) [][]string {
	t.Helper()
	out, err := try(t, db, query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

func try(t *testing.T, db *sql.DB, query string, args ...any) ([][]string, error) {
	t.Helper()
	rows, err := db.QueryContext(short(t), query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out [][]string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			return nil, err
		}
		var line []string
		for _, v := range values {
			switch x := (*v.(*any)).(type) {
			case nil:
				line = append(line, "NULL")
			case []byte:
				line = append(line, string(x))
			case time.Time:
				line = append(line, x.Format(time.RFC3339Nano))
			default:
				line = append(line, fmt.Sprint(x))
			}
		}
		out = append(out, line)
	}
	return out, rows.Err()
}
