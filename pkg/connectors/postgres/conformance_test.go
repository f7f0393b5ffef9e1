package postgres

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// TestConformance holds the connector to the contract of all connectors, on a real
// pair.
func TestConformance(t *testing.T) { // not parallel: the suite sets environment variables
	lab := pgpairtest.Start(t, pgpair.Options{WALSenderTimeout: patienceOfServers, WALReceiverTimeout: patienceOfServers})
	newDesk(t, lab).awaitGreen(t)
	connectortest.Run(t, connectortest.Subject{
		Factory:    Factory{},
		Laboratory: true,
		Spec: func(t testing.TB) connectors.Spec {
			ca, err := lab.CA()
			if err != nil {
				t.Fatal(err)
			}
			spec := connectors.Spec{
				Target: "ledger", Home: connectors.Home{Primary: "fra", DR: "ams"}, TLS: connectors.TLS{CA: ca},
				Identity:   map[string]string{"systemIdentifier": lab.SystemIdentifier()},
				Credential: labCredential(lab, pgpair.RoleMonitor),
			}
			for _, n := range lab.Nodes() {
				spec.Endpoints = append(spec.Endpoints, connectors.Endpoint{Name: n.Name, Site: n.Site, Address: n.Address()})
			}
			return spec
		},
		Secrets:    []string{lab.Password(pgpair.RoleHeartbeat), lab.Password(pgpair.RoleReplication), lab.Password(pgpair.RoleLimited)},
		Objectives: rules.Objectives{RPO: time.Minute, RTO: 15 * time.Minute},
		// What is about the link between two nodes, or is also seen from the other one.
		Joint:   []readiness.ID{lineageID, transportAgeID, lagBytesID, backlogID},
		Foreign: map[string]string{"systemIdentifier": "7000000000000000000"},
		Invalid: []connectortest.Invalid{
			{Name: "a transport nobody knows", Path: []any{"connection", "options", "transport"},
				Make: func(s *connectors.Spec) { s.Options = map[string]string{"transport": "pigeon"} }},
			{Name: "a login in clear", Path: []any{"connection", "options", "requireAuth"},
				Make: func(s *connectors.Spec) { s.Options = map[string]string{"requireAuth": "password"} }},
			{Name: "port 0", Path: []any{"endpoints", 1}, Make: func(s *connectors.Spec) { s.Endpoints[1].Address = "db-b.example.net:0" }},
		},
		BeforeTLS: func(conn net.Conn) (net.Conn, error) { return conn, answerSSLRequest(conn, 'S') },
		RefuseTLS: func(conn net.Conn) error { return answerSSLRequest(conn, 'N') },
		Version: func(t *testing.T) {
			impostor(t, lab, "current_setting", "text", "text", `CASE WHEN $1 = 'server_version_num' THEN '990000' ELSE %s($1) END`)
		},
		Mask: func(t *testing.T) {
			if err := lab.Break(t.Context(), "drop-privilege"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := lab.Repair(cleanupContext(t), "drop-privilege"); err != nil {
					t.Error(err)
				}
			})
		},
		Oddities: oddities(lab),
		Changes:  func(t *testing.T) string { return changes(t, lab) },
	})
}

// answerSSLRequest reads the eight bytes with which a client asks for TLS ("Message
// Formats", SSLRequest) and answers with one.
func answerSSLRequest(conn net.Conn, answer byte) error {
	if _, err := io.ReadFull(conn, make([]byte, 8)); err != nil {
		return err
	}
	_, err := conn.Write([]byte{answer})
	return err
}

// oddities are answers no server should give, given by real servers whose functions
// were replaced.
func oddities(lab *pgpair.Lab) []connectortest.Oddity {
	var list []connectortest.Oddity
	add := func(name string, indicator readiness.ID, endpoint, function, returns, body string) {
		list = append(list, connectortest.Oddity{Name: name, Indicator: indicator, Endpoint: endpoint,
			Make: func(t *testing.T) { impostor(t, lab, function, "", returns, body) }})
	}
	add("NULL for the position", exposureBytesID, "", "pg_current_wal_flush_lsn", "pg_lsn", `NULL::pg_lsn`)
	add("NULL for what was replayed", backlogID, pgpair.Standby, "pg_last_wal_replay_lsn", "pg_lsn", `NULL::pg_lsn`)
	add("text for a position", exposureBytesID, "", "pg_current_wal_flush_lsn", "text", `'nonsense'::text`)
	add("a number for a position", backlogID, pgpair.Standby, "pg_last_wal_replay_lsn", "int", `-1`)
	add("a clock in the future", "", "", "clock_timestamp", "timestamptz", `%s() + interval '1 hour'`)
	add("no clock", clockSkewID, "", "clock_timestamp", "timestamptz", `NULL::timestamptz`)
	return list
}

// impostor puts a function of our own in the place of one of the server's. Views
// keep the original, which is why the statements of the connector, and not the
// views, are what is lied to. It replicates to the standby.
func impostor(t *testing.T, lab *pgpair.Lab, name, argument, returns, body string) {
	t.Helper()
	hidden := "bcctl_true_" + name
	if strings.Contains(body, "%s") {
		body = fmt.Sprintf(body, "pg_catalog."+hidden)
	}
	signature := func(name string) string { return fmt.Sprintf("pg_catalog.%s(%s)", name, argument) }
	const allow = `SET allow_system_table_mods = on`
	exec := func(statements ...string) error {
		conn, err := lab.Connect(cleanupContext(t), pgpair.Primary)
		if err != nil {
			return err
		}
		defer conn.Close(cleanupContext(t))
		_, err = conn.PgConn().Exec(cleanupContext(t), strings.Join(slices.Concat([]string{allow}, statements), ";\n")).ReadAll()
		return err
	}
	t.Cleanup(func() {
		if err := exec(`DROP FUNCTION `+signature(name), fmt.Sprintf(`ALTER FUNCTION %s RENAME TO %s`, signature(hidden), name)); err != nil {
			t.Errorf("put %s back: %v", name, err)
		}
	})
	if err := exec(fmt.Sprintf(`ALTER FUNCTION %s RENAME TO %s`, signature(name), hidden),
		fmt.Sprintf(`CREATE FUNCTION %s RETURNS %s LANGUAGE sql VOLATILE AS $f$ SELECT %s $f$`, signature(name), returns, body)); err != nil {
		t.Fatalf("replace %s: %v", name, err)
	}
}

// changes describes what clients could have changed: the write-ahead log has every
// change of data, and a session's settings die with it.
func changes(t *testing.T, lab *pgpair.Lab) string {
	return ask[string](t, lab, pgpair.Primary, `SELECT pg_current_wal_insert_lsn()::text || ' ' || pg_snapshot_xmax(pg_current_snapshot())::text`)
}

// cleanupContext outlives the test's own context, which ends before its cleanup.
func cleanupContext(t *testing.T) context.Context { return context.WithoutCancel(t.Context()) }
