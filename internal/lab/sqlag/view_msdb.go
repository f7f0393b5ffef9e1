package sqlag

import (
	"fmt"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
)

// msdbTables are the tables of msdb: jobs, history of backups and restores, and what
// log shipping reports of itself.
func msdbTables() map[string]view {
	jobs := columns(`job_id guid, originating_server_id int, name sysname, enabled tinyint, description nvarchar(512), start_step_id int, category_id int, owner_sid varbinary(85),
		notify_level_email int, date_created datetime, date_modified datetime, version_number int`)
	return map[string]view{
		"sysjobs":      {jobs, agentOrGranted, jobRows},
		"sysjobs_view": {jobs, agentOrGranted, jobRows},
		"sysjobsteps": {columns(`job_id guid, step_id int, step_name sysname, subsystem nvarchar(40), command nvarchar(max), database_name sysname`), agentOrGranted, func(s *session) []record {
			var out []record
			for _, r := range jobRows(s) {
				out = append(out, record{"job_id": r["job_id"], "step_id": 1, "step_name": "run", "subsystem": "TSQL", "command": fmt.Sprintf("EXEC dbo.run N'%s'", r["name"]), "database_name": "master"})
			}
			return out
		}},
		"syscategories": {columns(`category_id int, category_class int, category_type tinyint, name sysname`), agentOrGranted, func(*session) []record {
			return []record{{"category_id": 0, "category_class": 1, "category_type": 1, "name": "[Uncategorized (Local)]"}}
		}},
		"backupset": {columns(`backup_set_id int, backup_set_uuid guid, media_set_id int, name nvarchar(128), user_name nvarchar(128), first_lsn numeric(25,0), last_lsn numeric(25,0), checkpoint_lsn numeric(25,0),
			database_backup_lsn numeric(25,0), backup_start_date datetime, backup_finish_date datetime, type varchar(1), compatibility_level tinyint, backup_size numeric(20,0), compressed_backup_size numeric(20,0),
			database_name nvarchar(128), server_name nvarchar(128), machine_name nvarchar(128), recovery_model nvarchar(60), is_copy_only bit, is_damaged bit, has_backup_checksums bit,
			family_guid guid, first_recovery_fork_guid guid, last_recovery_fork_guid guid, fork_point_lsn numeric(25,0), database_guid guid`), agentOrGranted, backupRows},
		"backupmediafamily": {columns(`media_set_id int, family_sequence_number tinyint, physical_device_name nvarchar(260), device_type tinyint`), agentOrGranted, func(s *session) []record {
			var out []record
			for _, r := range backupRows(s) {
				out = append(out, record{"media_set_id": r["media_set_id"], "family_sequence_number": 1, "physical_device_name": fmt.Sprintf("\\\\backup\\%v_%v.bak", r["database_name"], r["media_set_id"]), "device_type": 2})
			}
			return out
		}},
		"restorehistory": {columns(`restore_history_id int, restore_date datetime, destination_database_name nvarchar(128), user_name nvarchar(128), backup_set_id int, restore_type varchar(1), replace bit, recovery bit, restart bit`), agentOrGranted, restoreRows},
		"log_shipping_monitor_primary": {columns(`primary_id guid, primary_server sysname, primary_database sysname, backup_threshold int, threshold_alert int, threshold_alert_enabled bit,
			last_backup_file nvarchar(500), last_backup_date datetime, last_backup_date_utc datetime, history_retention_period int`), agentOrGranted, shippingPrimaryRows},
		"log_shipping_monitor_secondary": {columns(`secondary_server sysname, secondary_database sysname, secondary_id guid, primary_server sysname, primary_database sysname, restore_threshold int,
			threshold_alert int, threshold_alert_enabled bit, last_copied_file nvarchar(500), last_copied_date datetime, last_copied_date_utc datetime, last_restored_file nvarchar(500),
			last_restored_date datetime, last_restored_date_utc datetime, last_restored_latency int, history_retention_period int`), agentOrGranted, shippingSecondaryRows},
		"log_shipping_primary_databases": {columns(`primary_id guid, primary_database sysname, backup_directory nvarchar(500), backup_share nvarchar(500), backup_retention_period int, monitor_server sysname`), agentOrGranted, func(s *session) []record {
			var out []record
			for _, r := range shippingPrimaryRows(s) {
				out = append(out, record{"primary_id": r["primary_id"], "primary_database": r["primary_database"], "backup_directory": "D:\\LogShipping", "backup_share": "\\\\backup\\LogShipping", "backup_retention_period": 4320, "monitor_server": s.inst.Name})
			}
			return out
		}},
		"log_shipping_secondary_databases": {columns(`secondary_database sysname, secondary_id guid, restore_delay int, restore_all bit, restore_mode bit, disconnect_users bit, last_restored_file nvarchar(500), last_restored_date datetime`), agentOrGranted, func(s *session) []record {
			var out []record
			for _, r := range shippingSecondaryRows(s) {
				out = append(out, record{"secondary_database": r["secondary_database"], "secondary_id": r["secondary_id"], "restore_delay": 0, "restore_all": true, "restore_mode": false, "disconnect_users": false,
					"last_restored_file": r["last_restored_file"], "last_restored_date": r["last_restored_date"]})
			}
			return out
		}},
	}
}

func jobRows(s *session) []record {
	var out []record
	for _, j := range s.inst.Objects.Jobs {
		out = append(out, record{"job_id": s.world().GUID("job", s.inst.Name, j.Name), "originating_server_id": 0, "name": j.Name, "enabled": enabled(j.Enabled), "description": "No description available.",
			"start_step_id": 1, "category_id": 0, "owner_sid": []byte{1}, "notify_level_email": 0, "date_created": s.group.madeAt, "date_modified": s.group.madeAt, "version_number": 1})
	}
	return out
}

func enabled(b bool) int {
	if b {
		return 1
	}
	return 0
}

// backup is one backup of a database.
type backup struct {
	at   time.Time
	kind string // D full, L log
}

// logBackups are made every quarter of an hour, full ones at midnight; the newest
// few are in the history.
func backupsOf(s *session, c *model.Copy) []backup {
	now := s.world().Now()
	if !c.Backup.IsZero() {
		now = c.Backup
	}
	out := []backup{{now.Truncate(24 * time.Hour), "D"}}
	if sh := s.inst.Objects.Shipping; sh != nil && sh.Database == c.DB.Name {
		newest := sh.Backup(s.world().Now())
		if sh.Secondary == s.inst {
			newest, _ = sh.Restored(s.world().Now())
		}
		for n := range 6 {
			out = append(out, backup{newest.Add(-time.Duration(n) * sh.Every), "L"})
		}
		return out
	}
	for n := range 4 {
		out = append(out, backup{now.Truncate(15 * time.Minute).Add(-time.Duration(n) * 15 * time.Minute), "L"})
	}
	return out
}

// backupRows: log backups are made where the log is written, and history stays there.
func backupRows(s *session) []record {
	var out []record
	id := 0
	for _, c := range s.inst.Databases {
		sh := s.inst.Objects.Shipping
		restored := sh != nil && sh.Secondary == s.inst
		if !c.Writer() && !restored {
			continue
		}
		for _, b := range backupsOf(s, c) {
			id++
			r := record{"backup_set_id": id, "backup_set_uuid": s.world().GUID("backup", c.DB.Name, b.at.String()), "media_set_id": id, "user_name": "sa",
				"backup_start_date": local(s, b.at.Add(-2*time.Second)), "backup_finish_date": local(s, b.at), "type": b.kind, "compatibility_level": s.inst.Version * 10,
				"backup_size": 1 << 24, "compressed_backup_size": 1 << 22, "database_name": c.DB.Name, "server_name": s.inst.Name, "machine_name": s.inst.Name, "recovery_model": "FULL",
				"is_copy_only": false, "is_damaged": false, "has_backup_checksums": true, "family_guid": c.Family, "first_recovery_fork_guid": c.FirstFork, "last_recovery_fork_guid": c.Fork,
				"database_guid": s.world().GUID("database", s.inst.Name, c.DB.Name)}
			pos := max(0, c.End-int64(s.world().Now().Sub(b.at).Seconds())*max(1, c.Rate))
			r["last_lsn"], r["first_lsn"], r["checkpoint_lsn"], r["database_backup_lsn"] = model.RecordLSN(pos), model.RecordLSN(max(0, pos-1<<20)), model.RecordLSN(pos), model.RecordLSN(0)
			if restored {
				r["server_name"], r["machine_name"] = sh.Primary.Name, sh.Primary.Name
			}
			out = append(out, r)
		}
	}
	return out
}

func restoreRows(s *session) []record {
	sh := s.inst.Objects.Shipping
	if sh == nil || sh.Secondary != s.inst {
		return nil
	}
	var out []record
	_, at := sh.Restored(s.world().Now())
	backups := backupRows(s)
	slices.SortFunc(backups, func(a, b record) int { return finished(a).Compare(finished(b)) })
	for _, b := range backups { // in the order in which they are restored
		if b["database_name"] != sh.Database {
			continue
		}
		made := finished(b)
		when := made.Add(2 * time.Minute)
		if when.After(at.Add(s.inst.Offset)) {
			when = at.Add(s.inst.Offset)
		}
		out = append(out, record{"restore_history_id": len(out) + 1, "restore_date": when, "destination_database_name": sh.Database, "user_name": "sa", "backup_set_id": b["backup_set_id"],
			"restore_type": b["type"], "replace": false, "recovery": false, "restart": false})
	}
	return out
}

func finished(backup record) time.Time {
	t, _ := backup["backup_finish_date"].(time.Time)
	return t
}

func backupFile(sh *model.Shipping, at time.Time) string {
	return "D:\\LogShipping\\" + sh.Database + "_" + at.UTC().Format("20060102150405") + ".trn"
}

func shippingPrimaryRows(s *session) []record {
	sh := s.inst.Objects.Shipping
	if sh == nil || sh.Primary != s.inst {
		return nil
	}
	at := sh.Backup(s.world().Now())
	return []record{{"primary_id": s.world().GUID("shipping", sh.Database), "primary_server": sh.Primary.Name, "primary_database": sh.Database, "backup_threshold": int(sh.BackupThreshold / time.Minute),
		"threshold_alert": 14420, "threshold_alert_enabled": true, "last_backup_file": backupFile(sh, at), "last_backup_date": local(s, at), "last_backup_date_utc": local(s, at), "history_retention_period": 5760}}
}

func shippingSecondaryRows(s *session) []record {
	sh := s.inst.Objects.Shipping
	if sh == nil || sh.Secondary != s.inst {
		return nil
	}
	now := s.world().Now()
	copied, copiedAt := sh.Copied(now)
	restored, restoredAt := sh.Restored(now)
	return []record{{"secondary_server": sh.Secondary.Name, "secondary_database": sh.Database, "secondary_id": s.world().GUID("shipping secondary", sh.Database), "primary_server": sh.Primary.Name,
		"primary_database": sh.Database, "restore_threshold": int(sh.RestoreThreshold / time.Minute), "threshold_alert": 14421, "threshold_alert_enabled": true,
		"last_copied_file": backupFile(sh, copied), "last_copied_date": local(s, copiedAt), "last_copied_date_utc": local(s, copiedAt),
		"last_restored_file": backupFile(sh, restored), "last_restored_date": local(s, restoredAt), "last_restored_date_utc": local(s, restoredAt),
		"last_restored_latency": int(restoredAt.Sub(restored) / time.Minute), "history_retention_period": 5760}}
}
