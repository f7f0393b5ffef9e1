// Package rules turns observations into verdicts.
//
// It is pure: Evaluate takes observations, the state left by the run before and
// a time, and returns a result. It reads no clock, file or network, and knows no
// database platform: what an indicator means is in the catalog it is given.
package rules

import (
	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Policy is the spec of a StatusPolicy document: how observations are judged
// for the resources in its scope. Where several policies match, the most
// specific one that names an indicator decides about it whole:
// resource > group > label > tier > default.
type Policy struct {
	// Scope says which resources the policy is for. Empty: all of them.
	Scope Scope `json:"scope,omitzero"`
	// MaxAge is how old an observation may be and still count. Default 60s.
	MaxAge *duration.Duration `json:"maxAge,omitempty"`
	// VisibilityGrace is how long a loss of visibility stays unknown before it
	// turns red. Default 2m for tier 1, 10m for the others.
	VisibilityGrace *duration.Duration `json:"visibilityGrace,omitempty"`
	// ReminderEvery is how often a lasting alert is repeated. Default 4h.
	ReminderEvery *duration.Duration `json:"reminderEvery,omitempty"`
	// Thresholds are limits of indicators, by indicator name.
	Thresholds map[readiness.ID]Threshold `json:"thresholds,omitempty"`
	// Require says whether an indicator is required (true) or optional (false),
	// where the platform's default does not fit.
	Require map[readiness.ID]bool `json:"require,omitempty"`
	// Severities changes the status of findings by reason code. Codes that tell
	// of data loss, roles, visibility or writers cannot be softened.
	Severities map[readiness.Code]readiness.Status `json:"severities,omitempty"`
	// Expressions are conditions over several indicators, for what limits cannot
	// say.
	Expressions []Expression `json:"expressions,omitempty"`
}

// Scope selects resources. All given parts must match.
type Scope struct {
	// Tier matches resources of this tier.
	Tier int `json:"tier,omitempty" jsonschema:"enum=1,enum=2"`
	// Platform matches resources of this platform.
	Platform string `json:"platform,omitempty" jsonschema:"enum=postgresql,enum=sqlserver,enum=mongodb,enum=snowflake"`
	// Labels matches resources that have all of these labels.
	Labels map[string]string `json:"labels,omitempty"`
	// Group matches the members of this group.
	Group string `json:"group,omitempty"`
	// Resource matches one resource by name.
	Resource string `json:"resource,omitempty"`
}

// Threshold is the limits of one indicator.
type Threshold struct {
	// Yellow is the limit of the yellow status.
	Yellow *Level `json:"yellow,omitempty"`
	// Red is the limit of the red status.
	Red *Level `json:"red,omitempty"`
	// For is how long a breach must last before it is alerted. The status itself
	// worsens at once.
	For *duration.Duration `json:"for,omitempty"`
	// ClearFor is how long a value must stay good before the status improves.
	ClearFor *duration.Duration `json:"clearFor,omitempty"`
	// MaxAge is how old this indicator may be and still count.
	MaxAge *duration.Duration `json:"maxAge,omitempty"`
}

// Level is a pair of limits: the status starts at Raise and ends at Clear.
type Level struct {
	// Raise is the value at which the status starts: a number, or one with a
	// unit such as 16MiB or 30s.
	Raise Quantity `json:"raise"`
	// Clear is the value at which the status may end; default Raise.
	Clear *Quantity `json:"clear,omitempty"`
}

// Expression is a condition in CEL (the Common Expression Language).
type Expression struct {
	// Name identifies the expression in this policy.
	Name string `json:"name"`
	// Expr is true when the status applies. Variables: value, text and flag (maps
	// from indicator name to its value for the whole resource, worst endpoint
	// first), tier, platform, environment, labels.
	Expr string `json:"expr"`
	// Status applies while Expr is true.
	Status readiness.Status `json:"status" jsonschema:"enum=yellow,enum=red,enum=unknown"`
	// Message is shown to people.
	Message string `json:"message"`
}
