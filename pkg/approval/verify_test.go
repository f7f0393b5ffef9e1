package approval

import "testing"

func TestApprovedCases(t *testing.T) {
	t.Parallel()
	wantAllowed(t, "comment", approved())
	wantAllowed(t, "offline", offline())
	for name, change := range map[string]func(*Case){"tier 2": tier2, "emergency": emergency, "resume": resume, "typed": typedByDora} {
		c := approved()
		change(&c)
		wantAllowed(t, name, c)
	}
}
