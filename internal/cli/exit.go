package cli

import (
	"errors"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Exit codes. They never change meaning; callers treat unknown ones as failure.
// 2 is never ours: a Go panic exits with it.
const (
	exitOK          = 0
	exitFailed      = 1
	exitYellow      = 3
	exitRed         = 4
	exitConfig      = 10
	exitLocked      = 11
	exitNotApproved = 12
	exitRefused     = 13
	exitStopped     = 14
	exitAudit       = 15
	exitNoAnswer    = 16
	exitPublish     = 17
	exitInterrupted = 130
)

// exitCode is a row of the table that `bcctl help exit-codes` prints.
type exitCode struct {
	Code     int
	Meaning  string
	Commands string
}

// exitCodes is the one table.
var exitCodes = []exitCode{
	{exitOK, "done; check: nothing at or above --fail-on", "all"},
	{exitFailed, "failed or wrongly called (the message says which); never a verdict", "all"},
	{2, "never ours: a crash of the program", ""},
	{exitYellow, "worst is yellow, only with --fail-on yellow", "check, status, watch"},
	{exitRed, "worst is red or unknown", "check, status, watch"},
	{exitConfig, "configuration invalid", "all that load it"},
	{exitLocked, "locked by another run", "execute, resolve, reconcile, unlock"},
	{exitNotApproved, "not approved, expired, or the plan changed since", "plan, approve, close, execute, explain, resolve, reconcile, review, trust snapshot show, unlock, withdraw"},
	{exitRefused, "a precheck refused; nothing was changed", "close, plan, request, execute"},
	{exitStopped, "stopped part way or in doubt", "execute, resolve, reconcile"},
	{exitAudit, "audit log does not verify", "audit, check --record-verdict, close, execute, review"},
	{exitNoAnswer, "something needed did not answer", "audit recover, check --record-verdict, close, plan --comment, request, approve, explain, doctor --github, execute, resolve, reconcile, review, unlock, withdraw"},
	{exitPublish, "reserved: a notification or publication failed after the work succeeded", "none yet"},
	{exitInterrupted, "interrupted", "all"},
}

// failure is an error with the exit code and the next command.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(code int, err error, hint string) error { return &failure{code, err, hint} }

// usage is a wrong call of a command.
func usage(err error, hint string) error { return &failure{exitFailed, err, hint} }

// verdictError carries a verdict's exit code. It is no message: the report is.
type verdictError int

func (verdictError) Error() string { return "" }

// settledError is what became of something that is over for good, nil when it is done: a
// signal that came too late to act changes nothing about it.
type settledError struct{ err error }

func (s settledError) Error() string {
	if s.err == nil {
		return ""
	}
	return s.err.Error()
}

func (s settledError) Unwrap() error { return s.err }

// codeOf maps an error to the exit code.
func codeOf(err error) int {
	var f *failure
	var v verdictError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &v):
		return int(v)
	case errors.As(err, &f):
		return f.code
	default:
		return exitFailed
	}
}

// failOn is the value of --fail-on.
type failOn string

const (
	failOnRed    failOn = "red"
	failOnYellow failOn = "yellow"
	failOnNever  failOn = "never"
)

// verdict turns the worst status into an exit code, as an error or nil.
func (f failOn) verdict(worst readiness.Status) error {
	switch {
	case f == failOnNever:
		return nil
	case worst == readiness.Red || worst == readiness.Unknown:
		return verdictError(exitRed)
	case worst == readiness.Yellow && f == failOnYellow:
		return verdictError(exitYellow)
	default:
		return nil
	}
}
