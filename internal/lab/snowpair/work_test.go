package snowpair

import (
	"strings"
	"testing"
	"time"
)

// TestWorkMovesWithTheGroup: tasks and pipes are read-only in the copy, are copied with
// the state they have when a refresh begins, and are the copy's own after a promotion.
func TestWorkMovesWithTheGroup(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{})
	fra, ams := as(t, p, "LAB_FRA", UserExecute), as(t, p, "LAB_AMS", UserExecute)
	if _, f := ams("ALTER TASK WAREHOUSE_DB.PUBLIC.NIGHTLY SUSPEND"); f == nil || f.code != 3032 {
		t.Errorf("a task of a copy was changed: %v", f)
	}
	status := func(run func(string) (*result, *failure)) string {
		return text(ask(t, run, `SELECT SYSTEM$PIPE_STATUS('"WAREHOUSE_DB"."PUBLIC"."ORDERS_IN"') AS S`)[0]["S"])
	}
	if got := status(ams); !strings.Contains(got, "READ_ONLY") {
		t.Errorf("a pipe of a copy is %s", got)
	}
	for _, sql := range []string{`ALTER TASK "WAREHOUSE_DB"."PUBLIC"."NIGHTLY" SUSPEND`, `ALTER PIPE WAREHOUSE_DB.PUBLIC.ORDERS_IN SET PIPE_EXECUTION_PAUSED = TRUE`} {
		if _, f := fra(sql); f != nil {
			t.Fatal(sql, f)
		}
	}
	if got := len(ask(t, as(t, p, "LAB_FRA", UserMonitor), "SHOW TASKS IN DATABASE WAREHOUSE_DB")); got != 0 {
		t.Errorf("a role without a privilege on tasks sees %d", got)
	}
	if got := status(fra); !strings.Contains(got, "PAUSED") {
		t.Errorf("the pipe is %s", got)
	}
	clock.Add(15 * time.Minute) // a refresh and its end
	if _, f := ams("ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY"); f != nil {
		t.Fatal(f)
	}
	states := map[string]string{}
	for _, row := range ask(t, ams, "SHOW TASKS IN DATABASE WAREHOUSE_DB") {
		states[text(row["name"])] = text(row["state"])
	}
	if states["NIGHTLY"] != "suspended" || states["NIGHTLY_REPORT"] != "started" || !strings.Contains(status(ams), "PAUSED") {
		t.Errorf("after the promotion: tasks %v, pipe %s", states, status(ams))
	}
	if _, f := ams("ALTER TASK WAREHOUSE_DB.PUBLIC.NIGHTLY RESUME"); f != nil {
		t.Error(f)
	}
}

// TestHistoryKnowsTags: a statement is found by the tag it was sent with, also one
// that was refused.
func TestHistoryKnowsTags(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	run := as(t, p, "LAB_AMS", UserExecute)
	for _, sql := range []string{"ALTER SESSION SET QUERY_TAG = 'bcctl:1'", "ALTER FAILOVER GROUP WAREHOUSE_FG REFRESH", "ALTER FAILOVER GROUP WAREHOUSE_FG PRIMARY"} {
		_, _ = run(sql) // the last one is refused
	}
	rows := ask(t, run, "SELECT QUERY_TEXT, EXECUTION_STATUS FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER(USER_NAME => CURRENT_USER(), RESULT_LIMIT => 10)) WHERE QUERY_TAG = 'bcctl:1' AND QUERY_TEXT LIKE 'ALTER FAILOVER%'")
	if len(rows) != 2 || rows[0]["EXECUTION_STATUS"] != queryFailed || rows[1]["EXECUTION_STATUS"] != queryRunning {
		t.Errorf("got %v", rows)
	}
	if rows := ask(t, as(t, p, "LAB_AMS", UserMonitor), "SELECT * FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER(USER_NAME => 'BCCTL_EXECUTE'))"); len(rows) != 0 {
		t.Errorf("another user's statements: %v", rows)
	}
}

// TestLogoutCancelsWhatRuns is what makes a goodbye after an asynchronous refresh
// dangerous.
func TestLogoutCancelsWhatRuns(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	c := byHand(t, p, "LAB_AMS")
	c.login(p, "LAB_AMS", UserExecute)
	if e := c.query("ALTER FAILOVER GROUP WAREHOUSE_FG REFRESH", true); e.code() != codeInProgressNow {
		t.Fatalf("refresh: %+v", e)
	}
	if e := c.call("POST", "/session?delete=true", c.token, nil); !e.Success {
		t.Fatalf("logout: %+v", e)
	}
	rows := ask(t, as(t, p, "LAB_AMS", UserMonitor), history)
	if rows[0]["PHASE_NAME"] != "CANCELED" || p.Counts().Orphaned != 1 {
		t.Errorf("the refresh is %v", rows[0]["PHASE_NAME"])
	}
}
