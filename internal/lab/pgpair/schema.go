package pgpair

import (
	"context"
	"fmt"
)

// heartbeatAndReign are the tables bcctl reads; docs describe them for operators
// in the same words.
const heartbeatAndReign = `
CREATE SCHEMA bcctl;
CREATE TABLE bcctl.heartbeat(
  id smallint PRIMARY KEY CHECK (id = 1), seq bigint NOT NULL, written_at timestamptz NOT NULL,
  wal_lsn pg_lsn NOT NULL, tli int NOT NULL, sysid text NOT NULL, writer text NOT NULL) WITH (fillfactor = 10);
CREATE TABLE bcctl.reign(
  reign_id uuid PRIMARY KEY, tli int NOT NULL, fork_lsn pg_lsn, started_at timestamptz NOT NULL, run_id text, node text);
INSERT INTO bcctl.heartbeat
  SELECT 1, 1, clock_timestamp(), pg_current_wal_insert_lsn(), 1, system_identifier::text, 'lab' FROM pg_control_system();
INSERT INTO bcctl.reign VALUES (gen_random_uuid(), 1, NULL, clock_timestamp(), NULL, '` + Primary + `');
`

// entries is the table of the pretended application.
const entries = `
CREATE SCHEMA app;
CREATE TABLE app.entries(
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, written_at timestamptz NOT NULL DEFAULT clock_timestamp(), note text NOT NULL);
`

const grants = `
CREATE ROLE ` + RoleMonitor + ` LOGIN REPLICATION IN ROLE pg_monitor;
CREATE ROLE ` + RoleLimited + ` LOGIN;
CREATE ROLE ` + RoleHeartbeat + ` LOGIN;
CREATE ROLE ` + RoleReplication + ` LOGIN REPLICATION;
GRANT USAGE ON SCHEMA bcctl TO ` + RoleMonitor + `, ` + RoleHeartbeat + `;
GRANT SELECT ON bcctl.heartbeat, bcctl.reign TO ` + RoleMonitor + `;
GRANT SELECT, UPDATE ON bcctl.heartbeat TO ` + RoleHeartbeat + `;
`

// executeGrants is what docs/postgresql.md asks for, statement by statement.
// Before 15 a checkpoint and ALTER SYSTEM are for superusers, which this role is
// not.
func executeGrants(major int) string {
	all := `
CREATE ROLE ` + RoleExecute + ` LOGIN REPLICATION IN ROLE pg_monitor, pg_signal_backend;
GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer), pg_reload_conf() TO ` + RoleExecute + `;
GRANT USAGE ON SCHEMA bcctl TO ` + RoleExecute + `;
GRANT SELECT, INSERT ON bcctl.reign TO ` + RoleExecute + `;
`
	if major >= 15 {
		all += `
GRANT pg_checkpoint TO ` + RoleExecute + `;
GRANT ALTER SYSTEM ON PARAMETER default_transaction_read_only, primary_conninfo, primary_slot_name TO ` + RoleExecute + `;
`
	}
	return all
}

// createSchema makes roles and tables on the fresh primary, and learns its
// system identifier.
func (l *Lab) createSchema(ctx context.Context, node string) error {
	statements := []string{
		`SET log_min_error_statement = panic`, // no password in the server's log, even if one is refused
		heartbeatAndReign, entries, grants, executeGrants(l.state.Binaries.Major),
	}
	for _, role := range roles() {
		statements = append(statements, fmt.Sprintf(`ALTER ROLE %s PASSWORD '%s'`, role, l.Password(role)))
	}
	if err := l.Exec(ctx, node, statements...); err != nil {
		return fmt.Errorf("create roles and tables: %w", err)
	}
	return l.QueryRow(ctx, node, `SELECT system_identifier::text FROM pg_control_system()`, &l.state.SystemIdentifier)
}

// Load writes n rows of about 300 bytes into app.entries on the primary, in one
// transaction.
func (l *Lab) Load(ctx context.Context, n int) error {
	node, err := l.currentPrimary(ctx)
	if err != nil {
		return fmt.Errorf("write entries: %w", err)
	}
	return l.loadOn(ctx, node, n)
}

func (l *Lab) loadOn(ctx context.Context, node string, n int) error {
	return l.Exec(ctx, node, fmt.Sprintf(
		`INSERT INTO app.entries(note) SELECT repeat(md5(i::text), 8) FROM generate_series(1, %d) i`, n))
}

// currentPrimary returns the first node that answers and is not in recovery.
func (l *Lab) currentPrimary(ctx context.Context) (string, error) {
	for _, s := range l.Status(ctx) {
		if s.Role == RolePrimary {
			return s.Name, nil
		}
	}
	return "", fmt.Errorf("no node of this laboratory is a running primary")
}
