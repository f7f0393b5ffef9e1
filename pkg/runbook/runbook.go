// Package runbook holds what is executed: the runbooks of a repository and the
// requests to run them. It knows no database driver and no forge.
package runbook

import (
	"github.com/bcctl/bcctl/internal/duration"
)

// Runbook is the spec of a Runbook document: the checks and steps of one
// procedure.
type Runbook struct {
	// Description says in a sentence or two what the runbook does.
	Description string `json:"description,omitempty"`
	// For says what the runbook is for.
	For For `json:"for"`
	// Parameters are the values a resource or a request may give. Steps use them
	// as ${name}.
	Parameters []Parameter `json:"parameters,omitempty"`
	// Prechecks must hold before the first step. They change nothing.
	Prechecks []Check `json:"prechecks,omitempty"`
	// Steps are carried out in this order, one after the other.
	Steps []Step `json:"steps" jsonschema:"minItems=1"`
	// Postchecks must hold after the last step. They change nothing.
	Postchecks []Check `json:"postchecks,omitempty"`
	// Rollback is what a person may run after a failed step before the point of no
	// return. It never runs by itself.
	Rollback []Step `json:"rollback,omitempty"`
	// PointOfNoReturn is the id of the first step that cannot be taken back.
	PointOfNoReturn string `json:"pointOfNoReturn,omitempty"`
	// HoldPoints are ids of steps before which a run may stop safely.
	HoldPoints []string `json:"holdPoints,omitempty"`
	// Atomic lists stretches of steps between which a run never stops, such as
	// from fencing to promotion.
	Atomic []Section `json:"atomic,omitempty"`
	// Soak is how long the postchecks must hold before the run has succeeded.
	Soak *duration.Duration `json:"soak,omitempty"`
}

// For says what a runbook is for: a type, and a platform, a group or a resource.
type For struct {
	// Type is what the runbook does.
	Type Type `json:"type" jsonschema:"enum=switchover,enum=failover,enum=failback,enum=drill"`
	// Platform says which database platform the runbook is for.
	Platform string `json:"platform,omitempty" jsonschema:"enum=postgresql,enum=sqlserver,enum=mongodb,enum=snowflake"`
	// Group is the one group the runbook is for.
	Group string `json:"group,omitempty" jsonschema:"format=bcctl-name"`
	// Resource is the one resource the runbook is for.
	Resource string `json:"resource,omitempty" jsonschema:"format=bcctl-name"`
}

// Parameter is a value that a runbook takes.
type Parameter struct {
	// Name is how steps refer to the parameter.
	Name string `json:"name" jsonschema:"format=bcctl-key"`
	// Description says what the parameter is for.
	Description string `json:"description,omitempty"`
	// Default is used when no value is given. Without a default the parameter must
	// be given.
	Default *string `json:"default,omitempty"`
	// Allowed lists the only values that may be given.
	Allowed []string `json:"allowed,omitempty" jsonschema:"minItems=1"`
}

// Section is a stretch of steps, both ends included.
type Section struct {
	// From is the id of the first step.
	From string `json:"from"`
	// To is the id of the last step.
	To string `json:"to"`
}
