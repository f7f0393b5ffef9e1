package readiness

import (
	"cmp"
	"slices"
	"time"
)

// Reason says why a verdict is not green, or what else a person should know.
type Reason struct {
	Code      Code   `json:"code"`
	Status    Status `json:"status"`
	Message   string `json:"message"`
	Endpoint  string `json:"endpoint,omitempty"`
	Indicator ID     `json:"indicator"`
	Value     Value  `json:"value"`
	Unit      Unit   `json:"unit"`

	// Threshold is the limit that was crossed, in the unit of Value; absent when
	// the reason is not about a limit.
	Threshold Value `json:"threshold"`

	// Source is where the deciding rule stands: "policies/default.yaml:14".
	Source string `json:"source,omitempty"`
}

// IndicatorResult is one observation with the verdict it led to.
type IndicatorResult struct {
	Observation
	Unit       Unit      `json:"unit,omitempty"`
	Status     Status    `json:"status"`
	ValidUntil time.Time `json:"validUntil"`
	Required   bool      `json:"required,omitempty"`
}

// LastKnownGood is the newest complete green evidence, kept apart from the
// verdict. It is for display, with its age; it is never an input to a verdict or
// a gate and is never shown green.
type LastKnownGood struct {
	ObservedAt time.Time         `json:"observedAt"`
	Indicators []IndicatorResult `json:"indicators,omitempty"`
}

// ResultKind tells what a Result is about.
type ResultKind string

// Kinds of Result.
const (
	KindResource ResultKind = "resource"
	KindGroup    ResultKind = "group"
	KindEndpoint ResultKind = "endpoint"
)

// Result is a verdict that explains itself. Every output renders this tree.
type Result struct {
	Name        string     `json:"name"`
	Kind        ResultKind `json:"kind"`
	Platform    string     `json:"platform"`
	Tier        int        `json:"tier"`
	Environment string     `json:"environment,omitempty"`
	Owner       string     `json:"owner,omitempty"`
	Site        string     `json:"site,omitempty"`
	Status      Status     `json:"status"`

	// ObservedAt is the oldest observation the verdict rests on.
	ObservedAt time.Time `json:"observedAt"`
	// EvaluatedAt is when the verdict was reached.
	EvaluatedAt time.Time `json:"evaluatedAt"`
	// ValidUntil is when the verdict stops being one: from then on every reader
	// shows Unknown. Zero means it never was valid.
	ValidUntil time.Time `json:"validUntil"`

	Reasons       []Reason          `json:"reasons"`
	Indicators    []IndicatorResult `json:"indicators"`
	LastKnownGood *LastKnownGood    `json:"lastKnownGood" jsonschema:"nullable"`
	Children      []Result          `json:"children"`

	// File and Line are where the resource or group is declared.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// At returns the verdict as a reader must see it at now. A verdict past its
// ValidUntil becomes Unknown with VIS_STALE; one reached in the reader's future
// becomes Unknown with CLOCK_SKEW. A red verdict stays red: what was proved
// broken is not forgiven by time, and is marked stale as well. A green one with
// an optional reading that has expired becomes Yellow, as it would be judged.
// Children and readings are judged the same way. The result is a copy; r is not
// changed.
func (r Result) At(now time.Time) Result {
	early := r.EvaluatedAt.After(now.Add(SkewTolerance))
	r.Reasons = slices.Clone(r.Reasons)
	expired := r.expire(now, early)
	children := make([]Result, len(r.Children))
	for i, c := range r.Children {
		children[i] = c.At(now)
	}
	r.Children = children

	switch {
	case early:
		r = r.degrade(Unknown, Reason{Code: ClockSkew, Status: Unknown,
			Message: "verdict was reached in the reader's future, at " + r.EvaluatedAt.UTC().Format(time.RFC3339)})
	case r.ValidUntil.IsZero():
		r = r.degrade(Unknown, Reason{Code: VisStale, Status: Unknown, Message: "verdict never rested on evidence that was valid; run check again"})
	case !r.ValidUntil.After(now):
		r = r.degrade(Unknown, Reason{Code: VisStale, Status: Unknown,
			Message: "verdict expired at " + r.ValidUntil.UTC().Format(time.RFC3339) + "; run check again"})
	case expired != "" && r.Status == Green:
		r = r.degrade(Yellow, Reason{Code: VisStale, Status: Yellow, Indicator: expired,
			Message: string(expired) + " has expired since; run check again"})
	}
	return r
}

// expire gives r readings of its own, in which those that prove nothing any more
// are unknown. It returns the first of them that was good. A reading that failed
// never was valid, and keeps what it was judged to be.
func (r *Result) expire(now time.Time, early bool) (first ID) {
	r.Indicators = slices.Clone(r.Indicators)
	for i := range r.Indicators {
		x := &r.Indicators[i]
		if x.Status == Red || x.ValidUntil.IsZero() && x.Status != Green || x.ValidUntil.After(now) && !early {
			continue
		}
		if first == "" && x.Status == Green {
			first = x.Observation.Indicator
		}
		x.Status = Unknown
	}
	return first
}

// SkewTolerance is how far two clocks may differ before times from one mean
// nothing on the other (domain default, PostgreSQL precheck P24).
const SkewTolerance = 2 * time.Second

func (r Result) degrade(to Status, why Reason) Result {
	if r.Status != Red {
		r.Status = to
	}
	r.Reasons = SortReasons(append(r.Reasons, why))
	return r
}

// SortReasons orders reasons worst first, two writers before everything else and
// causes before what follows from them,
// then by code, endpoint and indicator, and drops exact repeats. All distinct
// reasons are kept, and the order in which they were given makes no difference.
func SortReasons(reasons []Reason) []Reason {
	slices.SortFunc(reasons, compareReasons)
	return slices.CompactFunc(reasons, func(a, b Reason) bool { return compareReasons(a, b) == 0 })
}

func compareReasons(a, b Reason) int {
	return cmp.Or(
		cmp.Compare(b.Status.severity(), a.Status.severity()),
		cmp.Compare(place(a.Code), place(b.Code)),
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Endpoint, b.Endpoint),
		cmp.Compare(a.Indicator, b.Indicator),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.Source, b.Source),
		a.Value.compare(b.Value),
		cmp.Compare(a.Unit, b.Unit),
		a.Threshold.compare(b.Threshold),
	)
}

// place is where a code stands among those of its status: what must be read
// before everything else, causes, and what follows from them.
func place(c Code) int {
	if slices.Contains(leading, c) {
		return -1
	}
	if info, _ := c.Info(); info.Follows {
		return 1
	}
	return 0
}
