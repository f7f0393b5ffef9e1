package render

import (
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// View is a report together with who looks at it, and when.
type View struct {
	Report check.Report

	// Now is the reader's clock: what has expired by then is shown unknown. Its
	// location is the one of the times on a screen.
	Now time.Time

	// Profile is what the writer can show. Files are written with term.File.
	Profile term.Profile

	// All lists green results too, not only their number.
	All bool

	// Command is how the reader calls bcctl here, for commands to paste: "bcctl", or
	// "bcctl -C DIR" where the repository was named. Empty: "bcctl".
	Command string

	// Docs is the address of the page of reason codes, on which each code has an
	// anchor in lower case. Empty: no links.
	Docs string
}

// Seen returns the report as it must be seen at v.Now: every verdict as
// readiness.Result.At gives it, the sum of them worked out anew, times in UTC and
// lists never nil. Whoever acts on a report, by an exit code for example, acts on
// this.
//
// A replay is seen at the time of its recording. It says nothing about v.Now, and
// every output says so.
func (v View) Seen() check.Report {
	r := v.Report
	at := v.at()
	r.StartedAt, r.FinishedAt = r.StartedAt.UTC(), r.FinishedAt.UTC()
	if r.Replay != nil {
		r.Replay = &check.Replay{RecordedAt: r.Replay.RecordedAt.UTC()}
	}
	r.Results = make([]readiness.Result, len(v.Report.Results))
	for i, result := range v.Report.Results {
		r.Results[i] = seen(result, at)
	}
	r.Transitions = make([]check.Transition, len(v.Report.Transitions))
	for i, t := range v.Report.Transitions {
		t.Since, t.At = t.Since.UTC(), t.At.UTC()
		r.Transitions[i] = t
	}
	r.Summarize()
	return r
}

// Shown is Seen with every text fit to be shown to a person (term.Sanitize).
func (v View) Shown() check.Report { return clean(v.Seen()) }

func (v View) at() time.Time {
	if v.Report.Replay != nil {
		return v.Report.Replay.RecordedAt
	}
	return v.Now
}

// Warnings returns what the caller prints to stderr: it is about the run, not
// part of the answer.
func (v View) Warnings() []string {
	var out []string
	for _, w := range v.Report.Warnings {
		out = append(out, term.Sanitize(w))
	}
	return out
}

// seen is one result at a time.
func seen(r readiness.Result, at time.Time) readiness.Result { return normal(r.At(at)) }

// normal gives a result, which is a copy already, the form that outputs rely on.
func normal(r readiness.Result) readiness.Result {
	r.ObservedAt, r.EvaluatedAt, r.ValidUntil = r.ObservedAt.UTC(), r.EvaluatedAt.UTC(), r.ValidUntil.UTC()
	r.Reasons = readiness.SortReasons(append([]readiness.Reason{}, r.Reasons...))
	r.Indicators = normalIndicators(r.Indicators)
	if good := r.LastKnownGood; good != nil {
		kept := &readiness.LastKnownGood{ObservedAt: good.ObservedAt.UTC(), Indicators: normalIndicators(good.Indicators)}
		for i := range kept.Indicators {
			// They were green once. Nothing that is shown may say so now.
			kept.Indicators[i].Status = readiness.Unknown
		}
		r.LastKnownGood = kept
	}
	children := make([]readiness.Result, len(r.Children))
	for i, c := range r.Children {
		children[i] = normal(c)
	}
	r.Children = children
	return r
}

func normalIndicators(list []readiness.IndicatorResult) []readiness.IndicatorResult {
	out := make([]readiness.IndicatorResult, len(list))
	for i, x := range list {
		x.ObservedAt, x.CollectedAt, x.ValidUntil = x.ObservedAt.UTC(), x.CollectedAt.UTC(), x.ValidUntil.UTC()
		out[i] = x
	}
	return out
}
