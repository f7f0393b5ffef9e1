package session

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/snowflakedb/gosnowflake"
)

// lasting are the parameters of a session that changes something. What it starts
// outlives it: a limit on statements, or the end of the session, would cancel a
// refresh while the copy is being changed. Zero is the longest there is.
var lasting = map[string]string{"ABORT_DETACHED_QUERY": "false", "STATEMENT_TIMEOUT_IN_SECONDS": "0"}

// handover is how long the service may take to say that it has a statement.
const handover = 30 * time.Second

// Send hands a statement over and does not wait for its end. The id is that of the
// statement, empty when it was refused or no answer came. No deadline reaches the
// driver: on one it would ask the service to abort what it has just sent.
func (s *Session) Send(ctx context.Context, sql, tag string) (id string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	execer, ok := s.conn.(driver.ExecerContext)
	if !ok {
		return "", errors.New("the driver's connection takes no statements")
	}
	bounded, cancel := context.WithTimeout(ctx, handover)
	defer cancel()
	s.wire.until(bounded)
	ids := make(chan string, 1)
	detached := gosnowflake.WithQueryTag(gosnowflake.WithAsyncMode(gosnowflake.WithQueryIDChan(context.WithoutCancel(ctx), ids)), tag)
	s.sent = true
	result, err := execer.ExecContext(detached, sql, nil)
	if err != nil {
		return "", err
	}
	// The driver asks for the result in the background and waits for somebody to take
	// it. It gives a nil pointer where the statement was over at once.
	if v := reflect.ValueOf(result); v.Kind() == reflect.Pointer && !v.IsNil() {
		go func() { _, _ = result.RowsAffected() }() // how it ended is asked by Progress
	}
	select {
	case id = <-ids:
	default:
	}
	if id == "" {
		return "", errors.New("the service did not say the id of the statement")
	}
	return id, nil
}

// Progress is how far a statement is.
type Progress int

// How far a statement is. The zero value is not known.
const (
	Unclear Progress = iota
	Running
	Succeeded
	Ended // without success; the error says how
)

// Progress asks how far a statement of this user is, of this session or another one.
func (s *Session) Progress(ctx context.Context, id string) (Progress, error) {
	conn, ok := s.conn.(gosnowflake.SnowflakeConnection)
	if !ok {
		return Unclear, errors.New("the driver's connection tells nothing of statements")
	}
	s.wire.until(ctx)
	_, err := conn.GetQueryStatus(ctx, id)
	if err == nil {
		return Succeeded, nil
	}
	answer := asSnowflake(err)
	if answer == nil {
		return Unclear, firstOf(ctx, err)
	}
	waits := strings.Contains(answer.Message, "[BLOCKED]") || strings.Contains(answer.Message, "[ABORTING]")
	switch {
	case answer.Number == gosnowflake.ErrQueryIsRunning, answer.Number == gosnowflake.ErrQueryReportedError && waits:
		return Running, nil
	case answer.Number == gosnowflake.ErrQueryReportedError:
		return Ended, errors.New(answer.Message)
	case answer.Number == gosnowflake.ErrQueryStatus && len(answer.MessageArgs) == 2:
		number, _ := strconv.Atoi(fmt.Sprint(answer.MessageArgs[0])) // zero: one that refuses nothing
		return Ended, &gosnowflake.SnowflakeError{Number: number, Message: fmt.Sprint(answer.MessageArgs[1]), QueryID: id}
	}
	return Unclear, err
}

// Leave ends a session whose statements are to go on: it says no goodbye, because the
// service cancels what a session runs that was logged out of. The session expires.
func (s *Session) Leave() {
	if !s.sent {
		s.Close()
		return
	}
	s.wire.cut()
}

// Refused reports whether the service itself refused a statement, so that it changed
// nothing. What was canceled, timed out or ended in an internal error may have had
// its effect.
func Refused(err error) bool {
	answer := asSnowflake(err)
	if answer == nil || len(answer.MessageArgs) > 0 {
		return false
	}
	switch answer.Number {
	case canceled, timedOut, internal:
		return false
	}
	return answer.Number > 0 && answer.Number < firstOfDriver
}

const (
	internal      = 603    // internal error
	canceled      = 604    // execution canceled
	timedOut      = 630    // the statement's or the warehouse's time was over
	firstOfDriver = 260000 // from here on numbers are the driver's own
)
