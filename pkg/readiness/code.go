package readiness

import (
	"cmp"
	"slices"
)

// Code is a reason code: a stable UPPER_SNAKE identifier. A code is never
// renamed and never reused for something else.
type Code string

// CodeInfo is what a person needs to know about a code.
type CodeInfo struct {
	Code        Code
	Default     Status // the status a finding with this code has unless a policy says otherwise
	Meaning     string // one line: what is so
	FirstAction string // one line: what to do first

	// Follows marks codes that usually come of another one: they are listed after
	// the others of the same status, so that the cause is read first.
	Follows bool
}

// Info returns what is known about c. An unregistered code is reported as
// Unknown, never as healthy.
func (c Code) Info() (CodeInfo, bool) {
	i, ok := slices.BinarySearchFunc(codes, c, func(info CodeInfo, c Code) int { return cmp.Compare(info.Code, c) })
	if !ok {
		return CodeInfo{Code: c, Default: Unknown}, false
	}
	return codes[i], true
}

// Codes returns every reason code in alphabetical order.
func Codes() []CodeInfo { return slices.Clone(codes) }
