package logbook

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const canary = "canary-5f1e0c"

// plant puts the canary into every text of a value.
func plant(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		plant(v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[readiness.Value]() {
			v.Set(reflect.ValueOf(readiness.Str(canary)))
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				plant(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type().Elem() != v.Type() && v.Len() == 0 && v.Type().Elem() != reflect.TypeFor[readiness.Result]() {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			plant(v.Index(i))
		}
	case reflect.String:
		v.SetString(canary)
	default:
	}
}

// named puts back what an entry is meant to have.
func named(r *readiness.Result, kind readiness.ResultKind, name string) {
	r.Kind, r.Name, r.Environment = kind, name, "production"
	for i := range r.Reasons {
		r.Reasons[i].Code = readiness.QueryFailed
	}
}

// Of a report, only names, codes, the commit and times reach an entry: no message, no
// reading, no address, whatever servers and configurations say there.
func TestOnlyCodesAreRecorded(t *testing.T) {
	t.Parallel()
	report := check.Report{Results: []readiness.Result{{Children: []readiness.Result{{}}}, {}}}
	plant(reflect.ValueOf(&report).Elem())
	report.Commit = "0123456789abcdef"
	group := &report.Results[0]
	named(group, readiness.KindGroup, "shop")
	named(&group.Children[0], readiness.KindResource, "orders")
	named(&report.Results[1], readiness.KindResource, "ledger")
	if group.Reasons[0].Message != canary || group.Children[0].Reasons[0].Message != canary || !strings.Contains(group.Indicators[0].Observation.Target, canary) {
		t.Fatalf("the canary is not where it belongs: %+v", group)
	}
	entries := Verdicts(report, audit.Actor{Kind: "service", ID: "1"})
	if len(entries) != 2 {
		t.Fatalf("%d entries, want one of the group and one of the resource in none", len(entries))
	}
	s, err := audit.NewRun("example.com/acme/audit", noon, "test").Open(noon, audit.View{Seen: audit.TreeHead{Root: strings.Repeat("0", 64)}}, audit.SignerID{Backend: "ed25519", KeyID: "k"}, entries...)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(s.Raw); strings.Contains(text, canary) || strings.Count(text, "QUERY_FAILED") != 3 || !strings.Contains(text, `"name":"orders"`) {
		t.Errorf("the segment has more or less than names and codes:\n%s", text)
	}
}

func TestNewVerdicts(t *testing.T) {
	t.Parallel()
	entry := func(status string, reasons ...string) audit.Entry {
		return audit.Entry{Type: audit.CheckResult, System: "shop", Verdict: &audit.Verdict{Status: status}, Reasons: reasons}
	}
	before := entry("red", "LAG_OVER_RPO")
	before.Time = audit.At(noon)
	past := Past{Verdicts: map[string]audit.Recorded{"shop": {Entry: before}}}
	for _, c := range []struct {
		name string
		now  time.Time
		e    audit.Entry
		want int
	}{
		{"the same on the same day", noon.Add(time.Hour), entry("red", "LAG_OVER_RPO"), 0},
		{"the same on the next day", noon.Add(12 * time.Hour), entry("red", "LAG_OVER_RPO"), 1},
		{"another status", noon.Add(time.Hour), entry("green"), 1},
		{"another reason", noon.Add(time.Hour), entry("red", "REPLAY_PAUSED"), 1},
	} {
		if got := past.New([]audit.Entry{c.e}, c.now); len(got) != c.want {
			t.Errorf("%s: %d entries, want %d", c.name, len(got), c.want)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	past := Past{Newest: noon, Quiet: time.Hour}
	by := audit.Actor{Kind: "service", ID: "1"}
	if e := past.Heartbeat(noon.Add(time.Hour-time.Second), by); e != nil {
		t.Errorf("a heartbeat before its time: %+v", e)
	}
	if e := past.Heartbeat(noon.Add(time.Hour), by); e == nil || e.Type != audit.Heartbeat {
		t.Errorf("no heartbeat when it is time: %+v", e)
	}
}
