package postgres

import (
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
)

var overclaims = connectortest.Overclaims

// assertModest: nothing a sweep says claims more than evidence.
func assertModest(t testing.TB, v verdict) {
	t.Helper()
	say := func(text string) {
		if words := overclaims.FindString(text); words != "" {
			t.Errorf("%q claims more than evidence: %s", words, text)
		}
	}
	for _, r := range v.Reasons {
		say(r.Message)
	}
	for _, o := range v.observations {
		if text, ok := o.Value.Text(); ok {
			say(text)
		}
	}
}

// TestNoTextClaimsMoreThanEvidence reads every text in the source of the package,
// so that a message no test provokes is checked as well.
func TestNoTextClaimsMoreThanEvidence(t *testing.T) {
	t.Parallel()
	connectortest.ModestSource(t, overclaims, 100, "*.go")
}
