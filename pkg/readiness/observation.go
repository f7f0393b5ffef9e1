package readiness

import "time"

// ID names an indicator, for example "replication.exposure_bytes". Indicators
// that mean the same on every platform have the same name on every platform.
type ID string

// Indicator describes something a connector can measure.
type Indicator struct {
	ID   ID     `json:"id"`
	Unit Unit   `json:"unit,omitempty"`
	Help string `json:"help"`

	// Required marks an indicator without which a resource cannot be judged:
	// missing or unknown, it makes the resource unknown. An optional one makes it
	// at most yellow.
	Required bool `json:"required,omitempty"`

	// Breach is the reason code used when the value crosses a threshold.
	Breach Code `json:"breach,omitempty"`

	// Signed says that a negative number is a measurement. For every other
	// indicator with a unit it is not, and the reading is unknown.
	Signed bool `json:"signed,omitempty"`

	// Periodic says that the value rises and falls in normal operation, as the age of
	// a copy does that is refreshed on a schedule: being over half of an objective
	// is then no early sign of anything.
	Periodic bool `json:"periodic,omitempty"`

	// MaxAge is how long a reading counts where that is longer than the general
	// maximum age, because it is expensive and so not made in every sweep; zero for
	// the others. A policy may set it otherwise.
	MaxAge time.Duration `json:"maxAge,omitempty"`

	// LowIsBad turns thresholds round: the value must stay above them.
	LowIsBad bool `json:"lowIsBad,omitempty"`
}

// Finding is a fact a connector could only conclude by knowing its platform:
// "these two nodes have diverged". It says what is so; the status it carries is
// the reason code's default unless a policy changes it.
type Finding struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

// Observation is one reading of one indicator. A reading that failed is an
// observation too: it has a Failure and no Value, and it never disappears.
//
// The three times of a sample are ObservedAt and CollectedAt here, and
// Result.EvaluatedAt.
type Observation struct {
	Target    string `json:"target,omitempty"`   // name of the resource
	Endpoint  string `json:"endpoint,omitempty"` // name of the endpoint; empty for the resource as a whole
	Indicator ID     `json:"indicator"`
	Value     Value  `json:"value"`

	// ObservedAt is when the value was true at its source. For a value read live
	// it is the collector's clock at the middle of the request; for a value that
	// a server remembered (a heartbeat, an archiver's last success) it is that
	// moment. Zero means not known.
	ObservedAt time.Time `json:"observedAt"`

	// CollectedAt is when bcctl received it.
	CollectedAt time.Time `json:"collectedAt"`

	// Optional is set for a reading of an endpoint that the configuration calls
	// optional: whatever is found there makes the resource at most yellow.
	Optional bool `json:"optional,omitempty"`

	// Failure is set when the reading could not be made.
	Failure *Finding `json:"failure,omitempty"`

	// Findings are conclusions drawn from this reading.
	Findings []Finding `json:"findings,omitempty"`
}

// Key identifies the series an observation belongs to.
type Key struct {
	Target    string
	Endpoint  string
	Indicator ID
}

// Key returns the observation's series.
func (o Observation) Key() Key { return Key{o.Target, o.Endpoint, o.Indicator} }
