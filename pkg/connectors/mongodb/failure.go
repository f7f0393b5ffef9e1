package mongodb

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/x/mongo/driver"
	"go.mongodb.org/mongo-driver/x/mongo/driver/auth"
	"go.mongodb.org/mongo-driver/x/mongo/driver/topology"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Codes of errors that servers answer (Server Manual, error codes).
const (
	codeUserNotFound         = 11
	codeUnauthorized         = 13
	codeAuthenticationFailed = 18
	codeCommandNotFound      = 59
	codeWriteConcernFailed   = 64
	codeNoReplication        = 76
	codeShutdownInProgress   = 91
	codeInvalidConfig        = 93
	codeNotInitialized       = 94
	codeUnsatisfiableConcern = 100
	codePrimarySteppedDown   = 189
	codeMechanismUnavailable = 334
	codeNotWritablePrimary   = 10107
	codeInterruptedShutdown  = 11600
	codeInterruptedByState   = 11602
	codeNotPrimaryOrRecover  = 13436
)

// answered is an error that a server sent, as opposed to one of the way to it.
type answered struct {
	code    int
	message string
}

// asAnswered finds the server's own answer in an error. A connection that was cut
// looks like an answer to the driver, with code 0.
func asAnswered(err error) (answered, bool) {
	var fromDriver driver.Error
	var command mongo.CommandError
	switch {
	case errors.As(err, &command) && command.Code != 0:
		return answered{int(command.Code), describe(command.Name, command.Message, int(command.Code))}, true
	case errors.As(err, &fromDriver) && fromDriver.Code != 0:
		return answered{int(fromDriver.Code), describe(fromDriver.Name, fromDriver.Message, int(fromDriver.Code))}, true
	}
	return answered{}, false
}

func describe(name, message string, code int) string {
	if name == "" {
		return fmt.Sprintf("%s (code %d)", message, code)
	}
	return fmt.Sprintf("%s (%s, code %d)", message, name, code)
}

func fromServer(err error) bool {
	_, ok := asAnswered(err)
	var write mongo.WriteException
	return ok || errors.As(err, &write)
}

// cause digs out what kept the driver from choosing the one server there is: its
// own error says no more than that time was up.
func cause(err error) error {
	var selection topology.ServerSelectionError
	if !errors.As(err, &selection) {
		return err
	}
	if selection.Desc.CompatibilityErr != nil {
		return selection.Desc.CompatibilityErr
	}
	for _, s := range selection.Desc.Servers {
		if s.LastError != nil {
			return s.LastError
		}
	}
	if errors.Is(selection.Wrapped, context.Canceled) {
		return context.Canceled // somebody ended the check: that says nothing of the server
	}
	return context.DeadlineExceeded
}

// classify turns a connection error into what it says about the node. Texts of
// the server are shown; a secret never is.
func classify(err error, accepted bool, budget time.Duration, secrets ...string) *endpoint.Failure {
	f := classifyError(err, accepted, budget)
	f.Message = endpoint.Redact(f.Message, secrets...)
	return &f
}

func classifyError(err error, accepted bool, budget time.Duration) endpoint.Failure {
	var selection topology.ServerSelectionError
	if errors.As(err, &selection) && selection.Desc.CompatibilityErr != nil {
		return endpoint.Failure{Code: readiness.VersionUnsupported, Message: selection.Desc.CompatibilityErr.Error(), Alive: true}
	}
	err = cause(err)
	if a, ok := asAnswered(err); ok {
		switch a.code {
		case codeAuthenticationFailed, codeUserNotFound, codeUnauthorized, codeMechanismUnavailable:
			return endpoint.Failure{Code: readiness.VisAuth, Message: "login refused: " + a.message, Alive: true}
		case codeShutdownInProgress, codeInterruptedShutdown, codeInterruptedByState, codePrimarySteppedDown, codeNotPrimaryOrRecover:
			return endpoint.Failure{Code: readiness.NodeStarting, Message: a.message, Alive: true}
		default:
			return endpoint.Failure{Message: "login failed: " + a.message, Alive: true}
		}
	}
	var noTLS tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &noTLS):
		return endpoint.Failure{Code: readiness.IdentityUnproven, Message: "the server offers no TLS; clear text is never used", Alive: true}
	case errors.As(err, &alert):
		return endpoint.Failure{Code: readiness.IdentityUnproven, Message: "the server ended the TLS handshake: " + alert.Error(), Alive: true}
	}
	var login *auth.Error
	if f := endpoint.Classify(err, accepted, budget); f.Code != "" || f.Message != endpoint.RootCause(err) || !errors.As(err, &login) {
		return f
	}
	return endpoint.Failure{Code: readiness.VisAuth, Message: "login failed: " + endpoint.RootCause(err), Alive: true}
}

// queryFailure is the finding for a command that failed on a reached node.
func queryFailure(what string, err error, secrets ...string) readiness.Finding {
	code, message := readiness.QueryFailed, endpoint.RootCause(cause(err))
	if a, ok := asAnswered(err); ok {
		message = a.message
		if a.code == codeUnauthorized {
			code = readiness.InsufficientPrivilege
		}
	} else if errors.Is(cause(err), context.DeadlineExceeded) {
		message = "no answer in time"
	}
	return readiness.Finding{Code: code, Message: endpoint.Redact(what+": "+message, secrets...)}
}
