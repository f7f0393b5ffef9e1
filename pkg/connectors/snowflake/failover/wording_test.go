package failover

import (
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
)

var overclaims = connectortest.Overclaims

// TestNoTextClaimsMoreThanEvidence reads every text in the source of the connector.
func TestNoTextClaimsMoreThanEvidence(t *testing.T) {
	t.Parallel()
	connectortest.ModestSource(t, overclaims, 300, "*.go", "../*.go", "../session/*.go", "../schedule/*.go")
}
