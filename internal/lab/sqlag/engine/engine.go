// Package engine answers T-SQL over tables that somebody else computes. It has no
// tables of its own and keeps nothing but a session's variables.
//
// Names are resolved and types are found before a row is read, so that an invalid
// column is refused even where a table is empty, as the product does.
package engine

import (
	"context"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// Column is a column of a table or of a result.
type Column = sqltype.Column

// Table is a table as it is at this moment.
type Table struct {
	Columns []Column
	Rows    [][]any
	// Replace keeps other rows in place of these; nil where the table is not the
	// user's to change.
	Replace func(rows [][]any) error
}

// Function is a function that depends on the server's state.
type Function struct {
	Type     sqltype.Type
	Min, Max int // count of arguments
	Eval     func(args []any) (any, error)
}

// Env is the server around a session. Errors are *sqlerr.Error or sqlerr.List.
type Env interface {
	// Table finds a table or view by the name a query gives.
	Table(sqltext.Name) (*Table, error)
	// TableFunction calls a function that returns a table.
	TableFunction(name sqltext.Name, args []any) (*Table, error)
	// Function finds a function; names are in lower case.
	Function(name string) (Function, bool)
	// Variable finds @@x.
	Variable(name string) (any, sqltype.Type, bool)
	// Now is the clock of the server.
	Now() time.Time
	// Use changes the session's database.
	Use(database string) error
	// Change does what the engine itself cannot: ALTER and the like. It returns
	// messages for the client.
	Change(sqltext.Statement) error
	// Write says whether rows of a table may be written now.
	Write(table sqltext.Name, verb string) (*Table, error)
}

// Sink takes what statements give.
type Sink interface {
	// Result takes rows; cmd is SELECT or what the rows are the output of.
	Result(cmd string, columns []Column, rows [][]any) error
	// Done ends a statement without rows.
	Done(cmd string, count int64)
	// Message is what PRINT says.
	Message(text string)
}

// Session is one login's state between batches.
type Session struct {
	env Env
}

// New begins a session.
func New(env Env) *Session { return &Session{env: env} }

// Parameter is a variable that comes with a batch.
type Parameter struct {
	Name  string // with its @; lower case
	Type  sqltype.Type
	Value any
}

// Run reads a batch and runs it. Errors are *sqlerr.Error or sqlerr.List, or the
// context's.
func (s *Session) Run(ctx context.Context, text string, parameters []Parameter, sink Sink) error {
	statements, err := sqltext.Parse(text)
	if err != nil {
		return err
	}
	b := &batch{ctx: ctx, env: s.env, sink: sink, vars: map[string]*variable{}, budget: maxWork}
	for _, p := range parameters {
		b.vars[p.Name] = &variable{p.Type, p.Value}
	}
	return b.run(statements)
}

// maxWork bounds the row visits of a batch: a laboratory holds dozens of rows, and
// no text may keep it busy.
const maxWork = 200_000

type variable struct {
	typ   sqltype.Type
	value any
}

// batch is the state while one batch runs.
type batch struct {
	ctx    context.Context
	env    Env
	sink   Sink
	vars   map[string]*variable
	budget int
	caught error // within CATCH
	depth  int   // of sp_executesql
	moment time.Time
}

// now is one time for one statement, as the product has it.
func (b *batch) now() time.Time {
	if b.moment.IsZero() {
		b.moment = b.env.Now()
	}
	return b.moment
}
