package render

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with testdata/<name of the test>.golden.
func golden(t *testing.T, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(t.Name())+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run the test with -update and read the difference (-want +got):\n%s", path, cmp.Diff(string(want), string(got)))
	}
}

var (
	zone     = time.FixedZone("CET", 3600)
	finished = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	reader   = finished.Add(4 * time.Second).In(zone)
)

// hostile is what a server may send as its error text.
const hostile = "could not archive:\n::error file=x::injected ##[error]old \x1b[31mpainted\x1b[0m | `tick` <script>alert(1)</script> @everyone #1 [a](https://evil.example) \u009b2J\u202e"

// long is a name that is longer and wider than a column.
const long = "pg/数据库灾难恢复准备情况监控系统主数据中心订单数据库"

func reading(endpoint string, id readiness.ID, value readiness.Value, unit readiness.Unit, required bool) readiness.IndicatorResult {
	return readiness.IndicatorResult{
		Observation: readiness.Observation{Target: "pg/ledger", Endpoint: endpoint, Indicator: id, Value: value,
			ObservedAt: finished, CollectedAt: finished.Add(20 * time.Millisecond)},
		Unit: unit, Status: readiness.Green, ValidUntil: finished.Add(time.Minute), Required: required,
	}
}

func result(name string, status readiness.Status, reasons ...readiness.Reason) readiness.Result {
	return readiness.Result{
		Name: name, Kind: readiness.KindResource, Platform: "postgresql", Tier: 1, Environment: "production", Owner: "payments", Status: status,
		ObservedAt: finished, EvaluatedAt: finished, ValidUntil: finished.Add(time.Minute), Reasons: reasons, File: "resources/pg.yaml", Line: 3,
	}
}

func ledger() readiness.Result {
	r := result("pg/ledger", readiness.Red,
		readiness.Reason{Code: readiness.LagOverRPO, Status: readiness.Red, Message: "exposure is 42 s; the recovery point objective is 30 s",
			Indicator: "replication.exposure_seconds", Value: readiness.Num(42), Unit: readiness.Seconds, Threshold: readiness.Num(30), Source: "policies/default.yaml:14"},
		readiness.Reason{Code: readiness.ReplayPaused, Status: readiness.Red, Message: "replay on pg-b is paused", Endpoint: "pg-b",
			Indicator: "replay.state", Value: readiness.Str("paused")},
		readiness.Reason{Code: readiness.ArchiveFailing, Status: readiness.Yellow, Message: hostile, Endpoint: "pg-a",
			Indicator: "archive.state", Value: readiness.Str(hostile)},
	)
	exposure := reading("", "replication.exposure_seconds", readiness.Num(42), readiness.Seconds, true)
	exposure.Status = readiness.Red
	paused := reading("pg-b", "replay.state", readiness.Str("paused"), readiness.None, false)
	paused.Status = readiness.Red
	archive := reading("pg-a", "archive.state", readiness.Str(hostile), readiness.None, false)
	archive.Status = readiness.Yellow
	failed := reading("pg-b", "settings.collation", readiness.Value{}, readiness.None, false)
	failed.Status, failed.ValidUntil, failed.ObservedAt = readiness.Yellow, time.Time{}, time.Time{}
	failed.Failure = &readiness.Finding{Code: readiness.QueryFailed, Message: hostile}
	r.Indicators = []readiness.IndicatorResult{
		exposure, reading("pg-a", "node.role", readiness.Str("primary"), readiness.None, true), reading("pg-b", "node.role", readiness.Str("standby"), readiness.None, true),
		reading("pg-a", "node.timeline", readiness.Num(7), readiness.None, false), paused, archive, failed,
	}
	a := readiness.Result{Name: "pg-a", Kind: readiness.KindEndpoint, Platform: "postgresql", Site: "ams", Status: readiness.Yellow, ObservedAt: finished, EvaluatedAt: finished,
		ValidUntil: finished.Add(time.Minute), Reasons: []readiness.Reason{r.Reasons[2]}}
	b := readiness.Result{Name: "pg-b", Kind: readiness.KindEndpoint, Platform: "postgresql", Site: "fra", Status: readiness.Red, ObservedAt: finished, EvaluatedAt: finished,
		ValidUntil: finished.Add(time.Minute), Reasons: []readiness.Reason{r.Reasons[1]}}
	r.Children = []readiness.Result{a, b}
	good := reading("", "replication.exposure_seconds", readiness.Num(2), readiness.Seconds, true)
	good.ObservedAt = finished.Add(-14 * time.Minute)
	good.ValidUntil = good.ObservedAt.Add(time.Minute)
	r.LastKnownGood = &readiness.LastKnownGood{ObservedAt: good.ObservedAt, Indicators: []readiness.IndicatorResult{good}}
	return r
}

// sample is a report with everything in it that an output must survive.
func sample() check.Report {
	unseen := result(long, readiness.Unknown,
		readiness.Reason{Code: readiness.VisAuth, Status: readiness.Unknown, Message: "=cmd()|'/c calc'!A0"},
		readiness.Reason{Code: readiness.IndicatorMissing, Status: readiness.Unknown, Message: "not proved in this run: node.reachable, topology"})
	unseen.Tier, unseen.ObservedAt = 2, time.Time{}
	orders := result("pg/orders", readiness.Yellow, readiness.Reason{Code: readiness.SlotAtRisk, Status: readiness.Yellow,
		Message:   "slot dr can keep 900 MiB more; it may be 1 GiB, and this message is long enough to be folded over more than one line of a table that is 100 cells wide",
		Indicator: "slots.safe_bytes", Value: readiness.Num(943718400), Unit: readiness.Bytes, Threshold: readiness.Num(1073741824), Source: "resources/pg.yaml:40"})
	orders.Line = 31
	green := result("pg/catalog", readiness.Green)
	green.Indicators = []readiness.IndicatorResult{reading("", "replication.exposure_seconds", readiness.Num(1.5), readiness.Seconds, true)}
	group := readiness.Result{Name: "payments", Kind: readiness.KindGroup, Tier: 1, Owner: "payments", Status: readiness.Red, ObservedAt: finished, EvaluatedAt: finished,
		ValidUntil: finished.Add(time.Minute), File: "groups/payments.yaml", Line: 2,
		Reasons:  []readiness.Reason{{Code: readiness.MemberRed, Status: readiness.Red, Message: "pg/ledger is red: LAG_OVER_RPO, REPLAY_PAUSED"}},
		Children: []readiness.Result{brief(ledger()), brief(green)}}
	return check.Report{
		Schema: check.ReportSchema, Bcctl: "1.2.3", Commit: "4f2a9c1e", RunID: "00f1e2d3c4b5a697", StartedAt: finished.Add(-3 * time.Second), FinishedAt: finished,
		Verdict: readiness.Red, Counts: check.Counts{Red: 1, Unknown: 1, Yellow: 1, Green: 2},
		Results: []readiness.Result{ledger(), group, unseen, orders, green, result("pg/users", readiness.Green)},
		Transitions: []check.Transition{{Target: "pg/ledger", Kind: check.Raised, From: readiness.Green, To: readiness.Red, Code: readiness.LagOverRPO,
			Message: "exposure is 42 s", Since: finished.Add(-2 * time.Minute), At: finished}},
		Warnings: []string{"history was not kept: \x1b[31mdisk full"},
	}
}

func brief(r readiness.Result) readiness.Result {
	r.Indicators, r.Children, r.LastKnownGood = nil, nil, nil
	return r
}

func replayed() check.Report {
	r := sample()
	r.Replay = &check.Replay{RecordedAt: finished}
	return r
}

func healthy() check.Report {
	r := sample()
	r.Results, r.Transitions, r.Warnings = r.Results[4:], nil, nil
	return r
}

func viewOf(r check.Report) View {
	return View{Report: r, Now: reader, Profile: term.Profile{Width: 100}}
}

func render(t *testing.T, spec string, v View) string {
	t.Helper()
	s, err := Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Render(&b, s, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
