package readiness_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// verdict is a result with one reading and one child, all of one status and good
// for a minute from noon.
func verdict(s readiness.Status) readiness.Result {
	reading := readiness.IndicatorResult{
		Observation: readiness.Observation{Target: "ledger", Endpoint: "a", Indicator: "lag", Value: readiness.Num(1), ObservedAt: noon, CollectedAt: noon},
		Status:      s, ValidUntil: noon.Add(time.Minute), Required: true,
	}
	child := readiness.Result{Name: "a", Kind: readiness.KindEndpoint, Status: s, EvaluatedAt: noon, ValidUntil: noon.Add(time.Minute)}
	r := child
	r.Name, r.Kind = "ledger", readiness.KindResource
	r.Indicators, r.Children = []readiness.IndicatorResult{reading}, []readiness.Result{child}
	return r
}

func codesOf(r readiness.Result) []readiness.Code {
	var codes []readiness.Code
	for _, x := range r.Reasons {
		codes = append(codes, x.Code)
	}
	return codes
}

// SI-7: green expires by the reader's clock, at the very moment of ValidUntil, in
// the resource, its endpoints and its readings.
func TestSI7VerdictsExpire(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		is     readiness.Status
		after  time.Duration
		want   readiness.Status
		reason readiness.Code
	}{
		{"green within", readiness.Green, 59 * time.Second, readiness.Green, ""},
		{"green at the end", readiness.Green, time.Minute, readiness.Unknown, readiness.VisStale},
		{"green after", readiness.Green, time.Hour, readiness.Unknown, readiness.VisStale},
		{"yellow within", readiness.Yellow, 59 * time.Second, readiness.Yellow, ""},
		{"yellow after", readiness.Yellow, time.Minute, readiness.Unknown, readiness.VisStale},
		{"unknown after", readiness.Unknown, time.Minute, readiness.Unknown, readiness.VisStale},
		{"red after stays red", readiness.Red, time.Hour, readiness.Red, readiness.VisStale},
		{"reader a little behind", readiness.Green, -readiness.SkewTolerance, readiness.Green, ""},
		{"reader far behind", readiness.Green, -readiness.SkewTolerance - 1, readiness.Unknown, readiness.ClockSkew},
		{"red and reader far behind", readiness.Red, -time.Hour, readiness.Red, readiness.ClockSkew},
	} {
		got := verdict(tt.is).At(noon.Add(tt.after))
		parts := map[string]readiness.Status{"resource": got.Status, "endpoint": got.Children[0].Status, "reading": got.Indicators[0].Status}
		for part, status := range parts {
			if status != tt.want {
				t.Errorf("%s: %s is %s, want %s", tt.name, part, status, tt.want)
			}
		}
		switch {
		case tt.reason == "" && len(got.Reasons) > 0:
			t.Errorf("%s: has reasons %v", tt.name, codesOf(got))
		case tt.reason != "" && (!slices.Contains(codesOf(got), tt.reason) || !slices.Contains(codesOf(got.Children[0]), tt.reason)):
			t.Errorf("%s: reasons %v and %v, want %s in both", tt.name, codesOf(got), codesOf(got.Children[0]), tt.reason)
		}
	}
}

// SI-7: a verdict that never was valid is not green at any time.
func TestSI7WithoutValidUntilNothingIsGreen(t *testing.T) {
	t.Parallel()
	r := verdict(readiness.Green)
	r.ValidUntil, r.Indicators[0].ValidUntil, r.Children[0].ValidUntil = time.Time{}, time.Time{}, time.Time{}
	got := r.At(noon)
	if got.Status != readiness.Unknown || got.Children[0].Status != readiness.Unknown || got.Indicators[0].Status != readiness.Unknown {
		t.Errorf("resource %s, endpoint %s, reading %s", got.Status, got.Children[0].Status, got.Indicators[0].Status)
	}
}

// An optional reading that expires before the verdict does makes it what a check
// at that time would make it: yellow.
func TestExpiredOptionalReadingMakesYellow(t *testing.T) {
	t.Parallel()
	r := verdict(readiness.Green)
	r.Indicators[0].Required = false
	r.Indicators[0].ValidUntil = noon.Add(10 * time.Second)
	if got := r.At(noon.Add(9 * time.Second)); got.Status != readiness.Green {
		t.Errorf("before: %s", got.Status)
	}
	got := r.At(noon.Add(10 * time.Second))
	if got.Status != readiness.Yellow || got.Indicators[0].Status != readiness.Unknown {
		t.Errorf("after: resource %s, reading %s", got.Status, got.Indicators[0].Status)
	}
	if len(got.Reasons) != 1 || got.Reasons[0].Code != readiness.VisStale || got.Reasons[0].Indicator != "lag" {
		t.Errorf("reasons %+v", got.Reasons)
	}
}

// A reading that failed keeps what it was judged to be: an optional one is yellow
// and not more.
func TestFailedReadingDoesNotExpire(t *testing.T) {
	t.Parallel()
	r := verdict(readiness.Yellow)
	r.Indicators[0].ValidUntil = time.Time{}
	if got := r.At(noon); got.Status != readiness.Yellow || got.Indicators[0].Status != readiness.Yellow {
		t.Errorf("resource %s, reading %s", got.Status, got.Indicators[0].Status)
	}
}

func TestAtDoesNotChangeTheOriginal(t *testing.T) {
	t.Parallel()
	r := verdict(readiness.Green)
	r.Reasons = append(make([]readiness.Reason, 0, 8), readiness.Reason{Code: readiness.PrimaryNotHome, Status: readiness.Yellow})
	before, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	expired := r.At(noon.Add(time.Hour))
	expired.Reasons[0].Message, expired.Children[0].Name, expired.Indicators[0].Endpoint = "changed", "changed", "changed"
	after, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Errorf("the original became\n%s, was\n%s", after, before)
	}
	if spare := r.Reasons[:2][1]; spare.Code != "" {
		t.Errorf("At wrote %s behind the original's reasons", spare.Code)
	}
}

// A reader may pass a result on to another one with the same clock.
func TestAtTwiceIsAtOnce(t *testing.T) {
	t.Parallel()
	for _, s := range byPrecedence {
		for _, after := range []time.Duration{-time.Hour, 0, time.Hour} {
			once := verdict(s).At(noon.Add(after))
			twice := once.At(noon.Add(after))
			a, _ := json.Marshal(once)
			b, _ := json.Marshal(twice)
			if string(a) != string(b) {
				t.Errorf("%s after %s: once %s, twice %s", s, after, a, b)
			}
		}
	}
}

// No clock makes any verdict better than it was reached.
func TestAtNeverImproves(t *testing.T) {
	t.Parallel()
	for _, s := range byPrecedence {
		for _, after := range []time.Duration{-time.Hour, -time.Second, 0, 59 * time.Second, time.Minute, time.Hour} {
			if got := verdict(s).At(noon.Add(after)); s.Worse(got.Status) {
				t.Errorf("%s became %s after %s", s, got.Status, after)
			}
		}
	}
}

func TestResultRoundTrip(t *testing.T) {
	t.Parallel()
	r := verdict(readiness.Red)
	r.Reasons = []readiness.Reason{{Code: readiness.LagOverRPO, Status: readiness.Red, Message: "m", Endpoint: "a", Indicator: "lag",
		Value: readiness.Num(9), Unit: readiness.Seconds, Threshold: readiness.Num(5), Source: "p.yaml:3"}}
	r.LastKnownGood = &readiness.LastKnownGood{ObservedAt: noon, Indicators: r.Indicators}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back readiness.Result
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != string(data) {
		t.Errorf("%s came back as %s (%v)", data, again, err)
	}
	if back.Reasons[0].Threshold != r.Reasons[0].Threshold || back.Indicators[0].Key() != r.Indicators[0].Key() {
		t.Errorf("came back as %+v", back)
	}
}
