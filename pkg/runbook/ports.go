package runbook

import (
	"context"
	"errors"

	"github.com/bcctl/bcctl/pkg/connectors"
)

// Journal keeps the events of one run.
type Journal interface {
	// Events returns every event there is, in order, with their chain followed.
	Events(ctx context.Context) ([]Event, error)

	// Append adds the next event and returns when it is durable on this machine: it
	// survives a kill and a loss of power. After an error nothing may be done that
	// the event would have announced (SI-1).
	Append(ctx context.Context, e Event) error

	// Push brings everything that was appended to at least one place off this
	// machine, and returns when it is durable there.
	Push(ctx context.Context) error
}

// Besider is a Journal that can be pushed while events are appended.
type Besider interface {
	// Beside is Push of what was appended so far, in the background. The channel gives
	// its result once; before that there is no other push.
	Beside(ctx context.Context) <-chan error
}

// Task is one thing to do: an operation of a plan with everything filled in.
type Task struct {
	Run    string
	Key    string // idempotency key of a step
	Fence  int64  // fencing number of the resource's lock
	Member MemberPlan
	ID     string // of the step or check
	Undo   bool

	Operation Operation

	// Done is the probe the runbook gives; nil where the action brings its own.
	Done *Operation
}

// Doer carries out operations. It is used by one goroutine at a time, does not
// panic, and returns no secret. A context that ends means that nobody waits any
// longer: Do returns what it knows, which then is in doubt.
type Doer interface {
	// Check answers a check. It changes nothing.
	Check(ctx context.Context, t Task) connectors.Finding

	// Do carries out an operation once.
	Do(ctx context.Context, t Task) connectors.Outcome

	// Probe tells from live state whether the effect of a task holds now. It changes
	// nothing. For a task with Undo it tells whether the step has been taken back.
	Probe(ctx context.Context, t Task) connectors.Outcome

	// Markers reads how far each node of a member has come.
	Markers(ctx context.Context, m MemberPlan) []connectors.Marker
}

// People are asked. The context ends when the run is canceled; a question may be
// left at any time.
type People interface {
	// Ask returns the answer of a person to a manual step or an approval. Asking
	// again does no harm.
	Ask(ctx context.Context, t Task) Answer
}

// Answer is what a person said.
type Answer struct {
	Given   bool   // false: nobody is there, or nobody answered
	Yes     bool   // attested, or let go on
	By      string // the person, by the id of the roster
	Message string // the evidence, such as comment 123, or why nobody answered
}

// Guard decides whether a run may go on.
type Guard interface {
	// Verify looks at approvals, pins, expiry, withdrawal and roster as they are now.
	Verify(ctx context.Context, c Circumstances) Ruling

	// Confirm obtains the confirmation of a person for this attempt, after showing
	// what will run (CONF-09).
	Confirm(ctx context.Context, c Circumstances) Ruling
}

// Circumstances are what a ruling depends on beside the plan.
type Circumstances struct {
	Run     string
	Moment  Moment
	Attempt int
	Resumed bool // events are there already

	// Passed says that the point of no return of a member is behind the run: only
	// then may it go on after its request has expired (RUN-06).
	Passed bool

	// Back says that the run is not allowed any more and that this start only takes back
	// what was done: a person confirms that, and nothing else is asked.
	Back bool

	Member string // whose point of no return is next
}

// Ruling is the answer of a guard. The zero value denies.
type Ruling struct {
	Allowed bool

	// Away says that what must be asked did not answer: nothing was decided.
	Away bool

	By       string   // who confirmed
	Evidence string   // what it rests on
	Rules    []string // ids of the rules that deny
	Message  string
}

// Ledger is where runs meet: locks and claims.
type Ledger interface {
	// Lock takes all keys or none, and returns their fencing numbers. ErrLocked: by
	// somebody else. A lock that this run holds already is taken over from itself.
	Lock(ctx context.Context, run string, keys []string) (map[string]int64, error)

	// Claim takes the attempt, once. ErrClaimed: it was taken before.
	Claim(ctx context.Context, run string, attempt int) error

	// Held tells whether all keys are still this run's under the fencing numbers it
	// got. ErrLockLost: they are not. Any other error: it cannot be told.
	Held(ctx context.Context) error

	// Release gives the keys back.
	Release(ctx context.Context) error
}

// Errors of a Ledger that a runner asks for.
var (
	ErrLocked   = errors.New("locked by another run")
	ErrClaimed  = errors.New("the attempt was claimed before")
	ErrLockLost = errors.New("the lock is not this run's any more")
)
