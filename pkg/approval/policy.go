package approval

import (
	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Policy is the spec of an ApprovalPolicy document: which approvals a request
// needs. What no entry names is never allowed.
type Policy struct {
	// Entries say what is needed, one entry for each tier and action.
	Entries []Entry `json:"entries" jsonschema:"minItems=1"`
	// BreakGlass says what is needed in an emergency that cannot wait. Without an
	// entry there is no break-glass.
	BreakGlass []BreakGlass `json:"breakGlass,omitempty"`
	// Offline says where and how approvals count while the forge cannot be reached.
	// Without it they never do.
	Offline *Offline `json:"offline,omitempty"`
}

// Entry says what a request for one action on one tier needs.
type Entry struct {
	// Tier is the highest tier of all targets of the request; 1 is the highest.
	Tier int `json:"tier" jsonschema:"enum=1,enum=2"`
	// Action is the type of the request.
	Action runbook.Type `json:"action" jsonschema:"enum=switchover,enum=failover,enum=failback,enum=drill"`
	// Slots are the approvals that are needed, each by another person. Tier 1
	// failover, switchover and failback need at least it and business.
	Slots []Slot `json:"slots" jsonschema:"minItems=1"`
	// ApprovalMaxAge is how old an approval may be when the run starts. Default
	// 72h.
	ApprovalMaxAge *duration.Duration `json:"approvalMaxAge,omitempty"`
	// WindowMax is how far notBefore and expiresAt of a request may lie apart.
	// Default 72h.
	WindowMax *duration.Duration `json:"windowMax,omitempty"`
	// DigestLine says whether a review must carry the line with the digest. It is
	// optional for tier 2 only. Default required.
	DigestLine DigestLine `json:"digestLine,omitempty" jsonschema:"enum=required,enum=optional"`
	// Ticket says what is asked of the change ticket. Without it none is needed.
	Ticket *Ticket `json:"ticket,omitempty"`
	// Offline says that the action may be approved while the forge cannot be
	// reached, as far as the policy's offline part allows.
	Offline bool `json:"offline,omitempty"`
	// AuditLost says what a run does past the point of no return when its journal
	// cannot be written outside the runner: continue (the default) or stop at the
	// next hold point.
	AuditLost AuditLost `json:"auditLost,omitempty" jsonschema:"enum=continue,enum=stop"`
}

// DigestLine says whether a review must carry the digest.
type DigestLine string

// Values of DigestLine.
const (
	DigestRequired DigestLine = "required"
	DigestOptional DigestLine = "optional"
)

// AuditLost says how a run goes on without a remote journal.
type AuditLost string

// Values of AuditLost.
const (
	AuditLostContinue AuditLost = "continue"
	AuditLostStop     AuditLost = "stop"
)

// SlotRole is the role of a slot, as reviewers write it.
type SlotRole string

// Roles of slots.
const (
	SlotIT       SlotRole = "it"
	SlotBusiness SlotRole = "business"
)

// Role returns the role of the roster that may fill the slot.
func (r SlotRole) Role() Role {
	switch r {
	case SlotIT:
		return ApproverIT
	case SlotBusiness:
		return ApproverBusiness
	default:
		return ""
	}
}

// Slot is one required approval.
type Slot struct {
	// Role says who may fill the slot: it or business.
	Role SlotRole `json:"role" jsonschema:"enum=it,enum=business"`
	// Team asks in addition for membership in a GitHub team.
	Team *Team `json:"team,omitempty"`
}

// Team is a GitHub team.
type Team struct {
	// Org is the organisation.
	Org string `json:"org" jsonschema:"minLength=1"`
	// Slug is the team's short name, as in its address.
	Slug string `json:"slug" jsonschema:"minLength=1"`
}

// Ticket is what is asked of a change ticket.
type Ticket struct {
	// System is the ticket system, by its name in bcctl.yaml.
	System string `json:"system" jsonschema:"minLength=1"`
	// Pattern is a regular expression that the ticket's reference must match.
	Pattern string `json:"pattern,omitempty" jsonschema:"format=bcctl-regexp"`
	// States are the states the ticket must be in when the run starts.
	States []string `json:"states,omitempty" jsonschema:"minItems=1"`
}

// Offline is what counts while the forge cannot be reached.
type Offline struct {
	// Hosts are the hosts on which bcctl may count offline approvals.
	Hosts []string `json:"hosts" jsonschema:"minItems=1"`
	// StatementMaxAge is how long a signed statement counts. At most and by default
	// 4h.
	StatementMaxAge *duration.Duration `json:"statementMaxAge,omitempty"`
}
