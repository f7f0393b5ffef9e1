package session

import (
	"errors"
	"fmt"
	"time"

	"github.com/snowflakedb/gosnowflake"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Numbers of errors, as the driver reports them: leading zeros are lost.
const (
	notAuthorized     = 3001   // insufficient privileges
	doesNotExist      = 2003   // or the role may not see it, which is said in the same words
	noWarehouse       = 606    // no active warehouse selected
	badCredentials    = 390100 // incorrect user name or password
	firstOfLogin      = 390100
	lastOfLogin       = 390499 // 390144 a token that is not accepted, 390189 a role that may not be used, ...
	networkPolicy     = 390422 // not allowed to access Snowflake from this address
	driverFailedLogin = 261004 // the driver's own number for an answer that is none
)

// Unreached says why a login gave nothing.
func Unreached(err error, accepted bool, budget time.Duration, cred connectors.Credential) *endpoint.Failure {
	f := classify(err, accepted, budget)
	f.Message = redact(f.Message, cred)
	return &f
}

func classify(err error, accepted bool, budget time.Duration) endpoint.Failure {
	var key *KeyError
	if errors.As(err, &key) {
		return endpoint.Failure{Code: readiness.SecretUnresolved, Message: key.Error()}
	}
	if revoked := new(RevocationError); errors.As(err, &revoked) {
		return endpoint.Failure{Code: readiness.IdentityUnproven, Message: revoked.Error(), Alive: true}
	}
	var status *StatusError
	answer := asSnowflake(err)
	switch {
	case errors.As(err, &status):
		return endpoint.Failure{Message: status.Error(), Alive: true}
	case answer == nil:
		return endpoint.Classify(err, accepted, budget)
	case answer.Number == networkPolicy:
		return endpoint.Failure{Code: readiness.VisAuth, Alive: true,
			Message: "login refused by a network policy: " + answer.Message + "; the account answers, and not to this address"}
	case answer.Number >= firstOfLogin && answer.Number <= lastOfLogin:
		return endpoint.Failure{Code: readiness.VisAuth, Message: fmt.Sprintf("login refused: %s (%06d)", answer.Message, answer.Number), Alive: true}
	default:
		return endpoint.Failure{Message: fmt.Sprintf("login failed: %s", text(answer)), Alive: accepted}
	}
}

// Failed is the finding for a statement that failed in an account that was
// reached.
func Failed(err error, cred connectors.Credential) readiness.Finding {
	f := readiness.Finding{Code: readiness.QueryFailed, Message: endpoint.RootCause(err)}
	if answer := asSnowflake(err); answer != nil {
		f.Message = text(answer)
		switch answer.Number {
		case notAuthorized, doesNotExist:
			f.Code = readiness.InsufficientPrivilege
		case noWarehouse:
			f.Code, f.Message = readiness.InsufficientPrivilege, "no warehouse to read the history with: name one in options.warehouse, and grant USAGE on it: "+f.Message
		}
	}
	f.Message = redact(f.Message, cred)
	return f
}

// Rejected reports whether a statement was refused for what it says, rather than
// for who says it: a server of another release may not know a part of it.
func Rejected(err error) bool {
	answer := asSnowflake(err)
	// 1000 to 1999 are errors of compilation.
	return answer != nil && answer.Number >= 900 && answer.Number < 2000
}

func asSnowflake(err error) *gosnowflake.SnowflakeError {
	var answer *gosnowflake.SnowflakeError
	if errors.As(err, &answer) {
		return answer
	}
	return nil
}

// text is an error's message with its number. Arguments of the driver's own
// messages hold addresses, which are left out.
func text(e *gosnowflake.SnowflakeError) string {
	if len(e.MessageArgs) > 0 {
		return fmt.Sprintf("the answer is none that the driver understands (%06d)", e.Number)
	}
	return fmt.Sprintf("%s (%06d)", e.Message, e.Number)
}

func redact(message string, cred connectors.Credential) string {
	return endpoint.Redact(message, cred.Password, cred.PrivateKey)
}
