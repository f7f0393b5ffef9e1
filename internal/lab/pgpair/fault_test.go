package pgpair_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
)

const shortTimeout = 3 * time.Second

// TestFaults puts every fault in, looks for it from outside, takes it out and
// looks for remains. All share one laboratory, so a repair that is not complete
// shows in the next.
func TestFaults(t *testing.T) {
	seen := map[string]func(*testing.T, *pgpair.Lab){
		"pause-replay":          pauseReplaySeen,
		"apply-delay":           applyDelaySeen,
		"low-parameter":         lowParameterSeen,
		"stop-standby":          stopStandbySeen,
		"hang-standby":          hangStandbySeen,
		"silent-standby":        silentStandbySeen,
		"kill-primary":          killPrimarySeen,
		"hang-primary":          hangPrimarySeen,
		"split-brain":           splitBrainSeen,
		"diverge":               divergeSeen,
		"cut-replication":       cutReplicationSeen,
		"lose-slot":             loseSlotSeen,
		"inactive-slot":         inactiveSlotSeen,
		"fence-left":            fenceLeftSeen,
		"sync-missing":          syncMissingSeen,
		"drop-privilege":        dropPrivilegeSeen,
		"heartbeat-stop":        heartbeatStopSeen,
		"fill-archive-failures": archiveFailuresSeen,
		"clock-skew":            clockSkewSeen,
		"idle":                  func(t *testing.T, lab *pgpair.Lab) { assertHealthy(t, lab) },
	}
	lab := pgpairtest.Start(t, pgpair.Options{Cascade: true, WALSenderTimeout: shortTimeout, WALReceiverTimeout: shortTimeout})
	assertHealthy(t, lab)
	for _, f := range pgpair.Faults() {
		ok := t.Run(f.Name, func(t *testing.T) {
			look := seen[f.Name]
			if look == nil {
				t.Fatal("nothing is known of how this fault is seen")
			}
			if f.Help == "" || !f.Repairable {
				t.Errorf("described as %+v", f)
			}
			for _, code := range f.Shows {
				if _, known := code.Info(); !known {
					t.Errorf("it should show %s, which is no reason code", code)
				}
			}
			if err := lab.Break(t.Context(), f.Name); err != nil {
				t.Fatal(err)
			}
			look(t, lab)
			if names, err := lab.Broken(); err != nil || !slices.Equal(names, []string{f.Name}) {
				t.Errorf("broken: %v, %v", names, err)
			}
			if err := lab.Break(t.Context(), f.Name); err == nil {
				t.Error("it was broken twice")
			}
			if err := lab.Repair(t.Context(), f.Name); err != nil {
				t.Fatal(err)
			}
			assertHealthy(t, lab)
			if err := lab.Repair(t.Context(), f.Name); err == nil {
				t.Error("it was repaired twice")
			}
		})
		delete(seen, f.Name)
		if !ok {
			t.FailNow() // the next fault would meet what this one left
		}
	}
	for name := range seen {
		t.Errorf("there is no fault %q", name)
	}
	if err := lab.Break(t.Context(), "gremlins"); err == nil || !strings.Contains(err.Error(), "split-brain") {
		t.Errorf("an unknown fault: %v", err)
	}
}

// assertHealthy: each node has its role, what is written arrives everywhere, and
// no setting or slot of a fault is left.
func assertHealthy(t *testing.T, lab *pgpair.Lab) {
	t.Helper()
	if names, err := lab.Broken(); err != nil || len(names) > 0 && names[0] != "idle" {
		t.Errorf("broken: %v, %v", names, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	monitor, err := lab.ConnectAs(ctx, pgpair.Primary, pgpair.RoleMonitor)
	if err != nil {
		t.Fatal(err)
	}
	defer hangUp(t, monitor)
	if err := lab.Load(ctx, 5); err != nil {
		t.Fatal(err)
	}
	const count = `SELECT count(*) FROM app.entries`
	written := read[int](t, lab, pgpair.Primary, count)
	for _, n := range lab.Nodes() {
		if standby := read[bool](t, lab, n.Name, `SELECT pg_is_in_recovery()`); standby != (n.Name != pgpair.Primary) {
			t.Errorf("%s in recovery: %t", n.Name, standby)
		}
		eventually(t, fmt.Sprintf("%d entries on %s", written, n.Name), func() bool { return read[int](t, lab, n.Name, count) == written })
		if left := read[string](t, lab, n.Name,
			`SELECT coalesce(string_agg(name || '=' || setting, ' '), '') FROM pg_file_settings WHERE sourcefile LIKE '%postgresql.auto.conf'`); left != "" {
			t.Errorf("settings left on %s: %s", n.Name, left)
		}
	}
	for name, want := range map[string]string{pgpair.Primary: "ledger_b true", pgpair.Standby: "ledger_c true", pgpair.Cascade: ""} {
		eventually(t, "the slots of "+name+" to be "+want, func() bool {
			return want == read[string](t, lab, name, `SELECT coalesce(string_agg(slot_name || ' ' || active, ','), '') FROM pg_replication_slots`)
		})
	}
}

func pauseReplaySeen(t *testing.T, lab *pgpair.Lab) {
	if !read[bool](t, lab, pgpair.Standby, `SELECT pg_is_wal_replay_paused() AND pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()`) {
		t.Error("replay goes on")
	}
}

func applyDelaySeen(t *testing.T, lab *pgpair.Lab) {
	if delay := read[string](t, lab, pgpair.Standby, `SELECT current_setting('recovery_min_apply_delay')`); delay != "1h" {
		t.Errorf("the delay is %s", delay)
	}
	const count = `SELECT count(*) FROM app.entries`
	if a, b := read[int](t, lab, pgpair.Primary, count), read[int](t, lab, pgpair.Standby, count); a <= b {
		t.Errorf("%d entries on the primary, %d on the standby", a, b)
	}
}

func lowParameterSeen(t *testing.T, lab *pgpair.Lab) {
	const connections = `SELECT current_setting('max_connections')::int`
	if a, b := read[int](t, lab, pgpair.Primary, connections), read[int](t, lab, pgpair.Standby, connections); a <= b {
		t.Errorf("max_connections: %d on the primary, %d on the standby", a, b)
	}
	if !read[bool](t, lab, pgpair.Standby, `SELECT pg_is_wal_replay_paused()`) {
		t.Error("replay goes on")
	}
}

func stopStandbySeen(t *testing.T, lab *pgpair.Lab) {
	assertRefused(t, lab, pgpair.Standby)
	assertNoSender(t, lab)
	if read[bool](t, lab, pgpair.Primary, `SELECT active FROM pg_replication_slots WHERE slot_name = 'ledger_b'`) {
		t.Error("its slot is active")
	}
}

func hangStandbySeen(t *testing.T, lab *pgpair.Lab) {
	assertHung(t, lab, pgpair.Standby)
	assertNoSender(t, lab)
}

func silentStandbySeen(t *testing.T, lab *pgpair.Lab) {
	assertNoSender(t, lab)
	if !read[bool](t, lab, pgpair.Standby, `SELECT status = 'streaming' AND clock_timestamp() - last_msg_receipt_time > interval '6.5 s' FROM pg_stat_wal_receiver`) {
		t.Error("the standby does not show an old link as streaming")
	}
}

func killPrimarySeen(t *testing.T, lab *pgpair.Lab) {
	assertRefused(t, lab, pgpair.Primary)
	if left := pidsOf(t, lab, pgpair.Primary); len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
	assertNoReceiver(t, lab)
}

func hangPrimarySeen(t *testing.T, lab *pgpair.Lab) {
	assertHung(t, lab, pgpair.Primary)
	assertNoReceiver(t, lab)
}

func splitBrainSeen(t *testing.T, lab *pgpair.Lab) {
	const timeline = `SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)` // fails in recovery
	if a, b := read[string](t, lab, pgpair.Primary, timeline), read[string](t, lab, pgpair.Standby, timeline); a == b {
		t.Errorf("both write timeline %s", a)
	}
	const own = `WITH x AS (INSERT INTO app.entries(note) VALUES ('only here') RETURNING 1) SELECT count(*) FROM x`
	for _, name := range []string{pgpair.Primary, pgpair.Standby} {
		if read[int](t, lab, name, own) != 1 {
			t.Errorf("%s takes no writes", name)
		}
	}
}

func divergeSeen(t *testing.T, lab *pgpair.Lab) {
	if !read[bool](t, lab, pgpair.Primary, `SELECT pg_is_in_recovery()`) || read[bool](t, lab, pgpair.Standby, `SELECT pg_is_in_recovery()`) {
		t.Fatal("the roles have not changed")
	}
	leader := read[string](t, lab, pgpair.Standby, `SELECT pg_current_wal_lsn()::text`)
	if !read[bool](t, lab, pgpair.Primary, `SELECT '`+leader+`'::pg_lsn - pg_last_wal_replay_lsn() < 0`) {
		t.Error("the old primary is not ahead of its successor")
	}
	const count = `SELECT count(*) FROM app.entries`
	if a, b := read[int](t, lab, pgpair.Primary, count), read[int](t, lab, pgpair.Standby, count); a < b+2000 {
		t.Errorf("%d entries on the old primary, %d on the new one", a, b)
	}
	if reigns := read[int](t, lab, pgpair.Standby, `SELECT count(*) FROM bcctl.reign WHERE node = 'ledger-b' AND fork_lsn IS NOT NULL AND tli > 1`); reigns != 1 {
		t.Errorf("%d reigns of the new primary", reigns)
	}
	log, err := lab.Log(pgpair.Primary)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the old primary to be refused", func() bool {
		text, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(text), "is not in this server's history")
	})
}

func cutReplicationSeen(t *testing.T, lab *pgpair.Lab) {
	assertNoSender(t, lab)
	assertNoReceiver(t, lab)
	if read[bool](t, lab, pgpair.Standby, `SELECT pg_is_in_recovery() AND current_setting('primary_conninfo') LIKE '%password=%'`) {
		t.Error("the connection string has a password")
	}
}

func loseSlotSeen(t *testing.T, lab *pgpair.Lab) {
	if status := read[string](t, lab, pgpair.Primary, `SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'ledger_b'`); status != "lost" {
		t.Errorf("the slot is %s", status)
	}
	// It tries again and again, so that a connection may be seen for a moment.
	if n := read[int](t, lab, pgpair.Primary, `SELECT count(*) FROM pg_stat_replication WHERE application_name = 'ledger-b' AND state = 'streaming'`); n != 0 {
		t.Error("the primary streams to the standby")
	}
	if !read[bool](t, lab, pgpair.Standby, `SELECT pg_is_in_recovery()`) {
		t.Error("the standby does not run as such")
	}
}

func inactiveSlotSeen(t *testing.T, lab *pgpair.Lab) {
	if slots := read[int](t, lab, pgpair.Primary, `SELECT count(*) FROM pg_replication_slots WHERE NOT active AND restart_lsn IS NOT NULL`); slots != 1 {
		t.Errorf("%d inactive slots that keep WAL", slots)
	}
}

func fenceLeftSeen(t *testing.T, lab *pgpair.Lab) {
	if value := read[string](t, lab, pgpair.Standby, `SELECT reset_val FROM pg_settings WHERE name = 'default_transaction_read_only'`); value != "on" {
		t.Errorf("default_transaction_read_only = %s", value)
	}
}

func syncMissingSeen(t *testing.T, lab *pgpair.Lab) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := lab.ConnectAs(ctx, pgpair.Primary, pgpair.RoleHeartbeat) // its commits wait, unlike the superuser's here
	if err != nil {
		t.Fatal(err)
	}
	defer hangUp(t, conn)
	impatient, stop := context.WithTimeout(ctx, 200*time.Millisecond)
	defer stop()
	if _, err := conn.Exec(impatient, `UPDATE bcctl.heartbeat SET seq = seq + 1`); err == nil {
		t.Error("a commit did not wait")
	}
	eventually(t, "a commit that waits for nobody to be let go", func() bool {
		return read[bool](t, lab, pgpair.Primary,
			`SELECT coalesce(bool_and(pg_terminate_backend(pid)), true) AND count(*) = 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
	})
}

func dropPrivilegeSeen(t *testing.T, lab *pgpair.Lab) {
	for name, query := range map[string]string{
		pgpair.Primary: `SELECT pid IS NOT NULL AND state IS NULL FROM pg_stat_replication`,
		pgpair.Standby: `SELECT pid IS NOT NULL AND status IS NULL FROM pg_stat_wal_receiver`,
	} {
		conn, err := lab.ConnectAs(t.Context(), name, pgpair.RoleMonitor)
		if err != nil {
			t.Fatal(err)
		}
		defer hangUp(t, conn)
		var masked bool
		if err := conn.QueryRow(t.Context(), query).Scan(&masked); err != nil || !masked {
			t.Errorf("%s: masked %t, %v", name, masked, err)
		}
	}
}

func heartbeatStopSeen(t *testing.T, lab *pgpair.Lab) {
	conn, err := lab.ConnectAs(t.Context(), pgpair.Primary, pgpair.RoleHeartbeat)
	if err != nil {
		t.Fatal(err)
	}
	defer hangUp(t, conn)
	if _, err := conn.Exec(t.Context(), `UPDATE bcctl.heartbeat SET seq = seq + 1`); !hasState(err, "42501") {
		t.Errorf("the writer may write: %v", err)
	}
	if age := read[float64](t, lab, pgpair.Standby, `SELECT extract(epoch FROM clock_timestamp() - written_at)::float8 FROM bcctl.heartbeat`); age < 590 {
		t.Errorf("the heartbeat is %.0f s old", age)
	}
}

func archiveFailuresSeen(t *testing.T, lab *pgpair.Lab) {
	if !read[bool](t, lab, pgpair.Primary, `SELECT failed_count > 0 AND last_failed_time > last_archived_time FROM pg_stat_archiver`) {
		t.Error("archiving does not fail")
	}
	if backlog := read[int](t, lab, pgpair.Primary, `SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'`); backlog < 4 {
		t.Errorf("%d files wait", backlog)
	}
}

func clockSkewSeen(t *testing.T, lab *pgpair.Lab) {
	other, err := pgpair.Open(lab.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if skew, err := other.ClockSkew(); err != nil || skew != 90*time.Second {
		t.Errorf("skew %s, %v", skew, err)
	}
	t.Cleanup(func() { // after the repair
		if skew, err := other.ClockSkew(); err != nil || skew != 0 {
			t.Errorf("skew left: %s, %v", skew, err)
		}
	})
}

func assertNoSender(t *testing.T, lab *pgpair.Lab) {
	t.Helper()
	if n := read[int](t, lab, pgpair.Primary, `SELECT count(*) FROM pg_stat_replication WHERE application_name = 'ledger-b'`); n != 0 {
		t.Errorf("the primary knows of %d connections of the standby", n)
	}
}

func assertNoReceiver(t *testing.T, lab *pgpair.Lab) {
	t.Helper()
	if n := read[int](t, lab, pgpair.Standby, `SELECT count(*) FROM pg_stat_wal_receiver`); n != 0 {
		t.Errorf("the standby believes in %d connections", n)
	}
}

func assertRefused(t *testing.T, lab *pgpair.Lab, name string) {
	t.Helper()
	if conn, err := net.DialTimeout("tcp", node(t, lab, name).Address(), time.Second); err == nil {
		t.Errorf("%s accepts connections, %v", name, conn.Close())
	}
}

// assertHung: the kernel still takes the connection, and nobody answers.
func assertHung(t *testing.T, lab *pgpair.Lab, name string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", node(t, lab, name).Address(), time.Second)
	if err != nil {
		t.Errorf("%s refuses connections: %v", name, err)
		return
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if conn, err := lab.ConnectAs(ctx, name, pgpair.RoleMonitor); err == nil {
		hangUp(t, conn)
		t.Errorf("%s answers", name)
	}
	for _, s := range lab.Status(t.Context()) {
		if s.Name == name && s.State != pgpair.Hung {
			t.Errorf("%s is %s", name, s.State)
		}
	}
}
