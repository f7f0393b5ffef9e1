package render

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func TestSeenWorksOutTheSum(t *testing.T) {
	t.Parallel()
	v := viewOf(sample())
	v.Report.Verdict, v.Report.Counts = readiness.Green, check.Counts{Green: 100} // whatever was said before
	r := v.Seen()
	if r.Verdict != readiness.Red || r.Counts != (check.Counts{Red: 1, Unknown: 1, Yellow: 1, Green: 2}) {
		t.Errorf("verdict %s, counts %+v", r.Verdict, r.Counts)
	}
	v.Now = reader.Add(time.Hour)
	r = v.Seen()
	if r.Verdict != readiness.Red || r.Counts != (check.Counts{Red: 1, Unknown: 4}) {
		t.Errorf("an hour later: verdict %s, counts %+v", r.Verdict, r.Counts)
	}
	if empty := (View{Now: reader}).Seen(); empty.Verdict != readiness.Unknown {
		t.Errorf("the verdict on nothing is %s", empty.Verdict)
	}
}

func TestSeenLeavesTheReportAlone(t *testing.T) {
	t.Parallel()
	v := viewOf(sample())
	v.Now = reader.Add(time.Hour)
	clean(v.Seen())
	equal := cmp.Comparer(func(a, b readiness.Value) bool { return a == b })
	if diff := cmp.Diff(sample(), v.Report, equal); diff != "" {
		t.Errorf("the report was changed:\n%s", diff)
	}
}

func TestSeenIsUTC(t *testing.T) {
	t.Parallel()
	v := viewOf(sample())
	r := &v.Report.Results[0]
	r.ObservedAt, r.Indicators[0].ObservedAt, r.LastKnownGood.ObservedAt = r.ObservedAt.In(zone), r.Indicators[0].ObservedAt.In(zone), r.LastKnownGood.ObservedAt.In(zone)
	v.Report.StartedAt, v.Report.Transitions[0].Since = v.Report.StartedAt.In(zone), v.Report.Transitions[0].Since.In(zone)
	if got, want := render(t, "json", v), render(t, "json", viewOf(sample())); got != want {
		t.Errorf("times depend on their location:\n%s", cmp.Diff(want, got))
	}
}

// The newest good evidence is never shown as a verdict.
func TestLastKnownGoodIsNotGreen(t *testing.T) {
	t.Parallel()
	v := viewOf(sample())
	fresh := &v.Report.Results[0].LastKnownGood.Indicators[0]
	fresh.ValidUntil = reader.Add(time.Hour)
	if got := v.Seen().Results[0].LastKnownGood.Indicators[0].Status; got != readiness.Unknown {
		t.Errorf("status of the last known good reading is %s", got)
	}
}
