package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors"
)

// TestOneStatementAgreesWithTheViews reads each node both ways: what the functions
// beneath the views say must be what the documented views say.
func TestOneStatementAgreesWithTheViews(t *testing.T) {
	lab := pgpairtest.Start(t, pgpair.Options{Cascade: true})
	ctx := t.Context()
	if err := lab.Exec(ctx, "ledger-a", "SELECT pg_create_physical_replication_slot('left_over', true)",
		"ALTER ROLE bcctl_limited SET default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ledger-a", "ledger-b", "ledger-c"} {
		t.Run(name, func(t *testing.T) { compareReadings(t, lab, name, "bcctl_monitor") })
	}
}

// TestOneStatementRefused: a role that may not call one of the functions is read
// from the views, on the same connection.
func TestOneStatementRefused(t *testing.T) {
	lab := pgpairtest.Start(t, pgpair.Options{})
	c, s := connected(t, lab, "ledger-a", "bcctl_limited")
	done, err := c.readAtOnce(t.Context(), s, s.conn)
	if done || err != nil {
		t.Fatalf("readAtOnce = %v, %v, want a refusal that leaves the connection good", done, err)
	}
	if err := c.readNode(t.Context(), s, s.conn); err != nil {
		t.Fatal(err)
	}
	if s.node.facts == nil || s.node.facts.Monitor || s.node.position == nil || s.node.settings == nil {
		t.Errorf("the views gave %+v", s.node)
	}
}

func compareReadings(t *testing.T, lab *pgpair.Lab, name, role string) {
	c, s := connected(t, lab, name, role)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	done, err := c.readAtOnce(ctx, s, s.conn)
	if err != nil || !done {
		t.Fatalf("readAtOnce = %v, %v; the statement must work for every role", done, err)
	}
	fast := s.node
	s.node = c.newNode(0)
	if err := c.readViews(ctx, s, s.conn); err != nil {
		t.Fatal(err)
	}
	views := s.node
	if len(fast.failed) > 0 || len(views.failed) > 0 {
		t.Logf("failed: %v, views: %v", fast.failed, views.failed)
	}
	passing := cmp.Options{
		cmp.AllowUnexported(node{}, position{}),
		cmpopts.IgnoreFields(node{}, "at", "took", "collectedAt", "failed"),
		cmpopts.IgnoreFields(nodeFacts{}, "Clock"),
		cmpopts.IgnoreFields(position{}, "Flush", "Insert", "at"),
		cmpopts.IgnoreFields(replay{}, "Receive", "Replay", "LastCommit"),
		cmpopts.IgnoreFields(receiver{}, "MessageAge", "Age", "resolved"),
		cmpopts.IgnoreFields(sender{}, "Flush", "Replay", "ServerFlush", "ReplyAge", "Age"),
		cmpopts.IgnoreFields(slot{}, "Restart", "SafeSize"),
		cmpopts.IgnoreFields(archiver{}, "Archived", "LastArchived"),
		cmpopts.IgnoreFields(heartbeat{}, "Age"),
		cmpopts.SortSlices(func(a, b sender) bool { return *a.PID < *b.PID }),
		cmpopts.SortSlices(func(a, b slot) bool { return a.Name < b.Name }),
		cmpopts.EquateEmpty(),
		// What only one of the roles has is not read from the other.
		cmpopts.IgnoreFields(node{}, "syncWaiting", "archiver", "archiveReady"),
	}
	if diff := cmp.Diff(views, fast, passing); diff != "" {
		t.Errorf("views and one statement differ (-views +one):\n%s", diff)
	}
	// What is read with an age must be there in both, or in neither.
	for i := range fast.senders {
		if (fast.senders[i].ReplyAge == nil) != (views.senders[i].ReplyAge == nil) || (fast.senders[i].Age == nil) != (views.senders[i].Age == nil) {
			t.Errorf("sender %d: ages %v %v, views %v %v", i, fast.senders[i].ReplyAge, fast.senders[i].Age, views.senders[i].ReplyAge, views.senders[i].Age)
		}
	}
}

// connected opens a session to one node of a laboratory.
func connected(t *testing.T, lab *pgpair.Lab, name, role string) (*Connector, *session) {
	t.Helper()
	n, err := lab.Node(name)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := lab.CA()
	if err != nil {
		t.Fatal(err)
	}
	cred := connectors.Credential{Username: role, Password: lab.Password(role)}
	opened, err := Factory{}.Open(connectors.Spec{
		Target: "ledger", TLS: connectors.TLS{CA: ca}, Heartbeat: &connectors.Heartbeat{},
		Endpoints:  []connectors.Endpoint{{Name: n.Name, Site: n.Site, Address: n.Address()}},
		Credential: func(context.Context, connectors.Purpose) (connectors.Credential, error) { return cred, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	c := opened.(*Connector)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, _, err := c.dialers[0].dial(ctx, cred, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeQuietly(conn) })
	return c, &session{node: c.newNode(0), conn: conn, cred: cred}
}

// TestOneStatementLeavesTheSessionReadOnly also after it failed.
func TestOneStatementLeavesTheSessionReadOnly(t *testing.T) {
	lab := pgpairtest.Start(t, pgpair.Options{})
	c, s := connected(t, lab, "ledger-a", "bcctl_monitor")
	for _, how := range []string{"first", "again, on a connection that was kept"} {
		if done, err := c.readAtOnce(t.Context(), s, s.conn); !done || err != nil {
			t.Fatalf("%s: readAtOnce = %v, %v", how, done, err)
		}
		if s.node.settings["default_transaction_read_only"] != "off" {
			t.Errorf("%s: the session's own setting is taken for the server's", how)
		}
		_, err := s.conn.Exec(t.Context(), "CREATE TEMPORARY TABLE t (x int)")
		if pg := asPgError(err); pg == nil || pg.Code != "25006" {
			t.Errorf("%s: a write gave %v, want SQLSTATE 25006", how, err)
		}
	}
}

func TestSettingsOf(t *testing.T) {
	text := func(s string) *string { return &s }
	got := settingsOf(map[string]*string{
		"wal_sender_timeout": text("1min"), "wal_receiver_timeout": text("1500ms"), "wal_receiver_status_interval": text("10s"),
		"recovery_min_apply_delay": text("1h"), "max_connections": text("100"), "data_checksums": text("off"), "primary_slot_name": nil,
	})
	want := settings{"wal_sender_timeout": "60000", "wal_receiver_timeout": "1500", "wal_receiver_status_interval": "10",
		"recovery_min_apply_delay": "3600000", "max_connections": "100", "data_checksums": "off"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s := settingsOf(map[string]*string{"wal_sender_timeout": text("soon")}); len(s) != 0 {
		t.Errorf("a time that cannot be read is not known, got %v", s)
	}
	if s := settingsOf(map[string]*string{"wal_sender_timeout": text("0")}); s["wal_sender_timeout"] != "0" {
		t.Errorf("0 means off and stays 0, got %v", s)
	}
}

func TestServerVersion(t *testing.T) {
	for text, want := range map[string]int{"15.18 (Debian 15.18-0+deb12u1)": 150018, "12.4": 120004, "18.0": 180000} {
		if got, ok := serverVersion(text); !ok || got != want {
			t.Errorf("serverVersion(%q) = %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "17devel", "19beta1", "9.6.24", "x"} {
		if got, ok := serverVersion(text); ok {
			t.Errorf("serverVersion(%q) = %d; it must be read from the views", text, got)
		}
	}
}
