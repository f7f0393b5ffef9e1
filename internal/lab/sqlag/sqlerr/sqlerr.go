// Package sqlerr is what a server says no with: numbers, classes and texts as the
// product's sys.messages has them. Texts are shortened where they go on about what
// to do next.
package sqlerr

import "fmt"

// Error is one message of a server. It implements error.
type Error struct {
	Number  int32 // as in sys.messages
	State   uint8
	Class   uint8 // severity: 11 to 19 are errors, 20 and above end the connection
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("%d: %s", e.Number, e.Message) }

// New returns an error of class 16, which most are.
func New(number int32, format string, args ...any) *Error {
	return &Error{number, 1, 16, fmt.Sprintf(format, args...)}
}

// Class returns an error of another class.
func Class(class uint8, number int32, format string, args ...any) *Error {
	return &Error{number, 1, class, fmt.Sprintf(format, args...)}
}

// Syntax is what a parser says that understands a token and not its place.
func Syntax(near string) *Error {
	return Class(15, 102, "Incorrect syntax near '%s'.", near)
}

// Keyword is the same for a word that means something by itself.
func Keyword(near string) *Error {
	return Class(15, 156, "Incorrect syntax near the keyword '%s'.", near)
}

// TooDeep is said to text that is nested without end.
func TooDeep() *Error {
	return Class(15, 191, "Some part of your SQL statement is nested too deeply. Rewrite the query or break it up into smaller queries.")
}

// InvalidObject is said to a table that is not there, or not in this version.
func InvalidObject(name string) *Error { return New(208, "Invalid object name '%s'.", name) }

// InvalidColumn is said to a column that is not there, or not in this version.
func InvalidColumn(name string) *Error { return New(207, "Invalid column name '%s'.", name) }

// NoServerState is said when a dynamic management view needs more than the login
// has. The product sends this message and then number 297.
func NoServerState(permission string) *Error {
	return Class(14, 300, "%s permission was denied on object 'server', database 'master'.", permission)
}

// NoPermission follows NoServerState.
func NoPermission() *Error {
	return New(297, "The user does not have permission to perform this action.")
}

// NoSelect is said to a table that exists and may not be read.
func NoSelect(permission, object, database, schema string) *Error {
	return Class(14, 229, "The %s permission was denied on the object '%s', database '%s', schema '%s'.", permission, object, database, schema)
}

// NoAccess is said to a database in which the login is nobody.
func NoAccess(login, database string) *Error {
	return Class(14, 916, "The server principal \"%s\" is not able to access the database \"%s\" under the current security context.", login, database)
}

// LoginFailed does not say why.
func LoginFailed(login string) *Error {
	return Class(14, 18456, "Login failed for user '%s'.", login)
}

// CannotOpen precedes LoginFailed where the database is the reason.
func CannotOpen(database string) *Error {
	return Class(11, 4060, "Cannot open database \"%s\" requested by the login. The login failed.", database)
}

// List is several errors that one statement gave, in the order in which the
// product sends them.
type List []*Error

func (l List) Error() string {
	if len(l) == 0 {
		return "no error"
	}
	return l[0].Error()
}
