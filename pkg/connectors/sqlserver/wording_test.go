package sqlserver

import (
	"regexp"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
)

// overclaims are words no reading of a server can justify. SYNCHRONIZED in capitals
// is the server's own word for a state and quoted as such.
var overclaims = regexp.MustCompile(`(?i:\b(in sync|no (data )?loss|zero[- ](data )?loss|safe(ly)?|guarantee[sd]?|fully replicated|up to date|healthy|certain(ly)?|no lag)\b)|\b[Ss]ynchroni[sz]ed\b`)

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
