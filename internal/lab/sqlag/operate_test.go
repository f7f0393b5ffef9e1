package sqlag_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
)

// roles is who takes itself for what, instance by instance.
func roles(t *testing.T, g *sqlag.Group) string {
	t.Helper()
	var out []string
	for _, n := range g.Nodes() {
		out = append(out, n.Role)
	}
	return strings.Join(out, " ")
}

func execute(t *testing.T, g *sqlag.Group, instance, statement string) error {
	t.Helper()
	db := open(t, g, g.Instance(instance), sqlag.UserExecute, "true")
	_, err := db.ExecContext(short(t), statement)
	return err
}

func must(t *testing.T, g *sqlag.Group, instance, statement string) {
	t.Helper()
	if err := execute(t, g, instance, statement); err != nil {
		t.Fatalf("%s on %s: %v", statement, instance, err)
	}
}

// refused wants the product's number.
func refused(t *testing.T, err error, number int32) {
	t.Helper()
	var e mssql.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want error %d", err, number)
	}
	for _, one := range append(e.All, e) {
		if one.Number == number {
			return
		}
	}
	t.Errorf("got error %d %q, want %d", e.Number, e.Message, number)
}

func TestPlannedFailover(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	fork := "SELECT CONVERT(nvarchar(36), recovery_fork_guid) FROM sys.database_recovery_status WHERE database_id = DB_ID('orders')"
	before := ask(t, open(t, g, g.Instance("orders-b"), sqlag.UserMonitor, "true"), fork)
	refused(t, execute(t, g, "orders-a", "ALTER AVAILABILITY GROUP [orders] FAILOVER"), 41122)
	must(t, g, "orders-b", "ALTER AVAILABILITY GROUP [orders] FAILOVER")
	if got := roles(t, g); got != "SECONDARY PRIMARY" {
		t.Errorf("roles are %s", got)
	}
	db := open(t, g, g.Instance("orders-b"), sqlag.UserMonitor, "true")
	if got := ask(t, db, fork); got[0][0] != before[0][0] {
		t.Error("a planned failover made a new recovery fork")
	}
	if got := ask(t, db, "SELECT synchronization_state_desc FROM sys.dm_hadr_database_replica_states"); len(got) != 2 || got[0][0] != "SYNCHRONIZED" || got[1][0] != "SYNCHRONIZED" {
		t.Errorf("the new primary shows %v", got)
	}
}

// A planned failover loses nothing or is refused.
func TestPlannedFailoverRefused(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]string{"suspended": "suspend-database", "behind": "sync-lost", "asynchronous": "async-healthy-looking", "cut off": "disconnected", "not joined": "half-joined"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := start(t, sqlag.Options{})
			if err := g.Break(fault); err != nil {
				t.Fatal(err)
			}
			refused(t, execute(t, g, "orders-b", "ALTER AVAILABILITY GROUP [orders] FAILOVER"), 41142)
			if got := roles(t, g); got != "PRIMARY SECONDARY" {
				t.Errorf("roles are %s", got)
			}
		})
	}
}

func TestForcedFailover(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{Form: sqlag.Clusterless})
	refused(t, execute(t, g, "orders-b", "ALTER AVAILABILITY GROUP orders FAILOVER"), 47122)
	g.Instance("orders-a").Kill()
	must(t, g, "orders-b", "ALTER AVAILABILITY GROUP orders FORCE_FAILOVER_ALLOW_DATA_LOSS")
	db := open(t, g, g.Instance("orders-b"), sqlag.UserMonitor, "true")
	got := ask(t, db, "SELECT CASE WHEN recovery_fork_guid = first_recovery_fork_guid THEN 'same' ELSE 'other' END, fork_point_lsn FROM sys.database_recovery_status WHERE database_id = DB_ID('orders')")
	if got[0][0] != "other" || got[0][1] == "NULL" {
		t.Errorf("the fork is %v", got)
	}
	// Nothing arbitrates: when the old primary returns there are two.
	if err := g.Instance("orders-a").Start(); err != nil {
		t.Fatal(err)
	}
	if got := roles(t, g); got != "PRIMARY PRIMARY" {
		t.Errorf("roles are %s", got)
	}
	must(t, g, "orders-a", "ALTER AVAILABILITY GROUP orders SET (ROLE = SECONDARY)")
	must(t, g, "orders-a", "ALTER DATABASE orders SET HADR RESUME") // throws away what only it has
	if got := ask(t, db, "SELECT COUNT(*) FROM sys.dm_hadr_database_replica_states WHERE synchronization_state_desc = 'SYNCHRONIZED'"); got[0][0] != "2" {
		t.Errorf("%v copies are synchronized after the repair", got)
	}
}

// Forced where nothing would be lost, the engine fails over as planned.
func TestForcedFailoverOfAHealthyGroup(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	must(t, g, "orders-b", "ALTER AVAILABILITY GROUP orders FORCE_FAILOVER_ALLOW_DATA_LOSS")
	db := open(t, g, g.Instance("orders-b"), sqlag.UserMonitor, "true")
	if got := ask(t, db, "SELECT fork_point_lsn FROM sys.database_recovery_status WHERE database_id = DB_ID('orders')"); got[0][0] != "NULL" {
		t.Errorf("there is a fork at %v", got)
	}
	if got := ask(t, db, "SELECT is_suspended FROM sys.dm_hadr_database_replica_states WHERE is_local = 0"); got[0][0] != "false" {
		t.Errorf("the old primary is suspended: %v", got)
	}
}

func TestSuspendAndResume(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	state := "SELECT is_suspended, suspend_reason_desc, synchronization_state_desc, log_send_queue_size, secondary_lag_seconds FROM sys.dm_hadr_database_replica_states WHERE is_local = 0"
	db := open(t, g, g.Instance("orders-a"), sqlag.UserMonitor, "true")
	must(t, g, "orders-b", "ALTER DATABASE [orders] SET HADR SUSPEND")
	if got := strings.Join(ask(t, db, state)[0], " "); got != "true SUSPEND_FROM_USER NOT SYNCHRONIZING NULL 0" {
		t.Errorf("suspended: %s", got)
	}
	if got := ask(t, db, "SELECT log_reuse_wait_desc FROM sys.databases WHERE name = 'orders'"); got[0][0] != "AVAILABILITY_REPLICA" {
		t.Errorf("the log waits for %v", got)
	}
	must(t, g, "orders-b", "ALTER DATABASE [orders] SET HADR RESUME")
	if got := strings.Join(ask(t, db, state)[0], " "); got != "false NULL SYNCHRONIZED 0 0" {
		t.Errorf("resumed: %s", got)
	}
}

// The planned switch of a distributed group, step by step, and what each side shows.
func TestDistributedSwitch(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{Form: sqlag.Distributed, Idle: true})
	role := "SELECT rs.role_desc FROM sys.dm_hadr_availability_replica_states rs JOIN sys.availability_groups ag ON ag.group_id = rs.group_id WHERE ag.is_distributed = 1 AND rs.is_local = 1"
	lsn := "SELECT CONVERT(varchar(30), drs.last_hardened_lsn) FROM sys.dm_hadr_database_replica_states drs JOIN sys.availability_groups ag ON ag.group_id = drs.group_id WHERE ag.is_distributed = 1"
	a, c := open(t, g, g.Instance("orders-a"), sqlag.UserMonitor, "true"), open(t, g, g.Instance("orders-c"), sqlag.UserMonitor, "true")
	both := func() string { return ask(t, a, role)[0][0] + " " + ask(t, c, role)[0][0] }
	if got := both(); got != "PRIMARY SECONDARY" {
		t.Fatalf("at first: %s", got)
	}
	for _, n := range []string{"orders-b", "orders-d"} {
		if got := ask(t, open(t, g, g.Instance(n), sqlag.UserMonitor, "true"), "SELECT name FROM sys.availability_groups WHERE is_distributed = 1"); len(got) != 0 {
			t.Errorf("%s is no member's primary and shows %v", n, got)
		}
	}
	must(t, g, "orders-a", "ALTER AVAILABILITY GROUP orders MODIFY AVAILABILITY GROUP ON 'orders-fra' WITH (AVAILABILITY_MODE = SYNCHRONOUS_COMMIT), 'orders-ams' WITH (AVAILABILITY_MODE = SYNCHRONOUS_COMMIT)")
	if x, y := ask(t, a, lsn), ask(t, c, lsn); len(x) != 1 || len(y) != 1 || x[0][0] != y[0][0] {
		t.Errorf("hardened positions differ: %v, %v", x, y)
	}
	refused(t, execute(t, g, "orders-c", "ALTER AVAILABILITY GROUP orders FAILOVER"), 47105)
	must(t, g, "orders-a", "ALTER AVAILABILITY GROUP orders SET (ROLE = SECONDARY)")
	if got := both(); got != "SECONDARY SECONDARY" {
		t.Errorf("after the demotion: %s", got)
	}
	for _, n := range []string{"orders-a", "orders-c"} {
		db := open(t, g, g.Instance(n), sqlag.UserHeartbeat, "true", "database", "orders")
		_, err := db.ExecContext(short(t), "UPDATE dbo.bcctl_heartbeat SET seq = seq + 1")
		refused(t, err, 3906)
	}
	must(t, g, "orders-a", "ALTER AVAILABILITY GROUP orders SET (REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = 1)")
	must(t, g, "orders-c", "ALTER AVAILABILITY GROUP orders FORCE_FAILOVER_ALLOW_DATA_LOSS")
	if got := both(); got != "SECONDARY PRIMARY" {
		t.Errorf("after the switch: %s", got)
	}
}

// Who may do what, and which numbers refuse.
func TestPermissions(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	n := g.Instance("orders-a")
	monitor, limited := open(t, g, n, sqlag.UserMonitor, "true"), open(t, g, n, sqlag.UserLimited, "true")
	for query, number := range map[string]int32{
		"SELECT * FROM sys.dm_hadr_database_replica_states":               300,
		"SELECT * FROM sys.dm_os_sys_info":                                297,
		"SELECT * FROM msdb.dbo.sysjobs":                                  229,
		"SELECT * FROM orders.dbo.bcctl_heartbeat":                        916,
		"ALTER AVAILABILITY GROUP orders FAILOVER":                        15151,
		"SELECT used_log_space_in_percent FROM sys.dm_db_log_space_usage": 262,
	} {
		_, err := try(t, limited, query)
		refused(t, err, number)
	}
	if got := ask(t, limited, "SELECT name FROM sys.availability_groups"); len(got) != 0 { // no error, and no group
		t.Errorf("without VIEW ANY DEFINITION there is %v", got)
	}
	perms := "SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW ANY DEFINITION'), HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE'), HAS_PERMS_BY_NAME(NULL, NULL, 'FLY'), HAS_PERMS_BY_NAME('msdb.dbo.sysjobs', 'OBJECT', 'SELECT')"
	if got := strings.Join(ask(t, limited, perms)[0], " "); got != "0 0 NULL 0" {
		t.Errorf("limited: %s", got)
	}
	if got := strings.Join(ask(t, monitor, perms)[0], " "); got != "1 1 NULL 1" {
		t.Errorf("monitor: %s", got)
	}
	_, err := try(t, monitor, "ALTER AVAILABILITY GROUP orders FAILOVER")
	refused(t, err, 15151)
	_, err = try(t, monitor, "UPDATE orders.dbo.bcctl_heartbeat SET seq = 0")
	refused(t, err, 229)
	if n, texts := g.Changes(); n != 3 {
		t.Errorf("%d statements could have changed something: %v", n, texts)
	}
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	writer := open(t, g, g.Instance("orders-a"), sqlag.UserHeartbeat, "true", "database", "orders")
	var seq int64
	if err := writer.QueryRowContext(short(t), "UPDATE dbo.bcctl_heartbeat SET seq = seq + 1, written_at = SYSDATETIMEOFFSET(), writer = @p1 OUTPUT inserted.seq WHERE id = 1", "test").Scan(&seq); err != nil || seq != 2 {
		t.Fatalf("seq is %d, %v", seq, err)
	}
	reader := open(t, g, g.Instance("orders-b"), sqlag.UserMonitor, "true", "database", "orders", "ApplicationIntent", "ReadOnly")
	if got := ask(t, reader, "SELECT seq, writer FROM dbo.bcctl_heartbeat"); got[0][0] != "2" || got[0][1] != "test" {
		t.Errorf("the other side shows %v", got)
	}
	// What was hardened and not redone is not seen.
	g.Change(func(w *model.World) { w.Instance("orders-b").Databases[0].RedoLimit = 1 })
	if _, err := writer.ExecContext(short(t), "UPDATE dbo.bcctl_heartbeat SET seq = 3"); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, reader, "SELECT seq FROM dbo.bcctl_heartbeat"); got[0][0] != "2" {
		t.Errorf("without redo the other side shows %v", got)
	}
	other := open(t, g, g.Instance("orders-b"), sqlag.UserHeartbeat, "true", "database", "orders")
	_, err := other.ExecContext(short(t), "UPDATE dbo.bcctl_heartbeat SET seq = 9")
	refused(t, err, 3906)
}

// Where commits wait for secondaries and there are none, writes hang and reads do not.
func TestCommitHostage(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	if err := g.Break("commit-hostage"); err != nil {
		t.Fatal(err)
	}
	db := open(t, g, g.Instance("orders-a"), sqlag.UserHeartbeat, "true", "database", "orders")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := db.ExecContext(ctx, "UPDATE dbo.bcctl_heartbeat SET seq = 7"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the write gives %v", err)
	}
	// In doubt means that it may have happened.
	if got := ask(t, open(t, g, g.Instance("orders-a"), sqlag.UserMonitor, "true", "database", "orders"), "SELECT seq FROM dbo.bcctl_heartbeat"); got[0][0] != "7" {
		t.Errorf("seq is %v", got)
	}
}

// Databases that cannot be read say so, each in its own way.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	query := "SELECT seq FROM orders.dbo.bcctl_heartbeat"
	for name, c := range map[string]struct {
		change func(*model.World)
		number int32
	}{
		"no connections":   {func(w *model.World) { w.Groups[0].Replicas[1].Readable = "NO" }, 976},
		"intent only":      {func(w *model.World) { w.Groups[0].Replicas[1].Readable = "READ_ONLY" }, 978},
		"suspended":        {func(w *model.World) { w.Instances[1].Databases[0].Suspended = true }, 976},
		"recovery pending": {func(w *model.World) { w.Instances[1].Databases[0].Status = "RECOVERY_PENDING" }, 922},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := start(t, sqlag.Options{})
			g.Change(c.change)
			db := open(t, g, g.Instance("orders-b"), sqlag.UserMonitor, "true")
			_, err := try(t, db, query)
			refused(t, err, c.number)
			// The views are there all the same.
			if got := ask(t, db, "SELECT role_desc FROM sys.dm_hadr_availability_replica_states"); got[0][0] != "SECONDARY" {
				t.Errorf("got %v", got)
			}
			direct := open(t, g, g.Instance("orders-b"), sqlag.UserMonitor, "true", "database", "orders")
			refused(t, direct.PingContext(short(t)), c.number)
		})
	}
	g := start(t, sqlag.Options{})
	if err := g.Break("resolving"); err != nil {
		t.Fatal(err)
	}
	_, err := try(t, open(t, g, g.Instance("orders-b"), sqlag.UserMonitor, "true"), query)
	refused(t, err, 983)
}

func TestLogin(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	n := g.Instances()[0]
	refused(t, open(t, g, n, sqlag.UserMonitor, "true", "database", "nowhere").PingContext(short(t)), 4060)
	wrong := "sqlserver://bcctl_monitor:wrong@" + n.Address() + "?encrypt=true&TrustServerCertificate=true"
	db, err := sql.Open("sqlserver", wrong)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	refused(t, db.PingContext(short(t)), 18456)
	plain, err := sql.Open("sqlserver", "sqlserver://bcctl_monitor:x@"+n.Address()+"?encrypt=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Close() }()
	if err := plain.PingContext(short(t)); err == nil {
		t.Error("a login in clear text is taken")
	}
}

// Columns that a version does not have are unknown to it.
func TestVersions(t *testing.T) {
	t.Parallel()
	for version := 13; version <= 17; version++ {
		g := start(t, sqlag.Options{Version: version, Form: sqlag.AG})
		db := open(t, g, g.Instances()[0], sqlag.UserMonitor, "true")
		_, err := try(t, db, "SELECT cluster_type_desc FROM sys.availability_groups")
		if (err == nil) != (version >= 14) {
			t.Errorf("%d: cluster_type_desc: %v", version, err)
		}
		if got := ask(t, db, "SELECT CONVERT(int, SERVERPROPERTY('ProductMajorVersion')), HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE')"); (got[0][1] == "NULL") != (version < 16) {
			t.Errorf("%d: %v", version, got)
		}
	}
}

// Time goes by the clock that was given, and only when somebody looks.
func TestClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)
	g := start(t, sqlag.Options{Now: func() time.Time { return now }})
	db := open(t, g, g.Instances()[0], sqlag.UserMonitor, "true", "TrustServerCertificate", "true")
	query := "SELECT DATEDIFF(second, last_commit_time, SYSUTCDATETIME()), CONVERT(varchar(30), end_of_log_lsn) FROM sys.dm_hadr_database_replica_states WHERE is_local = 1"
	first := ask(t, db, query)
	now = now.Add(90 * time.Minute)
	second := ask(t, db, query)
	if first[0][0] != "0" || second[0][0] != "0" || first[0][1] >= second[0][1] {
		t.Errorf("%v, then %v", first, second)
	}
	g.Change(func(w *model.World) { w.Instances[0].Databases[0].Rate = 0 })
	now = now.Add(30 * time.Minute)
	if got := ask(t, db, query); got[0][0] != "1800" || got[0][1] != second[0][1] {
		t.Errorf("idle: %v", got)
	}
}
