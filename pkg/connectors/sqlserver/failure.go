package sqlserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// unreached says why an instance gave no facts. Texts of the server are shown; a
// password never is.
func unreached(ctx context.Context, err error, a attempt, budget time.Duration, password string) *endpoint.Failure {
	f := classify(ctx, err, a, budget)
	f.Message = endpoint.Redact(f.Message, password)
	return &f
}

// mute is unreached for an instance that let the login in and then did not tell what
// it is.
func mute(ctx context.Context, err error, a attempt, budget time.Duration, password string) *endpoint.Failure {
	if number(err) == 0 {
		return unreached(ctx, err, a, budget, password)
	}
	f := queryFailure(err, password)
	return &endpoint.Failure{Code: f.Code, Message: "logged in, but the first query failed: " + f.Message, Alive: true}
}

func classify(ctx context.Context, err error, a attempt, budget time.Duration) endpoint.Failure {
	var refused mssql.Error
	switch {
	case a.certificate != nil:
		return endpoint.Failure{Code: readiness.IdentityUnproven, Message: "certificate not accepted, so no login was tried: " + endpoint.RootCause(a.certificate), Alive: true}
	case errors.Is(err, errWindowsAccount):
		return endpoint.Failure{Code: readiness.VisAuth, Message: err.Error()}
	case errors.Is(err, errRedirected):
		return endpoint.Failure{Code: readiness.IdentityUnproven, Message: err.Error(), Alive: true}
	case errors.As(err, &refused):
		return refusal(refused)
	case err.Error() == "server does not support encryption": // the driver has no type for it
		return endpoint.Failure{Code: readiness.IdentityUnproven, Message: "the server offers no TLS; clear text is never used", Alive: true}
	case expired(ctx):
		// The driver tells of a deadline in words only.
		return endpoint.Classify(context.DeadlineExceeded, a.accepted, budget)
	case ctx.Err() != nil:
		return endpoint.Classify(ctx.Err(), a.accepted, budget)
	default:
		return endpoint.Classify(err, a.accepted, budget)
	}
}

func expired(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline) || errors.Is(ctx.Err(), context.DeadlineExceeded)
}

// refusal reads what a server said instead of letting us in. (Database engine
// events and errors)
func refusal(e mssql.Error) endpoint.Failure {
	text := strings.TrimPrefix(e.Message, "login error: ")
	if len(e.All) > 1 && e.All[0].Number != e.Number { // what led to it, such as a database that cannot be read
		text = fmt.Sprintf("%s (error %d); %s", e.All[0].Message, e.All[0].Number, text)
	}
	switch e.Number {
	case 18401, 17142, 17148, 6005, 922, 904: // upgrading, paused, shutting down, recovering
		return endpoint.Failure{Code: readiness.NodeStarting, Message: fmt.Sprintf("%s (error %d)", text, e.Number), Alive: true}
	case 18456, 18452, 18450, 18451, 18461, 18470, 18486, 18487, 18488, 4060, 4062, 4064, 916:
		return endpoint.Failure{Code: readiness.VisAuth, Message: fmt.Sprintf("login refused: %s (error %d)", text, e.Number), Alive: true}
	default:
		return endpoint.Failure{Message: fmt.Sprintf("login failed: %s (error %d)", text, e.Number), Alive: true}
	}
}

// queryFailure is the finding for a statement that failed on a reached instance.
func queryFailure(err error, password string) readiness.Finding {
	code, message := readiness.QueryFailed, endpoint.RootCause(err)
	var refused mssql.Error
	if errors.As(err, &refused) {
		message = fmt.Sprintf("%s (error %d)", refused.Message, refused.Number)
		switch refused.Number {
		case 229, 230, 262, 297, 300, 371, 916, 15562:
			code = readiness.InsufficientPrivilege
		}
	}
	return readiness.Finding{Code: code, Message: endpoint.Redact(message, password)}
}

// number is the server's number of an error, 0 where it is none of a server's.
func number(err error) int32 {
	var refused mssql.Error
	if errors.As(err, &refused) {
		return refused.Number
	}
	return 0
}
