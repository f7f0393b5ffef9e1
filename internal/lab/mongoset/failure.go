package mongoset

import "fmt"

// failure is an error as a server answers it: a number, a name, a text.
type failure struct {
	code    int32
	message string
}

func fail(code int32, format string, args ...any) *failure {
	return &failure{code: code, message: fmt.Sprintf(format, args...)}
}

// Error codes of the server (mongo/base/error_codes.yml).
const (
	codeInternalError         = 1
	codeBadValue              = 2
	codeFailedToParse         = 9
	codeUnauthorized          = 13
	codeTypeMismatch          = 14
	codeAuthenticationFailed  = 18
	codeCursorNotFound        = 43
	codeCommandNotFound       = 59
	codeWriteConcernTimeout   = 64
	codeNodeNotFound          = 74
	codeInvalidNamespace      = 73
	codeInvalidConfig         = 93
	codeNotYetInitialized     = 94
	codeNotSecondary          = 95
	codeUnsatisfiableConcern  = 100
	codeIncompatibleConfig    = 103
	codeConflictingOperation  = 117
	codeNodeNotElectable      = 119
	codeExceededTimeLimit     = 262
	codeConfigNotCommitted    = 308
	codeUnsupportedOpQuery    = 352
	codeMechanismUnavailable  = 334
	codeNotWritablePrimary    = 10107
	codeInterruptedAtShutdown = 11600
	codeNotPrimaryNoSecondary = 13435
	codeNotPrimaryOrSecondary = 13436
	codeUnknownReadConcern    = 238
)

func (f *failure) name() string {
	switch f.code {
	case codeInternalError:
		return "InternalError"
	case codeBadValue:
		return "BadValue"
	case codeFailedToParse:
		return "FailedToParse"
	case codeUnauthorized:
		return "Unauthorized"
	case codeTypeMismatch:
		return "TypeMismatch"
	case codeAuthenticationFailed:
		return "AuthenticationFailed"
	case codeCursorNotFound:
		return "CursorNotFound"
	case codeCommandNotFound:
		return "CommandNotFound"
	case codeWriteConcernTimeout:
		return "WriteConcernFailed"
	case codeNodeNotFound:
		return "NodeNotFound"
	case codeInvalidNamespace:
		return "InvalidNamespace"
	case codeInvalidConfig:
		return "InvalidReplicaSetConfig"
	case codeNotYetInitialized:
		return "NotYetInitialized"
	case codeNotSecondary:
		return "NotSecondary"
	case codeUnsatisfiableConcern:
		return "UnsatisfiableWriteConcern"
	case codeIncompatibleConfig:
		return "NewReplicaSetConfigurationIncompatible"
	case codeConflictingOperation:
		return "ConflictingOperationInProgress"
	case codeNodeNotElectable:
		return "NodeNotElectable"
	case codeExceededTimeLimit:
		return "ExceededTimeLimit"
	case codeConfigNotCommitted:
		return "CurrentConfigNotCommittedYet"
	case codeUnsupportedOpQuery:
		return "UnsupportedOpQueryCommand"
	case codeMechanismUnavailable:
		return "MechanismUnavailable"
	case codeNotWritablePrimary:
		return "NotWritablePrimary"
	case codeInterruptedAtShutdown:
		return "InterruptedAtShutdown"
	case codeNotPrimaryNoSecondary:
		return "NotPrimaryNoSecondaryOk"
	case codeNotPrimaryOrSecondary:
		return "NotPrimaryOrSecondary"
	case codeUnknownReadConcern:
		return "ReadConcernMajorityNotEnabled"
	}
	return "UnknownError"
}

// aboutTopology tells whether a client concludes from the error that it knows
// too little about the set, and wants the topology version with it.
func (f *failure) aboutTopology() bool {
	switch f.code {
	case codeNotWritablePrimary, codeNotPrimaryNoSecondary, codeNotPrimaryOrSecondary, codeInterruptedAtShutdown:
		return true
	}
	return false
}
