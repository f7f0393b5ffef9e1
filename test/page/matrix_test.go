package page_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/report"
	"github.com/bcctl/bcctl/internal/report/reporttest"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// expectation is what a reader must see at a time: statuses by name.
type expectation struct {
	At       time.Time                   `json:"at"`
	Statuses map[string]readiness.Status `json:"statuses"`
}

// matrix is a page with every combination of status and times, and what bcctl
// itself says of each at several times of the reader. The script has to agree.
func matrix(t *testing.T) (report.Input, []byte) {
	t.Helper()
	noon := reporttest.Noon
	in := report.Input{Now: noon, Report: check.Report{StartedAt: noon}}
	at := func(offset time.Duration) time.Time {
		if offset == 0 {
			return time.Time{}
		}
		return noon.Add(offset)
	}
	for _, status := range []readiness.Status{readiness.Red, readiness.Unknown, readiness.Yellow, readiness.Green} {
		for _, valid := range []time.Duration{0, -10 * time.Second, 5 * time.Second, time.Minute, 10 * time.Minute} {
			for _, reached := range []time.Duration{-20 * time.Second, time.Second, 30 * time.Second} {
				for _, soft := range []time.Duration{0, 5 * time.Second, 10 * time.Minute} {
					r := readiness.Result{Name: fmt.Sprintf("%s-%s-%s-%s", status, valid, reached, soft), Kind: readiness.KindResource, Platform: "p",
						Status: status, EvaluatedAt: at(reached), ObservedAt: at(-21 * time.Second), ValidUntil: at(valid)}
					if soft != 0 {
						r.Indicators = []readiness.IndicatorResult{{Observation: readiness.Observation{Indicator: "i", Value: readiness.Num(1)}, Status: readiness.Green, ValidUntil: at(soft)}}
					}
					in.Report.Results = append(in.Report.Results, r)
				}
			}
		}
	}
	in.Report.Summarize()
	var expected []expectation
	for _, offset := range []time.Duration{0, 4 * time.Second, 5 * time.Second, 28 * time.Second, 31 * time.Second, time.Minute, 11 * time.Minute, -time.Second, -2 * time.Second, -time.Hour} {
		e := expectation{noon.Add(offset), map[string]readiness.Status{}}
		for _, r := range in.Report.Results {
			e.Statuses[r.Name] = r.At(noon).At(e.At).Status // as written, then as read
		}
		expected = append(expected, e)
	}
	out, err := json.Marshal(expected)
	if err != nil {
		t.Fatal(err)
	}
	return in, out
}
