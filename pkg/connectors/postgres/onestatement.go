package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// A new connection's server process starts with empty caches: each system view it
// touches costs it a good part of what the login did. Therefore one statement reads
// everything from the functions beneath the views, which cost next to nothing and
// mask the same columns. They are what `\d+ pg_stat_replication` and its like show
// as the views' definitions. Where the statement fails for any reason, everything
// is read again from the documented views, one by one (see readings), so that one
// refusal does not hide the rest.

// oneStatement returns the statement for a version and a role. A server that is not
// in that role refuses it. What is seldom needed is only looked for here, and read
// by afterwards.
func oneStatement(version int, standby, heartbeat bool) string {
	parts := []string{
		`'facts', ` + factsPart(heartbeat),
		`'senders', ` + sendersPart,
		`'slots', ` + slotsPart(version),
		`'settings', ` + settingsPart(),
		`'readOnlySomewhere', EXISTS (SELECT FROM pg_db_role_setting
      WHERE array_to_string(setconfig, ' ') ILIKE '%default_transaction_read_only%')`,
	}
	if version >= 150000 {
		parts = append(parts, `'collations', (`+collationSQL+`)`)
	}
	if standby {
		parts = append(parts, `'replay', `+replayPart(version),
			`'conflicts', (SELECT sum(`+conflictTotal+`) FROM pg_database)`)
	} else {
		parts = append(parts, `'position', json_build_object('flush', pg_current_wal_flush_lsn(), 'insert', pg_current_wal_insert_lsn(),
      'timeline', ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int)`,
			`'archiver', (SELECT json_build_object('archived', archived_count, 'failed', failed_count,
      'lastArchived', last_archived_time, 'lastFailed', last_failed_time, 'failedFile', last_failed_wal) FROM pg_stat_get_archiver())`,
			`'archiveReady', (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready')`)
	}
	return "SELECT json_build_object(" + strings.Join(parts, ",\n  ") + ")"
}

func factsPart(heartbeat bool) string {
	beat := "false"
	if heartbeat {
		beat = readable("bcctl.heartbeat")
	}
	return `json_build_object(
    'inRecovery', pg_is_in_recovery(), 'systemIdentifier', (SELECT system_identifier FROM pg_control_system())::text,
    'started', pg_postmaster_start_time(), 'addr', host(inet_server_addr()), 'port', inet_server_port(),
    'clusterName', current_setting('cluster_name'), 'version', current_setting('server_version_num')::int,
    'clock', clock_timestamp(), 'monitor', pg_has_role('pg_monitor', 'USAGE'),
    'heartbeat', ` + beat + `, 'reign', ` + readable("bcctl.reign") + `)`
}

// sendersPart leaves the name of the slot to be found by its process, see slotsPart.
const sendersPart = `(SELECT coalesce(json_agg(q), '[]') FROM (
    SELECT w.pid, a.application_name AS "applicationName", host(a.client_addr) AS addr,
           w.state, w.sync_state AS "syncState", w.flush_lsn AS flush, w.replay_lsn AS replay,
           extract(epoch FROM clock_timestamp() - w.reply_time) AS "replyAge",
           extract(epoch FROM clock_timestamp() - a.backend_start) AS age,
           CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_flush_lsn() END AS "serverFlush"
    FROM pg_stat_get_wal_senders() w, pg_stat_get_activity(w.pid) a
    WHERE w.state IS DISTINCT FROM 'backup') q)`

func slotsPart(version int) string {
	status := `NULL AS "walStatus", NULL AS "safeSize"`
	if version >= 130000 {
		status = `s.wal_status AS "walStatus", s.safe_wal_size AS "safeSize"`
	}
	return `(SELECT coalesce(json_agg(q), '[]') FROM (
    SELECT s.slot_name AS name, s.slot_type AS type, s.active, s.active_pid AS "activePid", s.temporary, s.restart_lsn AS restart, ` + status + `
    FROM pg_get_replication_slots() s) q)`
}

func settingsPart() string {
	var list []string
	for _, name := range settingNames {
		list = append(list, fmt.Sprintf("'%s', current_setting('%s', true)", name, name))
	}
	return "json_build_object(" + strings.Join(list, ", ") + ")"
}

func replayPart(version int) string {
	pause := "CASE WHEN pg_is_wal_replay_paused() THEN 'paused' ELSE 'not paused' END"
	if version >= 140000 {
		pause = "pg_get_wal_replay_pause_state()"
	}
	return `json_build_object(
    'receive', pg_last_wal_receive_lsn(), 'replay', pg_last_wal_replay_lsn(), 'pause', ` + pause + `,
    'lastCommit', pg_last_xact_replay_timestamp(),
    'receiver', (SELECT json_build_object('pid', w.pid, 'status', w.status, 'timeline', w.received_tli,
       'host', w.sender_host, 'port', w.sender_port, 'slotName', w.slot_name,
       'messageAge', extract(epoch FROM clock_timestamp() - w.last_msg_receipt_time),
       'age', (SELECT extract(epoch FROM clock_timestamp() - a.backend_start) FROM pg_stat_get_activity(w.pid) a))
       FROM pg_stat_get_wal_receiver() w WHERE w.pid IS NOT NULL))`
}

// readable is an expression: may the role read a table of schema bcctl? The order
// matters: to_regclass raises an error for a schema the role may not use.
func readable(table string) string {
	return `CASE WHEN to_regnamespace('bcctl') IS NULL THEN false
      WHEN NOT has_schema_privilege(to_regnamespace('bcctl')::oid, 'USAGE') THEN false
      ELSE coalesce(has_table_privilege(to_regclass('` + table + `')::oid, 'SELECT'), false) END`
}

// conflictTotal sums what pg_stat_database_conflicts shows of one database; the
// conflicts with logical slots, which a later version adds, are not counted in
// either form.
const conflictTotal = `pg_stat_get_db_conflict_tablespace(oid) + pg_stat_get_db_conflict_lock(oid) +
    pg_stat_get_db_conflict_snapshot(oid) + pg_stat_get_db_conflict_bufferpin(oid) + pg_stat_get_db_conflict_startup_deadlock(oid)`

// everything is what the statement returns.
type everything struct {
	Facts             nodeFacts          `json:"facts"`
	Position          *position          `json:"position"`
	Replay            *replay            `json:"replay"`
	Senders           []sender           `json:"senders"`
	Slots             []anySlot          `json:"slots"`
	Settings          map[string]*string `json:"settings"`
	ReadOnlySomewhere bool               `json:"readOnlySomewhere"`
	Archiver          *archiver          `json:"archiver"`
	ArchiveReady      *int64             `json:"archiveReady"`
	Conflicts         *int64             `json:"conflicts"`
	Collations        []string           `json:"collations"`
}

// anySlot is a slot with the process that reads from it.
type anySlot struct {
	slot
	ActivePID *int `json:"activePid"`
}

// into fills a node.
func (all *everything) into(n *node) {
	n.facts, n.position, n.replay, n.senders = &all.Facts, all.Position, all.Replay, all.Senders
	n.settings = settingsOf(all.Settings)
	n.archiver, n.archiveReady, n.conflicts, n.collations = all.Archiver, all.ArchiveReady, all.Conflicts, all.Collations
	n.slots = []slot{}
	for _, s := range all.Slots {
		n.slots = append(n.slots, s.slot)
		for i := range n.senders {
			if pid := n.senders[i].PID; pid != nil && s.ActivePID != nil && *pid == *s.ActivePID {
				n.senders[i].SlotName = &s.Name
			}
		}
	}
}

// readAtOnce reads a node with one statement. It reports false when the node has
// to be read from the views; the connection is as good as before then. An error is
// one of the connection.
//
// The statement runs in a read-only transaction. The session is made read-only only
// after it, because current_setting shows the session's value.
func (c *Connector) readAtOnce(ctx context.Context, s *session, conn *pgx.Conn) (bool, error) {
	version, ok := serverVersion(conn.PgConn().ParameterStatus("server_version"))
	if !ok || version < minVersion || version > maxVersion {
		return false, nil
	}
	role := conn.PgConn().ParameterStatus("in_hot_standby")
	if role == "" {
		return false, nil // before 14 nothing tells the role in advance
	}
	start := c.now()
	var all everything
	err := askAtOnce(ctx, conn, oneStatement(version, role == "on", c.spec.Heartbeat != nil), &all)
	if err != nil {
		if asPgError(err) == nil && (conn.IsClosed() || ctx.Err() != nil) {
			return false, err
		}
		if conn.PgConn().TxStatus() != 'I' {
			if _, err := conn.Exec(ctx, "ROLLBACK"); err != nil {
				return false, err
			}
		}
		return false, nil
	}
	end := c.now()
	n := s.node
	n.at, n.took = middle(start, end), end.Sub(start)
	n.inHotStandby = conn.PgConn().ParameterStatus("in_hot_standby")
	s.conn, n.failed = conn, map[readiness.ID]readiness.Finding{}
	all.into(n)
	c.readSeldom(ctx, s, all.ReadOnlySomewhere)
	if n.position != nil {
		n.position.at = n.at
	}
	return true, nil
}

// askAtOnce runs the statement and what surrounds it as one message of the simple
// protocol: one round trip, and nothing prepared that is used once. No value is
// part of the text.
func askAtOnce(ctx context.Context, conn *pgx.Conn, statement string, all *everything) error {
	results, err := conn.PgConn().Exec(ctx, "RESET default_transaction_read_only; BEGIN TRANSACTION READ ONLY; "+
		statement+"; COMMIT; "+readOnlySQL).ReadAll()
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Err != nil {
			return r.Err
		}
		if len(r.Rows) == 1 && len(r.Rows[0]) == 1 {
			return decodeJSON(string(r.Rows[0][0]), all)
		}
	}
	return errors.New("the statement returned no row")
}

// readSeldom reads what few servers have: tables of schema bcctl that the role may
// read, a read-only default of a role or database, synchronous standbys.
func (c *Connector) readSeldom(ctx context.Context, s *session, readOnlySomewhere bool) {
	n := s.node
	var list []reading
	if n.facts.Reign {
		list = append(list, reignReading(n))
		if !n.facts.InRecovery {
			list = append(list, into(positionID, positionSQL, &n.position)) // again: who has that has this reign
		}
	}
	if n.facts.Heartbeat && c.spec.Heartbeat != nil {
		list = append(list, into(heartbeatAgeID, heartbeatSQL, &n.heartbeat))
	}
	if readOnlySomewhere {
		list = append(list, intoValue(settingsID, roleSettingsSQL, &n.readOnlyFor))
	}
	if !n.facts.InRecovery && n.settings["synchronous_standby_names"] != "" {
		list = append(list, syncWaitReading(n))
	}
	if len(list) > 0 {
		readAll(ctx, s.conn, s.cred.Password, n.failed, list...)
	}
}

// serverVersion reads the connection parameter, such as "15.18 (Debian 1)", as
// server_version_num has it.
func serverVersion(text string) (int, bool) {
	text, _, _ = strings.Cut(text, " ")
	major, minor, _ := strings.Cut(text, ".")
	m, err := strconv.Atoi(major)
	if err != nil || m < 10 {
		return 0, false // a development version is read from the views
	}
	n, err := strconv.Atoi(minor)
	return m*10000 + n, err == nil
}

// baseUnits are the base units of the settings that are times: current_setting
// gives them with a unit that fits, pg_settings.reset_val in this one.
var baseUnits = map[string]time.Duration{
	"recovery_min_apply_delay":     time.Millisecond,
	"wal_sender_timeout":           time.Millisecond,
	"wal_receiver_timeout":         time.Millisecond,
	"wal_receiver_status_interval": time.Second,
}

var timeForm = regexp.MustCompile(`^(-?[0-9]+)(us|ms|s|min|h|d)?$`)

var timeUnits = map[string]time.Duration{
	"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

// settingsOf gives settings the form of pg_settings.reset_val. A time it cannot
// read is left out, which is "not known".
func settingsOf(current map[string]*string) settings {
	s := settings{}
	for name, value := range current {
		if value == nil {
			continue
		}
		base, isTime := baseUnits[name]
		if !isTime {
			s[name] = *value
			continue
		}
		m := timeForm.FindStringSubmatch(*value)
		if m == nil {
			continue
		}
		number, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			continue
		}
		unit, given := timeUnits[m[2]]
		if !given {
			unit = base
		}
		s[name] = strconv.FormatInt(number*int64(unit)/int64(base), 10)
	}
	return s
}
