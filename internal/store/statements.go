package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// each runs a query and calls fn for every row.
func each(ctx context.Context, tx *sql.Tx, query string, args []any, fn func(rows *sql.Rows) error) (err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// number reads an integer that the file keeps under a name; 0 when there is none.
func number(ctx context.Context, tx *sql.Tx, name string) (int64, error) {
	var value int64
	err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = ?`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return value, err
}

func setNumber(ctx context.Context, tx *sql.Tx, name string, value int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

// bulk inserts many rows with few statements: one statement of many rows costs
// much less than as many statements.
type bulk struct {
	tx      *sql.Tx
	insert  string // up to and with VALUES
	tail    string // what follows the values, such as ON CONFLICT
	columns int
	full    *sql.Stmt
	args    []any
}

// bulkRows is how many rows one full statement inserts. More is not faster.
const bulkRows = 64

func newBulk(tx *sql.Tx, insert, tail string, columns int) *bulk {
	return &bulk{tx: tx, insert: insert, tail: tail, columns: columns, args: make([]any, 0, bulkRows*columns)}
}

func (b *bulk) statement(rows int) string {
	row := "(?" + strings.Repeat(",?", b.columns-1) + ")"
	return b.insert + " " + row + strings.Repeat(","+row, rows-1) + " " + b.tail
}

// add takes one row; it may be written now or later.
func (b *bulk) add(ctx context.Context, row ...any) (err error) {
	b.args = append(b.args, row...)
	if len(b.args) < bulkRows*b.columns {
		return nil
	}
	if b.full == nil {
		if b.full, err = b.tx.PrepareContext(ctx, b.statement(bulkRows)); err != nil {
			return err
		}
	}
	_, err = b.full.ExecContext(ctx, b.args...)
	b.args = b.args[:0]
	return err
}

// flush writes the rows that are left. It is called once, also after an error,
// which it returns with its own.
func (b *bulk) flush(ctx context.Context, err error) error {
	if err == nil && len(b.args) > 0 {
		_, err = b.tx.ExecContext(ctx, b.statement(len(b.args)/b.columns), b.args...)
	}
	if b.full != nil {
		err = errors.Join(err, b.full.Close())
	}
	return err
}
