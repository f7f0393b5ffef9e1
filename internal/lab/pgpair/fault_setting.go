package pgpair

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// settingFaults are those of settings, grants and duties that were forgotten.
func settingFaults() []fault {
	return []fault{
		{
			Fault: Fault{Name: "fence-left", Help: "leave writes off by default on the standby, as an old fence would",
				Shows: codes(readiness.FenceLeft)},
			inject:  altering(Standby, "default_transaction_read_only", "on"),
			visible: shows(Standby, "default_transaction_read_only", "on"),
			repair:  resetting(Standby, "default_transaction_read_only"),
			mended:  shows(Standby, "default_transaction_read_only", "off"),
		},
		{
			Fault: Fault{Name: "sync-missing", Help: "let commits on the primary wait for a synchronous standby that does not exist",
				Shows: codes(readiness.SyncStandbyMissing)},
			inject:  altering(Primary, "synchronous_standby_names", "nobody"),
			visible: shows(Primary, "synchronous_standby_names", "nobody"),
			repair:  resetting(Primary, "synchronous_standby_names"),
			mended:  shows(Primary, "synchronous_standby_names", ""),
		},
		{
			Fault: Fault{Name: "drop-privilege", Help: "take pg_monitor from the monitoring role: views show NULL instead of failing",
				Shows: codes(readiness.InsufficientPrivilege)},
			inject: func(l *Lab, ctx context.Context) error {
				return l.Exec(ctx, Primary, `REVOKE pg_monitor FROM `+RoleMonitor)
			},
			visible: standbySays(`NOT ` + monitorMayRead),
			repair: func(l *Lab, ctx context.Context) error {
				return l.Exec(ctx, Primary, `GRANT pg_monitor TO `+RoleMonitor)
			},
			mended: standbySays(monitorMayRead),
		},
		{
			Fault: Fault{Name: "heartbeat-stop", Help: "take from the heartbeat role the right to write, and let the row be ten minutes old",
				Shows: codes(readiness.HeartbeatWrite)},
			inject: func(l *Lab, ctx context.Context) error {
				return l.Exec(ctx, Primary, `REVOKE UPDATE ON bcctl.heartbeat FROM `+RoleHeartbeat,
					`UPDATE bcctl.heartbeat SET written_at = clock_timestamp() - interval '10 minutes'`)
			},
			visible: standbySays(`NOT ` + heartbeatWritable + ` AND ` + heartbeatOld),
			repair: func(l *Lab, ctx context.Context) error {
				return l.Exec(ctx, Primary, `GRANT UPDATE ON bcctl.heartbeat TO `+RoleHeartbeat,
					`UPDATE bcctl.heartbeat SET seq = seq + 1, written_at = clock_timestamp(), wal_lsn = pg_current_wal_insert_lsn()`)
			},
			mended: standbySays(heartbeatWritable + ` AND NOT ` + heartbeatOld),
		},
		{
			Fault: Fault{Name: "fill-archive-failures", Help: "let archive_command on the primary fail, and finish some WAL files",
				Shows: codes(readiness.ArchiveFailing)},
			inject:  (*Lab).failArchiving,
			visible: archiveIs(`last_failed_time > coalesce(last_archived_time, '-infinity')`),
			repair:  (*Lab).resumeArchiving,
			mended:  archiveIs(`last_archived_time > last_failed_time`),
		},
	}
}

func altering(node, name, value string) func(*Lab, context.Context) error {
	return func(l *Lab, ctx context.Context) error {
		return l.Exec(ctx, node, fmt.Sprintf(`ALTER SYSTEM SET %s = '%s'`, name, value), `SELECT pg_reload_conf()`)
	}
}

func shows(node, name, value string) func(*Lab, context.Context) (bool, error) {
	return func(l *Lab, ctx context.Context) (bool, error) {
		return l.holds(ctx, node, fmt.Sprintf(`SELECT current_setting('%s') = '%s'`, name, value))
	}
}

// standbySays asks the standby, which learns of grants and rows by replay.
func standbySays(condition string) func(*Lab, context.Context) (bool, error) {
	return func(l *Lab, ctx context.Context) (bool, error) { return l.holds(ctx, Standby, `SELECT `+condition) }
}

// What the standby is asked.
const (
	monitorMayRead    = `pg_has_role('` + RoleMonitor + `', 'pg_monitor', 'USAGE')`
	heartbeatWritable = `has_table_privilege('` + RoleHeartbeat + `', 'bcctl.heartbeat', 'UPDATE')`
	heartbeatOld      = `(SELECT clock_timestamp() - written_at > interval '5 minutes' FROM bcctl.heartbeat)`
)

func (l *Lab) failArchiving(ctx context.Context) error {
	n, err := l.Node(Primary)
	if err != nil {
		return err
	}
	if err := l.account.writeFile(n.archiveFault(), nil); err != nil {
		return err
	}
	return l.finishFiles(ctx, 5)
}

func (l *Lab) resumeArchiving(ctx context.Context) error {
	n, err := l.Node(Primary)
	if err != nil {
		return err
	}
	if err := os.Remove(n.archiveFault()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return l.finishFiles(ctx, 1) // wakes the archiver, which tries again by itself only after a minute
}

// finishFiles makes WAL files ready to be archived.
func (l *Lab) finishFiles(ctx context.Context, count int) error {
	for range count {
		if err := l.loadOn(ctx, Primary, 1); err != nil {
			return err
		}
		if err := l.Exec(ctx, Primary, `SELECT pg_switch_wal()`); err != nil {
			return err
		}
	}
	return nil
}

func archiveIs(condition string) func(*Lab, context.Context) (bool, error) {
	return func(l *Lab, ctx context.Context) (bool, error) {
		return l.holds(ctx, Primary, `SELECT coalesce(`+condition+`, false) FROM pg_stat_archiver`)
	}
}
