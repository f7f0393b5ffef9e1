package snowpair

import (
	"strings"
	"testing"
	"time"
)

const nowText = "2026-03-02 12:00:00.000 +0000"

func TestExpressions(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	run := as(t, p, "LAB_AMS", UserMonitor)
	for sql, want := range map[string]string{
		"1":                                     "1",
		"-2 + 3 * 2":                            "4",
		"7 / 2":                                 "3.5",
		"'a' || 'b'":                            "ab",
		"'it''s'":                               "it's",
		"NULL IS NULL":                          "true",
		"NULL = NULL":                           "",
		"NULL AND FALSE":                        "false",
		"NULL OR TRUE":                          "true",
		"1 IN (2, 1)":                           "true",
		"1 NOT IN (2, 3)":                       "true",
		"'WAREHOUSE_FG' LIKE 'WARE%_G'":         "true",
		"'abc' ILIKE 'A_C'":                     "true",
		"5 BETWEEN 1 AND 5":                     "true",
		"NOT 1 > 2":                             "true",
		"CASE WHEN 1 = 2 THEN 'a' ELSE 'b' END": "b",
		"CASE 2 WHEN 2 THEN 'two' END":          "two",
		"IFF(1 < 2, 'yes', 'no')":               "yes",
		"COALESCE(NULL, NULL, 3)":               "3",
		"NVL(NULL, 'x')":                        "x",
		"NULLIF('a', 'a')":                      "",
		"GREATEST(1, 3, 2)":                     "3",
		"UPPER('a')":                            "A",
		"'12'::NUMBER + 1":                      "13",
		"CAST('3' AS INT)":                      "3",
		"PARSE_JSON('{\"a\":{\"b\":[1,2]}}'):a.b[1]":                          "2",
		"PARSE_JSON('{\"a\":\"x\"}'):a::string":                               "x",
		"CURRENT_TIMESTAMP":                                                   nowText,
		"DATEADD('minute', -90, CURRENT_TIMESTAMP())":                         "2026-03-02 10:30:00.000 +0000",
		"DATEDIFF(second, DATEADD(hour, -1, CURRENT_TIMESTAMP()), SYSDATE())": "3600",
		"DATEDIFF('hour', '2026-03-02 11:59:59 +0000'::timestamp_ltz, '2026-03-02 12:00:01 +0000'::timestamp_ltz)": "1", // borders, not hours
		"EXTRACT(EPOCH_SECOND FROM CURRENT_TIMESTAMP())":                                                           "1772452800",
		"DATE_PART('epoch_millisecond', CURRENT_TIMESTAMP())":                                                      "1772452800000",
		"TO_TIMESTAMP_LTZ(1772452800)":                                                                             nowText,
		"TO_VARCHAR(12)":                                                                                           "12",
		"CURRENT_ACCOUNT()":                                                                                        "LAB10002",
		"CURRENT_REGION()":                                                                                         "AZURE_WESTEUROPE",
		"CURRENT_ACCOUNT_NAME()":                                                                                   "LAB_AMS",
		"CURRENT_DATABASE()":                                                                                       "",
		"/* a comment */ -- another\n 1":                                                                           "1",
	} {
		rows := ask(t, run, "SELECT "+sql+" AS X")
		if got := text(rows[0]["X"]); got != want {
			t.Errorf("%s: got %q, want %q", sql, got, want)
		}
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	run := as(t, p, "LAB_AMS", UserMonitor)
	from := " FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('WAREHOUSE_FG'))"
	for sql, want := range map[string]string{
		"SELECT COUNT(*), COUNT(ERROR), MIN(PHASE_NAME)" + from:                                                                                                     "72|0|COMPLETED",
		"SELECT PHASE_NAME, COUNT(*) N" + from + " GROUP BY PHASE_NAME HAVING COUNT(*) > 1":                                                                         "COMPLETED|72",
		"SELECT PHASE_NAME, COUNT(*) N" + from + " GROUP BY 1 ORDER BY N DESC LIMIT 1":                                                                              "COMPLETED|72",
		"SELECT START_TIME" + from + " ORDER BY START_TIME DESC LIMIT 1":                                                                                            "2026-03-02 11:57:00.000 +0000",
		"SELECT START_TIME AS S" + from + " WHERE S > '2026-03-02 11:50:00 +0000' ORDER BY 1":                                                                       "2026-03-02 11:57:00.000 +0000",
		"SELECT MAX(DATEDIFF('second', START_TIME, END_TIME)) AS D" + from:                                                                                          "40",
		"SELECT MEDIAN(DATEDIFF('second', h.START_TIME, h.END_TIME))" + from + " AS h":                                                                              "40",
		"SELECT DISTINCT PHASE_NAME" + from:                                                                                                                         "COMPLETED",
		"SELECT MAX(PRIMARY_SNAPSHOT_TIMESTAMP)" + from + " WHERE PHASE_NAME = 'FAILED'":                                                                            "",
		"SELECT TOTAL_BYTES:bytesUploaded::NUMBER AS B" + from + " LIMIT 1":                                                                                         "4194304",
		"SELECT X FROM (SELECT COUNT(*) AS X" + from + ")":                                                                                                          "72",
		"SELECT 'a' AS G, 1 AS N UNION ALL SELECT 'b', 2 ORDER BY N DESC":                                                                                           "b|2;a|1",
		"SELECT GROUP_NAME, GROUP_TYPE FROM TABLE(WAREHOUSE_DB.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_PROGRESS_ALL()) WHERE PHASE_NAME = 'COMPLETED' LIMIT 1": "WAREHOUSE_FG|FAILOVER",
	} {
		res, f := run(sql)
		if f != nil {
			t.Errorf("%s: %v", sql, f)
			continue
		}
		var lines []string
		for _, row := range res.rows {
			var cells []string
			for _, v := range row {
				cells = append(cells, text(v))
			}
			lines = append(lines, strings.Join(cells, "|"))
		}
		if got := strings.Join(lines, ";"); got != want {
			t.Errorf("%s:\ngot  %q\nwant %q", sql, got, want)
		}
	}
}

// TestNullsSortLast is a default of the product that is easily forgotten: NULL is
// larger than everything.
func TestNullsSort(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{})
	run := as(t, p, "LAB_AMS", UserMonitor)
	clock.Add(7*time.Minute + time.Second) // one runs: its END_TIME is NULL
	newest := func(order string) any {
		return ask(t, run, "SELECT END_TIME AS E FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('WAREHOUSE_FG')) ORDER BY END_TIME "+order+" LIMIT 1")[0]["E"]
	}
	if newest("DESC") != nil || newest("DESC NULLS LAST") == nil || newest("ASC") == nil || newest("NULLS FIRST") != nil {
		t.Errorf("got %v, %v, %v, %v", newest("DESC"), newest("DESC NULLS LAST"), newest("ASC"), newest("NULLS FIRST"))
	}
}

func TestResultScan(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	run := as(t, p, "LAB_AMS", UserMonitor)
	ask(t, run, "SHOW FAILOVER GROUPS")
	rows := ask(t, run, `SELECT "name" AS N FROM TABLE(RESULT_SCAN(LAST_QUERY_ID())) WHERE "is_primary" = 'true'`)
	if len(rows) != 1 || rows[0]["N"] != "WAREHOUSE_FG" {
		t.Errorf("got %v", rows)
	}
	if _, f := run(`SELECT name FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))`); f == nil || f.code != 904 {
		t.Errorf("an upper-case name found a lower-case column: %v", f)
	}
}

func TestQuotedNames(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{Groups: []Group{{Name: "Mixed Case"}, {Name: "PLAIN"}}})
	run := as(t, p, "LAB_AMS", UserExecute)
	if got := ask(t, run, `SHOW DATABASES IN FAILOVER GROUP "Mixed Case"`); len(got) != 2 {
		t.Errorf("got %v", got)
	}
	if _, f := run(`ALTER FAILOVER GROUP "Mixed Case" SUSPEND`); f != nil {
		t.Error(f)
	}
	if got := ask(t, run, `SELECT * FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('"Mixed Case"'))`); len(got) == 0 {
		t.Error("no history by a quoted name")
	}
	if _, f := run(`SELECT * FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('Mixed Case'))`); f == nil {
		t.Error("an unquoted name in a string found a mixed-case group")
	}
	if _, f := run("alter failover group plain suspend;"); f != nil {
		t.Error(f)
	}
}

func TestRefusedStatements(t *testing.T) {
	t.Parallel()
	p, _ := start(t, Options{})
	for sql, code := range map[string]int{
		"":                                  900,
		"   -- nothing":                     900,
		"HELLO":                             1003,
		"SHOW":                              1003,
		"SHOW EVERYTHING":                   1003,
		"SELECT":                            1003,
		"SELECT 1 FROM":                     1003,
		"SELECT 'open":                      1003,
		"SELECT 1 2 3":                      1003,
		"SELECT 1; SELECT 2":                1003,
		"SELECT (1":                         1003,
		"ALTER FAILOVER GROUP WAREHOUSE_FG": 1003,
		"ALTER FAILOVER GROUP WAREHOUSE_FG EXPLODE":     1003,
		"ALTER FAILOVER GROUP NOSUCH REFRESH":           2003,
		"ALTER FAILOVER GROUP IF EXISTS NOSUCH REFRESH": 0,
		"ALTER REPLICATION GROUP NOSUCH REFRESH":        2003,
		"ALTER CONNECTION NOSUCH PRIMARY":               2003,
		"SHOW DATABASES IN FAILOVER GROUP NOSUCH":       2003,
		"SELECT * FROM NOSUCH.PUBLIC.T":                 2003,
		"SELECT * FROM WAREHOUSE_DB.PUBLIC.NOSUCH":      2003,
		"SELECT * FROM T":                               90105,
		"SELECT * FROM TABLE(INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('WAREHOUSE_FG'))":                       90105,
		"SELECT * FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.NOSUCH())":                                                      2141,
		"SELECT * FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('X'))":                        2003,
		"SELECT MAX(1) FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY_ALL()) WHERE MAX(1) = 1": 2035,
		"SELECT NOSUCH FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_DANGLING_REFERENCES('WAREHOUSE_FG'))":    904,
		"CREATE TABLE T (A INT)": 2,
		"DROP TABLE T":           2,
		"USE ROLE ACCOUNTADMIN":  3013,
		"USE WAREHOUSE NOSUCH":   2043,
		"USE WAREHOUSE BCCTL_WH": 0,
		"USE WAREHOUSE_DB":       0,
		"ALTER SESSION SET QUERY_TAG = 'bcctl:1' STATEMENT_TIMEOUT_IN_SECONDS = 30": 0,
		"SELECT 1 / 0": 100051,
	} {
		_, f := as(t, p, "LAB_AMS", UserExecute)(sql)
		switch {
		case code == 0 && f != nil:
			t.Errorf("%q: %v", sql, f)
		case code != 0 && (f == nil || f.code != code):
			t.Errorf("%q: got %v, want %d", sql, f, code)
		}
	}
}

func TestStatementTimeout(t *testing.T) {
	t.Parallel()
	p, clock := start(t, Options{})
	run := as(t, p, "LAB_AMS", UserExecute)
	ask(t, run, "ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = 25")
	if _, f := run("ALTER FAILOVER GROUP WAREHOUSE_FG REFRESH"); f != nil {
		t.Fatal(f)
	}
	clock.Add(26 * time.Second)
	if got := ask(t, run, history)[0]["PHASE_NAME"]; got != "CANCELED" {
		t.Errorf("the refresh ran on: %v", got)
	}
}

func TestChanging(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]bool{
		"SHOW FAILOVER GROUPS": false, "SELECT 1": false, "ALTER SESSION SET X = 1": false, "USE ROLE R": false, "": false, "'": false,
		"alter failover group g refresh": true, "ALTER CONNECTION C PRIMARY": true, "ALTER WAREHOUSE W RESUME": true, "ALTER": true,
		"/* x */ INSERT INTO T VALUES (1)": true, "MERGE INTO T": true, "DROP TABLE T": true, "GRANT X TO Y": true, "CALL P()": true,
		"SELECT SYSTEM$CANCEL_QUERY('x')": true,
	} {
		if got := changing(sql); got != want {
			t.Errorf("%q: got %v", sql, got)
		}
	}
}

func FuzzStatement(f *testing.F) {
	for _, s := range []string{
		"SHOW FAILOVER GROUPS IN ACCOUNT A", "SELECT a:b.c[0]::string, COUNT(*) FROM TABLE(X.Y.Z('q', K => 1)) WHERE A BETWEEN 1 AND 2 GROUP BY 1 ORDER BY 2 DESC NULLS LAST LIMIT 3",
		"MERGE INTO A.B.C t USING (SELECT 1 AS ID) s ON t.ID = s.ID WHEN MATCHED THEN UPDATE SET A = 1 WHEN NOT MATCHED THEN INSERT (A) VALUES (1)",
		"ALTER FAILOVER GROUP \"g\" SET REPLICATION_SCHEDULE = 'USING CRON 0 * * * * UTC'", "SELECT ((((1))))", "SELECT CASE WHEN 1 THEN 2 END", "/*", "'", "\"",
		"UPDATE WAREHOUSE_DB.PUBLIC.BCCTL_HEARTBEAT SET SEQ = ? WHERE ID = :1", "SELECT $$x$$", "SELECT -", "USE", "ALTER SESSION SET A = 1, B = 'x'",
	} {
		f.Add(s)
	}
	p, _ := start(f, Options{})
	run := as(f, p, "LAB_AMS", UserAdmin)
	f.Fuzz(func(t *testing.T, sql string) {
		res, failed := run(sql)
		if failed != nil && failed.code == 603 {
			t.Errorf("%q: internal error", sql)
		}
		if res == nil && failed == nil {
			t.Errorf("%q: neither result nor failure", sql)
		}
		if res == nil {
			return
		}
		for _, row := range res.rows {
			if len(row) != len(res.columns) {
				t.Fatalf("%q: a row of %d cells under %d columns", sql, len(row), len(res.columns))
			}
			for i, v := range row {
				cell(v, res.columns[i].kind)
			}
		}
	})
}
