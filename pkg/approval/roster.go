// Package approval decides whether a request may run. It is pure: roster, policy
// and evidence go in, a verdict with rule ids comes out.
package approval

import "time"

// Roster is the spec of the Roster document: who the people are, how they are
// known to the forge and to git, and what each may do.
type Roster struct {
	// People lists every person. A person is counted once, whatever the number of
	// accounts and keys.
	People []Person `json:"people" jsonschema:"minItems=1"`
}

// Person is one human.
type Person struct {
	// ID identifies the person for ever; it is never given to somebody else.
	ID string `json:"id" jsonschema:"format=bcctl-name"`
	// Name is shown to people.
	Name string `json:"name,omitempty"`
	// GitHub lists the person's accounts.
	GitHub []Account `json:"github,omitempty"`
	// Emails are the addresses the person's commits carry.
	Emails []string `json:"emails,omitempty" jsonschema:"format=bcctl-email"`
	// Roles say what the person may do.
	Roles []Role `json:"roles" jsonschema:"minItems=1,uniqueItems=true"`
	// SSHKeys sign statements when the forge cannot be reached.
	SSHKeys []SSHKey `json:"sshKeys,omitempty"`
	// ActiveFrom is the moment from which on the roles hold. Default: always.
	ActiveFrom *time.Time `json:"activeFrom,omitempty"`
	// ActiveUntil is the moment from which on they no longer hold. Default: never.
	ActiveUntil *time.Time `json:"activeUntil,omitempty"`
}

// Account is a GitHub account. People are told apart by the number; the login is
// for display, because a login can be given away.
type Account struct {
	// ID is the numeric user id, as in https://api.github.com/users/LOGIN.
	ID int64 `json:"id" jsonschema:"minimum=1"`
	// Login is the name of the account, for display only.
	Login string `json:"login,omitempty"`
}

// SSHKey is a public key with the time in which it counts.
type SSHKey struct {
	// Key is the public key in the format of authorized_keys, without options.
	Key string `json:"key" jsonschema:"format=bcctl-ssh-key"`
	// ValidFrom is the moment from which on the key counts. Default: always.
	ValidFrom *time.Time `json:"validFrom,omitempty"`
	// ValidUntil is the moment from which on it no longer counts. Default: never.
	ValidUntil *time.Time `json:"validUntil,omitempty"`
	// RevokedAt is the moment from which on nothing the key signed counts.
	RevokedAt *time.Time `json:"revokedAt,omitempty"`
}

// Role is what a person may do.
type Role string

// The roles.
const (
	Viewer           Role = "viewer"            // may read
	Operator         Role = "operator"          // may confirm, resume and resolve runs
	ApproverIT       Role = "approver-it"       // may fill an it slot
	ApproverBusiness Role = "approver-business" // may fill a business slot
	Admin            Role = "admin"             // may change policy, roster and trust files
	Auditor          Role = "auditor"           // may read everything and verify it
)

// Roles returns every role.
func Roles() []Role {
	return []Role{Viewer, Operator, ApproverIT, ApproverBusiness, Admin, Auditor}
}
