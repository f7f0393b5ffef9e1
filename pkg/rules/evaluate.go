package rules

import (
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Evaluate judges the observations of one run. It is pure. The result's reasons
// are sorted worst first; its status is green only if every required indicator
// was read, is fresh and is good. The order of the observations decides the
// order of the result's readings and endpoints, and nothing else.
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
	lost       []loss    // what required part cannot be seen
	oldest     time.Time // of the required readings
	validUntil time.Time
}

// loss is a reason that tells of lost visibility, with the reading it came from.
type loss struct{ reason, indicator int }

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
		if required && IsVisibility(r.Code) {
			e.lost = append(e.lost, loss{reason: len(e.reasons), indicator: len(e.indicators)})
		}
		e.reasons = append(e.reasons, r)
		ir.Status = readiness.Worst(ir.Status, r.Status)
	}
	bad, usable := j.usable(o, e.now)
	if !usable {
		add(bad)
	}
	for _, f := range o.Findings {
		add(readiness.Reason{Code: f.Code, Status: j.severity(f.Code), Message: f.Message})
	}
	key := seriesKey(o)
	if usable {
		ir.ValidUntil = o.ObservedAt.Add(j.maxAge(o.Indicator))
		e.threshold(key, o, indicator, j.limits[o.Indicator], add)
		if required {
			e.seen[o.Indicator] = true
			e.rest(o.ObservedAt, ir.ValidUntil)
		}
	} else if held, ok := e.prior.Held[key]; ok {
		e.hold(key, Held{Status: held.Status}) // an unknown sample proves no clear
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
// finding is never green, and what is not proved stays unknown unless a policy
// makes it worse.
func (j *Judge) severity(c readiness.Code) readiness.Status {
	info, _ := c.Info()
	if info.Default == readiness.Green {
		info.Default = readiness.Unknown
	}
	s, ok := j.severities[c]
	if !ok || s == readiness.Green || info.Default == readiness.Unknown && info.Default.Worse(s) {
		return info.Default
	}
	return s
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
