package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/runbook"
	"github.com/bcctl/bcctl/schemas"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func planFixture() PlanView {
	second, minute := duration.Duration(time.Second), duration.Duration(time.Minute)
	reads := false
	three := 3.0
	digest := runbook.Digest("sha256:" + strings.Repeat("a", 64))
	freeze, thaw := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	member := runbook.MemberPlan{
		Resource: "ledger", Platform: "postgresql", Environment: "production", Tier: 1, From: "fra", To: "ams",
		Topology: map[string]string{"ledger-a": "primary", "ledger-b": "standby"}, Runbook: "pg.native/switchover", Source: "bcctl:runbooks/pg.native/switchover",
		Parameters: map[string]string{"hook": "/hook"},
		Prechecks:  []runbook.Check{{ID: "target", Name: "the target is a standby"}, {ID: "gap", Name: "what it lacks is small"}, {ID: "hook", Name: "the hook works"}},
		Steps: []runbook.Step{
			{ID: "mark", Name: "record positions", Operation: runbook.Operation{Uses: "pg.native/mark"}, Mutates: &reads, Expected: &second},
			{ID: "stop", Name: "stop the old primary", Operation: runbook.Operation{Command: &runbook.Command{Run: []string{"/hook", "stop"}}}, Timeout: &minute,
				Done: &runbook.Operation{Command: &runbook.Command{Run: []string{"/hook", "status"}}}, Undo: &runbook.Operation{Command: &runbook.Command{Run: []string{"/hook", "start"}}}},
			{ID: "promote", Name: "promote", Operation: runbook.Operation{Uses: "pg.native/promote"}, Idempotent: true},
			{ID: "look", Operation: runbook.Operation{Manual: &runbook.Manual{Instructions: "Look.", Attest: "It is so."}}},
		},
		Postchecks: []runbook.Check{{ID: "one", Name: "one primary"}}, PointOfNoReturn: "promote", HoldPoints: []string{"stop", "look"},
		Atomic: []runbook.Section{{From: "stop", To: "promote"}}, Soak: "30s",
	}
	return PlanView{
		Plan: runbook.Plan{Schema: runbook.PlanSchema, Request: "r-1", Type: runbook.Switchover, Target: "ledger", From: "fra", To: "ams", Tier: 1,
			Waves: []runbook.Wave{{Members: []runbook.MemberPlan{member}}}, Pins: map[string]runbook.Digest{"resources/ledger.yaml": digest}, Commit: "c0ffee", Bcctl: "1.0.0", Digest: digest,
			Live: runbook.Live{At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
				Members: []runbook.LiveMember{{Resource: "ledger", Status: "green", Prechecks: []runbook.CheckSeen{
					{ID: "target", Result: "passed", Message: "in recovery"},
					{ID: "gap", Result: "refused", Code: "REPLICATION_LAG_HIGH", Message: "17 MiB\x1b[31m | <b>@all</b>"}},
					Expected: runbook.Estimate{Seconds: &three, Basis: "sum"}, Loss: runbook.LossEstimate{AtLeast: "1 KiB", Method: "read"}, Return: "back"}},
				Refusals: []runbook.Refusal{{Rule: "POL-02", Message: "no entry", Next: "add one"}},
				Freezes: []runbook.FreezeSeen{
					{Calendar: "bank", Name: "closing", Reason: "quarter", Place: "policies/calendar.yaml:1", Resource: "ledger", From: freeze, Until: &thaw, Holds: true},
					{Calendar: "bank", Name: "nightly", Place: "policies/calendar.yaml:1", Resource: "ledger", From: thaw}},
				FreezesUntil: &thaw, Override: []runbook.ApproverNeed{{Role: "it", Who: []string{"eve"}}},
				Unchecked: []runbook.Unchecked{{Resource: "ledger", What: "precheck hook", Why: "a plan runs none"}},
				Approvers: []runbook.ApproverNeed{{Role: "it", Who: []string{"eve"}}, {Role: "business", Who: []string{}, Team: "acme/owners"}},
				Expected:  runbook.Estimate{Seconds: &three, Basis: "sum"}}},
		Digest: digest, Refused: true,
	}
}

// The texts are compared with files, so that every change of them is looked at.
func TestPlanGolden(t *testing.T) {
	t.Parallel()
	for format, file := range map[string]string{"table": "plan.txt", "markdown": "plan.md", "json": "plan.json"} {
		v := planFixture()
		v.Profile = term.Profile{Width: 90}
		var out bytes.Buffer
		if err := Plan(&out, format, "", v); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "\x1b") {
			t.Errorf("%s: a server's escape code is in the text", format)
		}
		path := filepath.Join("testdata", file)
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || string(want) != out.String() {
			t.Errorf("%s differs from %s (%v):\n%s", format, path, err, out.String())
		}
	}
	if _, err := os.Stat("testdata"); err != nil {
		t.Fatal(err)
	}
	if err := Plan(&bytes.Buffer{}, "pdf", "", planFixture()); err == nil {
		t.Error("a format that does not exist was made")
	}
}

// What -o json prints fits the published schema.
func TestPlanFitsItsSchema(t *testing.T) {
	t.Parallel()
	data, ok := schemas.For("plan")
	if !ok {
		t.Fatal("no schema")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plan.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("plan.json")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Plan(&out, "json", "", planFixture()); err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); err != nil {
		t.Error(err)
	}
}

// A text for GitHub stays under its limit and says what it left out.
func TestPlanMarkdownStaysUnderTheLimit(t *testing.T) {
	t.Parallel()
	v := planFixture()
	one := v.Plan.Waves[0].Members[0]
	for i := range 200 {
		m := one
		m.Resource = fmt.Sprintf("db-%03d", i)
		v.Plan.Waves[0].Members = append(v.Plan.Waves[0].Members, m)
	}
	text := v.Markdown()
	if len(text) > markdownLimit {
		t.Errorf("%d bytes", len(text))
	}
	if !strings.Contains(text, "are left out here") || !strings.Contains(text, "bcctl-approve sha256:") {
		t.Error("it does not say what it left out, or how to approve")
	}
}

// A plan shows exactly what is sent: a line break ends a comment, so it is not left out.
func TestStatementIsShownInFull(t *testing.T) {
	t.Parallel()
	expect := "1"
	for want, sql := range map[string]runbook.SQL{
		`statement on the new side: DELETE FROM app.locks`:                                  {Side: runbook.New, Statement: "DELETE FROM app.locks\n"},
		`statement on the old side, database app: SELECT 1 (must answer "1")`:               {Side: runbook.Old, Database: "app", Statement: "SELECT 1", Expect: &expect},
		`statement on the new side: "-- all of it\nDELETE FROM app.locks\n  WHERE s = 'a'"`: {Side: runbook.New, Statement: "-- all of it\nDELETE FROM app.locks\n  WHERE s = 'a'"},
	} {
		if got := Operation(runbook.Operation{SQL: &sql}); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
