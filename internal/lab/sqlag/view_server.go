package sqlag

import (
	"cmp"
	"slices"

	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
)

// serverViews are the views of an instance and its objects.
func serverViews() map[string]view {
	principals := columns(`name sysname, principal_id int, sid varbinary(85), type varchar(1), type_desc nvarchar(60), is_disabled bit, create_date datetime, modify_date datetime,
		default_database_name sysname, default_language_name sysname, credential_id int, owning_principal_id int, is_fixed_role bit`)
	return map[string]view{
		"databases": {columns(`name sysname, database_id int, source_database_id int, owner_sid varbinary(85), create_date datetime, compatibility_level tinyint, collation_name sysname,
			user_access tinyint, user_access_desc nvarchar(60), is_read_only bit, is_auto_close_on bit, state tinyint, state_desc nvarchar(60), is_in_standby bit,
			snapshot_isolation_state tinyint, is_read_committed_snapshot_on bit, recovery_model tinyint, recovery_model_desc nvarchar(60), page_verify_option_desc nvarchar(60),
			is_broker_enabled bit, is_published bit, is_cdc_enabled bit, is_encrypted bit, log_reuse_wait tinyint, log_reuse_wait_desc nvarchar(60), containment tinyint, containment_desc nvarchar(60),
			target_recovery_time_in_seconds int, delayed_durability int, delayed_durability_desc nvarchar(60), replica_id guid, group_database_id guid, resource_pool_id int`), nothing, databaseRows},
		"database_recovery_status": {columns(`database_id int, database_guid guid, family_guid guid, last_log_backup_lsn numeric(25,0), recovery_fork_guid guid,
			first_recovery_fork_guid guid, fork_point_lsn numeric(25,0)`), nothing, recoveryRows},
		"dm_os_sys_info": {columns(`cpu_ticks bigint, ms_ticks bigint, cpu_count int, hyperthread_ratio int, physical_memory_kb bigint, virtual_memory_kb bigint, committed_kb bigint,
			max_workers_count int, scheduler_count int, sqlserver_start_time_ms_ticks bigint, sqlserver_start_time datetime, virtual_machine_type int, virtual_machine_type_desc nvarchar(60)`), state, sysInfoRows},
		"dm_os_host_info": {columns(`host_platform nvarchar(256)@14, host_distribution nvarchar(256)@14, host_release nvarchar(256)@14, host_architecture nvarchar(256)@14`), state, func(s *session) []record {
			return []record{{"host_platform": "Windows", "host_distribution": "Windows Server 2022 Standard", "host_release": "6.3", "host_architecture": "X64"}}
		}},
		"dm_server_services": {columns(`servicename nvarchar(256), startup_type int, startup_type_desc nvarchar(256), status int, status_desc nvarchar(256), process_id int,
			last_startup_time datetimeoffset(7), service_account nvarchar(256)`), state, serviceRows},
		"dm_os_performance_counters": {columns(`object_name nchar(128), counter_name nchar(128), instance_name nchar(128), cntr_value bigint, cntr_type int`), state, counterRows},
		"database_mirroring_endpoints": {columns(`name sysname, endpoint_id int, principal_id int, protocol tinyint, protocol_desc nvarchar(60), type tinyint, type_desc nvarchar(60),
			state tinyint, state_desc nvarchar(60), is_admin_endpoint bit, role tinyint, role_desc nvarchar(60), is_encryption_enabled bit, connection_auth tinyint, connection_auth_desc nvarchar(60),
			certificate_id int, encryption_algorithm tinyint, encryption_algorithm_desc nvarchar(60)`), definition, endpointRows},
		"endpoints": {columns(`name sysname, endpoint_id int, principal_id int, protocol tinyint, protocol_desc nvarchar(60), type tinyint, type_desc nvarchar(60), state tinyint, state_desc nvarchar(60), is_admin_endpoint bit`), definition, endpointRows},
		"tcp_endpoints": {columns(`name sysname, endpoint_id int, principal_id int, protocol tinyint, protocol_desc nvarchar(60), type tinyint, type_desc nvarchar(60), state tinyint, state_desc nvarchar(60),
			is_admin_endpoint bit, port int, is_dynamic_port bit, ip_address nvarchar(45)`), definition, endpointRows},
		"certificates": {columns(`name sysname, certificate_id int, principal_id int, pvt_key_encryption_type varchar(2), pvt_key_encryption_type_desc nvarchar(60), issuer_name nvarchar(442),
			subject nvarchar(4000), expiry_date datetime, start_date datetime, thumbprint varbinary(32), pvt_key_last_backup_date datetime, key_length int`), definition, certificateRows},
		"dm_database_encryption_keys": {columns(`database_id int, encryption_state int, create_date datetime, regenerate_date datetime, modify_date datetime, set_date datetime, opened_date datetime,
			key_algorithm nvarchar(32), key_length int, encryptor_thumbprint varbinary(20), encryptor_type nvarchar(32), percent_complete real, encryption_state_desc nvarchar(32)@15`), security, encryptionRows},
		"server_principals": {principals, nothing, principalRows},
		"sql_logins": {append(columns(`is_policy_checked bit, is_expiration_checked bit, password_hash varbinary(256)`), principals...), nothing, func(s *session) []record {
			var out []record
			for _, r := range principalRows(s) {
				if r["type"] == "S" {
					out = append(out, r)
				}
			}
			return out
		}},
		"servers": {columns(`server_id int, name sysname, product sysname, provider sysname, data_source nvarchar(4000), location nvarchar(4000), provider_string nvarchar(4000), catalog sysname,
			is_linked bit, is_remote_login_enabled bit, is_rpc_out_enabled bit, is_data_access_enabled bit, modify_date datetime`), nothing, linkedRows},
		"credentials":           {columns(`credential_id int, name sysname, credential_identity nvarchar(4000), create_date datetime, modify_date datetime, target_type nvarchar(100), target_id int`), definition, credentialRows},
		"dm_db_log_space_usage": {columns(`database_id int, total_log_size_in_bytes bigint, used_log_space_in_bytes bigint, used_log_space_in_percent real, log_space_in_bytes_since_last_backup bigint`), databaseState, logSpaceRows},
		"dm_exec_sessions":      {columns(`session_id smallint, login_time datetime, host_name nvarchar(128), program_name nvarchar(128), login_name nvarchar(128), status nvarchar(30), database_id smallint, is_user_process bit`), nothing, sessionRows},
		"dm_exec_connections": {columns(`session_id int, connect_time datetimeoffset(7), net_transport nvarchar(40), protocol_type nvarchar(40), encrypt_option nvarchar(40), auth_scheme nvarchar(40)`), state, func(s *session) []record {
			return []record{{"session_id": 51, "connect_time": s.inst.Time(), "net_transport": "TCP", "protocol_type": "TSQL", "encrypt_option": "TRUE", "auth_scheme": "SQL"}}
		}},
		"dm_exec_requests":    {columns(`session_id smallint, start_time datetime, status nvarchar(30), command nvarchar(32), database_id smallint, blocking_session_id smallint, wait_type nvarchar(60), percent_complete real`), state, requestRows},
		"database_principals": {columns(`name sysname, principal_id int, type char(1), type_desc nvarchar(60), sid varbinary(85), authentication_type int, authentication_type_desc nvarchar(60), is_fixed_role bit`), nothing, userRows},
		"configurations":      {columns(`configuration_id int, name nvarchar(35), value sql_variant, minimum sql_variant, maximum sql_variant, value_in_use sql_variant, description nvarchar(255), is_dynamic bit, is_advanced bit`), nothing, configurationRows},
		"tables":              {columns(`name sysname, object_id int, schema_id int, type varchar(2), type_desc nvarchar(60), create_date datetime, modify_date datetime`), nothing, tableRows},
		"objects":             {columns(`name sysname, object_id int, schema_id int, type varchar(2), type_desc nvarchar(60), create_date datetime, modify_date datetime`), nothing, tableRows},
		"schemas":             {columns(`name sysname, schema_id int, principal_id int`), nothing, func(*session) []record { return []record{{"name": "dbo", "schema_id": 1, "principal_id": 1}} }},
		"database_mirroring": {columns(`database_id int, mirroring_guid guid, mirroring_state tinyint, mirroring_state_desc nvarchar(60), mirroring_role tinyint, mirroring_role_desc nvarchar(60)`), nothing, func(s *session) []record {
			var out []record
			for _, r := range databaseRows(s) {
				out = append(out, record{"database_id": r["database_id"]})
			}
			return out
		}},
	}
}

// systemDatabases are on every instance, numbered from 1; never changed.
var systemDatabases = []string{"master", "tempdb", "model", "msdb"}

func databaseRows(s *session) []record {
	base := func(name string, id int) record {
		return record{
			"name": name, "database_id": id, "owner_sid": []byte{1}, "create_date": s.group.madeAt, "compatibility_level": s.inst.Version * 10,
			"collation_name": "SQL_Latin1_General_CP1_CI_AS", "user_access": 0, "user_access_desc": "MULTI_USER", "is_read_only": false, "is_auto_close_on": false,
			"state": 0, "state_desc": "ONLINE", "is_in_standby": false, "snapshot_isolation_state": 0, "is_read_committed_snapshot_on": false,
			"recovery_model": 3, "recovery_model_desc": "SIMPLE", "page_verify_option_desc": "CHECKSUM", "is_broker_enabled": false, "is_published": false, "is_cdc_enabled": false,
			"is_encrypted": false, "log_reuse_wait": 0, "log_reuse_wait_desc": "NOTHING", "containment": 0, "containment_desc": "NONE",
			"target_recovery_time_in_seconds": 60, "delayed_durability": 0, "delayed_durability_desc": "DISABLED",
		}
	}
	var out []record
	for i, name := range systemDatabases {
		out = append(out, base(name, i+1))
	}
	for _, c := range s.inst.Databases {
		r := base(c.DB.Name, c.ID)
		r["recovery_model"], r["recovery_model_desc"] = 1, "FULL"
		r["state"], r["state_desc"] = number(databaseStatuses, c.Status), c.Status
		r["is_encrypted"] = c.Encrypted != nil
		wait := logReuseWait(s, c)
		r["log_reuse_wait"], r["log_reuse_wait_desc"] = number([]string{"NOTHING", "CHECKPOINT", "LOG_BACKUP", "ACTIVE_BACKUP_OR_RESTORE", "ACTIVE_TRANSACTION", "DATABASE_MIRRORING", "REPLICATION", "DATABASE_SNAPSHOT_CREATION", "LOG_SCAN", "AVAILABILITY_REPLICA"}, wait), wait
		if c.Group != nil && c.Joined {
			r["group_database_id"] = c.DB.ID
			if rep := c.Group.ReplicaOn(s.inst); rep != nil {
				r["replica_id"] = rep.ID
			}
		}
		out = append(out, r)
	}
	return out
}

// logReuseWait is AVAILABILITY_REPLICA on a primary while any secondary lacks log.
func logReuseWait(s *session, c *model.Copy) string {
	if c.Pinned != "" {
		return c.Pinned
	}
	if c.Group == nil {
		return "LOG_BACKUP"
	}
	l := c.Group.ReplicaOn(s.inst)
	if l != nil && l.Role == model.Primary {
		for _, r := range c.Group.Replicas {
			if r != l && c.Group.StateOf(r, c.DB.Name) == model.NotSynchronizing {
				return "AVAILABILITY_REPLICA"
			}
		}
	}
	return "NOTHING"
}

func recoveryRows(s *session) []record {
	var out []record
	for i, name := range systemDatabases {
		id := s.world().GUID("fork", s.inst.Name, name)
		out = append(out, record{"database_id": i + 1, "database_guid": s.world().GUID("database", s.inst.Name, name), "family_guid": id, "recovery_fork_guid": id, "first_recovery_fork_guid": id})
	}
	for _, c := range s.inst.Databases {
		r := record{"database_id": c.ID}
		if c.Status == "ONLINE" || c.Status == "RESTORING" {
			r["database_guid"], r["family_guid"] = s.world().GUID("database", s.inst.Name, c.DB.Name), c.Family
			r["recovery_fork_guid"], r["first_recovery_fork_guid"] = c.Fork, c.FirstFork
			r["last_log_backup_lsn"] = model.RecordLSN(max(0, c.End-1<<20))
			if c.Fork != c.FirstFork {
				r["fork_point_lsn"] = model.RecordLSN(c.ForkPoint)
			}
		}
		out = append(out, r)
	}
	return out
}

func sysInfoRows(s *session) []record {
	up := s.world().Now().Sub(s.inst.Started).Milliseconds()
	return []record{{"cpu_ticks": up * 2_000_000, "ms_ticks": up + 60_000, "cpu_count": 8, "hyperthread_ratio": 8, "physical_memory_kb": 33554432, "virtual_memory_kb": 137438953344,
		"committed_kb": 16777216, "max_workers_count": 576, "scheduler_count": 8, "sqlserver_start_time_ms_ticks": 60_000, "sqlserver_start_time": local(s, s.inst.Started),
		"virtual_machine_type": 1, "virtual_machine_type_desc": "HYPERVISOR"}}
}

func serviceRows(s *session) []record {
	row := func(name string) record {
		return record{"servicename": name + " (MSSQLSERVER)", "startup_type": 2, "startup_type_desc": "Automatic", "status": 4, "status_desc": "Running", "process_id": 4242,
			"last_startup_time": local(s, s.inst.Started), "service_account": "NT Service\\MSSQLSERVER"}
	}
	return []record{row("SQL Server"), row("SQL Server Agent")}
}

// counterRows are padded with blanks, as the product's are.
func counterRows(s *session) []record {
	var out []record
	add := func(object, counter, instance string, v int64, kind int) {
		out = append(out, record{"object_name": pad("SQLServer:"+object, 128), "counter_name": pad(counter, 128), "instance_name": pad(instance, 128), "cntr_value": v, "cntr_type": kind})
	}
	const cumulative, plain = 272696576, 65792
	for _, c := range s.inst.Databases {
		add("Databases", "Log Bytes Flushed/sec", c.DB.Name, c.End, cumulative)
		add("Databases", "Log Flushes/sec", c.DB.Name, c.End/8192, cumulative)
		add("Databases", "Transactions/sec", c.DB.Name, c.End/4096, cumulative)
		add("Databases", "Log File(s) Size (KB)", c.DB.Name, logSize/1024, plain)
		add("Databases", "Log File(s) Used Size (KB)", c.DB.Name, int64(c.LogUsed*logSize/102400), plain)
		add("Databases", "Percent Log Used", c.DB.Name, int64(c.LogUsed), plain)
		if c.Group != nil {
			add("Database Replica", "Recovery Queue", c.DB.Name, kilobytes(c.End-c.Redone), plain)
			add("Database Replica", "Redone Bytes/sec", c.DB.Name, c.Redone, cumulative)
			add("Database Replica", "Log Bytes Received/sec", c.DB.Name, c.End, cumulative)
			add("Database Replica", "Transaction Delay", c.DB.Name, 0, cumulative)
			add("Database Replica", "Mirrored Write Transactions/sec", c.DB.Name, c.End/4096, cumulative)
		}
	}
	return out
}

// logSize is the size of every log file.
const logSize = 4 << 30

func endpointRows(s *session) []record {
	if s.inst.Objects.Endpoint == "" {
		return nil
	}
	r := record{"name": s.inst.Objects.Endpoint, "endpoint_id": 65536, "principal_id": 1, "protocol": 2, "protocol_desc": "TCP", "type": 4, "type_desc": "DATABASE_MIRRORING",
		"state": 1, "state_desc": "STOPPED", "is_admin_endpoint": false, "role": 3, "role_desc": "ALL", "is_encryption_enabled": true, "connection_auth": 4, "connection_auth_desc": "CERTIFICATE",
		"certificate_id": endpointCertificate(s), "encryption_algorithm": 2, "encryption_algorithm_desc": "AES", "port": 5022, "is_dynamic_port": false}
	if s.inst.EndpointStarted {
		r["state"], r["state_desc"] = 0, "STARTED"
	}
	return []record{r}
}

// endpointCertificate is the number of the certificate that the endpoint shows.
func endpointCertificate(s *session) any {
	for i, c := range s.inst.Objects.Certificates {
		if c.Name == "endpoint" {
			return 256 + i
		}
	}
	return nil
}

func certificateRows(s *session) []record {
	var out []record
	for i, c := range s.inst.Objects.Certificates {
		out = append(out, record{"name": c.Name, "certificate_id": 256 + i, "principal_id": 1, "pvt_key_encryption_type": "MK", "pvt_key_encryption_type_desc": "ENCRYPTED_BY_MASTER_KEY",
			"issuer_name": c.Name, "subject": c.Name, "expiry_date": c.Expiry, "start_date": s.group.madeAt, "thumbprint": c.Thumbprint, "key_length": 2048})
	}
	return out
}

func encryptionRows(s *session) []record {
	var out []record
	for _, c := range s.inst.Databases {
		if c.Encrypted == nil {
			continue
		}
		out = append(out, record{"database_id": c.ID, "encryption_state": 3, "create_date": s.group.madeAt, "key_algorithm": "AES", "key_length": 256,
			"encryptor_thumbprint": c.Encrypted, "encryptor_type": "CERTIFICATE", "percent_complete": 0.0, "encryption_state_desc": "ENCRYPTED"})
	}
	return out
}

// principalRows shows a login itself, sa and the roles; everything with VIEW ANY
// DEFINITION.
func principalRows(s *session) []record {
	kinds := map[string]string{"S": "SQL_LOGIN", "U": "WINDOWS_LOGIN", "G": "WINDOWS_GROUP", "R": "SERVER_ROLE", "C": "CERTIFICATE_MAPPED_LOGIN"}
	var out []record
	for i, l := range s.inst.Objects.Logins {
		if !s.can("VIEW ANY DEFINITION") && l.Type != "R" && l.Name != "sa" && l.Name != s.account.name {
			continue
		}
		db := l.Database
		if db == "" {
			db = "master"
		}
		out = append(out, record{"name": l.Name, "principal_id": i + 1, "sid": l.SID, "type": l.Type, "type_desc": kinds[l.Type], "is_disabled": l.Disabled, "create_date": s.group.madeAt,
			"modify_date": s.group.madeAt, "default_database_name": db, "default_language_name": "us_english", "is_fixed_role": l.Type == "R", "is_policy_checked": true, "is_expiration_checked": false})
	}
	return out
}

func linkedRows(s *session) []record {
	out := []record{{"server_id": 0, "name": s.inst.Name, "product": "SQL Server", "provider": "SQLNCLI", "data_source": s.inst.Name, "is_linked": false, "is_remote_login_enabled": true,
		"is_rpc_out_enabled": true, "is_data_access_enabled": false, "modify_date": s.group.madeAt}}
	if !s.can("VIEW ANY DEFINITION") {
		return out
	}
	for i, l := range s.inst.Objects.Linked {
		out = append(out, record{"server_id": i + 1, "name": l.Name, "product": l.Product, "provider": l.Provider, "data_source": l.Source, "is_linked": true,
			"is_remote_login_enabled": false, "is_rpc_out_enabled": true, "is_data_access_enabled": true, "modify_date": s.group.madeAt})
	}
	return out
}

func credentialRows(s *session) []record {
	var out []record
	for i, name := range s.inst.Objects.Credentials {
		out = append(out, record{"credential_id": 65536 + i, "name": name, "credential_identity": "svc", "create_date": s.group.madeAt, "modify_date": s.group.madeAt})
	}
	return out
}

// logSpaceRows is about the database it is asked in.
func logSpaceRows(s *session) []record {
	used := 3.5
	if c := s.inst.Database(s.asked); c != nil {
		used = c.LogUsed
	}
	return []record{{"database_id": s.idOf(s.asked), "total_log_size_in_bytes": logSize, "used_log_space_in_bytes": int64(used * logSize / 100), "used_log_space_in_percent": used, "log_space_in_bytes_since_last_backup": int64(1 << 20)}}
}

func configurationRows(s *session) []record {
	var out []record
	for i, c := range []struct {
		name  string
		value int64
	}{{"max degree of parallelism", 4}, {"cost threshold for parallelism", 50}, {"max server memory (MB)", 24576}, {"remote admin connections", 1}, {"Agent XPs", 1}, {"backup compression default", 1}} {
		out = append(out, record{"configuration_id": 1500 + i, "name": c.name, "value": c.value, "minimum": int64(0), "maximum": int64(2147483647), "value_in_use": c.value, "description": c.name, "is_dynamic": true, "is_advanced": true})
	}
	return out
}

func tableRows(s *session) []record {
	if s.inst.Database(s.asked) == nil {
		return nil
	}
	return []record{{"name": heartbeatTable, "object_id": 245575913, "schema_id": 1, "type": "U ", "type_desc": "USER_TABLE", "create_date": s.group.madeAt, "modify_date": s.group.madeAt}}
}

// sessionRows are the sessions on this instance that the login may see: its own, and
// with VIEW SERVER STATE all of them.
func sessionRows(s *session) []record {
	var list []record
	for other := range s.group.sessions {
		if other.inst.Name != s.inst.Name || other != s && !s.can("VIEW SERVER STATE") {
			continue
		}
		list = append(list, record{"session_id": other.id, "login_time": s.inst.Time(), "host_name": other.login.Host, "program_name": other.login.App,
			"login_name": other.account.name, "status": "running", "database_id": other.idOf(cmp.Or(other.login.Database, "master")), "is_user_process": true})
	}
	slices.SortFunc(list, func(a, b record) int { return a["session_id"].(int) - b["session_id"].(int) })
	return list
}
