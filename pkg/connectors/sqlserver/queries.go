package sqlserver

import "strings"

// Every statement names the article of Microsoft's documentation it was written
// from. None of them reads a user database, so that one that cannot be opened
// hides nothing else; none changes anything.
//
// Identifiers are read as text: the driver hands out the bytes of a
// uniqueidentifier, and a numeric(25,0) fits no Go number. Columns of type datetime
// have no time zone; where an age is needed, the server computes it.

// factsSQL is the first thing asked of an instance. It needs no privilege, and
// asks for those that the rest needs: HAS_PERMS_BY_NAME is NULL for a permission
// that this version does not know. (SERVERPROPERTY; HAS_PERMS_BY_NAME)
const factsSQL = `SET NOCOUNT ON; SET LOCK_TIMEOUT 1000;
SELECT CONVERT(nvarchar(128), SERVERPROPERTY('ServerName')) AS server_name,
  CONVERT(nvarchar(128), SERVERPROPERTY('ComputerNamePhysicalNetBIOS')) AS physical_name,
  CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')) AS product_version,
  CONVERT(int, SERVERPROPERTY('ProductMajorVersion')) AS major_version,
  CONVERT(int, SERVERPROPERTY('EngineEdition')) AS engine_edition,
  CONVERT(int, SERVERPROPERTY('IsHadrEnabled')) AS hadr_enabled,
  CONVERT(int, SERVERPROPERTY('IsClustered')) AS is_clustered,
  HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW ANY DEFINITION') AS view_definition,
  HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') AS view_state,
  HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE') AS view_performance_state,
  SYSDATETIMEOFFSET() AS node_clock`

// startedSQL is when the instance started. (sys.dm_os_sys_info)
const startedSQL = `SELECT sqlserver_start_time AS started FROM sys.dm_os_sys_info`

// replicasSQL is every replica of every group that the instance knows, with the
// state of those it may see: all of them on a primary, itself on a secondary.
// Columns that a version lacks are left out, because one unknown column fails the
// whole batch. (sys.availability_groups; sys.availability_replicas;
// sys.dm_hadr_availability_replica_states; sys.dm_hadr_availability_group_states)
func replicasSQL(major int) string {
	var since strings.Builder
	if major >= 14 { // 2017
		since.WriteString("ag.cluster_type_desc, ag.required_synchronized_secondaries_to_commit, ag.sequence_number, ")
	}
	if major >= 16 { // 2022; the documentation of 2019 has it for big data clusters only
		since.WriteString("ag.is_contained, ")
	}
	return `SELECT CONVERT(nvarchar(36), ag.group_id) AS group_id, ag.name AS group_name, ag.is_distributed, ag.basic_features, ` + since.String() + `
  gs.primary_replica, gs.primary_recovery_health_desc,
  CONVERT(nvarchar(36), ar.replica_id) AS replica_id, ar.replica_server_name, ar.availability_mode_desc, ar.failover_mode_desc,
  ar.session_timeout, ar.secondary_role_allow_connections_desc,
  rs.is_local, rs.role_desc, rs.operational_state_desc, rs.connected_state_desc, rs.synchronization_health_desc, rs.last_connect_error_number
FROM sys.availability_groups AS ag
JOIN sys.availability_replicas AS ar ON ar.group_id = ag.group_id
LEFT JOIN sys.dm_hadr_availability_replica_states AS rs ON rs.replica_id = ar.replica_id AND rs.group_id = ar.group_id
LEFT JOIN sys.dm_hadr_availability_group_states AS gs ON gs.group_id = ag.group_id`
}

// databasesSQL is the state of every database of every replica, as this instance
// knows it. The name comes from the group, by the identifier that is the same on
// every replica: joined on database_id, a database that is absent or renamed here
// would be lost. (sys.dm_hadr_database_replica_states;
// sys.dm_hadr_database_replica_cluster_states)
const databasesSQL = `SELECT CONVERT(nvarchar(36), drs.group_id) AS group_id, CONVERT(nvarchar(36), drs.replica_id) AS replica_id,
  CONVERT(nvarchar(36), drs.group_database_id) AS group_database_id, dcs.database_name, DB_NAME(drs.database_id) AS local_name,
  drs.is_local, drs.is_primary_replica, drs.synchronization_state_desc, drs.database_state_desc, drs.is_suspended, drs.suspend_reason_desc,
  dcs.is_failover_ready, dcs.is_database_joined,
  CONVERT(varchar(30), drs.last_hardened_lsn) AS last_hardened_lsn, CONVERT(varchar(30), drs.end_of_log_lsn) AS end_of_log_lsn,
  CONVERT(varchar(30), drs.recovery_lsn) AS recovery_lsn,
  drs.last_commit_time, drs.log_send_queue_size, drs.redo_queue_size, drs.redo_rate
FROM sys.dm_hadr_database_replica_states AS drs
LEFT JOIN sys.dm_hadr_database_replica_cluster_states AS dcs ON dcs.replica_id = drs.replica_id AND dcs.group_database_id = drs.group_database_id`

// joinedSQL is what each replica has of each database, those included that have no
// state because they were never joined. (sys.dm_hadr_database_replica_cluster_states)
const joinedSQL = `SELECT CONVERT(nvarchar(36), dcs.replica_id) AS replica_id, CONVERT(nvarchar(36), dcs.group_database_id) AS group_database_id,
  dcs.database_name, dcs.is_database_joined
FROM sys.dm_hadr_database_replica_cluster_states AS dcs`

// clusterSQL has no row on a node without quorum. (sys.dm_hadr_cluster)
const clusterSQL = `SELECT cluster_name, quorum_type_desc, quorum_state_desc FROM sys.dm_hadr_cluster`

// membersSQL is who has votes in the cluster. (sys.dm_hadr_cluster_members)
const membersSQL = `SELECT member_name, member_type_desc, member_state_desc, number_of_quorum_votes FROM sys.dm_hadr_cluster_members`

// localSQL is the instance's own databases that belong to a group, with the fork
// of their history. Restricted to those, because the view starts a database that
// is closed. (sys.databases; sys.database_recovery_status)
const localSQL = `SELECT d.name AS database_name, CONVERT(nvarchar(36), d.group_database_id) AS group_database_id, d.state_desc, d.log_reuse_wait_desc, d.is_encrypted,
  CONVERT(nvarchar(36), r.recovery_fork_guid) AS recovery_fork, CONVERT(nvarchar(36), r.family_guid) AS family
FROM sys.databases AS d
LEFT JOIN sys.database_recovery_status AS r ON r.database_id = d.database_id
WHERE d.group_database_id IS NOT NULL`

// logUsedSQL is how full each log is, in percent, without opening a database.
// (sys.dm_os_performance_counters; SQL Server, Databases object)
const logUsedSQL = `SELECT RTRIM(instance_name) AS database_name, cntr_value AS percent_used
FROM sys.dm_os_performance_counters WHERE counter_name = 'Percent Log Used'`

// logBackupsSQL is the age of the newest log backup that was taken on this
// instance. The time in msdb has no zone: the instance that wrote it subtracts.
// (backupset)
const logBackupsSQL = `SELECT b.database_name, DATEDIFF(second, MAX(b.backup_finish_date), SYSDATETIME()) AS age
FROM msdb.dbo.backupset AS b
WHERE b.type = 'L' AND b.is_copy_only = 0 AND b.backup_finish_date > DATEADD(day, -30, SYSDATETIME())
GROUP BY b.database_name`

// listenersSQL has a row per address. (sys.availability_group_listeners;
// sys.availability_group_listener_ip_addresses)
const listenersSQL = `SELECT CONVERT(nvarchar(36), l.group_id) AS group_id, l.dns_name, l.port, i.ip_address, i.state_desc
FROM sys.availability_group_listeners AS l
LEFT JOIN sys.availability_group_listener_ip_addresses AS i ON i.listener_id = l.listener_id`

// mirroringSQL is the endpoint that replicas talk through, with what is left of the
// certificate it shows, if it uses one; in minutes, because seconds overflow.
// (sys.database_mirroring_endpoints; sys.certificates)
const mirroringSQL = `SELECT e.name AS endpoint_name, e.state_desc, c.name AS certificate_name, DATEDIFF(minute, SYSUTCDATETIME(), c.expiry_date) AS minutes_left
FROM sys.database_mirroring_endpoints AS e
LEFT JOIN sys.certificates AS c ON c.certificate_id = e.certificate_id`

// seedingSQL is the history of automatic seeding since the start.
// (sys.dm_hadr_automatic_seeding)
const seedingSQL = `SELECT CONVERT(nvarchar(36), s.ag_id) AS group_id, CONVERT(nvarchar(36), s.ag_db_id) AS group_database_id, CONVERT(nvarchar(36), s.ag_remote_replica_id) AS replica_id,
  s.start_time, s.current_state, s.failure_state_desc
FROM sys.dm_hadr_automatic_seeding AS s`
