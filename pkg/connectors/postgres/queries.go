package postgres

import (
	"strconv"
	"strings"
)

// Every statement returns one JSON document, so that a NULL stays a null all the
// way to the Go types. All of them run in a read-only session with search_path
// pg_catalog. Columns and functions by version are those of the PostgreSQL
// documentation, "The Cumulative Statistics System" and "System Administration
// Functions", 12 to 18.

// readOnlySQL makes the session read-only without hiding the server's own
// setting: pg_settings.reset_val still shows what the configuration says, which a
// start-up parameter would replace.
const readOnlySQL = `SET default_transaction_read_only = on`

// factsSQL runs for any role on any node. It is one statement, so that what it
// returns comes from one server at one moment. The tables are looked up in the
// catalog: to_regclass raises an error for a schema the role may not use.
const factsSQL = `SELECT json_build_object(
  'inRecovery', pg_is_in_recovery(),
  'systemIdentifier', (SELECT system_identifier FROM pg_control_system())::text,
  'started', pg_postmaster_start_time(),
  'addr', host(inet_server_addr()), 'port', inet_server_port(),
  'clusterName', current_setting('cluster_name'),
  'version', current_setting('server_version_num')::int,
  'clock', clock_timestamp(),
  'monitor', pg_has_role('pg_monitor', 'USAGE'),
  'heartbeat', ` + readableSQL + `'heartbeat'),
  'reign', ` + readableSQL + `'reign'))`

// readableSQL, completed with the name of a table in schema bcctl, is whether the
// role may read it.
const readableSQL = `EXISTS (SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE s.nspname = 'bcctl' AND has_schema_privilege(s.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AND c.relname = `

// positionSQL works on a primary only: pg_current_wal_* and pg_walfile_name raise
// 55000 on a standby. The timeline comes from the file name in use, because the
// control file's is stale until the next checkpoint.
const positionSQL = `SELECT json_build_object(
  'flush', pg_current_wal_flush_lsn(), 'insert', pg_current_wal_insert_lsn(),
  'timeline', ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int,
  'clock', clock_timestamp())`

// sendersSQL lists who streams from this node; on a standby those are its
// cascading standbys. Rows of pg_basebackup are left out.
const sendersSQL = `SELECT coalesce(json_agg(q), '[]') FROM (
  SELECT r.pid, r.application_name AS "applicationName", s.slot_name AS "slotName", host(r.client_addr) AS addr,
         r.state, r.sync_state AS "syncState", r.flush_lsn AS flush, r.replay_lsn AS replay,
         extract(epoch FROM clock_timestamp() - r.reply_time) AS "replyAge",
         extract(epoch FROM clock_timestamp() - r.backend_start) AS age,
         CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_flush_lsn() END AS "serverFlush"
  FROM pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
  WHERE r.state IS DISTINCT FROM 'backup') q`

// slotsSQL lists slots of both types; wal_status and safe_wal_size exist from 13.
func slotsSQL(version int) string {
	extra := `NULL AS "walStatus", NULL AS "safeSize"`
	if version >= 130000 {
		extra = `s.wal_status AS "walStatus", s.safe_wal_size AS "safeSize"`
	}
	return `SELECT coalesce(json_agg(q), '[]') FROM (
  SELECT s.slot_name AS name, s.slot_type AS type, s.active, s.temporary, s.restart_lsn AS restart, ` + extra + `
  FROM pg_replication_slots s) q`
}

// receiverSQL is the standby's own view. written_lsn and flushed_lsn replaced
// received_lsn in 13, the three-valued pause state came in 14.
func receiverSQL(version int) string {
	pause := `CASE WHEN pg_is_wal_replay_paused() THEN 'paused' ELSE 'not paused' END`
	if version >= 140000 {
		pause = `pg_get_wal_replay_pause_state()`
	}
	return `SELECT json_build_object(
  'receive', pg_last_wal_receive_lsn(), 'replay', pg_last_wal_replay_lsn(), 'pause', ` + pause + `,
  'lastCommit', pg_last_xact_replay_timestamp(),
  'receiver', (SELECT json_build_object('pid', w.pid, 'status', w.status, 'timeline', w.received_tli,
     'host', w.sender_host, 'port', w.sender_port, 'slotName', w.slot_name,
     'messageAge', extract(epoch FROM clock_timestamp() - w.last_msg_receipt_time),
     'age', (SELECT extract(epoch FROM clock_timestamp() - p.backend_start) FROM pg_stat_activity p WHERE p.pid = w.pid))
     FROM pg_stat_wal_receiver w))`
}

// settingsSQL reads reset_val: what the configuration gives a new session, not
// what this session was set to.
var settingsSQL = `SELECT json_object_agg(name, reset_val) FROM pg_settings WHERE name IN ('` + strings.Join(settingNames, `', '`) + `')`

// settingNames are the settings a verdict looks at.
var settingNames = []string{
	"max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_transactions",
	"max_locks_per_transaction", "wal_level", "max_replication_slots", "recovery_min_apply_delay",
	"default_transaction_read_only", "synchronous_standby_names", "wal_sender_timeout", "wal_receiver_timeout",
	"wal_receiver_status_interval", "wal_log_hints", "data_checksums", "full_page_writes",
	"archive_mode", "hot_standby_feedback", "primary_slot_name",
	"recovery_target", "recovery_target_time", "recovery_target_lsn", "recovery_target_xid",
	"recovery_target_name", "recovery_target_action",
}

// roleSettingsSQL finds a read-only default hidden in a role or database setting.
// 'own' is one for the monitoring role itself, which fences nobody else, and
// 'here' one for the database it is connected to: reset_val shows either in place
// of what the server has. A text may be any beginning of a word that is not
// ambiguous.
const roleSettingsSQL = `SELECT coalesce(json_agg(q), '[]') FROM (
  SELECT concat_ws(' ', 'role ' || r.rolname, 'database ' || d.datname) AS "where",
         coalesce(r.rolname = current_user, false) AS own,
         r.rolname IS NULL AND coalesce(d.datname = current_database(), false) AS here
  FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase,
       unnest(s.setconfig) AS c
  WHERE c ~* '` + readOnlyPattern + `' ORDER BY 1) q`

const readOnlyPattern = `^default_transaction_read_only=(on|t(r(ue?)?)?|y(es?)?|1)$`

const archiverSQL = `SELECT json_build_object('archived', archived_count, 'failed', failed_count,
  'lastArchived', last_archived_time, 'lastFailed', last_failed_time, 'failedFile', last_failed_wal) FROM pg_stat_archiver`

// archiveReadySQL needs pg_monitor.
const archiveReadySQL = `SELECT json_build_object('ready', count(*)) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'`

const conflictsSQL = `SELECT json_build_object('total',
  sum(confl_tablespace + confl_lock + confl_snapshot + confl_bufferpin + confl_deadlock)) FROM pg_stat_database_conflicts`

const heartbeatSQL = `SELECT json_build_object('seq', seq, 'writtenAt', written_at, 'timeline', tli,
  'age', extract(epoch FROM clock_timestamp() - written_at)) FROM bcctl.heartbeat WHERE id = 1`

// maxReigns is how many reigns reignSQL reads at most: a promotion adds one.
const maxReigns = 1000

const reignSQL = `SELECT json_build_object('newest', min(id) FILTER (WHERE n = 1), 'all', coalesce(json_agg(id), '[]')) FROM (
  SELECT reign_id::text AS id, row_number() OVER (ORDER BY started_at DESC, tli DESC) AS n FROM bcctl.reign ORDER BY n LIMIT 1000) q`

// collationSQL compares what the data was built with and what the host has (15+).
const collationSQL = `SELECT coalesce(json_agg(datname ORDER BY datname), '[]') FROM pg_database
  WHERE datallowconn AND datcollversion IS NOT NULL
    AND datcollversion IS DISTINCT FROM pg_database_collation_actual_version(oid)`

// syncWaitSQL counts sessions waiting for a synchronous standby.
const syncWaitSQL = `SELECT json_build_object('waiting', count(*)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`

// heartbeatWriteSQL is the one statement that writes, with its own credential.
// It does not wait for synchronous standbys, so that a missing one does not stop
// the heartbeat.
const heartbeatWriteSQL = `UPDATE bcctl.heartbeat SET seq = seq + 1, written_at = clock_timestamp(),
  wal_lsn = pg_current_wal_insert_lsn(),
  tli = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int, writer = 'bcctl' WHERE id = 1`

func versionText(num int) string { return strconv.Itoa(num/10000) + "." + strconv.Itoa(num%10000) }
