package render

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/yamldoc"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/schemas"
)

// object decodes a JSON object.
func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return o
}

func hasKeys(t *testing.T, what string, o map[string]any, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if _, ok := o[key]; !ok {
			t.Errorf("%s has no %q", what, key)
		}
	}
}

// What programs rely on. Keys of a result that say nothing are left out: those
// marked below are there only where the result has one.
func TestJSONContract(t *testing.T) {
	t.Parallel()
	report := object(t, render(t, "json", viewOf(sample())))
	hasKeys(t, "report", report, "schema", "bcctl", "commit", "runId", "startedAt", "finishedAt", "verdict", "counts", "results", "transitions")
	results := report["results"].([]any)
	if len(results) != 6 {
		t.Fatalf("%d results, want 6", len(results))
	}
	for _, x := range results {
		r := x.(map[string]any)
		hasKeys(t, "result", r, "name", "kind", "tier", "status", "observedAt", "evaluatedAt", "validUntil", "reasons", "indicators", "children")
		for _, list := range []string{"reasons", "indicators", "children"} {
			if _, ok := r[list].([]any); !ok {
				t.Errorf("%s of %s is %v, want a list", list, r["name"], r[list])
			}
		}
		for _, y := range r["reasons"].([]any) {
			hasKeys(t, "reason", y.(map[string]any), "code", "status", "message", "value", "threshold")
		}
	}
	first := results[0].(map[string]any)
	hasKeys(t, "resource", first, "platform", "lastKnownGood") // lastKnownGood: where there is one and the result is not green
	hasKeys(t, "reason about a number", first["reasons"].([]any)[0].(map[string]any), "indicator", "unit")
	if first["name"] != "pg/ledger" || first["status"] != "red" || report["verdict"] != "red" {
		t.Errorf("first result %v %v, verdict %v", first["name"], first["status"], report["verdict"])
	}
}

func TestJSONIsOfItsSchema(t *testing.T) {
	t.Parallel()
	data, ok := schemas.For("Report")
	if !ok {
		t.Fatal("there is no schema of reports")
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("report.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("report.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]check.Report{"sample": sample(), "replay": replayed(), "healthy": healthy(), "empty": {}} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(render(t, "json", viewOf(r))))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Texts come back from JSON as the server sent them, however they are written.
func TestJSONKeepsTexts(t *testing.T) {
	t.Parallel()
	text := "\u009b \u202e \x7f \U000e0041 ##[error] ###[x] \" \\ 数据 \u200d €"
	r := check.Report{Results: []readiness.Result{result("a", readiness.Red, readiness.Reason{Code: readiness.Diverged, Status: readiness.Red, Message: text})}}
	out := render(t, "json", viewOf(r))
	var back check.Report
	if err := json.Unmarshal([]byte(out), &back); err != nil {
		t.Fatal(err)
	}
	if got := back.Results[0].Reasons[0].Message; got != text {
		t.Errorf("message came back as %q, want %q", got, text)
	}
	if strings.ContainsAny(out, "\u009b\u202e\x7f\U000e0041") || strings.Contains(out, "##[") {
		t.Errorf("written as %q", out)
	}
}

// A report that was read from JSON is written the same way again.
func TestJSONRoundTrip(t *testing.T) {
	t.Parallel()
	first := render(t, "json", viewOf(sample()))
	var back check.Report
	if err := json.Unmarshal([]byte(first), &back); err != nil {
		t.Fatal(err)
	}
	if second := render(t, "json", viewOf(back)); second != first {
		t.Errorf("written anew it differs:\n%s", cmp.Diff(first, second))
	}
}

func TestJSONLines(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSuffix(render(t, "jsonl", viewOf(sample())), "\n"), "\n")
	if len(lines) != 7 {
		t.Fatalf("%d lines, want 6 results and the summary", len(lines))
	}
	for _, line := range lines[:6] {
		hasKeys(t, "line", object(t, line), "name", "status", "reasons")
	}
	last := object(t, lines[6])
	if len(last) != 1 {
		t.Fatalf("last line is %s", lines[6])
	}
	summary := last["summary"].(map[string]any)
	hasKeys(t, "summary", summary, "schema", "bcctl", "commit", "runId", "startedAt", "finishedAt", "verdict", "counts", "resultCount", "transitions")
	if summary["resultCount"] != 6.0 || summary["verdict"] != "red" {
		t.Errorf("summary = %v", summary)
	}
}

// YAML says what JSON says, but for an old workflow command in a text.
func TestYAMLEqualsJSON(t *testing.T) {
	t.Parallel()
	v := viewOf(healthy())
	docs, problems := yamldoc.Parse([]byte(render(t, "yaml", v)))
	if len(problems) > 0 || len(docs) != 1 {
		t.Fatalf("%d documents, problems %v", len(docs), problems)
	}
	fromYAML, err := json.Marshal(docs[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(object(t, render(t, "json", v)), object(t, string(fromYAML))); diff != "" {
		t.Errorf("YAML differs (-JSON +YAML):\n%s", diff)
	}
}

// Equal input gives equal bytes, whatever its order.
func TestOutputIsStable(t *testing.T) {
	t.Parallel()
	shuffled := sample()
	slices.Reverse(shuffled.Results)
	for i := range shuffled.Results {
		slices.Reverse(shuffled.Results[i].Reasons)
	}
	for _, spec := range allSpecs() {
		if a, b := render(t, spec, viewOf(sample())), render(t, spec, viewOf(shuffled)); a != b {
			t.Errorf("%s depends on the order of its input:\n%s", spec, cmp.Diff(a, b))
		}
	}
}
