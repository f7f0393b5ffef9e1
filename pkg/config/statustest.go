package config

import (
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// StatusTestSpec is what the owners of a repository expect of their thresholds:
// given these observations, this verdict. bcctl rules test runs it.
type StatusTestSpec struct {
	// Resource is the resource whose rules are tested.
	Resource string `json:"resource" jsonschema:"format=bcctl-name"`
	// Cases are tried one by one; they do not influence each other.
	Cases []StatusCase `json:"cases" jsonschema:"minItems=1"`
}

// StatusCase is one expectation.
type StatusCase struct {
	// Name says what the case shows.
	Name string `json:"name" jsonschema:"minLength=1"`
	// Now is the time at which the verdict is reached.
	Now time.Time `json:"now"`
	// Previous are earlier runs, oldest first; they leave behind how long a breach
	// has lasted.
	Previous []EarlierRun `json:"previous,omitempty"`
	// Observations are what the run saw.
	Observations []TestObservation `json:"observations"`
	// Expect is the verdict.
	Expect Expectation `json:"expect"`
}

// EarlierRun is a run before the one that is judged.
type EarlierRun struct {
	// Now is the time of the run.
	Now time.Time `json:"now"`
	// Observations are what it saw.
	Observations []TestObservation `json:"observations"`
}

// TestObservation is one reading.
type TestObservation struct {
	// Indicator is what was read.
	Indicator readiness.ID `json:"indicator"`
	// Endpoint is where; empty for the resource as a whole.
	Endpoint string `json:"endpoint,omitempty" jsonschema:"format=bcctl-name"`
	// Value is the reading, in the unit of the indicator; absent when it failed.
	Value readiness.Value `json:"value,omitzero"`
	// Age is how old the reading is at now. Default 0s.
	Age *duration.Duration `json:"age,omitempty"`
	// ObservedAt is when the value was true, in place of age.
	ObservedAt *time.Time `json:"observedAt,omitempty"`
	// Findings are the reason codes the reading led to.
	Findings []readiness.Code `json:"findings,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	// Failure is the reason code of a reading that failed.
	Failure readiness.Code `json:"failure,omitempty"`
	// Optional marks a reading of an optional endpoint.
	Optional bool `json:"optional,omitempty"`
}

// At returns when the value was true, for a run at now.
func (o TestObservation) At(now time.Time) time.Time {
	switch {
	case o.ObservedAt != nil:
		return *o.ObservedAt
	case o.Age != nil:
		return now.Add(-o.Age.Std())
	default:
		return now
	}
}

// Expectation is the verdict that is expected.
type Expectation struct {
	// Status is the status of the resource.
	Status readiness.Status `json:"status" jsonschema:"enum=green,enum=yellow,enum=red,enum=unknown"`
	// Codes must all be among the reasons.
	Codes []readiness.Code `json:"codes,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	// Absent must not be among the reasons.
	Absent []readiness.Code `json:"absent,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
}
