package rules

import (
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// maxAge is how old a reading of an indicator may be and still count.
func (j *Judge) maxAge(id readiness.ID) time.Duration {
	if own := j.limits[id].MaxAge; own > 0 {
		return own
	}
	if j.oneAge {
		return j.MaxAge
	}
	return max(j.MaxAge, j.indicators[id].MaxAge)
}

// OverrideMaxAge makes one maximum age hold for all indicators, whatever the
// policies say.
func (j *Judge) OverrideMaxAge(d time.Duration) {
	j.MaxAge, j.oneAge = d, true
	for id, l := range j.limits {
		l.MaxAge = 0
		j.limits[id] = l
	}
}

// usable checks that a reading is one: it was made, of this resource, at a time
// that makes sense; it is fresh, and has a value that its indicator can have.
// Otherwise the reason says what is wrong, and its status is never green.
func (j *Judge) usable(o readiness.Observation, now time.Time) (readiness.Reason, bool) {
	bad := func(code readiness.Code, format string, args ...any) (readiness.Reason, bool) {
		return readiness.Reason{Code: code, Status: readiness.Unknown, Message: fmt.Sprintf(format, args...)}, false
	}
	age := now.Sub(o.ObservedAt)
	switch {
	case o.Failure != nil:
		return readiness.Reason{Code: o.Failure.Code, Status: j.severity(o.Failure.Code), Message: o.Failure.Message}, false
	case o.Target != "" && o.Target != j.Subject.Name:
		return bad(readiness.ValueInvalid, "%s is a reading of %q", o.Indicator, o.Target)
	case o.ObservedAt.IsZero():
		return bad(readiness.ValueInvalid, "%s has no time", o.Indicator)
	case age < -readiness.SkewTolerance:
		return bad(readiness.ClockSkew, "%s was observed %s in the future", o.Indicator, (-age).Round(time.Millisecond))
	case age >= j.maxAge(o.Indicator):
		return bad(readiness.VisStale, "%s is %s old; it counts for %s", o.Indicator, age.Round(time.Second), j.maxAge(o.Indicator))
	case o.Value.IsAbsent():
		return bad(readiness.ValueInvalid, "%s has no value", o.Indicator)
	}
	i, limits := j.indicators[o.Indicator], j.limits[o.Indicator]
	number, isNumber := o.Value.Number()
	if !isNumber && (i.Unit != readiness.None || limits.Yellow != nil || limits.Red != nil) {
		return bad(readiness.ValueInvalid, "%s is %q and not a number", o.Indicator, o.Value.Format(readiness.None))
	}
	if i.Unit != readiness.None && number < 0 && !i.Signed {
		return bad(readiness.ValueInvalid, "%s is negative: %s", o.Indicator, o.Value.Format(i.Unit))
	}
	return readiness.Reason{}, true
}
