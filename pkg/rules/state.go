package rules

import (
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// State is what one evaluation leaves for the next one of the same resource. It
// holds no evidence: losing it can only make a verdict better for as long as a
// hysteresis or a grace would have lasted.
type State struct {
	// Held is the level each threshold is at that is not green, by series.
	Held map[string]Held `json:"held,omitempty"`
	// UnseenSince is when visibility was lost; zero while everything is seen.
	UnseenSince time.Time `json:"unseenSince,omitzero"`
}

// Held is the state of one threshold.
type Held struct {
	Status readiness.Status `json:"status"`
	// GoodSince is when the first of the samples was observed that are all better
	// than Status; zero while they are not, or when a sample since was unknown.
	GoodSince time.Time `json:"goodSince,omitzero"`
	// Good is the worst level of those samples.
	Good readiness.Status `json:"good,omitzero"`
}

// hold keeps the state of a series; green needs none. A series that was given
// twice in one run keeps the worse of both, whichever came first.
func (e *evaluation) hold(key string, h Held) {
	old, twice := e.next.Held[key]
	switch {
	case h.Status == readiness.Green:
	case !twice || h.Status.Worse(old.Status):
		e.next.Held[key] = h
	case h.Status == old.Status && !old.GoodSince.IsZero():
		old.Good = readiness.Worst(old.Good, h.Good)
		if h.GoodSince.IsZero() || h.GoodSince.After(old.GoodSince) {
			old.GoodSince = h.GoodSince
		}
		e.next.Held[key] = old
	}
}

// carry keeps the state of series that were not part of this run: a missed run
// is not a sample.
func (e *evaluation) carry() {
	for key, held := range e.prior.Held {
		if !e.observed(key) {
			e.next.Held[key] = Held{Status: held.Status}
		}
	}
}

func (e *evaluation) observed(key string) bool {
	return slices.ContainsFunc(e.indicators, func(i readiness.IndicatorResult) bool { return seriesKey(i.Observation) == key })
}

func seriesKey(o readiness.Observation) string { return o.Endpoint + "|" + string(o.Indicator) }
