package connectors

// Capability is one row of a platform's matrix: a form in which the platform is
// run, and how far bcctl goes with it. It says what is, not what is planned.
type Capability struct {
	// Form is how the platform is deployed, such as "replica set" or "distributed
	// availability group".
	Form string `json:"form"`
	// Monitor says whether `bcctl check` judges it.
	Monitor Support `json:"monitor"`
	// Prove says whether readings can prove that a switchover lost nothing, or
	// bound what a failover loses.
	Prove Support `json:"prove"`
	// Execute says whether `bcctl execute` changes it.
	Execute Support `json:"execute"`
	// Against is what this was run against: "real servers, 15", "laboratory",
	// "recorded answers", "documentation".
	Against string `json:"against"`
	// Note is what a person should know who relies on it.
	Note string `json:"note,omitempty"`
}

// Support is how far something goes.
type Support string

// Degrees of support. The zero value is none.
const (
	Full    Support = "yes"
	Partial Support = "partly"
	None    Support = "no"
)
