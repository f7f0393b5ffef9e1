package render

import (
	"slices"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// clean returns a copy of a report whose every text went through term.Sanitize:
// what people read is made of nothing else, so that no renderer can forget a
// field. Formats with an encoding of their own (JSON, YAML) do not need it and
// keep texts as they are.
func clean(r check.Report) check.Report {
	s := term.Sanitize
	r.Bcctl, r.Commit, r.RunID = s(r.Bcctl), s(r.Commit), s(r.RunID)
	r.Results = cleanResults(r.Results)
	r.Transitions = slices.Clone(r.Transitions)
	for i := range r.Transitions {
		t := &r.Transitions[i]
		t.Target, t.Message, t.Code, t.Kind = s(t.Target), s(t.Message), code(t.Code), check.TransitionKind(s(string(t.Kind)))
	}
	r.Warnings = slices.Clone(r.Warnings)
	for i := range r.Warnings {
		r.Warnings[i] = s(r.Warnings[i])
	}
	return r
}

func cleanResults(results []readiness.Result) []readiness.Result {
	out := make([]readiness.Result, len(results))
	for i, r := range results {
		out[i] = cleanResult(r)
	}
	return out
}

func cleanResult(r readiness.Result) readiness.Result {
	s := term.Sanitize
	r.Name, r.Platform, r.Environment, r.Owner, r.Site, r.File = s(r.Name), s(r.Platform), s(r.Environment), s(r.Owner), s(r.Site), s(r.File)
	r.Kind = readiness.ResultKind(s(string(r.Kind)))
	r.Reasons = slices.Clone(r.Reasons)
	for i := range r.Reasons {
		x := &r.Reasons[i]
		x.Code, x.Message, x.Endpoint, x.Indicator = code(x.Code), s(x.Message), s(x.Endpoint), readiness.ID(s(string(x.Indicator)))
		x.Unit, x.Source = readiness.Unit(s(string(x.Unit))), s(x.Source)
		x.Value, x.Threshold = cleanValue(x.Value), cleanValue(x.Threshold)
	}
	r.Indicators = cleanIndicators(r.Indicators)
	if good := r.LastKnownGood; good != nil {
		r.LastKnownGood = &readiness.LastKnownGood{ObservedAt: good.ObservedAt, Indicators: cleanIndicators(good.Indicators)}
	}
	r.Children = cleanResults(r.Children)
	return r
}

func cleanIndicators(list []readiness.IndicatorResult) []readiness.IndicatorResult {
	s := term.Sanitize
	out := make([]readiness.IndicatorResult, len(list))
	for i, x := range list {
		x.Target, x.Endpoint = s(x.Target), s(x.Endpoint)
		x.Indicator, x.Unit = readiness.ID(s(string(x.Indicator))), readiness.Unit(s(string(x.Unit)))
		x.Value = cleanValue(x.Value)
		if x.Failure != nil {
			x.Failure = &readiness.Finding{Code: code(x.Failure.Code), Message: s(x.Failure.Message)}
		}
		x.Findings = slices.Clone(x.Findings)
		for n := range x.Findings {
			x.Findings[n].Code, x.Findings[n].Message = code(x.Findings[n].Code), s(x.Findings[n].Message)
		}
		out[i] = x
	}
	return out
}

func cleanValue(v readiness.Value) readiness.Value {
	if text, ok := v.Text(); ok {
		return readiness.Str(term.Sanitize(text))
	}
	return v
}

func code(c readiness.Code) readiness.Code { return readiness.Code(term.Sanitize(string(c))) }
