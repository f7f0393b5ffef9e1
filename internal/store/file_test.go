package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the tests look at files from outside the store

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/store"
)

// expectWhole looks at a file from outside: SQLite finds no fault with it, and
// every run has the rows that it says it has.
func expectWhole(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return // killed before there was a file
	}
	pool := raw(t, path)
	// Closed at once: while somebody has the file open, SQLite need not recover it.
	defer func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	}()
	var verdict string
	if err := pool.QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Fatalf("integrity check: %s (%v)", verdict, err)
	}
	var tables int
	if err := pool.QueryRow(`SELECT count(*) FROM sqlite_schema WHERE name = 'run'`).Scan(&tables); err != nil {
		t.Fatal(err)
	}
	if tables == 0 {
		return // killed before there was a schema
	}
	for what, query := range map[string]string{
		"runs with too few or too many rows": `SELECT count(*) FROM run r WHERE rolled = 0 AND
			(results != (SELECT count(*) FROM verdict WHERE run = r.id) OR samples != (SELECT count(*) FROM sample WHERE run = r.id))`,
		"rows of no run": `SELECT (SELECT count(*) FROM sample WHERE run NOT IN (SELECT id FROM run)) +
			(SELECT count(*) FROM verdict WHERE run NOT IN (SELECT id FROM run))`,
		"samples of no series": `SELECT count(*) FROM sample WHERE series NOT IN (SELECT id FROM series)`,
		"newest verdicts and memories of different runs": `SELECT count(*) FROM latest l JOIN memory m ON m.target = l.target
			WHERE l.finished_at != m.finished_at`,
	} {
		var n int
		if err := pool.QueryRow(query).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d %s (%v)", n, what, err)
		}
	}
}

// raw opens a file past the store, until the test ends.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("sqlite", "file:"+path+"?mode=rw&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return pool
}

func execRaw(t *testing.T, path, statement string) {
	t.Helper()
	pool := raw(t, path)
	if _, err := pool.Exec(statement); err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
}

func saveOne(t *testing.T, db *store.DB, id string) {
	t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if err := db.Save(t.Context(), check.Report{RunID: id, FinishedAt: at}, nil); err != nil {
		t.Fatal(err)
	}
}

// newFile makes a history file with one run in it.
func newFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "history.db")
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	saveOne(t, db, "one")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenNamesAFile(t *testing.T) {
	for _, test := range []struct{ name, url, file string }{
		{"a path", "a/b.db", "a/b.db"},
		{"a path with a scheme", "sqlite:a/b.db", "a/b.db"},
		{"signs that mean something in a URL", "sqlite:50% of?what#is&this=that.db", "50% of?what#is&this=that.db"},
		{"letters that are not ASCII", "größe/史.db", "größe/史.db"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			db := open(t, test.url, store.Options{})
			saveOne(t, db, "one")
			info, err := os.Stat(filepath.Join(dir, test.file))
			if err != nil {
				t.Fatal(err)
			}
			if !info.Mode().IsRegular() {
				t.Errorf("mode = %s, want a regular file", info.Mode())
			}
			if want := filepath.Join(dir, test.file); db.Path() != want {
				t.Errorf("Path() = %q, want %q", db.Path(), want)
			}
		})
	}
	t.Run("an absolute path after two slashes", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "history.db")
		if got := open(t, "sqlite://"+path, store.Options{}).Path(); got != path {
			t.Errorf("Path() = %q, want %q", got, path)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	for _, test := range []struct{ name, url, want string }{
		{"PostgreSQL", "postgres://bcctl:hunter2@db.example.com/history", "SQLite only"},
		{"PostgreSQL by its other name", "postgresql://bcctl:hunter2@db.example.com/history", "SQLite only"},
		{"another scheme", "mysql://bcctl:hunter2@db.example.com/history", "scheme that is not known"},
		{"nothing", "", "no file is named"},
		{"a scheme and nothing", "sqlite:", "no file is named"},
		{"memory", "sqlite::memory:", "plain file path"},
		{"a driver's name", "file:hunter2.db?mode=memory", "plain file path"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			_, err := store.Open(t.Context(), test.url)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Open: %v, want an error about %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows what the URL holds: %v", err)
			}
			if entries, _ := os.ReadDir("."); len(entries) != 0 {
				t.Errorf("%q was made", entries[0].Name())
			}
		})
	}
}

func TestOnlyTheOwnerReads(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no mode bits")
	}
	dir := filepath.Join(t.TempDir(), "state", "bcctl")
	db := open(t, filepath.Join(dir, "history.db"), store.Options{})
	saveOne(t, db, "one")
	for name, want := range map[string]os.FileMode{
		".": 0o700, "..": 0o700, "history.db": 0o600, "history.db-wal": 0o600, "history.db-shm": 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
}

// TestEndsWithItsContext saves while another holds the write lock.
func TestEndsWithItsContext(t *testing.T) {
	path := newFile(t)
	db := open(t, path, store.Options{})
	pool := raw(t, path)
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = db.Save(ctx, check.Report{RunID: "two", FinishedAt: time.Unix(1, 0)}, nil)
	if err == nil {
		t.Fatal("a run was saved past another's lock")
	}
	if waited := time.Since(began); waited > 3*time.Second {
		t.Errorf("Save went on for %s after its context had ended", waited)
	}
	// Readers are not held up by a writer.
	if found, err := db.Runs(t.Context(), store.Query{}); err != nil || len(found) != 1 {
		t.Errorf("%d runs, want 1 (%v)", len(found), err)
	}
	if _, err := conn.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	saveOne(t, db, "two")
}

func TestDirectoryThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), filepath.Join(file, "history.db"))
	if err == nil || !strings.Contains(err.Error(), "create the history directory") {
		t.Errorf("Open below a file: %v, want an error about the directory", err)
	}
}
