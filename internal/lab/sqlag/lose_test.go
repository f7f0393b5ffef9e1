package sqlag_test

import (
	"errors"
	"testing"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
)

// A connection that is lost looks the same to the client whether the statement was
// carried out or not, and is lost once.
func TestCut(t *testing.T) {
	t.Parallel()
	for name, applied := range map[string]bool{"after the statement": true, "before it": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := start(t, sqlag.Options{})
			g.Cut("orders-b", "] failover", applied)
			must(t, g, "orders-a", "ALTER DATABASE [orders] SET HADR RESUME") // another instance, another text
			var told mssql.Error
			if err := execute(t, g, "orders-b", "ALTER AVAILABILITY GROUP [orders] FAILOVER"); err == nil || errors.As(err, &told) {
				t.Fatalf("the client was answered: %v", err)
			}
			want := "PRIMARY SECONDARY"
			if applied {
				want = "SECONDARY PRIMARY"
			}
			if got := roles(t, g); got != want {
				t.Errorf("roles are %s, want %s", got, want)
			}
			if n := g.Cuts(); n != 0 {
				t.Errorf("%d connections are still to be lost", n)
			}
			if !applied {
				must(t, g, "orders-b", "ALTER AVAILABILITY GROUP [orders] FAILOVER")
			}
		})
	}
}

// What is refused changes nothing, and what may not be together is refused whichever
// way round it is asked for.
func TestModifyIsAllOrNothing(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	g.Change(func(w *model.World) { w.Groups[0].Replicas[1].Automatic = true })
	refused(t, execute(t, g, "orders-a", "ALTER AVAILABILITY GROUP [orders] MODIFY REPLICA ON N'orders-b' WITH (AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT)"), 35205)
	modes := "SELECT availability_mode_desc, failover_mode_desc FROM sys.availability_replicas WHERE replica_server_name = 'orders-b'"
	db := open(t, g, g.Instance("orders-a"), sqlag.UserMonitor, "true")
	if got := ask(t, db, modes)[0]; got[0] != "SYNCHRONOUS_COMMIT" || got[1] != "AUTOMATIC" {
		t.Errorf("after the refusal: %v", got)
	}
	must(t, g, "orders-a", "ALTER AVAILABILITY GROUP [orders] MODIFY REPLICA ON N'orders-b' WITH (FAILOVER_MODE = MANUAL)")
	must(t, g, "orders-a", "ALTER AVAILABILITY GROUP [orders] MODIFY REPLICA ON N'orders-b' WITH (AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT)")
	refused(t, execute(t, g, "orders-a", "ALTER AVAILABILITY GROUP [orders] MODIFY REPLICA ON N'orders-b' WITH (FAILOVER_MODE = AUTOMATIC)"), 35205)
}

// The application's address leads to who writes, and to nobody while nobody does.
func TestListener(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{Form: sqlag.Distributed, Idle: true})
	who := func() (string, error) {
		db := openAt(t, g, g.Listener(), sqlag.UserMonitor)
		var name string
		err := db.QueryRowContext(short(t), "SELECT CONVERT(nvarchar(128), SERVERPROPERTY('ServerName'))").Scan(&name)
		return name, err
	}
	if name, err := who(); err != nil || name != "orders-a" {
		t.Errorf("at first: %q, %v", name, err)
	}
	must(t, g, "orders-a", "ALTER AVAILABILITY GROUP orders SET (ROLE = SECONDARY)")
	if name, err := who(); err == nil {
		t.Errorf("nobody writes, and it leads to %s", name)
	}
	must(t, g, "orders-c", "ALTER AVAILABILITY GROUP orders FORCE_FAILOVER_ALLOW_DATA_LOSS")
	if name, err := who(); err != nil || name != "orders-c" {
		t.Errorf("afterwards: %q, %v", name, err)
	}
	// The side that gave up its role follows, and so do the new side's own secondaries.
	for _, n := range []string{"orders-a", "orders-c"} {
		db := open(t, g, g.Instance(n), sqlag.UserMonitor, "true")
		for _, row := range ask(t, db, "SELECT synchronization_state_desc, is_suspended FROM sys.dm_hadr_database_replica_states") {
			if row[0] != "SYNCHRONIZED" || row[1] != "false" {
				t.Errorf("%s shows %v", n, row)
			}
		}
	}
}

// A run's login may do what a run does, and no more than that.
func TestExecuteLogin(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	db := open(t, g, g.Instance("orders-a"), sqlag.UserExecute, "true", "database", "orders")
	if got := ask(t, db, "SELECT HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'ALTER'), HAS_PERMS_BY_NAME('dbo.bcctl_heartbeat', 'OBJECT', 'UPDATE'), HAS_PERMS_BY_NAME(NULL, NULL, 'CONTROL SERVER')")[0]; got[0] != "1" || got[1] != "1" || got[2] != "0" {
		t.Errorf("permissions: %v", got)
	}
	if _, err := db.ExecContext(short(t), "UPDATE dbo.bcctl_heartbeat SET seq = seq + 1"); err != nil {
		t.Error(err)
	}
	other := open(t, g, g.Instance("orders-a"), sqlag.UserMonitor, "true")
	_, err := other.ExecContext(short(t), "ALTER DATABASE [orders] SET HADR SUSPEND")
	refused(t, err, 5011)
}
