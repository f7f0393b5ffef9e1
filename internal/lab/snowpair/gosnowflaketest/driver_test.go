// Package gosnowflaketest_test lets the unmodified driver gosnowflake talk to the
// laboratory. It is a package of its own because linking the driver takes minutes.
package gosnowflaketest_test

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/snowflakedb/gosnowflake"

	"github.com/bcctl/bcctl/internal/lab/snowpair"
)

func TestMain(m *testing.M) {
	// The driver would ask addresses of clouds where it runs.
	_ = os.Setenv("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true") // a fixed name cannot fail
	_ = gosnowflake.GetLogger().SetLogLevel("off")                // a level it knows
	os.Exit(m.Run())
}

var keys = sync.OnceValues(snowpair.GenerateKeys)

// clock moves when it is told to.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func start(t *testing.T, o snowpair.Options) (*snowpair.Pair, *clock) {
	t.Helper()
	k, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{t: time.Now().Truncate(time.Second)}
	o.Keys, o.Now = k, c.Now
	p, err := snowpair.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, c
}

// config is how a client of the driver logs in with a key pair.
func config(t *testing.T, p *snowpair.Pair, account, user string) *gosnowflake.Config {
	t.Helper()
	host, portText, err := net.SplitHostPort(p.Host(account))
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.CA())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &gosnowflake.Config{
		Account: p.Account(account), User: user, Authenticator: gosnowflake.AuthTypeJwt, PrivateKey: p.Key(user),
		Host: host, Port: port, Protocol: "https", Transporter: transport, MaxRetryCount: 1,
		DisableTelemetry:  true, //nolint:staticcheck // deprecated in favour of a parameter that this version does not have
		DisableOCSPChecks: true, Warehouse: "BCCTL_WH",
	}
}

// open opens one connection.
func open(t *testing.T, c *gosnowflake.Config) *sql.Conn {
	t.Helper()
	db := sql.OpenDB(gosnowflake.NewConnector(gosnowflake.SnowflakeDriver{}, *c))
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func number(err error) int {
	var sf *gosnowflake.SnowflakeError
	if errors.As(err, &sf) {
		return sf.Number
	}
	return 0
}

func TestKeyPair(t *testing.T) {
	t.Parallel()
	p, _ := start(t, snowpair.Options{})
	conn := open(t, config(t, p, "LAB_AMS", snowpair.UserMonitor))
	var account, organization, role, warehouse string
	var now time.Time
	err := conn.QueryRowContext(t.Context(), "SELECT CURRENT_ACCOUNT_NAME(), CURRENT_ORGANIZATION_NAME(), CURRENT_ROLE(), CURRENT_WAREHOUSE(), CURRENT_TIMESTAMP()").
		Scan(&account, &organization, &role, &warehouse, &now)
	if err != nil {
		t.Fatal(err)
	}
	if account != "LAB_AMS" || organization != p.Organization() || role != snowpair.UserMonitor || warehouse != "BCCTL_WH" || time.Since(now).Abs() > time.Minute {
		t.Errorf("got %s %s %s %s %v", account, organization, role, warehouse, now)
	}
	if c := p.Counts(); c.Resumes != 0 || c.Telemetry != 0 || c.Changes != 0 {
		t.Errorf("no warehouse, telemetry or change was due: %+v", c)
	}
}

// TestTelemetryIsSeen shows that a client which tells the vendor about its errors
// would be noticed.
func TestTelemetryIsSeen(t *testing.T) {
	t.Parallel()
	p, _ := start(t, snowpair.Options{})
	c := config(t, p, "LAB_AMS", snowpair.UserMonitor)
	c.DisableTelemetry = false //nolint:staticcheck // as above
	db := sql.OpenDB(gosnowflake.NewConnector(gosnowflake.SnowflakeDriver{}, *c))
	if _, err := db.ExecContext(t.Context(), "SELEKT 1"); err == nil {
		t.Fatal("nonsense was understood")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return p.Counts().Telemetry > 0 })
}

func TestForeignKeyIsRefused(t *testing.T) {
	t.Parallel()
	p, _ := start(t, snowpair.Options{})
	c := config(t, p, "LAB_AMS", snowpair.UserMonitor)
	c.PrivateKey = p.Key(snowpair.UserLimited)
	_, err := sql.OpenDB(gosnowflake.NewConnector(gosnowflake.SnowflakeDriver{}, *c)).Conn(t.Context())
	var sf *gosnowflake.SnowflakeError
	if !errors.As(err, &sf) || sf.Number != 390144 || sf.SQLState != "08004" {
		t.Errorf("got %v, want 390144 (08004)", err)
	}
}

func TestPasswordAndToken(t *testing.T) {
	t.Parallel()
	p, _ := start(t, snowpair.Options{})
	c := config(t, p, "LAB_FRA", snowpair.UserLimited)
	c.Authenticator, c.PrivateKey, c.Password, c.Warehouse = gosnowflake.AuthTypeSnowflake, (*rsa.PrivateKey)(nil), p.Secrets()[snowpair.SecretPassword], ""
	conn := open(t, c)
	var n int
	rows, err := conn.QueryContext(t.Context(), "SHOW FAILOVER GROUPS")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		n++
	}
	if err := rows.Err(); err != nil || n != 0 {
		t.Errorf("a role without privileges sees %d groups, %v", n, err)
	}
	c.Password = "wrong"
	if _, err := sql.OpenDB(gosnowflake.NewConnector(gosnowflake.SnowflakeDriver{}, *c)).Conn(t.Context()); number(err) != 390100 {
		t.Errorf("wrong password: %v", err)
	}
	c = config(t, p, "LAB_AMS", snowpair.UserMonitor)
	c.Authenticator, c.PrivateKey, c.Token = gosnowflake.AuthTypePat, nil, p.Secrets()[snowpair.SecretToken]
	var user string
	if err := open(t, c).QueryRowContext(t.Context(), "SELECT CURRENT_USER()").Scan(&user); err != nil || user != snowpair.UserMonitor {
		t.Errorf("token: %q, %v", user, err)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	p, clock := start(t, snowpair.Options{})
	conn := open(t, config(t, p, "LAB_AMS", snowpair.UserMonitor))
	var phase, id string
	var started, snapshot time.Time
	var ended sql.NullTime
	var bytes, problem sql.NullString
	var count int64
	row := conn.QueryRowContext(t.Context(), `SELECT PHASE_NAME, START_TIME, END_TIME, JOB_UUID, TOTAL_BYTES, PRIMARY_SNAPSHOT_TIMESTAMP, ERROR
		FROM TABLE(WAREHOUSE_DB.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY(?)) ORDER BY START_TIME DESC LIMIT 1;`, "WAREHOUSE_FG")
	if err := row.Scan(&phase, &started, &ended, &id, &bytes, &snapshot, &problem); err != nil {
		t.Fatal(err)
	}
	if phase != "COMPLETED" || !ended.Valid || !snapshot.After(started) || !snapshot.Before(ended.Time) || problem.Valid || !strings.Contains(bytes.String, "bytesDownloaded") {
		t.Errorf("got %s %v %v %v %v %v", phase, started, ended, snapshot, bytes, problem)
	}
	if clock.Now().Sub(started) > 4*time.Minute {
		t.Errorf("the newest refresh started %v ago", clock.Now().Sub(started))
	}
	if err := conn.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('WAREHOUSE_FG')) WHERE START_TIME >= ?",
		clock.Now().Add(-time.Hour)).Scan(&count); err != nil || count != 6 {
		t.Errorf("got %d refreshes in an hour, %v", count, err)
	}
	if p.Counts().Resumes != 1 {
		t.Errorf("got %d resumes, want 1", p.Counts().Resumes)
	}
	rows, err := conn.QueryContext(t.Context(), "show failover groups")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	kinds, err := rows.ColumnTypes()
	if err := errors.Join(err, rows.Err()); err != nil {
		t.Fatal(err)
	}
	if kinds[1].Name() != "created_on" || kinds[1].DatabaseTypeName() != "TIMESTAMP_LTZ" || kinds[6].Name() != "is_primary" || kinds[6].DatabaseTypeName() != "TEXT" {
		t.Errorf("got %s %s, %s %s", kinds[1].Name(), kinds[1].DatabaseTypeName(), kinds[6].Name(), kinds[6].DatabaseTypeName())
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	p, clock := start(t, snowpair.Options{})
	conn := open(t, config(t, p, "LAB_AMS", snowpair.UserMonitor))
	clock.Add(61 * time.Minute)
	var one int
	if err := conn.QueryRowContext(t.Context(), "SELECT 1").Scan(&one); err != nil || one != 1 {
		t.Fatalf("after the token expired: %d, %v", one, err)
	}
	if c := p.Counts(); c.Renewals != 1 || c.Logins != 1 {
		t.Errorf("got %+v, want one renewal and no other login", c)
	}
	clock.Add(5 * time.Hour)
	if err := conn.QueryRowContext(t.Context(), "SELECT 1").Scan(&one); number(err) != 390114 {
		t.Errorf("after the master token expired: %v", err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	p, _ := start(t, snowpair.Options{})
	c := config(t, p, "LAB_AMS", snowpair.UserLimited)
	c.Warehouse = ""
	limited := open(t, c)
	monitor := open(t, config(t, p, "LAB_AMS", snowpair.UserMonitor))
	for _, test := range []struct {
		conn     *sql.Conn
		sql      string
		number   int
		sqlState string
	}{
		{monitor, "SELEKT 1", 1003, "42000"},
		{monitor, "SELECT NO_SUCH_COLUMN", 904, "42000"},
		{monitor, "SELECT NO_SUCH_FUNCTION()", 2140, "42601"},
		{monitor, "ALTER FAILOVER GROUP NOSUCH REFRESH", 2003, "02000"},
		{monitor, "ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY", 3001, "42501"},
		{limited, "ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY", 2003, "02000"},
		{limited, "SELECT * FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY_ALL())", 606, "57P03"},
	} {
		_, err := test.conn.ExecContext(t.Context(), test.sql)
		var sf *gosnowflake.SnowflakeError
		if !errors.As(err, &sf) || sf.Number != test.number || sf.SQLState != test.sqlState || sf.QueryID == "" {
			t.Errorf("%s: got %v, want %d (%s) with a query id", test.sql, err, test.number, test.sqlState)
		}
	}
}

// status asks for a statement's state from a session.
func status(t *testing.T, conn *sql.Conn, id string) error {
	t.Helper()
	var result error
	if err := conn.Raw(func(c any) error {
		_, result = c.(gosnowflake.SnowflakeConnection).GetQueryStatus(t.Context(), id)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return result
}

func TestAsyncRefresh(t *testing.T) {
	t.Parallel()
	p, clock := start(t, snowpair.Options{})
	conn := open(t, config(t, p, "LAB_AMS", snowpair.UserExecute))
	ids := make(chan string, 1)
	ctx := gosnowflake.WithQueryIDChan(gosnowflake.WithAsyncMode(t.Context()), ids)
	if _, err := conn.ExecContext(ctx, "ALTER FAILOVER GROUP WAREHOUSE_FG REFRESH"); err != nil {
		t.Fatal(err)
	}
	id := <-ids
	other := open(t, config(t, p, "LAB_AMS", snowpair.UserExecute)) // as after a crash
	if err := status(t, other, id); number(err) != gosnowflake.ErrQueryIsRunning {
		t.Errorf("got %v, want running", err)
	}
	if _, err := other.ExecContext(t.Context(), "ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY"); err == nil || !strings.Contains(err.Error(), "cannot currently be set as primary because it is being refreshed") {
		t.Errorf("promotion during a refresh: %v", err)
	}
	progress := func() string {
		var last string
		rows, err := other.QueryContext(t.Context(), "SELECT PHASE_NAME FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_PROGRESS_BY_JOB('"+id+"'))")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			if err := rows.Scan(&last); err != nil {
				t.Fatal(err)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return last
	}
	if got := progress(); got != "SECONDARY_SYNCHRONIZING_MEMBERSHIP" {
		t.Errorf("at the beginning: %s", got)
	}
	clock.Add(30 * time.Second)
	if got := progress(); got != "SECONDARY_DOWNLOADING_DATA" {
		t.Errorf("after 30 s: %s", got)
	}
	clock.Add(11 * time.Second)
	if got := progress(); got != "COMPLETED" {
		t.Errorf("at the end: %s", got)
	}
	if err := status(t, other, id); err != nil {
		t.Errorf("got %v, want success", err)
	}
	if _, err := other.ExecContext(t.Context(), "ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY"); err != nil {
		t.Errorf("promotion after it: %v", err)
	}
}

// until waits for something another goroutine does.
func until(t *testing.T, done func() bool) bool {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if done() {
			return true
		}
	}
	t.Error("it did not happen within 20 s")
	return false
}

// TestDeadlineCancelsRefresh is the trap that a deadline on a synchronous REFRESH
// is: the driver aborts the statement, and the target is left half refreshed.
func TestDeadlineCancelsRefresh(t *testing.T) {
	t.Parallel()
	p, clock := start(t, snowpair.Options{})
	conn := open(t, config(t, p, "LAB_AMS", snowpair.UserExecute))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		if until(t, func() bool { return p.Counts().Changes > 0 }) {
			clock.Add(30 * time.Second) // it downloads now
		}
		cancel()
	}()
	if _, err := conn.ExecContext(ctx, "ALTER FAILOVER GROUP WAREHOUSE_FG REFRESH"); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if p.Counts().Aborts == 0 {
		t.Error("no abort was seen")
	}
	other := open(t, config(t, p, "LAB_AMS", snowpair.UserExecute))
	var last, before string
	rows, err := other.QueryContext(t.Context(), "SELECT PHASE_NAME FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_PROGRESS('WAREHOUSE_FG'))")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		before = last
		if err := rows.Scan(&last); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if last != "CANCELED" || before != "SECONDARY_DOWNLOADING_DATA" {
		t.Errorf("got %s after %s", last, before)
	}
}

func TestSyncRefreshWaits(t *testing.T) {
	t.Parallel()
	p, clock := start(t, snowpair.Options{Hold: 30 * time.Millisecond})
	conn := open(t, config(t, p, "LAB_AMS", snowpair.UserExecute))
	done := make(chan error, 1)
	go func() {
		_, err := conn.ExecContext(context.Background(), "ALTER FAILOVER GROUP WAREHOUSE_FG REFRESH")
		done <- err
	}()
	until(t, func() bool { return p.Counts().Changes > 0 })
	asked := p.Counts().Requests
	until(t, func() bool { return p.Counts().Requests >= asked+2 }) // it polls the result's URL
	select {
	case err := <-done:
		t.Fatalf("it ended before the refresh: %v", err)
	default:
	}
	clock.Add(time.Minute)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestHeartbeatTable(t *testing.T) {
	t.Parallel()
	p, clock := start(t, snowpair.Options{})
	source := open(t, config(t, p, "LAB_FRA", snowpair.UserHeartbeat))
	target := open(t, config(t, p, "LAB_AMS", snowpair.UserMonitor))
	res, err := source.ExecContext(t.Context(), `MERGE INTO WAREHOUSE_DB.PUBLIC.BCCTL_HEARTBEAT t USING (SELECT 1 AS ID) s ON t.ID = s.ID
		WHEN MATCHED THEN UPDATE SET SEQ = t.SEQ + 1, AT = CURRENT_TIMESTAMP(), WRITER = 'bcctl'
		WHEN NOT MATCHED THEN INSERT (ID, SEQ, AT, WRITER) VALUES (s.ID, 1, CURRENT_TIMESTAMP(), 'bcctl')`)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		t.Errorf("got %d rows, %v", n, err)
	}
	var seq int
	read := "SELECT SEQ FROM WAREHOUSE_DB.PUBLIC.BCCTL_HEARTBEAT WHERE ID = 1"
	if err := target.QueryRowContext(t.Context(), read).Scan(&seq); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("before a refresh the target shows %d, %v", seq, err)
	}
	clock.Add(10 * time.Minute)
	if err := target.QueryRowContext(t.Context(), read).Scan(&seq); err != nil || seq != 1 {
		t.Errorf("after a refresh the target shows %d, %v", seq, err)
	}
	writer := open(t, config(t, p, "LAB_AMS", snowpair.UserHeartbeat))
	if _, err := writer.ExecContext(t.Context(), "UPDATE WAREHOUSE_DB.PUBLIC.BCCTL_HEARTBEAT SET SEQ = 9"); err == nil {
		t.Error("the copy could be written")
	}
}
