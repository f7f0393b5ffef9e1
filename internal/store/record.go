package store

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// record is what one run leaves in history: its report taken apart, before names
// are replaced by ids.
type record struct {
	report   check.Report
	replay   bool
	verdicts []verdict
	samples  []sample

	// firstAt and lastAt enclose every time in the record.
	firstAt, lastAt int64
}

// verdict is one target's result.
type verdict struct {
	result *readiness.Result
	at     int64
	code   readiness.Code
}

// sample is one number of one series.
type sample struct {
	key   readiness.Key
	unit  readiness.Unit
	at    int64
	value float64
}

// recordOf takes a report apart. What is a replay by its own words or by the
// store's is a replay: a replay never passes for a real run.
func recordOf(r check.Report, replay bool) (record, error) {
	if r.RunID == "" {
		return record{}, errors.New("the report has no run id")
	}
	if r.FinishedAt.IsZero() {
		return record{}, fmt.Errorf("the report of run %q does not say when it finished", r.RunID)
	}
	finished := r.FinishedAt.UnixMilli()
	rec := record{report: r, replay: replay || r.Replay != nil, firstAt: finished, lastAt: finished}
	if !r.StartedAt.IsZero() {
		rec.include(r.StartedAt.UnixMilli())
	}
	rec.addVerdicts()
	rec.addSamples()
	return rec, nil
}

func (rec *record) include(ms int64) {
	rec.firstAt = min(rec.firstAt, ms)
	rec.lastAt = max(rec.lastAt, ms)
}

// addVerdicts records every resource and group once. One that stands in the
// report on its own goes before the copy that a group has of it.
func (rec *record) addVerdicts() {
	seen := make(map[string]bool, len(rec.report.Results))
	add := func(r *readiness.Result) {
		if r.Kind == readiness.KindEndpoint || seen[r.Name] {
			return
		}
		seen[r.Name] = true
		v := verdict{result: r, at: rec.report.FinishedAt.UnixMilli(), code: worstCode(r.Reasons)}
		if !r.EvaluatedAt.IsZero() {
			v.at = r.EvaluatedAt.UnixMilli()
		}
		rec.include(v.at)
		rec.verdicts = append(rec.verdicts, v)
	}
	for i := range rec.report.Results {
		add(&rec.report.Results[i])
	}
	var descend func(results []readiness.Result)
	descend = func(results []readiness.Result) {
		for i := range results {
			add(&results[i])
			descend(results[i].Children)
		}
	}
	for i := range rec.report.Results {
		descend(rec.report.Results[i].Children)
	}
}

// worstCode returns the code of the reason that needs attention first.
func worstCode(reasons []readiness.Reason) readiness.Code {
	if len(reasons) == 0 {
		return ""
	}
	worst := reasons[0]
	for _, r := range reasons[1:] {
		if r.Status.Worse(worst.Status) {
			worst = r
		}
	}
	return worst.Code
}

// addSamples records the numbers that were read during the run, one per series. A
// number belongs to the resource or group in whose result it stands, so that
// every series belongs to something that has verdicts.
func (rec *record) addSamples() {
	position := make(map[readiness.Key]int)
	var descend func(results []readiness.Result, target string)
	descend = func(results []readiness.Result, target string) {
		for i := range results {
			r := &results[i]
			target, endpoint := target, r.Name
			if r.Kind != readiness.KindEndpoint {
				target, endpoint = r.Name, ""
			}
			for j := range r.Indicators {
				s, ok := rec.sampleOf(&r.Indicators[j])
				if !ok || target == "" {
					continue
				}
				s.key.Target = target
				s.key.Endpoint = cmp.Or(s.key.Endpoint, endpoint)
				if p, again := position[s.key]; again {
					if s.at > rec.samples[p].at {
						rec.samples[p] = s
					}
					continue
				}
				position[s.key] = len(rec.samples)
				rec.samples = append(rec.samples, s)
			}
			descend(r.Children, target)
		}
	}
	descend(rec.report.Results, "")
	for _, s := range rec.samples {
		rec.include(s.at)
	}
}

// sampleOf returns the number an indicator showed in this run, at the time bcctl
// received it. A reading received before the run began is one that an earlier run
// made and this one showed again: no sample. In a replay all readings are old,
// and all count.
func (rec *record) sampleOf(i *readiness.IndicatorResult) (sample, bool) {
	value, ok := i.Value.Number()
	if !ok || i.Failure != nil {
		return sample{}, false
	}
	s := sample{key: i.Key(), unit: i.Unit, at: rec.report.FinishedAt.UnixMilli(), value: value}
	if i.CollectedAt.IsZero() {
		return s, true
	}
	s.at = i.CollectedAt.UnixMilli()
	began := rec.report.StartedAt
	if !rec.replay && !began.IsZero() && i.CollectedAt.Before(began.Add(-readiness.SkewTolerance)) {
		return sample{}, false
	}
	return s, s.at >= 0
}
