package snowflake

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Statements, each with the page of Snowflake's documentation it is from. The
// first group needs no warehouse: SHOW and context functions are answered by the
// account's cloud services alone.

// selfSQL: "Context functions". What it says decides which rows of SHOW are the
// account's own.
const selfSQL = `SELECT CURRENT_ORGANIZATION_NAME() AS organization, CURRENT_ACCOUNT_NAME() AS account, CURRENT_ACCOUNT() AS locator, ` +
	`CURRENT_REGION() AS region, CURRENT_ROLE() AS role, CURRENT_VERSION() AS version, CURRENT_TIMESTAMP() AS clock`

// primaryRoleSQL: "USE SECONDARY ROLES". What a user may do by other roles than
// the one that is meant would hide that this one lacks something. It changes the
// session alone.
const primaryRoleSQL = `USE SECONDARY ROLES NONE`

const (
	failoverGroupsSQL    = `SHOW FAILOVER GROUPS`    // "SHOW FAILOVER GROUPS"
	replicationGroupsSQL = `SHOW REPLICATION GROUPS` // "SHOW REPLICATION GROUPS"
	connectionsSQL       = `SHOW CONNECTIONS`        // "SHOW CONNECTIONS"
)

// membersSQL: "SHOW DATABASES IN FAILOVER GROUP".
func membersSQL(group string) string { return "SHOW DATABASES IN FAILOVER GROUP " + quoteName(group) }

// The second group are table functions of the Information Schema, for which a
// warehouse has to run.

// warehouseSQL: "USE WAREHOUSE". It changes the session alone; the statement after
// it makes the warehouse resume.
func warehouseSQL(name string) string { return "USE WAREHOUSE " + quoteName(name) }

// historySQL: "REPLICATION_GROUP_REFRESH_HISTORY". Both ends of the range are
// given: without a beginning the answer covers twelve hours, and without an end
// it stops at midnight.
func historySQL(database, group string, within time.Duration) string {
	return fmt.Sprintf("SELECT * FROM TABLE(%s.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY(%s, "+
		"DATE_RANGE_START => DATEADD('second', -%d, CURRENT_TIMESTAMP()), DATE_RANGE_END => CURRENT_TIMESTAMP()))",
		quoteName(database), groupText(group), int64(within.Seconds()))
}

// wholeHistorySQL is the form of releases whose function takes the name alone.
func wholeHistorySQL(database, group string) string {
	return fmt.Sprintf("SELECT * FROM TABLE(%s.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY(%s))", quoteName(database), groupText(group))
}

// progressSQL: "REPLICATION_GROUP_REFRESH_PROGRESS". It has a row for each phase of
// the refresh with this job.
func progressSQL(database, job string) string {
	return fmt.Sprintf("SELECT * FROM TABLE(%s.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_PROGRESS_BY_JOB(%s))", quoteName(database), quoteText(job))
}

// danglingSQL: "REPLICATION_GROUP_DANGLING_REFERENCES". Asked in a secondary's
// account it tells about that one alone.
func danglingSQL(database, group string) string {
	return fmt.Sprintf("SELECT * FROM TABLE(%s.INFORMATION_SCHEMA.REPLICATION_GROUP_DANGLING_REFERENCES(%s))", quoteName(database), groupText(group))
}

// quoteName writes an identifier so that it is the name it is, whatever is in it.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// groupText writes the name of a group as table functions take it: a text in which
// an identifier stands, and so in quotes of its own where it would be another
// name without them.
func groupText(name string) string {
	if !plainName.MatchString(name) {
		name = quoteName(name)
	}
	return quoteText(name)
}

var plainName = regexp.MustCompile(`^[A-Z_][A-Z0-9_$]*$`)

// quoteText writes a text literal.
func quoteText(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}
