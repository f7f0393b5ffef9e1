package rules

import (
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// result puts the verdict together. Its lists are never nil: in JSON an empty one
// is [], as the schema of a report says.
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
		Reasons: readiness.SortReasons(append([]readiness.Reason{}, e.reasons...)), Indicators: append([]readiness.IndicatorResult{}, e.indicators...),
	}
	if r.Status == readiness.Red || r.Status == readiness.Unknown {
		// These expire into nothing worse than they are, but a reader must still know
		// when this was last looked at.
		r.ValidUntil = e.now.Add(j.MaxAge)
	}
	r.Children = endpoints(r)
	return r
}

// endpoints gives one child per endpoint, with the reasons that are its own. A
// child that is green or yellow is so until the first of its readings expires.
func endpoints(r readiness.Result) []readiness.Result {
	children := []readiness.Result{}
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
				Status: readiness.Green, EvaluatedAt: r.EvaluatedAt,
				Reasons: []readiness.Reason{}, Indicators: []readiness.IndicatorResult{}, Children: []readiness.Result{}})
		}
		c := &children[n]
		c.Status = readiness.Worst(c.Status, i.Status)
		if !i.ValidUntil.IsZero() {
			c.ObservedAt = earlier(c.ObservedAt, i.ObservedAt)
			c.ValidUntil = earlier(c.ValidUntil, i.ValidUntil)
		}
	}
	for _, reason := range r.Reasons {
		if n, ok := index[reason.Endpoint]; ok {
			children[n].Reasons = append(children[n].Reasons, reason)
		}
	}
	for n := range children {
		if c := &children[n]; c.ValidUntil.IsZero() || c.Status == readiness.Red || c.Status == readiness.Unknown {
			c.ValidUntil = r.ValidUntil
		}
	}
	return children
}

// earlier is the first of two moments; a zero one does not count.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
