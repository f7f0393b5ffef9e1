package approval

import (
	"strings"
	"testing"
	"time"
)

// What a person is told to do next is what will be accepted next: the line of a verdict
// that allows, and a command where none can be written any more.
func TestNextIsWhatIsAccepted(t *testing.T) {
	t.Parallel()
	left := func(state AttemptState, past Fact) func(*Case) {
		return func(c *Case) {
			c.Evidence.Ledger.Attempts = Complete(Attempt{1, digestIn(*c), state, ago(10 * time.Minute), past})
		}
	}
	over := func(c *Case) { c.Request.Spec.ExpiresAt = ago(time.Minute) }
	const execute, resumed, again = "/bcctl execute 2026-001 SWITCHOVER", "/bcctl resume 2026-001 SWITCHOVER", "bcctl request new switchover pg/ledger"
	for _, tt := range []struct {
		name    string
		changes []func(*Case)
		rule    RuleID // that denies; empty: it is allowed
		confirm string // how the line begins
		attempt string // how the line ends
		next    string
	}{
		{"first attempt", nil, "", execute, "attempt=1", "run bcctl execute 2026-001 at a terminal, or comment"},
		{"too early", []func(*Case){func(c *Case) { c.Request.Spec.NotBefore = noon.Add(time.Minute) }}, "", execute, "attempt=1", "wait until 2026-03-10T12:01:00Z"},
		{"refused, nothing changed", []func(*Case){left(AttemptRefused, No)}, "", execute, "attempt=2", "run bcctl execute 2026-001"},
		{"stopped", []func(*Case){left(AttemptStopped, No)}, "", resumed, "attempt=2", "go on with attempt 1"},
		{"claimed", []func(*Case){left(AttemptClaimed, "")}, "", resumed, "attempt=2", "attempt 1 was claimed and has not ended"},
		{"stopped, expired", []func(*Case){left(AttemptStopped, No), over}, "RUN-06", "", "", again},
		{"claimed, expired", []func(*Case){left(AttemptClaimed, ""), over}, "RUN-06", "", "", "bcctl execute 2026-001 knows whether"},
		{"past the point of no return, expired", []func(*Case){left(AttemptStopped, Yes), over}, "", resumed, "attempt=2", "go on with attempt 1"},
		{"expired", []func(*Case){over}, "BIND-06", "", "", again},
		{"finished", []func(*Case){left(AttemptDone, Yes)}, "RUN-02", "", "", again},
		{"emergency", []func(*Case){emergency}, "", execute, "attempt=1", "run bcctl execute"},
		{"emergency, refused", []func(*Case){emergency, left(AttemptRefused, No)}, "BG-02", "", "", again + " --break-glass"},
		{"emergency, claimed", []func(*Case){emergency, left(AttemptClaimed, "")}, "BG-02", "", "", "bcctl execute 2026-001 knows whether"},
		{"emergency, stopped", []func(*Case){emergency, left(AttemptStopped, No)}, "BG-02", "", "", again + " --break-glass"},
		{"emergency, past the point of no return", []func(*Case){emergency, left(AttemptStopped, Yes)}, "", resumed, "attempt=2", "go on with attempt 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := start(append([]func(*Case){ready}, tt.changes...)...)()
			v := Verify(c)
			if !strings.Contains(v.Next, tt.next) {
				t.Errorf("next is %q, want %q", v.Next, tt.next)
			}
			if tt.rule != "" {
				wantDenied(t, c, tt.rule)
				if v.Confirm != "" {
					t.Errorf("it is denied, and the line is %q", v.Confirm)
				}
				return
			}
			if !v.Allowed || !strings.HasPrefix(v.Confirm, tt.confirm) || !strings.HasSuffix(v.Confirm, " "+tt.attempt) || !strings.HasSuffix(v.Next, v.Confirm) {
				t.Fatalf("allowed %v, line %q, next %q, %v", v.Allowed, v.Confirm, v.Next, v.Denials)
			}
			// With that line, it runs.
			run := start(tt.changes...)()
			run.Attempt = len(run.Evidence.Ledger.Attempts.Items) + 1
			if strings.HasPrefix(v.Confirm, resumed) {
				run.Mode = ModeResume
			}
			run.Evidence.Confirmation.Body = v.Confirm
			if tt.name == "too early" {
				wantDenied(t, run, "BIND-06")
				return
			}
			wantAllowed(t, "what the line starts", run)
		})
	}
}
