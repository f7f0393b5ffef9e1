package snowpair

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const history = "SELECT * FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('WAREHOUSE_FG')) ORDER BY START_TIME DESC"

func row(t *testing.T, rows []map[string]any, accountName string) map[string]any {
	t.Helper()
	for _, r := range rows {
		if strings.HasSuffix(text(r["account_name"]), accountName) {
			return r
		}
	}
	t.Fatalf("no row about %s in %v", accountName, rows)
	return nil
}

func TestSchedulesRunByTheClock(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{})
	run := as(t, p, "LAB_AMS", UserMonitor)
	before := ask(t, run, history)
	clock.Add(time.Hour)
	rows := ask(t, run, "SELECT COUNT(*) AS N FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('WAREHOUSE_FG', DATE_RANGE_START => '"+clock.Now().Add(-time.Hour).Format(time.RFC3339)+"')) WHERE PHASE_NAME = 'COMPLETED'")
	if rows[0]["N"] != int64(6) {
		t.Errorf("got %v refreshes in an hour of ten minutes each", rows[0]["N"])
	}
	after := ask(t, run, history)
	if before[0]["JOB_UUID"] == after[0]["JOB_UUID"] {
		t.Error("no refresh ran in an hour")
	}
	lag := clock.Now().Sub(after[0]["PRIMARY_SNAPSHOT_TIMESTAMP"].(time.Time))
	if lag <= 0 || lag > 11*time.Minute {
		t.Errorf("lag is %v", lag)
	}
	next := row(t, ask(t, run, "SHOW FAILOVER GROUPS"), "LAB_AMS")["next_scheduled_refresh"].(time.Time)
	if until := next.Sub(clock.Now()); until <= 0 || until > 10*time.Minute {
		t.Errorf("the next refresh is due in %v", until)
	}
}

func TestHistoryIsKeptForFourteenDays(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{Schedule: "60 MINUTE"})
	clock.Add(400 * 24 * time.Hour)
	p.mu.Lock()
	p.org.advance()
	n := len(p.org.accounts[1].groups[0].history)
	p.mu.Unlock()
	if n < 14*24-2 || n > 14*24+2 {
		t.Errorf("after a year %d refreshes are kept", n)
	}
	run := as(t, p, "LAB_AMS", UserMonitor)
	if got := len(ask(t, run, history)); got != 12 {
		t.Errorf("without a range %d refreshes are shown, want those of twelve hours", got)
	}
	_, f := run("SELECT * FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('WAREHOUSE_FG', DATE_RANGE_START => DATEADD('day', -15, CURRENT_TIMESTAMP())))")
	if f == nil || !strings.Contains(f.message, "14 days") {
		t.Errorf("a range of fifteen days: %v", f)
	}
}

func TestOlderHistoryTakesOnlyTheName(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{NameOnly: true})
	run := as(t, p, "LAB_AMS", UserMonitor)
	if _, f := run("SELECT * FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('WAREHOUSE_FG', DATE_RANGE_START => CURRENT_TIMESTAMP()))"); f == nil || f.code != 939 {
		t.Errorf("a range: %v", f)
	}
	if got := len(ask(t, run, history)); got != 288 {
		t.Errorf("got %d refreshes, want all", got)
	}
}

func TestOneRefreshAtATime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		schedule string
		starts   []string
	}{
		{"10 MINUTE", []string{"12:07", "12:22", "12:37"}},                            // late, never early
		{"USING CRON */10 * * * * UTC", []string{"12:00", "12:10", "12:30", "12:50"}}, // skipped; that of 12:00 was a short one
	} {
		p, clock := start(t, Options{Schedule: test.schedule})
		if err := p.Duration("LAB_AMS", "WAREHOUSE_FG", 15*time.Minute); err != nil {
			t.Fatal(err)
		}
		clock.Add(50 * time.Minute)
		run := as(t, p, "LAB_AMS", UserMonitor)
		var starts []string
		for _, r := range ask(t, run, history) {
			if at := r["START_TIME"].(time.Time); !at.Before(clock.Now().Add(-50 * time.Minute)) {
				starts = append(starts, at.UTC().Format("15:04"))
			}
		}
		slices.Sort(starts)
		if !slices.Equal(starts, test.starts) {
			t.Errorf("%s: refreshes of 15 minutes started %v, want %v", test.schedule, starts, test.starts)
		}
	}
}

func TestPromotion(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{Accounts: []Account{
		{Name: "A", Site: "fra", Region: "AWS_EU_CENTRAL_1"}, {Name: "B", Site: "ams", Region: "AZURE_WESTEUROPE"}, {Name: "C", Site: "ams", Region: "AWS_EU_WEST_1"},
	}})
	b := as(t, p, "B", UserExecute)
	if _, f := b("ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY"); f != nil {
		t.Fatal(f)
	}
	for _, name := range []string{"A", "B", "C"} {
		own := row(t, ask(t, as(t, p, name, UserMonitor), "SHOW FAILOVER GROUPS"), name)
		wantState := any("SUSPENDED")
		if name == "B" {
			wantState = nil
		}
		if own["is_primary"] != fmt.Sprint(name == "B") || own["primary"] != p.Organization()+".B.WAREHOUSE_FG" || own["secondary_state"] != wantState || own["replication_schedule"] != "10 MINUTE" {
			t.Errorf("%s shows %v", name, own)
		}
	}
	clock.Add(time.Hour)
	a := as(t, p, "A", UserExecute)
	if got := ask(t, a, history); len(got) != 0 {
		t.Errorf("refreshes ran although the schedule is suspended: %v", got)
	}
	if _, f := a("ALTER FAILOVER GROUP WAREHOUSE_FG RESUME"); f != nil {
		t.Fatal(f)
	}
	clock.Add(25 * time.Minute)
	if got := ask(t, a, history); len(got) != 2 {
		t.Errorf("got %d refreshes in the new direction, want 2", len(got))
	}
	if _, f := b("ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY"); f == nil {
		t.Error("the primary was promoted once more")
	}
	if _, f := b("ALTER FAILOVER GROUP WAREHOUSE_FG SUSPEND"); f == nil {
		t.Error("a primary was suspended")
	}
	if _, f := a("ALTER FAILOVER GROUP WAREHOUSE_FG SET REPLICATION_SCHEDULE = '5 MINUTE'"); f == nil {
		t.Error("a secondary's schedule was changed")
	}
}

// TestDanglingReferences stop refreshes and promotions, as the documentation of
// REPLICATION_GROUP_DANGLING_REFERENCES says.
func TestDanglingReferences(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	if err := p.Break("dangling"); err != nil {
		t.Fatal(err)
	}
	if _, f := as(t, p, "LAB_AMS", UserExecute)("ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY"); f == nil || f.code != 3131 || !strings.Contains(f.message, "MASK_IBAN") {
		t.Errorf("got %v", f)
	}
	if err := p.CutOff("LAB_FRA", true); err != nil {
		t.Fatal(err)
	}
	if _, f := as(t, p, "LAB_AMS", UserExecute)("ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY"); f != nil {
		t.Errorf("with the source gone nothing can be asked of it: %v", f)
	}
}

func TestSuspendImmediate(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{})
	run := as(t, p, "LAB_AMS", UserExecute)
	clock.Add(7*time.Minute + 10*time.Second) // a scheduled one runs
	if got := ask(t, run, history)[0]["PHASE_NAME"]; got != "PRIMARY_UPLOADING_METADATA" {
		t.Fatalf("got %v", got)
	}
	if _, f := run("ALTER FAILOVER GROUP WAREHOUSE_FG SUSPEND"); f != nil {
		t.Fatal(f)
	}
	if got := ask(t, run, history)[0]["PHASE_NAME"]; got != "PRIMARY_UPLOADING_METADATA" {
		t.Errorf("SUSPEND touched the running refresh: %v", got)
	}
	if _, f := run("ALTER FAILOVER GROUP WAREHOUSE_FG SUSPEND IMMEDIATE"); f != nil {
		t.Fatal(f)
	}
	if got := ask(t, run, history)[0]["PHASE_NAME"]; got != "CANCELED" {
		t.Errorf("SUSPEND IMMEDIATE left the scheduled refresh: %v", got)
	}
	if _, f := run("ALTER FAILOVER GROUP WAREHOUSE_FG REFRESH"); f != nil {
		t.Fatal(f)
	}
	if _, f := run("ALTER FAILOVER GROUP WAREHOUSE_FG SUSPEND IMMEDIATE"); f != nil {
		t.Fatal(f)
	}
	manual := ask(t, run, history)[0]
	if manual["PHASE_NAME"] == "CANCELED" {
		t.Error("SUSPEND IMMEDIATE canceled a refresh by hand")
	}
	got := ask(t, run, "SELECT SYSTEM$CANCEL_QUERY('"+text(manual["JOB_UUID"])+"') AS R")
	if got[0]["R"] != "query ["+text(manual["JOB_UUID"])+"] terminated." {
		t.Errorf("got %v", got)
	}
	if got := ask(t, run, history)[0]["PHASE_NAME"]; got != "CANCELED" {
		t.Errorf("SYSTEM$CANCEL_QUERY left it: %v", got)
	}
}

func TestPrivileges(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	limited := as(t, p, "LAB_AMS", UserLimited)
	for _, sql := range []string{"SHOW FAILOVER GROUPS", "SHOW REPLICATION GROUPS", "SHOW WAREHOUSES"} {
		if got := ask(t, limited, sql); len(got) != 0 {
			t.Errorf("%s: a role without privileges sees %v", sql, got)
		}
	}
	monitor := as(t, p, "LAB_AMS", UserMonitor)
	if got := ask(t, monitor, "SHOW FAILOVER GROUPS"); len(got) != 2 {
		t.Errorf("the monitoring role sees %d groups", len(got))
	}
	for _, sql := range []string{
		"ALTER FAILOVER GROUP WAREHOUSE_FG REFRESH", "ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY", "ALTER FAILOVER GROUP WAREHOUSE_FG SUSPEND",
		"ALTER CONNECTION WAREHOUSE PRIMARY", "SHOW REPLICATION ACCOUNTS", "UPDATE " + HeartbeatTable + " SET SEQ = 1",
	} {
		if _, f := monitor(sql); f == nil || f.code != 3001 {
			t.Errorf("%s: the monitoring role got %v", sql, f)
		}
	}
	if got := ask(t, as(t, p, "LAB_FRA", UserAdmin), "SHOW REPLICATION ACCOUNTS"); len(got) != 2 {
		t.Errorf("got %v", got)
	}
	if p.Counts().Changes != 5 {
		t.Errorf("%d statements were counted as changes, want 5", p.Counts().Changes)
	}
}

func TestRedirect(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	run := as(t, p, "LAB_AMS", UserExecute)
	if _, f := run("ALTER CONNECTION WAREHOUSE PRIMARY"); f != nil {
		t.Fatal(f)
	}
	rows := ask(t, run, "SHOW CONNECTIONS LIKE 'ware%'")
	if row(t, rows, "LAB_AMS")["is_primary"] != "true" || row(t, rows, "LAB_FRA")["is_primary"] != "false" {
		t.Errorf("got %v", rows)
	}
	if row(t, rows, "LAB_AMS")["failover_allowed_to_accounts"] != p.Organization()+".LAB_FRA" {
		t.Errorf("got %v", rows)
	}
}

func TestWarehouses(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{})
	run := as(t, p, "LAB_AMS", UserMonitor)
	for _, sql := range []string{"SHOW FAILOVER GROUPS", "SHOW CONNECTIONS", "SELECT CURRENT_TIMESTAMP()", "SHOW WAREHOUSES"} {
		ask(t, run, sql)
	}
	if n := p.Counts().Resumes; n != 0 {
		t.Errorf("%d resumes by statements that need no warehouse", n)
	}
	ask(t, run, history)
	clock.Add(30 * time.Second)
	ask(t, run, history)
	if n := p.Counts().Resumes; n != 1 {
		t.Errorf("%d resumes, want one: it was still running", n)
	}
	clock.Add(2 * time.Minute)
	ask(t, run, history)
	if n := p.Counts().Resumes; n != 2 {
		t.Errorf("%d resumes, want two: it had suspended itself", n)
	}
	if err := p.Break("no-warehouse"); err != nil {
		t.Fatal(err)
	}
	if _, f := run(history); f == nil || f.code != 606 || f.sqlState != "57P03" {
		t.Errorf("without a warehouse: %v", f)
	}
	ask(t, run, "SHOW FAILOVER GROUPS")
}

func TestOverride(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{})
	run := as(t, p, "LAB_AMS", UserMonitor)
	future := clock.Now().Add(time.Hour)
	undo, err := p.Override("LAB_AMS", Override{Source: "REPLICATION_GROUP_REFRESH_HISTORY", Column: "PRIMARY_SNAPSHOT_TIMESTAMP", Value: future, Last: true})
	if err != nil {
		t.Fatal(err)
	}
	newest := "SELECT MAX(PRIMARY_SNAPSHOT_TIMESTAMP) AS S FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('WAREHOUSE_FG'))"
	if got := ask(t, run, newest)[0]["S"]; got != future {
		t.Errorf("got %v", got)
	}
	undo()
	if got := ask(t, run, newest)[0]["S"]; got == future {
		t.Error("undo left it")
	}
	if _, err := p.Override("LAB_AMS", Override{Source: "SHOW FAILOVER GROUPS", Column: "secondary_state", Of: "LAB_AMS", Value: nil}); err != nil {
		t.Fatal(err)
	}
	if got := row(t, ask(t, run, "SHOW FAILOVER GROUPS"), "LAB_AMS")["secondary_state"]; got != nil {
		t.Errorf("got %v", got)
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{RegionGroups: true, Without: []string{"is_optimized_refresh_enabled", "COMMITTED_OBJECT_COUNT"}})
	run := as(t, p, "LAB_AMS", UserMonitor)
	names := func(sql string) string {
		res, f := run(sql)
		if f != nil {
			t.Fatal(f)
		}
		var out []string
		for _, c := range res.columns {
			out = append(out, c.name)
		}
		return strings.Join(out, " ")
	}
	for sql, want := range map[string]string{
		"SHOW FAILOVER GROUPS": "region_group snowflake_region created_on account_name name type comment is_primary primary object_types allowed_integration_types allowed_accounts organization_name account_locator replication_schedule secondary_state next_scheduled_refresh owner is_listing_auto_fulfillment_group",
		"SHOW CONNECTIONS":     "region_group snowflake_region created_on account_name name comment is_primary primary failover_allowed_to_accounts connection_url organization_name account_locator",
		history:                "PHASE_NAME START_TIME END_TIME JOB_UUID TOTAL_BYTES OBJECT_COUNT PRIMARY_SNAPSHOT_TIMESTAMP ERROR",
	} {
		if got := names(sql); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", sql, got, want)
		}
	}
}

func TestPartitionedBelief(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	if err := p.CutOff("LAB_FRA", true); err != nil {
		t.Fatal(err)
	}
	if _, f := as(t, p, "LAB_AMS", UserExecute)("ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY"); f != nil {
		t.Fatal(f)
	}
	own := func(name string) any {
		return row(t, ask(t, as(t, p, name, UserMonitor), "SHOW FAILOVER GROUPS"), name)["is_primary"]
	}
	if own("LAB_FRA") != "true" || own("LAB_AMS") != "true" {
		t.Errorf("cut off: %v and %v", own("LAB_FRA"), own("LAB_AMS"))
	}
	if err := p.CutOff("LAB_FRA", false); err != nil {
		t.Fatal(err)
	}
	if own("LAB_FRA") != "false" || own("LAB_AMS") != "true" {
		t.Errorf("healed: %v and %v", own("LAB_FRA"), own("LAB_AMS"))
	}
}

// TestRemovedDatabaseIsDropped is what drift of members costs.
func TestRemovedDatabaseIsDropped(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{})
	if _, f := as(t, p, "LAB_FRA", UserExecute)("ALTER FAILOVER GROUP WAREHOUSE_FG REMOVE REPORTING_DB FROM ALLOWED_DATABASES"); f != nil {
		t.Fatal(f)
	}
	copies := func() int { return len(ask(t, as(t, p, "LAB_AMS", UserAdmin), "SHOW DATABASES")) }
	if copies() != 2 {
		t.Errorf("before the next refresh the copy is gone")
	}
	clock.Add(10 * time.Minute)
	if copies() != 1 {
		t.Errorf("after the next refresh the copy is there")
	}
	if got := len(ask(t, as(t, p, "LAB_FRA", UserAdmin), "SHOW DATABASES")); got != 2 {
		t.Errorf("the original is gone: %d", got)
	}
}

// TestResumeErasesWhatOnlyTheOldPrimaryHas is why nobody resumes by reflex after a
// failover.
func TestResumeErasesWhatOnlyTheOldPrimaryHas(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{})
	if _, f := as(t, p, "LAB_FRA", UserHeartbeat)("INSERT INTO " + HeartbeatTable + " VALUES (1, 7, CURRENT_TIMESTAMP(), 'lost')"); f != nil {
		t.Fatal(f)
	}
	if _, f := as(t, p, "LAB_AMS", UserExecute)("ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY"); f != nil {
		t.Fatal(f)
	}
	rows := func(a string) int {
		return len(ask(t, as(t, p, a, UserMonitor), "SELECT * FROM "+HeartbeatTable))
	}
	clock.Add(time.Hour)
	if rows("LAB_FRA") != 1 || rows("LAB_AMS") != 0 {
		t.Errorf("suspended: %d rows at the old primary, %d at the new one", rows("LAB_FRA"), rows("LAB_AMS"))
	}
	if _, f := as(t, p, "LAB_FRA", UserExecute)("ALTER FAILOVER GROUP WAREHOUSE_FG RESUME"); f != nil {
		t.Fatal(f)
	}
	clock.Add(time.Hour)
	if rows("LAB_FRA") != 0 {
		t.Error("resumed: the old primary still has its row")
	}
}

func TestResource(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{Groups: []Group{{Name: "Mixed Case", Secondary: "OTHER_FG", Databases: []string{"A", "b"}}}})
	got := p.Resource(func(s string) string { return "file:/srv/lab/" + s }, "certs/lab-ca.pem")
	for _, want := range []string{
		`identity: {organization: LABWAREHOUSE, failoverGroup: "\"Mixed Case\""}`, `options: {account: LABWAREHOUSE-LAB_AMS, failoverGroups: "OTHER_FG"}`,
		`databases: "A, \"b\""`, `privateKey: "file:/srv/lab/bcctl_monitor.p8"`, "tls: {mode: verify-full, ca: certs/lab-ca.pem}", `connection: "WAREHOUSE"`, p.URL("LAB_FRA"),
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in\n%s", want, got)
		}
	}
	for name, secret := range p.Secrets() {
		if strings.Contains(got, secret) {
			t.Errorf("the document holds the secret %s", name)
		}
	}
}
