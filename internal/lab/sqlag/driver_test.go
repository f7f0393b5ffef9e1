package sqlag_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/bcctl/bcctl/internal/lab/sqlag"
)

// The unmodified driver, over TLS within TDS 7.4 and over TDS 8.0.
func TestDriver(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	for _, encrypt := range []string{"true", "strict"} {
		t.Run(encrypt, func(t *testing.T) {
			t.Parallel()
			db := open(t, g, g.Instances()[0], sqlag.UserMonitor, encrypt)
			var name, property string
			var id mssql.UniqueIdentifier
			var started, clock time.Time
			var hadr bool
			var queue sql.NullInt64
			err := db.QueryRowContext(short(t), `SELECT ag.name, SERVERPROPERTY('ServerName'), ag.group_id, (SELECT sqlserver_start_time FROM sys.dm_os_sys_info),
				SYSDATETIMEOFFSET(), CONVERT(bit, SERVERPROPERTY('IsHadrEnabled')), drs.log_send_queue_size
				FROM sys.availability_groups ag JOIN sys.dm_hadr_database_replica_states drs ON drs.group_id = ag.group_id WHERE drs.is_local = 1`).Scan(&name, &property, &id, &started, &clock, &hadr, &queue)
			if err != nil {
				t.Fatal(err)
			}
			if name != "orders" || property != "orders-a" || id.String() != g.GroupID() || !hadr || queue.Valid || !started.Before(clock) || time.Since(clock).Abs() > time.Minute {
				t.Errorf("got %s, %s, %s, %s, %s, %t, %v", name, property, id, started, clock, hadr, queue)
			}
		})
	}
}

// Parameters go there and back, of every type that the driver sends.
func TestParameters(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	db := open(t, g, g.Instances()[0], sqlag.UserMonitor, "true")
	at := time.Date(2026, 11, 26, 1, 2, 3, 456789100, time.FixedZone("", 2*3600))
	long := strings.Repeat("Größe ", 3000) // over many packets
	for name, v := range map[string]any{
		"text": "a'b", "long text": long, "whole": int64(math.MinInt64), "real": 1.25, "yes": true, "bytes": []byte{0, 1, 255}, "many bytes": bytes.Repeat([]byte{7}, 9000), "time": at,
	} {
		rows := db.QueryRowContext(short(t), "SELECT @p1, @p2", v, nil)
		var got, none any
		if err := rows.Scan(&got, &none); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		same := false
		switch want := v.(type) {
		case []byte:
			b, _ := got.([]byte)
			same = bytes.Equal(b, want)
		case time.Time:
			x, _ := got.(time.Time)
			same = x.Equal(want)
		default:
			same = got == v
		}
		if !same || none != nil {
			t.Errorf("%s: %.60v came back as %.60v, %v", name, v, got, none)
		}
	}
	var a, b int
	if err := db.QueryRowContext(short(t), "SELECT @second, @first", sql.Named("first", 1), sql.Named("second", 2)).Scan(&a, &b); err != nil || a != 2 || b != 1 {
		t.Errorf("named: %d, %d, %v", a, b, err)
	}
}

func TestManyResultsAndErrors(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	db := open(t, g, g.Instances()[0], sqlag.UserMonitor, "true")
	rows, err := db.QueryContext(short(t), "SET NOCOUNT ON; SELECT 1; SELECT name FROM sys.databases WHERE database_id < 3 ORDER BY 1; SELECT 1/0; SELECT 3")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	counts := []int{}
	for {
		n := 0
		for rows.Next() {
			n++
		}
		counts = append(counts, n)
		if !rows.NextResultSet() {
			break
		}
	}
	var e mssql.Error
	if !errors.As(rows.Err(), &e) || e.Number != 8134 || e.ServerName != "orders-a" {
		t.Errorf("the error is %v", rows.Err())
	}
	if len(counts) < 2 || counts[0] != 1 || counts[1] != 2 {
		t.Errorf("rows: %v", counts)
	}
	// The connection is good for more.
	if got := ask(t, db, "SELECT REPLACE(N'abc', 'b', @p1)", "x"); got[0][0] != "axc" {
		t.Errorf("got %v", got)
	}
}

func TestTransaction(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	db := open(t, g, g.Instances()[0], sqlag.UserMonitor, "true")
	for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
		tx, err := db.BeginTx(short(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := tx.QueryRowContext(short(t), "SELECT 7").Scan(&n); err != nil || n != 7 {
			t.Errorf("got %d, %v", n, err)
		}
		if err := end(tx); err != nil {
			t.Error(err)
		}
	}
}

// A client that cancels gets its connection back.
func TestAttention(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	db := open(t, g, g.Instances()[0], sqlag.UserMonitor, "true")
	conn, err := db.Conn(short(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	// The driver takes a deadline, unlike a cancel, for a broken connection.
	ctx, cancel := context.WithCancel(t.Context())
	defer time.AfterFunc(100*time.Millisecond, cancel).Stop()
	began := time.Now()
	if _, err := conn.ExecContext(ctx, "WAITFOR DELAY '00:05:00'"); err == nil {
		t.Error("five minutes were over soon")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	var n int
	if err := conn.QueryRowContext(short(t), "SELECT 8").Scan(&n); err != nil || n != 8 {
		t.Errorf("afterwards: %d, %v", n, err)
	}
}

// A server that hangs takes connections and answers nothing; one that stops refuses.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	n := g.Instance("orders-b")
	db := open(t, g, n, sqlag.UserMonitor, "true")
	if got := ask(t, db, "SELECT 1"); got[0][0] != "1" {
		t.Fatal(got)
	}
	n.Hang(true)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := db.PingContext(ctx); err == nil {
		t.Error("a hung server answers")
	}
	if got := g.Nodes()[1].State; got != "hung" {
		t.Errorf("it is %s", got)
	}
	started := "SELECT DATEDIFF(day, sqlserver_start_time, SYSUTCDATETIME()) FROM sys.dm_os_sys_info"
	n.Hang(false)
	fresh := open(t, g, n, sqlag.UserMonitor, "true")
	if got := ask(t, fresh, started); got[0][0] != "30" {
		t.Errorf("a server that hung was started %v days ago", got)
	}
	n.Stop()
	if err := open(t, g, n, sqlag.UserMonitor, "true").PingContext(short(t)); err == nil {
		t.Error("a stopped server answers")
	}
	primary := open(t, g, g.Instance("orders-a"), sqlag.UserMonitor, "true")
	if got := ask(t, primary, "SELECT connected_state_desc FROM sys.dm_hadr_availability_replica_states WHERE is_local = 0"); got[0][0] != "DISCONNECTED" {
		t.Errorf("the primary says %v", got)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, open(t, g, n, sqlag.UserMonitor, "true"), "SELECT DATEDIFF(minute, sqlserver_start_time, SYSUTCDATETIME()) FROM sys.dm_os_sys_info"); got[0][0] != "0" && got[0][0] != "1" {
		t.Errorf("it started %v minutes ago", got)
	}
}
