package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// State is what one evaluation leaves for the next one of the same resource. It
// holds no evidence: losing it can only make a verdict better for as long as a
// hysteresis or a grace would have lasted.
type State struct {
	// Held is the level each threshold is at, by series.
	Held map[string]Held `json:"held,omitempty"`
	// UnseenSince is when visibility was lost; zero while everything is seen.
	UnseenSince time.Time `json:"unseenSince,omitzero"`
}

// Held is the state of one threshold.
type Held struct {
	Status readiness.Status `json:"status"`
	// GoodSince is when the value came below the clear limit; zero while it is
	// not, or when a sample since then was unknown.
	GoodSince time.Time `json:"goodSince,omitzero"`
}

// Evaluate judges the observations of one run. It is pure. The result's reasons
// are sorted worst first; its status is green only if every required indicator
// was read, is fresh and is good.
func (j *Judge) Evaluate(now time.Time, observations []readiness.Observation, prior State) (readiness.Result, State) {
	e := &evaluation{judge: j, now: now, prior: prior, next: State{Held: map[string]Held{}}, seen: map[readiness.ID]bool{}}
	for _, o := range observations {
		e.observation(o)
	}
	e.missing()
	e.expressions(observations)
	e.visibility()
	e.carry()
	return e.result(), e.next
}

type evaluation struct {
	judge      *Judge
	now        time.Time
	prior      State
	next       State
	seen       map[readiness.ID]bool // required indicators that are known
	indicators []readiness.IndicatorResult
	reasons    []readiness.Reason
	oldest     time.Time // of the required readings
	validUntil time.Time
}

func (e *evaluation) observation(o readiness.Observation) {
	j := e.judge
	indicator, known := j.indicators[o.Indicator]
	if !known {
		indicator = readiness.Indicator{ID: o.Indicator}
	}
	required := j.required[o.Indicator] && !o.Optional
	ir := readiness.IndicatorResult{Observation: o, Unit: indicator.Unit, Required: required, Status: readiness.Green}
	add := func(r readiness.Reason) {
		r.Endpoint, r.Indicator = o.Endpoint, o.Indicator
		if r.Value.IsAbsent() {
			r.Value, r.Unit = o.Value, indicator.Unit
		}
		r.Status = soften(r.Status, required, o.Optional)
		e.reasons = append(e.reasons, r)
		ir.Status = readiness.Worst(ir.Status, r.Status)
	}
	limits := j.limits[o.Indicator]
	maxAge := j.MaxAge
	if limits.MaxAge > 0 {
		maxAge = limits.MaxAge
	}
	usable := true
	if o.Failure != nil {
		usable = false
		add(readiness.Reason{Code: o.Failure.Code, Status: j.severity(o.Failure.Code), Message: o.Failure.Message})
	} else if bad, ok := unusable(o, indicator, e.now, maxAge); !ok {
		usable = false
		add(bad)
	}
	for _, f := range o.Findings {
		add(readiness.Reason{Code: f.Code, Status: j.severity(f.Code), Message: f.Message})
	}
	key := seriesKey(o)
	if usable {
		ir.ValidUntil = o.ObservedAt.Add(maxAge)
		e.threshold(key, o, indicator, limits, add)
		if required {
			e.seen[o.Indicator] = true
			e.rest(o.ObservedAt, ir.ValidUntil)
		}
	} else if held, ok := e.prior.Held[key]; ok {
		held.GoodSince = time.Time{} // an unknown sample proves no clear
		e.next.Held[key] = held
	}
	e.indicators = append(e.indicators, ir)
}

// rest notes a reading the verdict rests on.
func (e *evaluation) rest(observedAt, validUntil time.Time) {
	if e.oldest.IsZero() || observedAt.Before(e.oldest) {
		e.oldest = observedAt
	}
	if e.validUntil.IsZero() || validUntil.Before(e.validUntil) {
		e.validUntil = validUntil
	}
}

// soften limits what an optional part can do: unknown becomes yellow for an
// optional indicator, and everything becomes at most yellow for an optional
// endpoint.
func soften(s readiness.Status, required, optionalEndpoint bool) readiness.Status {
	switch {
	case optionalEndpoint:
		return s.AtMost(readiness.Yellow)
	case s == readiness.Unknown && !required:
		return readiness.Yellow
	default:
		return s
	}
}

// severity is the status of a code: what the policies say, else its default. A
// finding is never green.
func (j *Judge) severity(c readiness.Code) readiness.Status {
	if s, ok := j.severities[c]; ok && s != readiness.Green {
		return s
	}
	info, _ := c.Info()
	if info.Default == readiness.Green {
		return readiness.Unknown
	}
	return info.Default
}

// unusable checks that a reading is one: it has a time that makes sense, is
// fresh, and has a value that its indicator can have.
func unusable(o readiness.Observation, i readiness.Indicator, now time.Time, maxAge time.Duration) (readiness.Reason, bool) {
	bad := func(code readiness.Code, format string, args ...any) (readiness.Reason, bool) {
		return readiness.Reason{Code: code, Status: readiness.Unknown, Message: fmt.Sprintf(format, args...)}, false
	}
	age := now.Sub(o.ObservedAt)
	switch {
	case o.ObservedAt.IsZero():
		return bad(readiness.ValueInvalid, "%s has no time", o.Indicator)
	case age < -readiness.SkewTolerance:
		return bad(readiness.ClockSkew, "%s was observed %s in the future", o.Indicator, (-age).Round(time.Millisecond))
	case age > maxAge:
		return bad(readiness.VisStale, "%s is %s old; it may be %s", o.Indicator, age.Round(time.Second), maxAge)
	case o.Value.IsAbsent():
		return bad(readiness.ValueInvalid, "%s has no value", o.Indicator)
	}
	number, isNumber := o.Value.Number()
	if i.Unit != readiness.None && !isNumber {
		return bad(readiness.ValueInvalid, "%s is %q and not a number", o.Indicator, o.Value.Format(readiness.None))
	}
	if i.Unit != readiness.None && number < 0 && !i.Signed {
		return bad(readiness.ValueInvalid, "%s is negative: %s", o.Indicator, o.Value.Format(i.Unit))
	}
	return readiness.Reason{}, true
}

// missing makes the verdict unknown when something required was not read. One
// reason names all of it; why each is missing is said by its own reading.
func (e *evaluation) missing() {
	var names []string
	required := 0
	for id, r := range e.judge.required {
		if !r {
			continue
		}
		required++
		if !e.seen[id] {
			names = append(names, string(id))
		}
	}
	slices.Sort(names)
	switch {
	case required == 0:
		e.reasons = append(e.reasons, readiness.Reason{Code: readiness.NoIndicators, Status: readiness.Unknown,
			Message: "nothing is required of platform " + e.judge.Subject.Platform + ", so nothing was proved"})
	case len(names) > 0:
		e.reasons = append(e.reasons, readiness.Reason{Code: readiness.IndicatorMissing, Status: readiness.Unknown,
			Message: "not proved in this run: " + strings.Join(names, ", ")})
	}
}

// carry keeps the state of series that were not part of this run: a missed run
// is not a sample.
func (e *evaluation) carry() {
	for key, held := range e.prior.Held {
		if _, ok := e.next.Held[key]; !ok && !e.observed(key) {
			held.GoodSince = time.Time{}
			e.next.Held[key] = held
		}
	}
}

func (e *evaluation) observed(key string) bool {
	return slices.ContainsFunc(e.indicators, func(i readiness.IndicatorResult) bool { return seriesKey(i.Observation) == key })
}

func seriesKey(o readiness.Observation) string { return o.Endpoint + "|" + string(o.Indicator) }

func (e *evaluation) result() readiness.Result {
	j := e.judge
	statuses := []readiness.Status{readiness.Green}
	for _, r := range e.reasons {
		statuses = append(statuses, r.Status)
	}
	r := readiness.Result{
		Name: j.Subject.Name, Kind: readiness.KindResource, Platform: j.Subject.Platform, Tier: j.Subject.Tier,
		Environment: j.Subject.Environment, Status: readiness.Worst(statuses...),
		ObservedAt: e.oldest, EvaluatedAt: e.now, ValidUntil: e.validUntil,
		Reasons: readiness.SortReasons(e.reasons), Indicators: e.indicators,
	}
	if r.Status != readiness.Green {
		// Nothing expires into something worse than it is, but a reader must still
		// know when this was last looked at.
		r.ValidUntil = e.now.Add(j.MaxAge)
	}
	r.Children = endpoints(r)
	return r
}

// endpoints gives one child per endpoint, with the reasons that are its own.
func endpoints(r readiness.Result) []readiness.Result {
	var children []readiness.Result
	index := map[string]int{}
	for _, i := range r.Indicators {
		if i.Endpoint == "" {
			continue
		}
		n, ok := index[i.Endpoint]
		if !ok {
			n = len(children)
			index[i.Endpoint] = n
			children = append(children, readiness.Result{Name: i.Endpoint, Kind: readiness.KindEndpoint, Platform: r.Platform,
				Status: readiness.Green, EvaluatedAt: r.EvaluatedAt, ValidUntil: r.ValidUntil})
		}
		c := &children[n]
		c.Status = readiness.Worst(c.Status, i.Status)
		if i.Failure == nil && (c.ObservedAt.IsZero() || i.ObservedAt.Before(c.ObservedAt)) {
			c.ObservedAt = i.ObservedAt
		}
	}
	for _, reason := range r.Reasons {
		if n, ok := index[reason.Endpoint]; ok {
			children[n].Reasons = append(children[n].Reasons, reason)
		}
	}
	return children
}
