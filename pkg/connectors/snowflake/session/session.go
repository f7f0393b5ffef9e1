package session

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"time"
)

// Session is one login. It is used by one goroutine at a time. An expired token
// is renewed by the driver.
type Session struct {
	conn    driver.Conn
	querier driver.QueryerContext
	wire    *wire
	sent    bool // a statement was handed over that may still run
}

// Row is one row of an answer, by the names of its columns in lower case: their
// order is no part of what Snowflake documents, and some come and go.
type Row map[string]any

// Limits of one answer. A role that sees more groups than this is told to be
// given less, and a server that sends without end is not followed.
const maxRows = 20000

// ErrTooMany says that an answer had more rows than any sound one.
var ErrTooMany = errors.New("the answer has too many rows")

// Query sends a statement that reads and returns all its rows.
func (s *Session) Query(ctx context.Context, sql string) ([]Row, error) {
	s.wire.until(ctx)
	answer, err := s.querier.QueryContext(ctx, sql, nil)
	if err != nil {
		return nil, firstOf(ctx, err)
	}
	defer func() { _ = answer.Close() }() // its rows are read, or given up
	columns := answer.Columns()
	for i := range columns {
		columns[i] = strings.ToLower(columns[i])
	}
	var rows []Row
	cells := make([]driver.Value, len(columns))
	for {
		err := answer.Next(cells)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, firstOf(ctx, err)
		}
		if len(rows) == maxRows {
			return nil, ErrTooMany
		}
		row := make(Row, len(columns))
		for i, name := range columns {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
}

// firstOf is the context's error where that has ended: what the driver says then
// is about its own cancelling.
func firstOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// goodbye is how long the end of a session may take. A hung server gets none.
const goodbye = 500 * time.Millisecond

// Close ends the session. It returns soon even when the server hangs.
func (s *Session) Close() {
	s.wire.within(goodbye)
	_ = s.conn.Close() // a goodbye that fails changes nothing: the session expires
	s.wire.cut()
}

// Text is a cell that is a text.
func (r Row) Text(column string) string {
	switch v := r[column].(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case bool:
		if v {
			return "true"
		}
		return "false"
	default:
		return ""
	}
}

// Time is a cell that is a time; nil when it is none or NULL.
func (r Row) Time(column string) *time.Time {
	if t, ok := r[column].(time.Time); ok && !t.IsZero() {
		return &t
	}
	return nil
}

// Flag is a cell that says true or false, as a text or as a boolean; nil when it
// says neither.
func (r Row) Flag(column string) *bool {
	var yes bool
	switch v := r[column].(type) {
	case bool:
		yes = v
	default:
		switch strings.ToLower(strings.TrimSpace(r.Text(column))) {
		case "true", "y", "yes", "1":
			yes = true
		case "false", "n", "no", "0":
		default:
			return nil
		}
	}
	return &yes
}
