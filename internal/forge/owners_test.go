package forge

import (
	"fmt"
	"testing"
)

func TestPOL05Owners(t *testing.T) {
	t.Parallel()
	const text = "# who\n* @all\n/policies/ @dr\nroster.yaml @dr @audit # both\n/.github/ @dr\n/policies/free.yaml\n"
	for file, want := range map[string]string{
		"README.md": "[@all]", "policies/a.yaml": "[@dr]", "policies/deep/a.yaml": "[@dr]", "roster.yaml": "[@dr @audit]", "x/roster.yaml": "[@dr @audit]",
		".github/workflows/execute.yml": "[@dr]", "policies/free.yaml": "[]",
	} {
		if got := fmt.Sprint(ownersOf(text, file)); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
	if got := ownersOf("/policies/ @dr\n", "x/policies/a"); len(got) != 0 {
		t.Errorf("an anchored folder elsewhere: %v", got)
	}
}
