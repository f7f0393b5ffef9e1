package snowpair

import "fmt"

// failure is an error as the service reports it: a number, an SQLSTATE, a message.
// Numbers and texts are those that documentation and public threads show; the
// package comment lists those that are not known.
type failure struct {
	code     int
	sqlState string
	message  string
}

func (f *failure) Error() string { return fmt.Sprintf("%06d (%s): %s", f.code, f.sqlState, f.message) }

func fail(code int, sqlState, format string, args ...any) *failure {
	return &failure{code, sqlState, fmt.Sprintf(format, args...)}
}

// syntaxError is an error of the parser at a token.
func syntaxError(t token) *failure {
	if t.kind == tokenEnd {
		return fail(1003, "42000", "SQL compilation error:\nsyntax error line %d at position %d unexpected '<EOF>'.", t.line, t.pos)
	}
	return fail(1003, "42000", "SQL compilation error:\nsyntax error line %d at position %d unexpected '%s'.", t.line, t.pos, t.raw)
}

// unknownObject is what an object that is not there has in common with one that
// may not be seen.
func unknownObject(kind, name string) *failure {
	return fail(2003, "02000", "SQL compilation error:\n%s '%s' does not exist or not authorized.", kind, name)
}

func unknownColumn(name string, t token) *failure {
	return fail(904, "42000", "SQL compilation error: error line %d at position %d\ninvalid identifier '%s'", t.line, t.pos, name)
}

func refusedOn(kind, name string) *failure {
	return fail(3001, "42501", "SQL access control error:\nInsufficient privileges to operate on %s '%s'", kind, name)
}

// noWarehouse is the answer to a statement that needs one.
func noWarehouse() *failure {
	return fail(606, "57P03", "No active warehouse selected in the current session.  Select an active warehouse with the 'use warehouse' command.\n")
}
