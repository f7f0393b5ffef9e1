package runbook

import (
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Request is the spec of a Request document: the wish to run one procedure on
// one target. One pull request adds exactly one, and its bytes never change
// afterwards. metadata.name is the request's id.
type Request struct {
	// Type is what is to be done.
	Type Type `json:"type" jsonschema:"enum=switchover,enum=failover,enum=failback,enum=drill"`
	// Target is the resource or group it is done to.
	Target string `json:"target" jsonschema:"format=bcctl-name"`
	// TargetSite is the site that shall be primary afterwards; for a drill, the
	// site where it takes place.
	TargetSite string `json:"targetSite" jsonschema:"format=bcctl-name"`
	// Reason says why, for the approvers and the auditor.
	Reason string `json:"reason" jsonschema:"minLength=1"`
	// Requester is the person who asks, by the id of the roster.
	Requester string `json:"requester" jsonschema:"format=bcctl-name"`
	// Ticket is the change ticket.
	Ticket string `json:"ticket,omitempty"`
	// NotBefore is the first moment at which the request may run.
	NotBefore time.Time `json:"notBefore"`
	// ExpiresAt is the moment from which on it may not start any more.
	ExpiresAt time.Time `json:"expiresAt"`
	// Runbook is the Runbook document, or the named procedure, that is run. Default:
	// what each resource names. Where it is given, every resource must name it.
	Runbook string `json:"runbook,omitempty" jsonschema:"format=bcctl-name"`
	// Parameters are the values of the runbook's parameters.
	Parameters map[string]string `json:"parameters,omitempty"`
	// MaxLoss is how much may be lost at most, as time. Only a failover may lose
	// anything.
	MaxLoss *duration.Duration `json:"maxLoss,omitempty"`
	// AcceptUnprovenWriter says that the run may promote although a node that may
	// still be writable could not be proved fenced. It needs an approval of its
	// own, and is never accepted for a node known to be writable.
	AcceptUnprovenWriter bool `json:"acceptUnprovenWriter,omitempty"`
	// Accept lists warnings of prechecks that are accepted by name.
	Accept []Acceptance `json:"accept,omitempty"`
	// ProductionDrill says that a drill may reach production servers.
	ProductionDrill bool `json:"productionDrill,omitempty"`
	// Schedule is the Schedule document that opened the request.
	Schedule string `json:"schedule,omitempty" jsonschema:"format=bcctl-name"`
	// BreakGlass asks for a run by the break-glass entry of the approval policy.
	BreakGlass *BreakGlass `json:"breakGlass,omitempty"`
	// Pins are the SHA-256 of every file the plan reads, by path.
	Pins map[string]Digest `json:"pins"`
	// Topology is who was seen to be what when the request was made: the role of each
	// endpoint of each resource. It is part of the plan's digest; it stands here so
	// that a change can be named.
	Topology map[string]map[string]string `json:"topology,omitempty"`
	// Plan is the digest of the plan that was shown when the request was made.
	Plan Digest `json:"plan"`
	// Commit is the commit of the configuration the plan was made from.
	Commit string `json:"commit" jsonschema:"format=bcctl-commit"`
	// Bcctl is the version of the program that made the plan.
	Bcctl string `json:"bcctl,omitempty"`
}

// Wish is what the request asks for, under its id.
func (r Request) Wish(id string) Wish {
	w := Wish{
		Request: id, Type: r.Type, Target: r.Target, To: r.TargetSite, Runbook: r.Runbook, Parameters: r.Parameters,
		AcceptUnprovenWriter: r.AcceptUnprovenWriter, Accept: r.Accept, ProductionDrill: r.ProductionDrill, Schedule: r.Schedule,
	}
	if r.MaxLoss != nil {
		d := r.MaxLoss.Std()
		w.MaxLoss = &d
	}
	return w
}

// Digest is a SHA-256 written as sha256:<64 hexadecimal digits>.
type Digest string

// DigestPattern is the JSON Schema pattern of a Digest.
const DigestPattern = `^sha256:[0-9a-f]{64}$`

// Acceptance accepts one warning.
type Acceptance struct {
	// Code is the reason code that is accepted.
	Code readiness.Code `json:"code"`
	// Reason says why.
	Reason string `json:"reason" jsonschema:"minLength=1"`
}

// BreakGlass is what a break-glass request must say in addition.
type BreakGlass struct {
	// Incident is the reference of the incident.
	Incident string `json:"incident" jsonschema:"minLength=1"`
	// Reason says why the ordinary way will not do.
	Reason string `json:"reason" jsonschema:"minLength=1"`
}
