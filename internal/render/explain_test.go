package render

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func explain(t *testing.T, r readiness.Result, v View, o ExplainOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := Explain(&b, r, v, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestExplain(t *testing.T) {
	t.Parallel()
	options := ExplainOptions{RPO: 30 * time.Second, RTO: 15 * time.Minute, AllIndicators: true}
	brief := options
	brief.AllIndicators = false
	colored := viewOf(sample())
	colored.Profile = term.Profile{Color: true, Unicode: true, Width: 80}
	expired := viewOf(sample())
	expired.Now = reader.Add(time.Hour)
	never := result("pg/new", readiness.Unknown)
	never.ObservedAt, never.ValidUntil, never.File = time.Time{}, time.Time{}, ""
	tests := map[string]struct {
		result  readiness.Result
		view    View
		options ExplainOptions
	}{
		"red":     {ledger(), viewOf(sample()), options},
		"brief":   {ledger(), viewOf(sample()), brief},
		"color":   {ledger(), colored, brief},
		"replay":  {ledger(), viewOf(replayed()), brief},
		"expired": {sample().Results[4], expired, options},
		"green":   {sample().Results[4], viewOf(sample()), options},
		"group":   {sample().Results[1], viewOf(sample()), ExplainOptions{}},
		"never":   {never, viewOf(sample()), ExplainOptions{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, []byte(explain(t, tt.result, tt.view, tt.options)))
		})
	}
}

// Whoever is woken at night reads three lines.
func TestExplainBeginsWithTheCause(t *testing.T) {
	t.Parallel()
	lines := strings.Split(explain(t, ledger(), viewOf(sample()), ExplainOptions{}), "\n")
	info, _ := readiness.LagOverRPO.Info()
	want := []string{
		"x RED  pg/ledger  (postgresql, tier 1, production, owner payments)",
		"LAG_OVER_RPO exposure is 42 s; the recovery point objective is 30 s",
		"First: " + info.FirstAction,
	}
	for i, line := range want {
		if lines[i] != line {
			t.Errorf("line %d is %q, want %q", i+1, lines[i], line)
		}
	}
}

func TestExplainTellsNumbersRuleAndOldEvidence(t *testing.T) {
	t.Parallel()
	out := explain(t, ledger(), viewOf(sample()), ExplainOptions{RPO: 30 * time.Second})
	for _, text := range []string{
		"replication.exposure_seconds 42 s, limit 30 s, rule policies/default.yaml:14",
		"means: the observed exposure is at or over the recovery point objective",
		"Objectives: RPO 30 s, RTO not set",
		"Declared: resources/pg.yaml:3",
		"pg-b (fra, standby)",
		"last known good, 14 m ago; not evidence of now",
	} {
		if !strings.Contains(out, text) {
			t.Errorf("it does not say %q:\n%s", text, out)
		}
	}
	v := viewOf(sample())
	v.Profile.Color = true
	_, old, _ := strings.Cut(explain(t, ledger(), v, ExplainOptions{}), "last known good")
	if strings.Contains(old, "\x1b[32m") || strings.Contains(strings.ToLower(old), "green") {
		t.Errorf("old evidence is shown green: %q", old)
	}
}

func TestExplainShowsNothingExpiredGreen(t *testing.T) {
	t.Parallel()
	v := viewOf(sample())
	v.Now, v.Profile.Color = reader.Add(time.Hour), true
	out := explain(t, sample().Results[4], v, ExplainOptions{AllIndicators: true})
	if strings.Contains(out, "GREEN") || strings.Contains(out, "\x1b[32m") || !strings.Contains(out, "VIS_STALE") {
		t.Errorf("an hour later it says:\n%s", out)
	}
}

func TestExplainCode(t *testing.T) {
	t.Parallel()
	for _, info := range readiness.Codes() {
		var b bytes.Buffer
		if err := ExplainCode(&b, info.Code); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{string(info.Code), info.Meaning, info.FirstAction, term.Word(info.Default)} {
			if !strings.Contains(b.String(), text) {
				t.Errorf("%s does not say %q", info.Code, text)
			}
		}
	}
	if err := ExplainCode(&bytes.Buffer{}, "NO\x1bSUCH"); err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("an unknown code gives %v", err)
	}
}

// What several readings say of one place is said once, with all the readings; a
// code is explained once, wherever it stands.
func TestExplainRepeatsNothing(t *testing.T) {
	t.Parallel()
	r := readiness.Result{Name: "orders", Kind: readiness.KindResource, Status: readiness.Red}
	for _, x := range []struct{ endpoint, indicator, message string }{
		{"b", "databases.state", "suspended"}, {"b", "replay.backlog_bytes", "suspended"}, {"", "topology", "suspended"}, {"b", "replication.lag_bytes", "also suspended"},
	} {
		r.Reasons = append(r.Reasons, readiness.Reason{Code: readiness.DatabaseSuspended, Status: readiness.Red, Message: x.message, Endpoint: x.endpoint, Indicator: readiness.ID(x.indicator)})
	}
	v := viewOf(sample())
	v.Profile = term.Profile{Width: 100}
	out := explain(t, r, v, ExplainOptions{})
	for text, want := range map[string]int{"RED  DATABASE_SUSPENDED": 3, "means: ": 2, "      suspended\n": 2, "replay.backlog_bytes": 1, "databases.state": 1} {
		if got := strings.Count(out, text); got != want {
			t.Errorf("%q stands there %d times, want %d:\n%s", text, got, want, out)
		}
	}
}
