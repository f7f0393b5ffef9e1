package mongodb

import (
	"fmt"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
)

// TestSI30OperatorConformance holds the actions to the contract of all platforms
// that can be changed.
func TestSI30OperatorConformance(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	var secrets []string
	for _, secret := range set.Secrets() {
		secrets = append(secrets, secret)
	}
	term := map[string]string{"term": "1"}
	connectortest.RunOperator(t, connectortest.Operated{
		Operator: Factory{},
		Spec:     func(testing.TB) connectors.ActorSpec { return newHand(t, set, "fra", "ams").spec },
		Arguments: map[string]map[string]string{
			prefix + "step-down": term, prefix + "term-grew": term, prefix + "measure-loss": term,
		},
		Secrets: secrets,
		Changes: func(*testing.T) string { return fmt.Sprint(set.Changes()) },
		Traces:  map[string]string{prefix + "write-probe": "one document of bcctl's own: a write is proved by writing"},
	})
}
