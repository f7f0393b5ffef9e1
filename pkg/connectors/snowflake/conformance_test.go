package snowflake

import (
	"context"
	"fmt"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/labtest"
	"github.com/bcctl/bcctl/internal/lab/snowpair"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestConformance holds the connector to the contract of all connectors, on a pair
// of the laboratory.
func TestConformance(t *testing.T) { // not parallel: the suite sets environment variables
	pair := start(t, snowpair.Options{})
	healthy, rules := labtest.Read(t, pair, pair.CA(), Factory{})
	var secrets []string
	for _, secret := range pair.Secrets() {
		secrets = append(secrets, secret)
	}
	connectortest.Run(t, connectortest.Subject{
		Factory: Factory{}, Laboratory: true, Objectives: rules.Objectives, Secrets: secrets,
		Foreign: map[string]string{"organization": "SOMEBODY", "failoverGroup": "WAREHOUSE_FG"},
		Spec:    func(testing.TB) connectors.Spec { return healthy },
		Invalid: []connectortest.Invalid{
			{Name: "no group", Path: []any{"identity", "failoverGroup"}, Make: func(s *connectors.Spec) { s.Identity = nil }},
			{Name: "a group twice", Path: []any{"identity", "failoverGroups"}, Make: func(s *connectors.Spec) { s.Identity = map[string]string{"failoverGroups": "A, a"} }},
			{Name: "one group and several", Path: []any{"identity", "failoverGroups"}, Make: func(s *connectors.Spec) { s.Identity = with(s.Identity, "failoverGroups", "A, B") }},
			{Name: "an interval that is none", Path: []any{"connection", "options", "historyInterval"}, Make: func(s *connectors.Spec) { s.Options = with(s.Options, "historyInterval", "often") }},
			{Name: "an interval that is too long", Path: []any{"connection", "options", "historyInterval"}, Make: func(s *connectors.Spec) { s.Options = with(s.Options, "historyInterval", "2h") }},
			{Name: "a schedule that is none", Path: []any{"connection", "options", "schedule"}, Make: func(s *connectors.Spec) { s.Options = with(s.Options, "schedule", "often") }},
			{Name: "a login that is none", Path: []any{"connection", "options", "login"}, Make: func(s *connectors.Spec) { s.Options = with(s.Options, "login", "browser") }},
			{Name: "a revocation check that is none", Path: []any{"connection", "options", "ocsp"}, Make: func(s *connectors.Spec) { s.Options = with(s.Options, "ocsp", "lenient") }},
			{Name: "an address that says no account", Path: []any{"endpoints", 0, "options", "account"}, Make: func(s *connectors.Spec) { s.Endpoints[0].Options = nil }},
			{Name: "as many names as no groups", Path: []any{"endpoints", 1, "options", "failoverGroups"},
				Make: func(s *connectors.Spec) {
					s.Endpoints[1].Options = with(s.Endpoints[1].Options, "failoverGroups", "A, B")
				}},
			{Name: "a heartbeat", Path: []any{"heartbeat"}, Make: func(s *connectors.Spec) { s.Heartbeat = &connectors.Heartbeat{Interval: time.Minute} }},
		},
		Mask: func(t *testing.T) {
			broken(t, pair, "drop-privilege")
		},
		Oddities: oddities(pair),
		Changes: func(*testing.T) string {
			c := pair.Counts()
			return fmt.Sprint(c.Changes, c.Telemetry)
		},
		Exempt: map[string]string{"Version": "Snowflake is a service of one release at a time: there is none that could be unsupported"},
	})
}

func broken(t *testing.T, pair *snowpair.Pair, fault string) {
	t.Helper()
	if err := pair.Break(fault); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pair.Repair(fault); err != nil {
			t.Error(err)
		}
	})
}

// oddities are answers that no account should give.
func oddities(pair *snowpair.Pair) []connectortest.Oddity {
	const history = "REPLICATION_GROUP_REFRESH_HISTORY"
	odd := func(name string, id readiness.ID, o snowpair.Override) connectortest.Oddity {
		return connectortest.Oddity{Name: name, Indicator: id, Make: func(t *testing.T) {
			undo, err := pair.Override("LAB_AMS", o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(undo)
		}}
	}
	const groups = "SHOW FAILOVER GROUPS"
	return []connectortest.Oddity{
		odd("NULL for snapshots", "replication.exposure_seconds", snowpair.Override{Source: history, Column: "PRIMARY_SNAPSHOT_TIMESTAMP"}),
		odd("snapshots in the future", "replication.exposure_seconds", snowpair.Override{Source: history, Column: "PRIMARY_SNAPSHOT_TIMESTAMP", Value: time.Now().Add(time.Hour)}),
		odd("text for snapshots", "replication.exposure_seconds", snowpair.Override{Source: history, Column: "PRIMARY_SNAPSHOT_TIMESTAMP", Value: "yesterday", Type: "text"}),
		odd("NULL for starts", "replication.exposure_seconds", snowpair.Override{Source: history, Column: "START_TIME"}),
		odd("NULL for phases", "replication.exposure_seconds", snowpair.Override{Source: history, Column: "PHASE_NAME"}),
		odd("NULL for is_primary", "", snowpair.Override{Source: groups, Column: "is_primary", Of: "LAB_AMS"}),
		odd("neither true nor false", "", snowpair.Override{Source: groups, Column: "is_primary", Of: "LAB_AMS", Value: "perhaps"}),
		odd("NULL for the schedule's state", "", snowpair.Override{Source: groups, Column: "secondary_state", Of: "LAB_AMS"}),
		odd("text for the next refresh", "schedule.overdue_seconds", snowpair.Override{Source: groups, Column: "next_scheduled_refresh", Of: "LAB_AMS", Value: "soon", Type: "text"}),
		odd("the next refresh in a year", "schedule.overdue_seconds", snowpair.Override{Source: groups, Column: "next_scheduled_refresh", Of: "LAB_AMS", Value: time.Now().AddDate(1, 0, 0)}),
	}
}

// TestConformanceOnRealAccounts is the same on accounts of yours; CONTRIBUTING.md
// says how to lead it to them.
func TestConformanceOnRealAccounts(t *testing.T) {
	urls := connectortest.Variable(t, "snowflake", "BCCTL_TEST_SNOWFLAKE_URLS")
	spec, _ := connectortest.Servers(t, urls, os.Getenv("BCCTL_TEST_SNOWFLAKE_SITES"))
	spec.Identity = map[string]string{"failoverGroup": os.Getenv("BCCTL_TEST_SNOWFLAKE_GROUP")}
	spec.Options = map[string]string{"warehouse": os.Getenv("BCCTL_TEST_SNOWFLAKE_WAREHOUSE"), "historyInterval": "0s"}
	if file := os.Getenv("BCCTL_TEST_SNOWFLAKE_KEY_FILE"); file != "" {
		key, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		login := spec.Credential
		spec.Credential = func(ctx context.Context, p connectors.Purpose) (connectors.Credential, error) {
			c, err := login(ctx, p)
			c.PrivateKey = string(key)
			return c, err
		}
	}
	connectortest.Run(t, connectortest.Real(t, connectortest.Subject{
		Factory: Factory{}, Spec: func(testing.TB) connectors.Spec { return spec },
		Foreign: with(maps.Clone(spec.Identity), "organization", "SOMEBODY"),
	}))
}
