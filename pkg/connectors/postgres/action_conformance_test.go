package postgres

import (
	"testing"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
)

// TestSI30OperatorConformance holds the actions to the contract of all platforms
// that can be changed, on a real pair.
func TestSI30OperatorConformance(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	newDesk(t, lab).awaitGreen(t)
	var secrets []string
	for _, role := range []string{pgpair.RoleMonitor, pgpair.RoleExecute, pgpair.RoleHeartbeat, pgpair.RoleReplication} {
		secrets = append(secrets, lab.Password(role))
	}
	// The first to read a page after a checkpoint makes the server log hints about it.
	newHand(t, lab, "run-0", "fra", "ams").pass("privileges", "no-ha-manager", "binary-parity")
	connectortest.RunOperator(t, connectortest.Operated{
		Operator: Factory{},
		Spec: func(testing.TB) connectors.ActorSpec {
			h := newHand(t, lab, "run-1", "fra", "ams")
			return h.spec
		},
		Arguments: map[string]map[string]string{
			"pg.native/prove-shutdown-checkpoint": {"checkpoint": "0/1", "state": "shut down", "drained": "0/1"},
			"pg.native/client-path":               {"address": refusedAddress(t), "within": "1s"},
			"pg.native/standby-follows":           {"within": "1s"},
			"pg.native/promote-clone":             {"address": refusedAddress(t)},
			"pg.native/clone-serves":              {"address": refusedAddress(t)},
		},
		Secrets: secrets,
		Changes: func(t *testing.T) string { return changes(t, lab) },
		Traces:  map[string]string{"pg.native/write-probe": "two commits in the log: a write is proved by writing"},
	})
}
