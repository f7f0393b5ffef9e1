package snowflake

import (
	"fmt"
	"strings"
)

// Statements that change something, each with the page of Snowflake's documentation
// it is from.

// refreshSQL, promoteSQL, suspendSQL and resumeSQL: "ALTER FAILOVER GROUP". All of them
// are sent to the account of the secondary.
func refreshSQL(group string) string { return "ALTER FAILOVER GROUP " + quoteName(group) + " REFRESH" }

func promoteSQL(group string) string { return "ALTER FAILOVER GROUP " + quoteName(group) + " PRIMARY" }

func suspendSQL(group string) string { return "ALTER FAILOVER GROUP " + quoteName(group) + " SUSPEND" }

func resumeSQL(group string) string { return "ALTER FAILOVER GROUP " + quoteName(group) + " RESUME" }

// redirectSQL: "ALTER CONNECTION", sent to the account that shall have it.
func redirectSQL(name string) string { return "ALTER CONNECTION " + quoteName(name) + " PRIMARY" }

// work is the name of a task or a pipe: database, schema and name.
type work [3]string

func (w work) sql() string {
	return quoteName(w[0]) + "." + quoteName(w[1]) + "." + quoteName(w[2])
}

func (w work) String() string { return strings.Join(w[:], ".") }

// taskSQL: "ALTER TASK". A graph of tasks stops with its root.
func taskSQL(w work, runs bool) string {
	if runs {
		return "ALTER TASK " + w.sql() + " RESUME"
	}
	return "ALTER TASK " + w.sql() + " SUSPEND"
}

// pipeSQL: "ALTER PIPE".
func pipeSQL(w work, runs bool) string {
	return fmt.Sprintf("ALTER PIPE %s SET PIPE_EXECUTION_PAUSED = %t", w.sql(), !runs)
}

// Statements that read for actions alone.

// tasksSQL and pipesSQL: "SHOW TASKS", "SHOW PIPES". A role is shown those on which it
// has a privilege.
func tasksSQL(database string) string { return "SHOW TASKS IN DATABASE " + quoteName(database) }

func pipesSQL(database string) string { return "SHOW PIPES IN DATABASE " + quoteName(database) }

// pipeStatusSQL: "SYSTEM$PIPE_STATUS".
func pipeStatusSQL(w work) string {
	return "SELECT SYSTEM$PIPE_STATUS(" + quoteText(w.sql()) + ") AS status"
}

// executingSQL: "TASK_HISTORY". It needs a warehouse.
func executingSQL(database string) string {
	return fmt.Sprintf("SELECT DATABASE_NAME, SCHEMA_NAME, NAME FROM TABLE(%s.INFORMATION_SCHEMA.TASK_HISTORY(RESULT_LIMIT => 10000)) WHERE STATE = 'EXECUTING'", quoteName(database))
}

// alteredSQL: "TABLES view" of the Information Schema. A role is shown the tables on
// which it has a privilege. It needs a warehouse.
func alteredSQL(database string) string {
	return fmt.Sprintf("SELECT TABLE_SCHEMA, TABLE_NAME, LAST_ALTERED FROM %s.INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE = 'BASE TABLE' ORDER BY LAST_ALTERED DESC NULLS LAST LIMIT 1", quoteName(database))
}

// pastSQL: "QUERY_HISTORY_BY_USER". Without times it includes what runs. It needs a
// warehouse.
func pastSQL(database, tag string) string {
	return fmt.Sprintf("SELECT QUERY_ID, QUERY_TEXT, EXECUTION_STATUS, ERROR_MESSAGE FROM TABLE(%s.INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER(RESULT_LIMIT => 10000)) WHERE QUERY_TAG = %s ORDER BY START_TIME DESC",
		quoteName(database), quoteText(tag))
}

// grantsSQL and connectionGrantsSQL: "SHOW GRANTS".
func grantsSQL(group string) string { return "SHOW GRANTS ON FAILOVER GROUP " + quoteName(group) }

func connectionGrantsSQL(name string) string { return "SHOW GRANTS ON CONNECTION " + quoteName(name) }

// activeSQL: "IS_ROLE_IN_SESSION".
func activeSQL(role string) string {
	return "SELECT IS_ROLE_IN_SESSION(" + quoteText(role) + ") AS active"
}

const (
	warehousesSQL = `SHOW WAREHOUSES` // "SHOW WAREHOUSES"
	rolesSQL      = `SHOW ROLES`      // "SHOW ROLES"
)

// Statements on tables of bcctl's own, which people make (docs/snowflake.md).

func probeWriteSQL(table work, mark string) string {
	return fmt.Sprintf("MERGE INTO %s USING (SELECT 1 AS ID) S ON %s.ID = S.ID WHEN MATCHED THEN UPDATE SET AT = CURRENT_TIMESTAMP(), WRITER = %s WHEN NOT MATCHED THEN INSERT (ID, SEQ, AT, WRITER) VALUES (1, 0, CURRENT_TIMESTAMP(), %s)",
		table.sql(), quoteName(table[2]), quoteText(mark), quoteText(mark))
}

func probeReadSQL(table work) string {
	return "SELECT WRITER, AT FROM " + table.sql() + " WHERE ID = 1"
}

func countSQL(table work) string { return "SELECT COUNT(*) AS N FROM " + table.sql() }
