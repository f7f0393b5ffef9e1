package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func readSARIF(t *testing.T, data string) sarifRun {
	t.Helper()
	var log sarifLog
	d := json.NewDecoder(strings.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 {
		t.Fatalf("version %q, %d runs", log.Version, len(log.Runs))
	}
	return log.Runs[0]
}

// What GitHub and the standard ask of every result.
func TestSARIFResults(t *testing.T) {
	t.Parallel()
	run := readSARIF(t, render(t, "sarif", viewOf(sample())))
	if len(run.Results) != 7 {
		t.Fatalf("%d results, want 7", len(run.Results))
	}
	seen := map[string]bool{}
	for _, r := range run.Results {
		if r.RuleIndex < 0 || r.RuleIndex >= len(run.Tool.Driver.Rules) || run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("rule %d of result %s is another one", r.RuleIndex, r.RuleID)
		}
		if len(r.Locations) != 1 || r.Locations[0].Physical.Region.StartLine < 1 || r.Message.Text == "" {
			t.Errorf("result %s has place %+v and text %q", r.RuleID, r.Locations, r.Message.Text)
		}
		fingerprint := r.Fingerprints["primaryLocationLineHash"]
		if fingerprint == "" || seen[fingerprint] {
			t.Errorf("fingerprint %q of %s is not its own", fingerprint, r.RuleID)
		}
		seen[fingerprint] = true
	}
	first := run.Results[0]
	if first.RuleID != "LAG_OVER_RPO" || first.Level != "error" || first.Locations[0].Physical.Artifact.URI != "resources/pg.yaml" || first.Locations[0].Physical.Region.StartLine != 3 {
		t.Errorf("first result: %+v", first)
	}
	levels := map[string]string{}
	for _, r := range run.Results {
		levels[r.RuleID] = r.Level
	}
	for code, want := range map[string]string{"VIS_AUTH": "error", "SLOT_AT_RISK": "warning", "MEMBER_RED": "error"} {
		if levels[code] != want {
			t.Errorf("level of %s is %q, want %q", code, levels[code], want)
		}
	}
}

// An alert stays the same one while numbers, lines and order change.
func TestSARIFFingerprint(t *testing.T) {
	t.Parallel()
	one := func(name string, code readiness.Code, message string, line int) string {
		r := result(name, readiness.Red, readiness.Reason{Code: code, Status: readiness.Red, Message: message})
		r.Line = line
		return readSARIF(t, render(t, "sarif", viewOf(check.Report{Results: []readiness.Result{r}}))).Results[0].Fingerprints["primaryLocationLineHash"]
	}
	base := one("pg/a", readiness.LagOverRPO, "42 s", 3)
	if got := one("pg/a", readiness.LagOverRPO, "43 s", 9); got != base {
		t.Error("the fingerprint changes with the message or the line")
	}
	if one("pg/b", readiness.LagOverRPO, "42 s", 3) == base || one("pg/a", readiness.Diverged, "42 s", 3) == base {
		t.Error("another target or code has the same fingerprint")
	}
}

func TestSARIFJoinsReasonsOfOneCode(t *testing.T) {
	t.Parallel()
	r := result("pg/a", readiness.Red,
		readiness.Reason{Code: readiness.SlotLost, Status: readiness.Red, Message: "slot x is lost"}, readiness.Reason{Code: readiness.SlotLost, Status: readiness.Red, Message: "slot y is lost"})
	run := readSARIF(t, render(t, "sarif", viewOf(check.Report{Results: []readiness.Result{r}})))
	if len(run.Results) != 1 || run.Results[0].Message.Text != "pg/a: slot x is lost; slot y is lost" {
		t.Errorf("results: %+v", run.Results)
	}
}

func TestSARIFPlaces(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"": "bcctl.yaml", "resources/pg.yaml": "resources/pg.yaml", "./a b/数.yaml": "a%20b/%E6%95%B0.yaml", `dir\file.yaml`: "dir/file.yaml", "a:b.yaml": "a:b.yaml",
	} {
		r := result("pg/a", readiness.Red, readiness.Reason{Code: readiness.Diverged, Status: readiness.Red})
		r.File = file
		uri := readSARIF(t, render(t, "sarif", viewOf(check.Report{Results: []readiness.Result{r}}))).Results[0].Locations[0].Physical.Artifact.URI
		parsed, err := url.Parse(uri)
		if err != nil || parsed.IsAbs() {
			t.Errorf("file %q has the address %q, which is no relative reference (%v)", file, uri, err)
		}
		if uri != want && "./"+want != uri {
			t.Errorf("file %q has the address %q, want %q", file, uri, want)
		}
	}
}

func TestSARIFKeepsTheWorst(t *testing.T) {
	t.Parallel()
	var r check.Report
	for i := range 300 {
		r.Results = append(r.Results, result(fmt.Sprintf("pg/yellow-%03d", i), readiness.Yellow, readiness.Reason{Code: readiness.Clearing, Status: readiness.Yellow, Message: "wait"}),
			result(fmt.Sprintf("pg/red-%03d", i), readiness.Red, readiness.Reason{Code: readiness.Diverged, Status: readiness.Red, Message: "diverged"},
				readiness.Reason{Code: readiness.SlotAtRisk, Status: readiness.Yellow, Message: "slot"}))
	}
	v := viewOf(r)
	v.Now = finished
	for name, limits := range map[string]sarifLimits{"results": {results: 200, gzipped: 10 << 20}, "size": {results: 25_000, gzipped: 8 << 10}} {
		data, err := v.sarif(limits)
		if err != nil {
			t.Fatal(err)
		}
		size, err := gzippedSize(data)
		if err != nil {
			t.Fatal(err)
		}
		run := readSARIF(t, string(data))
		if n := len(run.Results); n > limits.results || size > limits.gzipped || n == 0 {
			t.Errorf("%s: %d results of %d bytes", name, n, size)
		}
		for _, x := range run.Results {
			if len(run.Results) <= 300 && x.Level != "error" {
				t.Errorf("%s: %s is kept though a red result was left out", name, x.RuleID)
				break
			}
		}
		want := fmt.Sprintf("%d results are left out", 900-len(run.Results))
		if notes := run.Invocations[0].Notifications; len(notes) != 1 || !strings.Contains(notes[0].Message.Text, want) {
			t.Errorf("%s: notifications %+v, want %q", name, notes, want)
		}
	}
	if _, err := v.sarif(sarifLimits{results: 10, gzipped: 1}); err != nil {
		t.Errorf("nothing fits: %v", err)
	}
}

// The official schema may not be copied into this repository; whoever has it names
// the file.
const sarifSchemaFile = "BCCTL_TEST_SARIF_SCHEMA"

func TestSARIFIsOfTheOfficialSchema(t *testing.T) {
	t.Parallel()
	path := os.Getenv(sarifSchemaFile)
	if path == "" {
		t.Skipf("set %s to a copy of %s", sarifSchemaFile, sarifSchema)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]check.Report{"sample": sample(), "replay": replayed(), "healthy": healthy(), "empty": {}, "hostile": hostileEverywhere(), "crowd": crowd(300, 3)} {
		v := viewOf(r)
		v.Docs = "https://bcctl.dev/docs/reason-codes.html"
		out, err := v.sarif(sarifLimits{results: 250, gzipped: 10 << 20})
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
