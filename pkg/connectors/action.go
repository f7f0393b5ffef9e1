package connectors

import (
	"context"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Operator is a Factory whose platform bcctl can change, not only read.
type Operator interface {
	Factory

	// Actions lists everything runbooks of the platform may use. Plan and execute
	// know the same list: what is not in it cannot run.
	Actions() []Action

	// OpenActor prepares the actions of one resource for one run. Like Open it
	// makes no connection.
	OpenActor(ActorSpec) (Actor, error)
}

// Action describes one thing a runbook may use.
type Action struct {
	// Name is how a runbook refers to it, such as pg.native/promote.
	Name string

	// Summary says in a sentence what it changes, or for a check what it proves.
	Summary string

	// Changes says that the action changes something. Others only read, and are
	// for prechecks, postchecks and probes.
	Changes bool

	// Idempotent says that doing it again without knowing how the first time ended
	// does no harm.
	Idempotent bool

	// TakesBackParts says that, as the undo of a step, it may be carried out as well when
	// the step was done in part or not at all: what the step did not change stays as it is.
	TakesBackParts bool

	// OncePerRun says that what it did is found again by the name of the run and counts
	// from then on: a run that was taken back cannot do it anew.
	OncePerRun bool

	// Lossy says that it may give up data that the other side has. Only a run of
	// type failover may use it, under a ceiling of loss.
	Lossy bool

	// Parameters are the arguments it takes.
	Parameters []ActionParameter

	// Outputs are the names of the facts it returns, for the arguments of later
	// steps: ${steps.ID.NAME}.
	Outputs []string
}

// ActionParameter is one argument of an action.
type ActionParameter struct {
	Name     string
	Summary  string
	Default  string
	Required bool
}

// ActorSpec is what an actor needs to know.
type ActorSpec struct {
	Spec

	// Run identifies the run; what an action leaves behind in a database carries
	// it, so that a resumed run knows its own traces. Empty while a plan is made.
	Run string

	// From is the site that is being left, To the one that shall write.
	From, To string

	// Fence is the fencing number of the lock under which the run acts.
	Fence int64
}

// Actor reads and changes one resource for one run. It is used by one goroutine
// at a time. No method panics on what a server answers, and no text it returns
// holds a secret.
type Actor interface {
	// Check answers an action that only reads.
	Check(ctx context.Context, call Call) Finding

	// Do carries out an action that changes something, once. It verifies
	// immediately before, on the connection it uses, that the server is the one
	// that is meant (SI-21). A lost connection, a deadline, or an answer that does
	// not say what happened is Unknown, never Failed.
	Do(ctx context.Context, call Call) Outcome

	// Probe tells whether the effect of an action holds now, from live state and
	// never from a return code. It changes nothing.
	Probe(ctx context.Context, call Call) Outcome

	// Markers reads how far each side has come.
	Markers(ctx context.Context) []Marker

	// Close releases connections, promptly even when servers hang.
	Close() error
}

// Call is one use of an action.
type Call struct {
	Action string
	With   map[string]string

	// Anew forbids what was seen before this call. Checks that follow each other may
	// share what they saw a moment ago; a step, and a probe of one, never does.
	Anew bool
}

// Finding is what a check found.
type Finding struct {
	Result   FindingResult  `json:"result"`
	Code     readiness.Code `json:"code,omitempty"` // why it did not pass
	Message  string         `json:"message"`        // what was seen, with units
	Observed time.Time      `json:"observedAt"`
	Facts    Facts          `json:"facts,omitempty"`
}

// FindingResult says how a check ended. The zero value is not a pass.
type FindingResult string

// Results of checks. Unknown blocks like Refused: what could not be checked was
// not proved.
const (
	Passed  FindingResult = "passed"
	Warned  FindingResult = "warned"  // a person must accept it by its code
	Refused FindingResult = "refused" // the run must not go on
	Unknown FindingResult = "unknown" // could not be told
)

// Outcome is what became of an action.
type Outcome struct {
	State   OutcomeState   `json:"state"`
	Code    readiness.Code `json:"code,omitempty"`
	Message string         `json:"message"`
	Facts   Facts          `json:"facts,omitempty"`
}

// OutcomeState says whether the effect of an action holds. The zero value is not
// known.
type OutcomeState string

// States of outcomes.
const (
	Done    OutcomeState = "done"     // the effect holds, as seen on the server
	NotDone OutcomeState = "not-done" // the effect does not hold, or in part only, and nothing is under way
	InDoubt OutcomeState = "in-doubt" // it cannot be told
	Failed  OutcomeState = "failed"   // refused by the server or by a guard; nothing was changed
)

// Facts are named values, as text.
type Facts map[string]string

// Marker is how far one node has come, in the platform's own terms.
type Marker struct {
	Node       string    `json:"node"`
	Site       string    `json:"site"`
	Role       string    `json:"role"` // as the node says: primary, standby, unknown
	Kind       string    `json:"kind"` // lsn, gtid, optime, snapshot
	Position   string    `json:"position,omitempty"`
	Timeline   string    `json:"timeline,omitempty"`
	LagMillis  *int64    `json:"lagMs,omitempty"`
	ObservedAt time.Time `json:"observedAt"`
	Failure    string    `json:"failure,omitempty"` // why there is no position
}
