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
	codeBadValue              = 2
	codeFailedToParse         = 9
	codeUnauthorized          = 13
	codeTypeMismatch          = 14
	codeAuthenticationFailed  = 18
	codeCursorNotFound        = 43
	codeMaxTimeExpired        = 50
	codeCommandNotFound       = 59
	codeWriteConcernTimeout   = 64
	codeInvalidOptions        = 72
	codeInvalidNamespace      = 73
	codeNodeNotFound          = 74
	codeInvalidConfig         = 93
	codeNotYetInitialized     = 94
	codeNotSecondary          = 95
	codeUnsatisfiableConcern  = 100
	codeIncompatibleConfig    = 103
	codeNodeNotElectable      = 119
	codeNoReadableMember      = 133
	codePrimarySteppedDown    = 189
	codeExceededTimeLimit     = 262
	codeConfigNotCommitted    = 308
	codeMechanismUnavailable  = 334
	codeUnsupportedOpQuery    = 352
	codeNotWritablePrimary    = 10107
	codeDuplicateKey          = 11000
	codeNotPrimaryNoSecondary = 13435
	codeNotPrimaryOrSecondary = 13436
	codeStageOfOneField       = 40323
	codeUnknownStage          = 40324
	codeNotOnShards           = 51301
)

var codeNames = map[int32]string{
	codeBadValue:              "BadValue",
	codeFailedToParse:         "FailedToParse",
	codeUnauthorized:          "Unauthorized",
	codeTypeMismatch:          "TypeMismatch",
	codeAuthenticationFailed:  "AuthenticationFailed",
	codeCursorNotFound:        "CursorNotFound",
	codeMaxTimeExpired:        "MaxTimeMSExpired",
	codeCommandNotFound:       "CommandNotFound",
	codeWriteConcernTimeout:   "WriteConcernFailed",
	codeInvalidOptions:        "InvalidOptions",
	codeInvalidNamespace:      "InvalidNamespace",
	codeNodeNotFound:          "NodeNotFound",
	codeInvalidConfig:         "InvalidReplicaSetConfig",
	codeNotYetInitialized:     "NotYetInitialized",
	codeNotSecondary:          "NotSecondary",
	codeUnsatisfiableConcern:  "UnsatisfiableWriteConcern",
	codeIncompatibleConfig:    "NewReplicaSetConfigurationIncompatible",
	codeNodeNotElectable:      "NodeNotElectable",
	codeNoReadableMember:      "FailedToSatisfyReadPreference",
	codePrimarySteppedDown:    "PrimarySteppedDown",
	codeExceededTimeLimit:     "ExceededTimeLimit",
	codeConfigNotCommitted:    "CurrentConfigNotCommittedYet",
	codeMechanismUnavailable:  "MechanismUnavailable",
	codeUnsupportedOpQuery:    "UnsupportedOpQueryCommand",
	codeNotWritablePrimary:    "NotWritablePrimary",
	codeNotPrimaryNoSecondary: "NotPrimaryNoSecondaryOk",
	codeNotPrimaryOrSecondary: "NotPrimaryOrSecondary",
}

// name is the code's name; codes without one are answered as their location.
func (f *failure) name() string {
	if name, ok := codeNames[f.code]; ok {
		return name
	}
	return fmt.Sprintf("Location%d", f.code)
}

// aboutTopology tells whether a client concludes from the error that it knows
// too little about the set, and wants the topology version with it.
func (f *failure) aboutTopology() bool {
	switch f.code {
	case codeNotWritablePrimary, codeNotPrimaryNoSecondary, codeNotPrimaryOrSecondary:
		return true
	}
	return false
}
