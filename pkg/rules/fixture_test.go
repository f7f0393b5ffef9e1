package rules_test

import (
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Indicators of the platform that the tests judge. Three are required.
const (
	topology readiness.ID = "topology"                     // required, a text
	lag      readiness.ID = "replication.lag"              // required, bytes
	skew     readiness.ID = "clock.skew"                   // required, signed seconds
	exposure readiness.ID = "replication.exposure_seconds" // optional, has a built-in threshold from the RPO
	free     readiness.ID = "slot.free"                    // optional, bytes, low is bad
	archive  readiness.ID = "archive.state"                // optional, a text
	lone     readiness.ID = "site.lone"                    // optional, a flag
)

func catalog(platform string) []readiness.Indicator {
	if platform != "postgresql" {
		return nil
	}
	return []readiness.Indicator{
		{ID: topology, Required: true},
		{ID: lag, Unit: readiness.Bytes, Required: true, Breach: readiness.ReplicationLagHigh},
		{ID: skew, Unit: readiness.Seconds, Required: true, Signed: true},
		{ID: exposure, Unit: readiness.Seconds, Breach: readiness.LagOverRPO},
		{ID: free, Unit: readiness.Bytes, LowIsBad: true, Breach: readiness.SlotAtRisk},
		{ID: archive},
		{ID: lone},
	}
}

var ledger = rules.Subject{Name: "ledger", Platform: "postgresql", Tier: 1, Environment: "production"}

// judge compiles policies, each in a file named by its position, for a subject.
func judge(t testing.TB, sub rules.Subject, policies ...rules.Policy) *rules.Judge {
	t.Helper()
	var documents []rules.Document
	for i, p := range policies {
		documents = append(documents, rules.Document{Policy: p, Source: string(rune('a'+i)) + ".yaml:1"})
	}
	set, err := rules.NewSet(documents, catalog)
	if err != nil {
		t.Fatal(err)
	}
	j, err := set.For(sub)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// read is a reading of the resource as a whole, made at noon.
func read(id readiness.ID, v readiness.Value) readiness.Observation {
	return readiness.Observation{Target: "ledger", Indicator: id, Value: v, ObservedAt: noon, CollectedAt: noon}
}

// readAt is a reading of an endpoint, made at noon.
func readAt(endpoint string, id readiness.ID, v readiness.Value) readiness.Observation {
	o := read(id, v)
	o.Endpoint = endpoint
	return o
}

// failed is a reading of an endpoint that could not be made.
func failed(endpoint string, id readiness.ID, code readiness.Code) readiness.Observation {
	return readiness.Observation{Target: "ledger", Endpoint: endpoint, Indicator: id, CollectedAt: noon,
		Failure: &readiness.Finding{Code: code, Message: "given by the test"}}
}

// healthy is everything required, read at noon and good, and more.
func healthy(more ...readiness.Observation) []readiness.Observation {
	return append([]readiness.Observation{
		read(topology, readiness.Str("primary a; standby b")), readAt("b", lag, readiness.Num(0)),
		readAt("a", skew, readiness.Num(-0.1)), readAt("b", skew, readiness.Num(0.1)),
	}, more...)
}

// without leaves the readings of one indicator out.
func without(id readiness.ID, observations []readiness.Observation) []readiness.Observation {
	return slices.DeleteFunc(slices.Clone(observations), func(o readiness.Observation) bool { return o.Indicator == id })
}

// shifted moves readings to another time.
func shifted(by time.Duration, observations []readiness.Observation) []readiness.Observation {
	moved := slices.Clone(observations)
	for i := range moved {
		if !moved[i].ObservedAt.IsZero() {
			moved[i].ObservedAt = moved[i].ObservedAt.Add(by)
		}
	}
	return moved
}

// now judges at noon without a run before.
func now(j *rules.Judge, observations []readiness.Observation) readiness.Result {
	r, _ := j.Evaluate(noon, observations, rules.State{})
	return r
}

func codesOf(r readiness.Result) []readiness.Code {
	var codes []readiness.Code
	for _, x := range r.Reasons {
		codes = append(codes, x.Code)
	}
	return codes
}

// expect checks a status and that exactly these codes are the reasons.
func expect(t *testing.T, r readiness.Result, s readiness.Status, codes ...readiness.Code) {
	t.Helper()
	if got := codesOf(r); r.Status != s || !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(codes))) {
		t.Errorf("%s is %s %v, want %s %v", r.Name, r.Status, got, s, codes)
		for _, x := range r.Reasons {
			t.Logf("  %s %s %s", x.Status, x.Code, x.Message)
		}
	}
}

func dur(d time.Duration) *duration.Duration {
	v := duration.Duration(d)
	return &v
}

func quantity(q rules.Quantity) *rules.Quantity { return &q }

func level(raise rules.Quantity) *rules.Level { return &rules.Level{Raise: raise} }
