package rules

import (
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// threshold compares a usable number with its limits. A status worsens at once.
// It improves only after the value has been on the good side of the clear limit,
// in consecutive usable samples, for as long as the threshold asks.
func (e *evaluation) threshold(key string, o readiness.Observation, i readiness.Indicator, l Limits, add func(readiness.Reason)) {
	value, isNumber := o.Value.Number()
	if !isNumber || l.Yellow == nil && l.Red == nil {
		return
	}
	raised, limit := l.at(value, i.LowIsBad, func(l Limit) float64 { return l.Raise })
	held := e.prior.Held[key]
	if !held.Status.Worse(raised) || held.Status == readiness.Unknown {
		e.next.Held[key] = Held{Status: raised}
		if raised != readiness.Green {
			add(breach(i, raised, o.Value, limit, l.Source))
		}
		return
	}
	// The value is better than the status held. Is it also past the clear limit?
	atClear, clear := l.at(value, i.LowIsBad, func(l Limit) float64 { return l.Clear })
	if !held.Status.Worse(atClear) {
		e.next.Held[key] = Held{Status: held.Status}
		r := breach(i, held.Status, o.Value, clear, l.Source)
		r.Message += fmt.Sprintf("; it clears %s %s", better(i), readiness.Num(clear).Format(i.Unit))
		add(r)
		return
	}
	since := held.GoodSince
	if since.IsZero() {
		since = o.ObservedAt
	}
	if good := e.now.Sub(since); good < l.ClearFor {
		e.next.Held[key] = Held{Status: held.Status, GoodSince: since}
		add(readiness.Reason{Code: readiness.Clearing, Status: held.Status, Source: l.Source,
			Message: fmt.Sprintf("%s is %s, good for %s of %s", i.ID, o.Value.Format(i.Unit), good.Round(time.Second), l.ClearFor)})
		return
	}
	e.next.Held[key] = Held{Status: atClear}
	if atClear != readiness.Green {
		add(breach(i, atClear, o.Value, clear, l.Source))
	}
}

// at returns the level a value reaches, with the limit that decided.
func (l Limits) at(value float64, lowIsBad bool, side func(Limit) float64) (readiness.Status, float64) {
	over := func(limit float64) bool {
		if lowIsBad {
			return value <= limit
		}
		return value >= limit
	}
	if l.Red != nil && over(side(*l.Red)) {
		return readiness.Red, side(*l.Red)
	}
	if l.Yellow != nil && over(side(*l.Yellow)) {
		return readiness.Yellow, side(*l.Yellow)
	}
	return readiness.Green, 0
}

func breach(i readiness.Indicator, s readiness.Status, v readiness.Value, limit float64, source string) readiness.Reason {
	code := i.Breach
	switch {
	case code == "":
		code = readiness.ThresholdExceeded
	case code == readiness.LagOverRPO && s == readiness.Yellow:
		code = readiness.LagNearRPO
	}
	return readiness.Reason{
		Code: code, Status: s, Source: source, Threshold: readiness.Num(limit),
		Message: fmt.Sprintf("%s is %s, %s limit %s", i.ID, v.Format(i.Unit), s, readiness.Num(limit).Format(i.Unit)),
	}
}

func better(i readiness.Indicator) string {
	if i.LowIsBad {
		return "above"
	}
	return "below"
}
