package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestRolledBackNamesAreForgotten lets a save fail after it has given ids to new
// names: the next one must not use them.
func TestRolledBackNamesAreForgotten(t *testing.T) {
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer expectClose(t, db)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	lag := readiness.IndicatorResult{Observation: readiness.Observation{Indicator: "lag", Value: readiness.Num(1), CollectedAt: at}}
	r := check.Report{RunID: "one", FinishedAt: at, Results: []readiness.Result{
		{Name: "pg/ledger", Kind: readiness.KindResource, EvaluatedAt: at, Indicators: []readiness.IndicatorResult{lag}},
	}}
	rec, err := recordOf(r, false)
	if err != nil {
		t.Fatal(err)
	}
	docs, err := encode(rec, nil)
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err = db.write(t.Context(), func(tx *sql.Tx) error {
		return errors.Join(db.save(t.Context(), tx, rec, docs), full)
	})
	if !errors.Is(err, full) {
		t.Fatalf("write: %v, want %v", err, full)
	}
	if err := db.Save(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	samples, err := db.Series(t.Context(), "pg/ledger", "", "lag", time.Time{}, time.Time{})
	if err != nil || len(samples) != 1 {
		t.Errorf("%d samples, want 1 (%v)", len(samples), err)
	}
}

// busyError returns what SQLite says when another connection holds the lock.
func busyError(t *testing.T) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "busy.db")
	var conns [2]*sql.Conn
	for i := range conns {
		pool, err := sql.Open("sqlite", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		defer expectClose(t, pool)
		if conns[i], err = pool.Conn(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer expectClose(t, conns[i])
	}
	if _, err := conns[0].ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	_, err := conns[1].ExecContext(t.Context(), `BEGIN IMMEDIATE`)
	if !isBusy(err) {
		t.Fatalf("a second writer got %v, want a busy error", err)
	}
	return err
}

func TestRetry(t *testing.T) {
	busy, other := busyError(t), errors.New("other")
	for _, test := range []struct {
		name  string
		errs  []error // of the first calls; after that nil
		want  error
		calls int
	}{
		{"at once", nil, nil, 1},
		{"after others were in the way", []error{busy, busy, busy}, nil, 4},
		{"another error is not repeated", []error{other}, other, 1},
		{"another error ends it", []error{busy, other}, other, 2},
		{"not for ever", []error{busy, busy, busy, busy, busy}, busy, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				err := retry(t.Context(), func() error {
					calls++
					if calls <= len(test.errs) {
						return test.errs[calls-1]
					}
					return nil
				})
				if !errors.Is(err, test.want) || calls != test.calls {
					t.Errorf("retry: %v after %d calls, want %v after %d", err, calls, test.want, test.calls)
				}
			})
		})
	}
	t.Run("until the context ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			calls := 0
			err := retry(ctx, func() error {
				calls++
				cancel()
				return busy
			})
			if !errors.Is(err, context.Canceled) || calls != 1 {
				t.Errorf("retry: %v after %d calls, want %v after 1", err, calls, context.Canceled)
			}
		})
	})
}

// TestCreateWithoutLink is about file systems that have no hard links.
func TestCreateWithoutLink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	if err := createWithoutLink(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode = %o, want 600", mode)
	}
	if err := os.WriteFile(path, []byte("in use"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := createWithoutLink(path); err != nil {
		t.Errorf("a file that exists: %v", err)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "in use" {
		t.Errorf("content = %q (%v), want it as it was", content, err)
	}
}
