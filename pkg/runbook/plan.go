package runbook

import (
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// PlanSchema identifies the JSON form of Plan. Within v1 fields are only added.
const PlanSchema = "https://bcctl.dev/schemas/plan/v1"

// Plan is what a request would do, compiled against live state. Its first part is
// fixed by documents and by who is what at the servers, and is what the digest
// covers (SI-14); what was measured is beside it.
type Plan struct {
	// Schema names the form of the JSON.
	Schema string `json:"schema"`

	// Request is the id of the request; empty for a plan without one.
	Request string `json:"request,omitempty"`

	Type   Type   `json:"type"`
	Target string `json:"target"` // resource or group, as asked for
	From   string `json:"from"`   // site that is being left
	To     string `json:"to"`     // site that shall write
	Tier   int    `json:"tier"`   // highest of all members

	// What the request allows beyond the ordinary. Without a request, nothing.
	MaxLoss              *duration.Duration `json:"maxLoss,omitempty"`
	AcceptUnprovenWriter bool               `json:"acceptUnprovenWriter,omitempty"`
	Accept               []Acceptance       `json:"accept,omitempty"`
	ProductionDrill      bool               `json:"productionDrill,omitempty"`

	// Waves are carried out one after the other; a wave starts when the one before
	// it is validated (SI-31).
	Waves []Wave `json:"waves"`

	// Pins are the SHA-256 of every file the plan was made from, by path. A runbook
	// that bcctl brings along has the path bcctl:runbooks/NAME.
	Pins map[string]Digest `json:"pins"`

	// Commit is the commit of the configuration, Bcctl the version of the program.
	Commit string `json:"commit"`
	Bcctl  string `json:"bcctl"`

	// Digest covers everything above.
	Digest Digest `json:"digest"`

	// Live is what was seen when the plan was made. It decides nothing later.
	Live Live `json:"live"`
}

// Wave is the part of a plan whose members do not depend on each other.
type Wave struct {
	Members []MemberPlan `json:"members"`
}

// MemberPlan is a runbook bound to one resource, in one direction.
type MemberPlan struct {
	Resource    string            `json:"resource"`
	Platform    string            `json:"platform"`
	Environment string            `json:"environment"`
	Tier        int               `json:"tier"`
	Identity    map[string]string `json:"identity,omitempty"` // native identity, as declared
	Topology    map[string]string `json:"topology,omitempty"` // endpoint -> role, as seen
	From        string            `json:"from"`
	To          string            `json:"to"`

	// Runbook is the name of the document, Source its path or bcctl:runbooks/NAME.
	Runbook string `json:"runbook"`
	Source  string `json:"source"`

	// Parameters are the values in effect.
	Parameters map[string]string `json:"parameters,omitempty"`

	// The members of the runbook, with parameters filled in. References to what
	// earlier steps returned, ${steps.ID.NAME}, stay as they are.
	Prechecks       []Check   `json:"prechecks,omitempty"`
	Steps           []Step    `json:"steps"`
	Postchecks      []Check   `json:"postchecks,omitempty"`
	Rollback        []Step    `json:"rollback,omitempty"`
	PointOfNoReturn string    `json:"pointOfNoReturn,omitempty"`
	HoldPoints      []string  `json:"holdPoints,omitempty"`
	Atomic          []Section `json:"atomic,omitempty"`
	Soak            string    `json:"soak,omitempty"`
}

// Live is what was seen while a plan was made.
type Live struct {
	At      time.Time    `json:"at"`
	Members []LiveMember `json:"members"`

	// Refusals are what keeps the plan from being carried out, besides prechecks: no
	// ceiling of loss, an estimate over it, no approval policy, a cap.
	Refusals []Refusal `json:"refusals,omitempty"`

	// Unchecked lists what execute will check and the plan could not (SI-39).
	Unchecked []Unchecked `json:"unchecked,omitempty"`

	// Approvers says which approvals are needed, and who could give them.
	Approvers []ApproverNeed `json:"approvers,omitempty"`

	// Freezes are those of calendars that are for a resource of the plan and hold when
	// it could begin, or begin later, up to FreezesUntil. Nil: no calendar has any.
	Freezes      []FreezeSeen `json:"freezes,omitempty"`
	FreezesUntil *time.Time   `json:"freezesUntil,omitempty"`

	// Override says which approvals let an emergency begin in a freeze all the same.
	Override []ApproverNeed `json:"override,omitempty"`

	// Expected is how long the run should take.
	Expected Estimate `json:"expected"`
}

// FreezeSeen is a stretch of time in which nothing may be begun.
type FreezeSeen struct {
	Calendar string     `json:"calendar"`
	Name     string     `json:"name"`
	Reason   string     `json:"reason,omitempty"`
	Place    string     `json:"place"`    // of the calendar, file:line
	Resource string     `json:"resource"` // the first it is for
	From     time.Time  `json:"from"`
	Until    *time.Time `json:"until,omitempty"` // nil: it does not end within a year
	Holds    bool       `json:"holds"`           // when the plan could begin

	// Overridden says that the plan is one of an emergency, which begins all the same.
	Overridden bool `json:"overridden,omitempty"`
}

// Refusal is one thing that keeps a plan from being carried out.
type Refusal struct {
	Resource string `json:"resource,omitempty"`
	Rule     string `json:"rule"` // the rule that refuses, such as SI-25
	Message  string `json:"message"`
	Next     string `json:"next,omitempty"` // what to do about it
}

// LiveMember is what was seen of one resource.
type LiveMember struct {
	Resource  string       `json:"resource"`
	Status    string       `json:"status"` // readiness, as just judged
	Prechecks []CheckSeen  `json:"prechecks,omitempty"`
	Expected  Estimate     `json:"expected"`
	Loss      LossEstimate `json:"loss"`

	// Return is how one gets back from here, in words.
	Return string `json:"return"`
}

// CheckSeen is the result of a precheck at the time of the plan.
type CheckSeen struct {
	ID      string         `json:"id"`
	Name    string         `json:"name,omitempty"`
	Result  string         `json:"result"` // passed, warned, refused, unknown
	Code    readiness.Code `json:"code,omitempty"`
	Message string         `json:"message"`
}

// Unchecked is one thing that could not be checked, and why.
type Unchecked struct {
	Resource string `json:"resource,omitempty"`
	What     string `json:"what"`
	Why      string `json:"why"`
}

// Estimate is a length of time with its basis. Nil seconds mean not known.
type Estimate struct {
	Seconds *float64 `json:"seconds,omitempty"`
	Basis   string   `json:"basis"`
}

// LossEstimate bounds what the run may lose. A missing bound is not known; it is
// never zero by default.
type LossEstimate struct {
	AtLeast string `json:"atLeast,omitempty"`
	AtMost  string `json:"atMost,omitempty"`
	Method  string `json:"method"`
}

// ApproverNeed is one slot of the approval policy.
type ApproverNeed struct {
	Role string   `json:"role"`
	Who  []string `json:"who"`            // ids of the roster that may fill it
	Team string   `json:"team,omitempty"` // GitHub team they must be in as well, ORG/SLUG
}
