package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/schemas"
)

func reportSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, ok := schemas.For("Report")
	if !ok {
		t.Fatal("no schema of the report")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("report.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("report.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// encoded is a report as its readers get it.
func encoded(t *testing.T, r check.Report) map[string]any {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return value.(map[string]any)
}

func sample() check.Report {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	indicator := readiness.IndicatorResult{
		Observation: readiness.Observation{Target: "pg/ledger", Endpoint: "ams1", Indicator: "replication.lag_bytes", Value: readiness.Num(5), ObservedAt: at, CollectedAt: at},
		Unit:        readiness.Bytes, Status: readiness.Green, ValidUntil: at, Required: true,
	}
	child := readiness.Result{Name: "pg/ledger", Kind: readiness.KindResource, Status: readiness.Red, ObservedAt: at, EvaluatedAt: at, ValidUntil: at,
		Reasons:    []readiness.Reason{{Code: readiness.LagOverRPO, Status: readiness.Red, Message: "m", Value: readiness.Num(31), Threshold: readiness.Num(30), Unit: readiness.Seconds}},
		Indicators: []readiness.IndicatorResult{indicator}, Children: []readiness.Result{},
	}
	group := child
	group.Kind, group.Children = readiness.KindGroup, []readiness.Result{child}
	return check.Report{
		Schema: check.ReportSchema, Bcctl: "v1", RunID: "r", StartedAt: at, FinishedAt: at, Verdict: readiness.Red, Counts: check.Counts{Red: 1},
		Replay: &check.Replay{RecordedAt: at}, Results: []readiness.Result{group, child},
		Transitions: []check.Transition{{Target: "pg/ledger", Kind: check.Raised, From: readiness.Green, To: readiness.Red, Code: readiness.LagOverRPO, Since: at, At: at}},
	}
}

func TestReportFitsItsSchema(t *testing.T) {
	t.Parallel()
	s := reportSchema(t)
	report := encoded(t, sample())
	if err := s.Validate(report); err != nil {
		t.Errorf("a report does not fit: %v", err)
	}
	report["addedLater"] = map[string]any{"x": 1}
	if err := s.Validate(report); err != nil {
		t.Errorf("a report with a field of a later version does not fit: %v", err)
	}
	for name, spoil := range map[string]func(map[string]any){
		"no verdict":           func(r map[string]any) { delete(r, "verdict") },
		"counts are a text":    func(r map[string]any) { r["counts"] = "many" },
		"a result has no name": func(r map[string]any) { delete(r["results"].([]any)[1].(map[string]any), "name") },
		"a child has no status": func(r map[string]any) {
			delete(r["results"].([]any)[0].(map[string]any)["children"].([]any)[0].(map[string]any), "status")
		},
	} {
		broken := encoded(t, sample())
		spoil(broken)
		if err := s.Validate(broken); err == nil {
			t.Errorf("a report fits although %s", name)
		}
	}
}
