// Package store keeps the history of check runs and the state that goes from one
// run to the next, in an SQLite file.
//
// Losing the file loses history, never the truth: no verdict rests on what is
// read here. The package knows nothing about thresholds or alerts; it records
// what a run concluded, and gives it back with the gaps it had. A run that did
// not happen leaves nothing behind, and nothing is ever interpolated.
//
// Several processes may use one file at the same time. Times are kept in whole
// milliseconds and come back in UTC.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"modernc.org/sqlite"

	"github.com/bcctl/bcctl/internal/check"
)

// Options say how a store is used. The zero value is right for real runs.
type Options struct {
	// Replay selects the namespace of replayed runs. Nothing recorded there is
	// seen by a store opened without it, and the other way round.
	Replay bool

	// Retention is how long history is kept.
	Retention Retention
}

// DB is an open store. It may be used by several goroutines.
type DB struct {
	path      string
	pool      *sql.DB
	replay    bool
	retention Retention

	// writing is held by the one goroutine that writes; waiting for it ends with
	// the context, which waiting for a mutex would not. It guards names.
	writing chan struct{}
	names   [2]dictionary // by namespace
}

var _ check.Store = (*DB)(nil)

// Open opens the history of real runs, and creates it where there is none. The
// url is a file path or sqlite:PATH.
//
// A file that is damaged, comes from a newer bcctl or belongs to another program
// is left as it is, and the error says which (ErrDamaged, ErrNewer, ErrForeign).
func Open(ctx context.Context, url string) (*DB, error) {
	return OpenWith(ctx, url, Options{})
}

// OpenWith is Open with options.
func OpenWith(ctx context.Context, url string, o Options) (*DB, error) {
	path, err := pathOf(url)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	db := &DB{
		path:      path,
		replay:    o.Replay,
		retention: o.Retention.effective(),
		writing:   make(chan struct{}, 1),
	}
	if err := retry(ctx, func() error { return db.open(ctx) }); err != nil {
		return nil, db.explain("open history", err)
	}
	return db, nil
}

func (db *DB) open(ctx context.Context) error {
	// The file is looked at before any setting is applied: switching to the
	// write-ahead log changes it, and it may not be ours to change.
	version, err := inspect(ctx, db.path)
	if err != nil {
		return err
	}
	connector, err := sqlite.NewConnector(dsn(db.path))
	if err != nil {
		return err
	}
	pool := sql.OpenDB(connector)
	// One writer and a few readers: each connection has a page cache of its own.
	pool.SetMaxOpenConns(4)
	pool.SetMaxIdleConns(4)
	if err := migrate(ctx, pool, version); err != nil {
		return errors.Join(err, pool.Close())
	}
	db.pool = pool
	return nil
}

// Path returns the file the history is in.
func (db *DB) Path() string { return db.path }

// Close releases the file. What was saved stays saved without it.
func (db *DB) Close() error {
	if err := db.pool.Close(); err != nil {
		return db.explain("close history", err)
	}
	return nil
}

// namespace is the value of the replay columns.
func namespace(replay bool) int64 {
	if replay {
		return 1
	}
	return 0
}

// read runs fn in a snapshot, and explains its error.
func (db *DB) read(ctx context.Context, doing string, fn func(tx *sql.Tx) error) error {
	return db.explain(doing, db.snapshot(ctx, fn))
}

// snapshot runs fn in a transaction that sees one state of the file, whatever
// other processes commit meanwhile. It may run fn again.
func (db *DB) snapshot(ctx context.Context, fn func(tx *sql.Tx) error) error {
	return retry(ctx, func() error {
		tx, err := db.pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return err
		}
		return errors.Join(fn(tx), ignoreDone(tx.Rollback()))
	})
}

// write runs fn in a transaction that is committed when fn returns nil. It may
// run fn again when another process was in the way.
func (db *DB) write(ctx context.Context, fn func(tx *sql.Tx) error) error {
	select {
	case db.writing <- struct{}{}:
		defer func() { <-db.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return retry(ctx, func() error {
		err := db.attempt(ctx, fn)
		if err != nil {
			// The ids that fn added to a dictionary were rolled back with it.
			db.names = [2]dictionary{}
		}
		return err
	})
}

func (db *DB) attempt(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

// ignoreDone drops the error of rolling back what the end of the context has
// rolled back already.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// exists reports whether something is at path, following links.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
