package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"

	"modernc.org/sqlite"
)

// applicationID marks a file as bcctl's history; it is "bcct" in ASCII.
const applicationID = 0x62636374

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations returns the schema changes in order; the first makes version 1.
func migrations() ([]string, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	steps := make([]string, len(names))
	for i, name := range names {
		number, err := strconv.Atoi(path.Base(name)[:4])
		if err != nil || number != i+1 {
			return nil, fmt.Errorf("schema change %q is not number %d", name, i+1)
		}
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		steps[i] = string(text)
	}
	return steps, nil
}

// inspect returns the schema version of the file: 0 for an empty one.
func inspect(ctx context.Context, path string) (version int, err error) {
	connector, err := sqlite.NewConnector(inspectionDSN(path))
	if err != nil {
		return 0, err
	}
	pool := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, pool.Close()) }()
	return fileVersion(ctx, pool)
}

// querier is what *sql.DB and *sql.Tx have in common.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// fileVersion tells bcctl's files from others, and newer ones from usable ones.
func fileVersion(ctx context.Context, q querier) (int, error) {
	var id, version, objects int
	err := q.QueryRowContext(ctx, `SELECT
		(SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&id, &version, &objects)
	if err != nil {
		return 0, err
	}
	steps, err := migrations()
	switch {
	case err != nil:
		return 0, err
	case id == 0 && version == 0 && objects == 0:
		return 0, nil
	case id != applicationID:
		return 0, ErrForeign
	case version > len(steps):
		return 0, fmt.Errorf("%w: its schema is version %d, this bcctl knows %d", ErrNewer, version, len(steps))
	}
	return version, nil
}

// migrate brings the schema up to date, whole or not at all. Several processes
// may do it at the same time: the version is read again once the lock is held.
func migrate(ctx context.Context, pool *sql.DB, version int) (err error) {
	steps, err := migrations()
	if err != nil {
		return err
	}
	if version == len(steps) {
		return nil
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignoreDone(tx.Rollback())) }()
	if version, err = fileVersion(ctx, tx); err != nil {
		return err
	}
	for i, step := range steps[version:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("change the schema to version %d: %w", version+i+1, err)
		}
	}
	// A pragma takes no parameters; both numbers are our own.
	marks := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(steps))
	if _, err := tx.ExecContext(ctx, marks); err != nil {
		return fmt.Errorf("mark the schema as version %d: %w", len(steps), err)
	}
	return tx.Commit()
}
