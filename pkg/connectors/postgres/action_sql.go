package postgres

// What actions ask and change. Each constant names the page of the PostgreSQL
// documentation it is from. Readings return one JSON document, as in queries.go.

// checkpointSQL: "CHECKPOINT". Superuser before 15, pg_checkpoint since.
const checkpointSQL = `CHECKPOINT`

// controlSQL: "System Information Functions", control data. The timeline of the
// control file is that of the last checkpoint, which after a promotion is stale
// until the next one.
const controlSQL = `SELECT json_build_object('location', checkpoint_lsn, 'redo', redo_lsn, 'timeline', timeline_id,
  'age', extract(epoch FROM clock_timestamp() - checkpoint_time),
  'current', CASE WHEN pg_is_in_recovery() THEN NULL ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END)
  FROM pg_control_checkpoint()`

// softFenceSQL and softLiftSQL: "ALTER SYSTEM". They do not replicate, unlike a
// setting of a role or database. A session can override the default.
const (
	softFenceSQL = `ALTER SYSTEM SET default_transaction_read_only = on`
	softLiftSQL  = `ALTER SYSTEM RESET default_transaction_read_only`
	reloadSQL    = `SELECT pg_reload_conf()` // "Server Signaling Functions"
)

// configuredSQL: "pg_settings". What the configuration gives a new session;
// current_setting would show what this session was started with.
func configuredSQL(name string) string {
	return `SELECT json_build_object('value', reset_val, 'source', source) FROM pg_settings WHERE name = ` + literal(name)
}

// endClientsSQL: "Server Signaling Functions". pg_signal_backend may end the
// sessions of everybody but superusers; bcctl's own stay.
const endClientsSQL = `SELECT json_build_object('ended', count(*) FILTER (WHERE ended), 'left', count(*) FILTER (WHERE NOT ended)) FROM (
  SELECT pg_terminate_backend(a.pid) AS ended FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
  WHERE a.backend_type = 'client backend' AND NOT r.rolsuper AND a.pid <> pg_backend_pid()
    AND a.application_name NOT IN ('bcctl', '` + applicationName + `')) q`

// promoteSQL: "Recovery Control Functions". Without waiting: the function's answer
// with waiting is false after a timeout although the promotion goes on.
const promoteSQL = `SELECT pg_promote(false)`

// detachSQL: "Write Ahead Log", primary_conninfo; it can be reloaded since 13.
const (
	detachSQL = `ALTER SYSTEM SET primary_conninfo = ''`
	attachSQL = `ALTER SYSTEM RESET primary_conninfo`
)

func conninfoSQL(conninfo string) string {
	return `ALTER SYSTEM SET primary_conninfo = ` + literal(conninfo)
}

// receiverGoneSQL: "pg_stat_wal_receiver". Everything received is final when there
// is no receiver.
const receiverGoneSQL = `SELECT json_build_object('receivers', (SELECT count(*) FROM pg_stat_wal_receiver),
  'receive', pg_last_wal_receive_lsn(), 'replay', pg_last_wal_replay_lsn(), 'lastCommit', pg_last_xact_replay_timestamp(),
  'conninfo', (SELECT reset_val FROM pg_settings WHERE name = 'primary_conninfo'))`

// reignTableSQL makes the table of reigns where there is none.
const reignTableSQL = `CREATE SCHEMA IF NOT EXISTS bcctl;
CREATE TABLE IF NOT EXISTS bcctl.reign(
  reign_id uuid PRIMARY KEY, tli int NOT NULL, fork_lsn pg_lsn, started_at timestamptz NOT NULL, run_id text, node text)`

const reignThereSQL = `SELECT json_build_object('there', EXISTS (SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
  WHERE s.nspname = 'bcctl' AND c.relname = 'reign'))`

// reignFindSQL looks for a row, where the table is there.
func reignFindSQL(id string) string {
	return `SELECT json_build_object('there', EXISTS (SELECT FROM bcctl.reign WHERE reign_id = ` + literal(id) + `))`
}

// reignWriteSQL adds the row of a run. Twice is once: the key is the run's. The
// timeline is read from the file in use. It does not wait for synchronous
// standbys, which a new primary may not have yet.
func reignWriteSQL(id, fork, run, node string) string {
	position := "NULL"
	if fork != "" {
		position = literal(fork) + "::pg_lsn"
	}
	return `BEGIN; SET LOCAL lock_timeout = '5s';
INSERT INTO bcctl.reign(reign_id, tli, fork_lsn, started_at, run_id, node)
  SELECT ` + literal(id) + `, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int, ` + position + `,
    clock_timestamp(), ` + literal(run) + `, ` + literal(node) + ` ON CONFLICT (reign_id) DO NOTHING;
COMMIT`
}

func reignGrantSQL(login string) string {
	return `GRANT USAGE ON SCHEMA bcctl TO ` + identifier(login) + `; GRANT SELECT ON bcctl.reign TO ` + identifier(login)
}

// slotSQL and the like: "Replication Management Functions".
func slotSQL(name string) string {
	return `SELECT coalesce((SELECT json_build_object('type', slot_type, 'active', active, 'lost', wal_status = 'lost')
  FROM pg_replication_slots WHERE slot_name = ` + literal(name) + `), '{}')`
}

// slotSQL12 is for 12, where slots do not tell whether they lost anything.
func slotSQL12(name string) string {
	return `SELECT coalesce((SELECT json_build_object('type', slot_type, 'active', active, 'lost', false)
  FROM pg_replication_slots WHERE slot_name = ` + literal(name) + `), '{}')`
}

func createSlotSQL(name string) string {
	return `SELECT pg_create_physical_replication_slot(` + literal(name) + `, true)`
}

func dropSlotSQL(name string) string {
	return `SELECT pg_drop_replication_slot(` + literal(name) + `)`
}

// openWorkSQL: "pg_prepared_xacts", "pg_stat_activity", "Progress Reporting"
// (base backups since 13).
func openWorkSQL(version int) string {
	backups := `0`
	if version >= 130000 {
		backups = `(SELECT count(*) FROM pg_stat_progress_basebackup)`
	}
	return `SELECT json_build_object('prepared', (SELECT count(*) FROM pg_prepared_xacts),
  'oldest', (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
  'backups', ` + backups + `)`
}

// managerSQL looks for the traces programs that manage roles leave in a server:
// the names of their sessions and their extensions.
const managerSQL = `SELECT json_build_object(
  'sessions', (SELECT coalesce(json_agg(DISTINCT application_name), '[]') FROM pg_stat_activity
     WHERE application_name ILIKE 'patroni%' OR application_name ILIKE 'repmgr%' OR application_name ILIKE 'pg\_auto\_failover%'
        OR application_name ILIKE 'pgautofailover%' OR application_name ILIKE 'cnpg%' OR application_name ILIKE 'stolon%'),
  'extensions', (SELECT coalesce(json_agg(extname), '[]') FROM pg_extension WHERE extname IN ('repmgr', 'pgautofailover')))`

const librariesSQL = `SELECT json_build_object('preload', (SELECT setting FROM pg_settings WHERE name = 'shared_preload_libraries'),
  'jit', (SELECT setting FROM pg_settings WHERE name = 'jit_provider'))`

// privilegesSQL: "Access Privilege Inquiry Functions". has_parameter_privilege and
// pg_checkpoint came with 15.
func privilegesSQL(version int) string {
	since15 := `'checkpoint', r.rolsuper, 'settings', r.rolsuper`
	if version >= 150000 {
		since15 = `'checkpoint', pg_has_role('pg_checkpoint', 'USAGE'),
  'settings', has_parameter_privilege('default_transaction_read_only', 'ALTER SYSTEM')
     AND has_parameter_privilege('primary_conninfo', 'ALTER SYSTEM') AND has_parameter_privilege('primary_slot_name', 'ALTER SYSTEM')`
	}
	return `SELECT json_build_object('superuser', r.rolsuper, 'replication', r.rolreplication OR r.rolsuper,
  'monitor', pg_has_role('pg_monitor', 'USAGE'), 'signal', pg_has_role('pg_signal_backend', 'USAGE'),
  'promote', has_function_privilege('pg_promote(boolean,integer)', 'EXECUTE'),
  'reload', has_function_privilege('pg_reload_conf()', 'EXECUTE'),
  'schema', CASE WHEN to_regnamespace('bcctl') IS NULL THEN has_database_privilege(current_database(), 'CREATE')
     WHEN NOT has_schema_privilege(to_regnamespace('bcctl')::oid, 'USAGE') THEN false
     WHEN to_regclass('bcctl.reign') IS NULL THEN has_schema_privilege(to_regnamespace('bcctl')::oid, 'CREATE')
     ELSE has_table_privilege(to_regclass('bcctl.reign')::oid, 'INSERT') AND has_table_privilege(to_regclass('bcctl.reign')::oid, 'SELECT') END,
  ` + since15 + `) FROM pg_roles r WHERE r.rolname = current_user`
}

// writeTokenSQL begins a write that leaves no trace in any table: a message in the
// log and the commit record of a transaction ("Generic WAL functions",
// pg_logical_emit_message). Its number is the token by which it is found again.
const writeTokenSQL = `SELECT json_build_object('token', txid_current()::text, 'at', pg_logical_emit_message(true, 'bcctl', 'write probe'),
  'readOnly', current_setting('transaction_read_only'))`

// tokenStatusSQL: "Transaction ID and Snapshot Information Functions".
func tokenStatusSQL(token string) string {
	return `SELECT json_build_object('status', txid_status(` + literal(token) + `::bigint))`
}

// commitsSQL counts the transactions in a stretch of the log: pg_walinspect, 15+.
func commitsSQL(from, to lsn) string {
	return `SELECT json_build_object('commits', count(*)) FROM public.pg_get_wal_records_info(` + literal(from.String()) + `, ` + literal(to.String()) + `)
  WHERE resource_manager = 'Transaction' AND record_type LIKE 'COMMIT%'`
}

// cloneSQL is what a copy for a drill must say of itself before anything is done
// to it.
const cloneSQL = `SELECT json_build_object('conninfo', (SELECT reset_val FROM pg_settings WHERE name = 'primary_conninfo'),
  'archiving', (SELECT setting FROM pg_settings WHERE name = 'archive_mode'), 'receivers', (SELECT count(*) FROM pg_stat_wal_receiver),
  'senders', (SELECT count(*) FROM pg_stat_replication))`
