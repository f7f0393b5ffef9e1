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
		Changes: func(t *testing.T) string { return changeable(t, lab) },
		Traces:  map[string]string{"pg.native/write-probe": "two commits in the log: a write is proved by writing"},
	})
}

// changeable describes everything an action could change, on both servers:
// transactions, slots, settings, checkpoints, roles. The position in the log is not
// in it: servers write of themselves every few seconds.
func changeable(t *testing.T, lab *pgpair.Lab) string {
	t.Helper()
	var all string
	for _, node := range []string{pgpair.Primary, pgpair.Standby} {
		all += ask[string](t, lab, node, `SELECT concat_ws(' ', pg_is_in_recovery(), pg_postmaster_start_time(),
			CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE pg_snapshot_xmax(pg_current_snapshot())::text || ' ' || (SELECT checkpoint_lsn FROM pg_control_checkpoint())::text END,
			(SELECT string_agg(slot_name::text, ',' ORDER BY slot_name) FROM pg_replication_slots),
			(SELECT string_agg(name || '=' || setting, ',') FROM pg_file_settings WHERE sourcefile LIKE '%postgresql.auto.conf'),
			(SELECT string_agg(name || '=' || reset_val, ',') FROM pg_settings WHERE name IN ('default_transaction_read_only', 'primary_conninfo', 'primary_slot_name', 'synchronous_standby_names')))`) + "\n"
	}
	return all
}
