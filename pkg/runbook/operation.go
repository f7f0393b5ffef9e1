package runbook

import (
	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/config/secretref"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// Command is a program that runs on the machine that runs bcctl. No shell reads
// it.
type Command struct {
	// Run is the program and its arguments, one by one.
	Run []string `json:"run" jsonschema:"minItems=1"`
	// Env are variables of the program; it gets no others but PATH and HOME.
	Env map[string]string `json:"env,omitempty"`
	// SecretEnv are variables whose values are secrets, as references.
	SecretEnv map[string]secretref.Ref `json:"secretEnv,omitempty"`
	// ExitCodes are the codes that mean success. Default 0.
	ExitCodes []int `json:"exitCodes,omitempty" jsonschema:"minItems=1,minimum=0,maximum=255"`
}

// HTTP is one HTTP request.
type HTTP struct {
	// Method is the request's method. Default GET.
	Method string `json:"method,omitempty" jsonschema:"enum=GET,enum=HEAD,enum=POST,enum=PUT,enum=PATCH,enum=DELETE"`
	// URL is the address; it starts with https://, or http:// for loopback, and
	// holds no user name or password.
	URL string `json:"url" jsonschema:"format=bcctl-url-template"`
	// Headers are sent as given. Authorization goes under bearer.
	Headers map[string]string `json:"headers,omitempty"`
	// Bearer is a token for the Authorization header, as a reference.
	Bearer secretref.Ref `json:"bearer,omitempty"`
	// Body is sent as it is.
	Body string `json:"body,omitempty"`
	// Expect are the status codes that mean success. Default any from 200 to 299.
	Expect []int `json:"expect,omitempty" jsonschema:"minItems=1,minimum=100,maximum=599"`
	// Contains is a text that the answer must contain.
	Contains string `json:"contains,omitempty"`
}

// Side says where something is done, by role and not by name, so that one
// runbook serves both directions.
type Side string

// Sides of a run: Old is being left, New is being promoted.
const (
	Old Side = "old"
	New Side = "new"
)

// SQL is one statement. As a step it is sent once, with the credential for changes. As
// a check, a probe, or a step with mutates: false it is a question, asked read-only
// with the credential for monitoring.
type SQL struct {
	// Side is where: old is being left, new is being promoted.
	Side Side `json:"side" jsonschema:"enum=old,enum=new"`
	// Database is the database to connect to; default that of the resource.
	Database string `json:"database,omitempty"`
	// Statement is one statement, without parameters. Names are written with their
	// schema.
	Statement string `json:"statement"`
	// Expect is what the first column of the first row must be, as text. Without it a
	// step takes any result, and a question must be answered with one truth value.
	Expect *string `json:"expect,omitempty"`
}

// DNSVerify asks for a name until the answer is the expected one.
type DNSVerify struct {
	// Name is the name to resolve.
	Name string `json:"name"`
	// Type is the record type. Default A.
	Type string `json:"type,omitempty" jsonschema:"enum=A,enum=AAAA,enum=CNAME"`
	// Expect lists every value the answer must consist of, in any order.
	Expect []string `json:"expect" jsonschema:"minItems=1"`
	// Resolvers are asked directly, as host:port; all of them must agree. Default:
	// the machine's own.
	Resolvers []string `json:"resolvers,omitempty" jsonschema:"format=bcctl-address"`
}

// Manual is done by a person outside bcctl, who attests it with a signature.
type Manual struct {
	// Instructions say what to do, step by step.
	Instructions string `json:"instructions"`
	// Attest is the sentence the person confirms, such as "the old primary is
	// powered off".
	Attest string `json:"attest"`
	// Role is who may attest: operator (the default), approver-it or
	// approver-business.
	Role string `json:"role,omitempty" jsonschema:"enum=operator,enum=approver-it,enum=approver-business"`
}

// Wait waits for a time, or until an indicator is on the good side of a limit.
type Wait struct {
	// For is how long to wait.
	For *duration.Duration `json:"for,omitempty"`
	// Indicator is what to wait for.
	Indicator readiness.ID `json:"indicator,omitempty"`
	// AtMost is the value the indicator must not exceed.
	AtMost *rules.Quantity `json:"atMost,omitempty"`
	// AtLeast is the value the indicator must reach.
	AtLeast *rules.Quantity `json:"atLeast,omitempty"`
}

// Gate holds a run until a person lets it go on.
type Gate struct {
	// Role is who may let it go on.
	Role string `json:"role" jsonschema:"enum=operator,enum=approver-it,enum=approver-business"`
	// Question is what the person is asked.
	Question string `json:"question"`
}
