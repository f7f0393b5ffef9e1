// Package forge is GitHub as bcctl needs it: it reads what pkg/approval decides
// about, and writes pull requests, reviews, comments and check runs.
//
// It holds no opinion. What was not read, was null or could not be read stays at its
// zero value, which never speaks for a request. GitHub that does not answer is
// ErrUnavailable, never an approval and never a reason to go another way (API-04).
package forge
