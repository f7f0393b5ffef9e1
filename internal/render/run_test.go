package render

import (
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// What is said of a run: how long it takes, should and may take, how each step stands,
// and what to do now. Nothing that a server said is repeated, and no name is markup.
func TestRunIsTold(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	seconds := 90.0
	p := &runbook.Plan{Request: "r1", Type: runbook.Switchover, Target: "<b>ledger</b>", From: "fra", To: "ams", Live: runbook.Live{Expected: runbook.Estimate{Seconds: &seconds}},
		Waves: []runbook.Wave{{Members: []runbook.MemberPlan{{Resource: "ledger", PointOfNoReturn: "promote", Steps: []runbook.Step{{ID: "fence"}, {ID: "promote"}}}}}}}
	r := &Run{Plan: p, RTO: 2 * time.Minute}
	at := func(after time.Duration, e runbook.Event) { e.At = began.Add(after); r.Event(e) }
	at(0, runbook.Event{Kind: runbook.RunStarted, Attempt: 1, By: "dora"})
	at(time.Second, runbook.Event{Kind: runbook.StepIntent, Member: "ledger", Step: "fence"})
	at(31*time.Second, runbook.Event{Kind: runbook.StepOutcome, Member: "ledger", Step: "fence", State: "done", Message: "PASSWORD is hunter2"})
	at(32*time.Second, runbook.Event{Kind: runbook.StepIntent, Member: "ledger", Step: "promote"})
	if got, want := r.Times(began.Add(time.Minute)), "run 1m of about 1m30s, 1m of RTO 2m left"; got != want {
		t.Errorf("times are %q, want %q", got, want)
	}
	text := r.Markdown(began.Add(time.Minute))
	for _, want := range []string{"r1: RUNNING", "| 1 | ledger/fence | done | 30s |", "| 1 | ledger/promote (point of no return) | under way | 28s |", "&lt;b&gt;ledger"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "hunter2") || strings.Contains(text, "<b>") {
		t.Errorf("it repeats what it must not:\n%s", text)
	}
	at(130*time.Second, runbook.Event{Kind: runbook.Hold, Code: "STEP_FAILED", Member: "ledger", Step: "promote"})
	r.Ended, r.Next = "HELD STEP_FAILED ledger/promote", "bcctl execute r1"
	text = r.Markdown(began.Add(time.Hour))
	for _, want := range []string{"HELD STEP_FAILED", "over RTO 2m by 10s", "```text\nbcctl execute r1\n```"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
}
