package runbook

import "github.com/bcctl/bcctl/internal/duration"

// Step is one change. It does exactly one thing: uses, command, http, sql,
// dns-verify, manual, wait or approval.
type Step struct {
	// ID identifies the step in this runbook; it never changes, because journals
	// refer to it.
	ID string `json:"id" jsonschema:"format=bcctl-name"`
	// Name says what the step does, for people.
	Name string `json:"name,omitempty"`
	Operation
	// Timeout is how long the step may take. After it the outcome is not known,
	// and the probe decides.
	Timeout *duration.Duration `json:"timeout,omitempty"`
	// Expected is how long the step usually takes, for the estimate of a plan.
	Expected *duration.Duration `json:"expected,omitempty"`
	// Idempotent says that the step may be repeated without harm. Only such a step
	// is tried again when its outcome is not known.
	Idempotent bool `json:"idempotent,omitempty"`
	// Mutates says whether the step changes something. Default true; wait, approval and
	// dns-verify steps change nothing, and manual ones only where they say true.
	Mutates *bool `json:"mutates,omitempty"`
	// Done is the probe that tells whether the effect of the step holds already.
	// It changes nothing. What a person attests is believed once it says so too.
	Done *Operation `json:"done,omitempty"`
	// Undo takes the step back. It never runs past the point of no return.
	Undo *Operation `json:"undo,omitempty"`
}

// Check is a condition that must hold. Like a step it does exactly one thing,
// but one that changes nothing.
type Check struct {
	// ID identifies the check in this runbook.
	ID string `json:"id" jsonschema:"format=bcctl-name"`
	// Name says what the check proves, for people.
	Name string `json:"name,omitempty"`
	Operation
	// Timeout is how long the check may take; a check that takes longer has
	// failed.
	Timeout *duration.Duration `json:"timeout,omitempty"`
	// OnFailure is block (the default) or warn. A warning must be accepted by a
	// person by name.
	OnFailure string `json:"onFailure,omitempty" jsonschema:"enum=block,enum=warn"`
}

// Operation is what a step, a check, a probe or an undo does: exactly one of its
// members except with is given.
type Operation struct {
	// Uses names an action of a database platform, such as pg.native/promote.
	Uses string `json:"uses,omitempty" jsonschema:"format=bcctl-action"`
	// With gives the action its arguments.
	With map[string]string `json:"with,omitempty"`
	// Command runs a program on the machine that runs bcctl: a host hook.
	Command *Command `json:"command,omitempty"`
	// HTTP makes one HTTP request.
	HTTP *HTTP `json:"http,omitempty"`
	// SQL runs one statement on one side.
	SQL *SQL `json:"sql,omitempty"`
	// DNSVerify asks a resolver until a name resolves as expected.
	DNSVerify *DNSVerify `json:"dns-verify,omitempty"`
	// Manual is done by a person, who attests it.
	Manual *Manual `json:"manual,omitempty"`
	// Wait waits for a time or for an indicator.
	Wait *Wait `json:"wait,omitempty"`
	// Approval holds the run until a person lets it go on.
	Approval *Gate `json:"approval,omitempty"`
}

// Kinds returns the names of the members that say what to do; a valid operation
// has exactly one.
func (o Operation) Kinds() []string {
	var kinds []string
	for _, k := range []struct {
		name  string
		given bool
	}{
		{"uses", o.Uses != ""},
		{"command", o.Command != nil},
		{"http", o.HTTP != nil},
		{"sql", o.SQL != nil},
		{"dns-verify", o.DNSVerify != nil},
		{"manual", o.Manual != nil},
		{"wait", o.Wait != nil},
		{"approval", o.Approval != nil},
	} {
		if k.given {
			kinds = append(kinds, k.name)
		}
	}
	return kinds
}
