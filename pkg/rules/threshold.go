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
	raised, limit := l.raised(value, i.LowIsBad)
	held := e.prior.Held[key]
	if !held.Status.Worse(raised) || held.Status == readiness.Unknown {
		e.hold(key, Held{Status: raised})
		if raised != readiness.Green {
			add(breach(i, raised, o.Value, limit, l.Source))
		}
		return
	}
	// The value is better than the status held. Is it also past the clear limit?
	left, clear := l.left(held.Status, value, i.LowIsBad)
	if !held.Status.Worse(left) {
		e.hold(key, Held{Status: held.Status})
		r := breach(i, held.Status, o.Value, clear, l.Source)
		r.Message += fmt.Sprintf("; it clears %s %s", better(i), readiness.Num(clear).Format(i.Unit))
		add(r)
		return
	}
	since, good := o.ObservedAt, left
	if !held.GoodSince.IsZero() && !held.GoodSince.After(o.ObservedAt) {
		since = held.GoodSince
		if held.Status.Worse(held.Good) && held.Good != readiness.Unknown {
			good = readiness.Worst(left, held.Good)
		}
	}
	clearing := func(to readiness.Status, proved time.Duration) {
		add(readiness.Reason{Code: readiness.Clearing, Status: to, Source: l.Source,
			Message: fmt.Sprintf("%s is %s, good for %s of %s", i.ID, o.Value.Format(i.Unit), proved.Round(time.Second), l.ClearFor)})
	}
	// Only the time between samples is proved good, not that since the last one.
	switch proved := o.ObservedAt.Sub(since); {
	case proved < l.ClearFor:
		e.hold(key, Held{Status: held.Status, GoodSince: since, Good: good})
		clearing(held.Status, proved)
	case left.Worse(readiness.Green) && good == left:
		e.hold(key, Held{Status: left})
		add(breach(i, left, o.Value, clear, l.Source))
	case good == left:
		e.hold(key, Held{Status: readiness.Green})
	default: // the samples prove the end of the worse level, and only this one that of the milder
		e.hold(key, Held{Status: good, GoodSince: o.ObservedAt, Good: left})
		clearing(good, 0)
	}
}

// raised returns the level a value starts, with the limit that decided.
func (l Limits) raised(value float64, lowIsBad bool) (readiness.Status, float64) {
	switch {
	case l.Red != nil && over(value, l.Red.Raise, lowIsBad):
		return readiness.Red, l.Red.Raise
	case l.Yellow != nil && over(value, l.Yellow.Raise, lowIsBad):
		return readiness.Yellow, l.Yellow.Raise
	default:
		return readiness.Green, 0
	}
}

// left returns the level that is left of the one held, with the limit that
// decided. A level worse than the one held has no say in its end.
func (l Limits) left(held readiness.Status, value float64, lowIsBad bool) (readiness.Status, float64) {
	switch {
	case held == readiness.Red && l.Red != nil && over(value, l.Red.Clear, lowIsBad):
		return readiness.Red, l.Red.Clear
	case l.Yellow != nil && over(value, l.Yellow.Clear, lowIsBad):
		return readiness.Yellow, l.Yellow.Clear
	default:
		return readiness.Green, 0
	}
}

func over(value, limit float64, lowIsBad bool) bool {
	if lowIsBad {
		return value <= limit
	}
	return value >= limit
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
