package sqlag

import (
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// hadrViews are the views of availability groups, with columns and meanings as the
// product's documentation gives them. Which instance sees what is in each.
func hadrViews() map[string]view {
	return map[string]view{
		"availability_groups": {columns(`group_id guid, name sysname, resource_id nvarchar(40), resource_group_id nvarchar(40),
			failure_condition_level int, health_check_timeout int, automated_backup_preference tinyint, automated_backup_preference_desc nvarchar(60),
			version smallint, basic_features bit, dtc_support bit, db_failover bit, is_distributed bit,
			cluster_type tinyint@14, cluster_type_desc nvarchar(60)@14, required_synchronized_secondaries_to_commit int@14, sequence_number bigint@14,
			is_contained bit@15, per_db_dtc_support bit@13`), definition, groupRows},
		"availability_groups_cluster": {columns(`group_id guid, name sysname, resource_id nvarchar(40), resource_group_id nvarchar(40),
			failure_condition_level int, health_check_timeout int, automated_backup_preference tinyint, automated_backup_preference_desc nvarchar(60)`), definition, groupRows},
		"availability_replicas": {columns(`replica_id guid, group_id guid, replica_metadata_id int, replica_server_name nvarchar(256), owner_sid varbinary(85),
			endpoint_url nvarchar(128), availability_mode tinyint, availability_mode_desc nvarchar(60), failover_mode tinyint, failover_mode_desc nvarchar(60),
			session_timeout int, primary_role_allow_connections tinyint, primary_role_allow_connections_desc nvarchar(60),
			secondary_role_allow_connections tinyint, secondary_role_allow_connections_desc nvarchar(60), create_date datetime, modify_date datetime,
			backup_priority int, read_only_routing_url nvarchar(256), seeding_mode tinyint, seeding_mode_desc nvarchar(60), read_write_routing_url nvarchar(256)@15`), definition, replicaRows},
		"availability_databases_cluster": {columns(`group_id guid, group_database_id guid, database_name sysname, truncation_lsn numeric(25,0)`), definition, clusterDatabaseRows},
		"availability_group_listeners": {columns(`group_id guid, listener_id nvarchar(36), dns_name nvarchar(63), port int, is_conformant bit,
			ip_configuration_string_from_cluster nvarchar(max), is_distributed_network_name bit@15`), definition, listenerRows},
		"availability_group_listener_ip_addresses": {columns(`listener_id nvarchar(36), ip_address nvarchar(48), ip_subnet_mask nvarchar(15), is_dhcp bit,
			network_subnet_ip nvarchar(48), network_subnet_prefix_length int, network_subnet_ipv4_mask nvarchar(45), state tinyint, state_desc nvarchar(60)`), definition, addressRows},
		"availability_read_only_routing_lists": {columns(`replica_id guid, routing_priority int, read_only_replica_id guid`), definition, noRows},
		"dm_hadr_availability_group_states": {columns(`group_id guid, primary_replica varchar(128), primary_recovery_health tinyint, primary_recovery_health_desc nvarchar(60),
			secondary_recovery_health tinyint, secondary_recovery_health_desc nvarchar(60), synchronization_health tinyint, synchronization_health_desc nvarchar(60)`), state, groupStateRows},
		"dm_hadr_availability_replica_states": {columns(`replica_id guid, group_id guid, is_local bit, role tinyint, role_desc nvarchar(60),
			operational_state tinyint, operational_state_desc nvarchar(60), connected_state tinyint, connected_state_desc nvarchar(60),
			recovery_health tinyint, recovery_health_desc nvarchar(60), synchronization_health tinyint, synchronization_health_desc nvarchar(60),
			last_connect_error_number int, last_connect_error_description nvarchar(1024), last_connect_error_timestamp datetime,
			write_lease_remaining_ticks bigint@14, current_configuration_commit_start_time_utc datetime@16, is_internal bit@16`), state, replicaStateRows},
		"dm_hadr_availability_replica_cluster_states": {columns(`replica_id guid, replica_server_name nvarchar(256), group_id guid, join_state tinyint, join_state_desc nvarchar(60)`), state, replicaClusterRows},
		"dm_hadr_availability_replica_cluster_nodes":  {columns(`group_name nvarchar(256), replica_server_name nvarchar(256), node_name nvarchar(256)`), state, replicaNodeRows},
		"dm_hadr_name_id_map":                         {columns(`ag_name nvarchar(256), ag_id guid, ag_resource_id nvarchar(256), ag_group_id nvarchar(256)`), state, nameRows},
		"dm_hadr_cluster":                             {columns(`cluster_name nvarchar(128), quorum_type tinyint, quorum_type_desc varchar(50), quorum_state tinyint, quorum_state_desc varchar(50)`), state, clusterRows},
		"dm_hadr_cluster_members":                     {columns(`member_name nvarchar(128), member_type tinyint, member_type_desc nvarchar(50), member_state tinyint, member_state_desc nvarchar(60), number_of_quorum_votes tinyint`), state, memberRows},
		"dm_hadr_auto_page_repair":                    {columns(`database_id int, file_id int, page_id bigint, error_type int, page_status tinyint, modification_time datetime`), state, noRows},
		"dm_hadr_automatic_seeding": {columns(`start_time datetime, completion_time datetime, ag_id guid, ag_db_id guid, ag_remote_replica_id guid, operation_id guid, is_source bit,
			current_state nvarchar(60), performed_seeding bit, failure_state int, failure_state_desc nvarchar(60), error_code int, number_of_attempts int`), state, seedingRows},
		"dm_hadr_physical_seeding_stats": {columns(`local_physical_seeding_id guid, remote_physical_seeding_id guid, local_database_id int, local_database_name sysname,
			remote_machine_name nvarchar(128), role_desc nvarchar(60), internal_state_desc nvarchar(60), transfer_rate_bytes_per_second bigint, transferred_size_bytes bigint,
			database_size_bytes bigint, start_time_utc datetime, end_time_utc datetime, failure_code int, failure_message nvarchar(4000)`), state, noRows},
	}
}

func noRows(*session) []record { return nil }

func groupRows(s *session) []record {
	var out []record
	for _, g := range s.world().GroupsOf(s.inst) {
		r := record{
			"group_id": g.ID, "name": g.Name, "failure_condition_level": 3, "health_check_timeout": 30000,
			"automated_backup_preference": 2, "automated_backup_preference_desc": "SECONDARY", "version": 0,
			"basic_features": false, "dtc_support": false, "db_failover": false, "per_db_dtc_support": false,
			"is_distributed": g.Distributed, "cluster_type": g.Type, "cluster_type_desc": g.Type.String(),
			"required_synchronized_secondaries_to_commit": g.Required(s.inst), "sequence_number": g.Sequence, "is_contained": false,
		}
		if g.Type == model.WSFC {
			r["resource_id"], r["resource_group_id"] = s.world().GUID("resource", g.Name).String(), s.world().GUID("resource group", g.Name).String()
		}
		out = append(out, r)
	}
	return out
}

func clusterDatabaseRows(s *session) []record {
	var out []record
	for _, g := range s.world().GroupsOf(s.inst) {
		if g.Type == model.WSFC && !g.Distributed && !s.inst.Quorum() {
			continue
		}
		for _, d := range g.Databases {
			out = append(out, record{"group_id": g.ID, "group_database_id": d.ID, "database_name": d.Name})
		}
	}
	return out
}

func listenerRows(s *session) []record {
	var out []record
	for _, g := range s.world().GroupsOf(s.inst) {
		if l := g.Listener; l != nil {
			out = append(out, record{"group_id": g.ID, "listener_id": l.ID.String(), "dns_name": l.Name, "port": l.Port, "is_conformant": true, "is_distributed_network_name": false})
		}
	}
	return out
}

// addressRows shows one address online: that of the primary's site.
func addressRows(s *session) []record {
	var out []record
	for _, g := range s.world().GroupsOf(s.inst) {
		if g.Listener == nil {
			continue
		}
		site := ""
		if p := s.world().Instance(g.PrimaryName(s.inst)); p != nil {
			site = p.Site
		}
		for _, a := range g.Listener.Addresses {
			state := "OFFLINE"
			switch {
			case a.Failed:
				state = "FAILED"
			case a.Site == site:
				state = "ONLINE"
			}
			out = append(out, record{
				"listener_id": g.Listener.ID.String(), "ip_address": a.Address, "ip_subnet_mask": "255.255.255.0", "is_dhcp": false,
				"network_subnet_ip": a.Address, "network_subnet_prefix_length": 24, "network_subnet_ipv4_mask": "255.255.255.0",
				"state": number([]string{"OFFLINE", "ONLINE", "ONLINE_PENDING", "FAILED"}, state), "state_desc": state,
			})
		}
	}
	return out
}

func groupStateRows(s *session) []record {
	var out []record
	for _, g := range s.world().GroupsOf(s.inst) {
		l := g.Local(s.inst)
		r := record{"group_id": g.ID}
		if p := g.PrimaryName(s.inst); p != "" {
			r["primary_replica"] = p
		}
		health, desc := 0, "ONLINE_IN_PROGRESS"
		if l.Online() {
			health, desc = 1, "ONLINE"
		}
		switch l.Role {
		case model.Primary:
			r["primary_recovery_health"], r["primary_recovery_health_desc"] = health, desc
			r["synchronization_health"], r["synchronization_health_desc"] = g.Health(), g.Health().String()
		case model.Secondary:
			r["secondary_recovery_health"], r["secondary_recovery_health_desc"] = health, desc
			r["synchronization_health"], r["synchronization_health_desc"] = g.ReplicaHealth(l), g.ReplicaHealth(l).String()
		default:
			r["synchronization_health"], r["synchronization_health_desc"] = model.NotHealthy, model.NotHealthy.String()
		}
		out = append(out, r)
	}
	return out
}

func nameRows(s *session) []record {
	var out []record
	for _, r := range groupRows(s) {
		out = append(out, record{"ag_name": r["name"], "ag_id": r["group_id"], "ag_resource_id": r["resource_id"], "ag_group_id": r["resource_group_id"]})
	}
	return out
}

func clusterRows(s *session) []record {
	if !s.inst.Quorum() {
		return nil
	}
	r := record{"cluster_name": s.inst.Cluster.Name, "quorum_type": 0, "quorum_type_desc": "NODE_MAJORITY", "quorum_state": 1, "quorum_state_desc": "NORMAL_QUORUM"}
	for _, m := range s.inst.Cluster.Members {
		if m.Witness {
			r["quorum_type"], r["quorum_type_desc"] = 2, "NODE_AND_FILE_SHARE_MAJORITY"
		}
	}
	if s.inst.Cluster.Forced {
		r["quorum_state"], r["quorum_state_desc"] = 2, "FORCED_QUORUM"
	}
	return []record{r}
}

func memberRows(s *session) []record {
	if !s.inst.Quorum() {
		return nil
	}
	var out []record
	for _, m := range s.inst.Cluster.Members {
		r := record{"member_name": m.Name, "member_type": 0, "member_type_desc": "CLUSTER_NODE", "member_state": 0, "member_state_desc": "DOWN", "number_of_quorum_votes": m.Votes}
		if m.Witness {
			r["member_type"], r["member_type_desc"] = 2, "FILE_SHARE_WITNESS"
		}
		if m.Up && !m.Apart {
			r["member_state"], r["member_state_desc"] = 1, "UP"
		}
		out = append(out, r)
	}
	return out
}

func seedingRows(s *session) []record {
	var out []record
	for _, c := range s.inst.Databases {
		for _, x := range c.Seeding {
			out = append(out, record{
				"start_time": local(s, x.Started), "completion_time": local(s, x.Completed), "ag_id": x.Group, "ag_db_id": c.DB.ID, "ag_remote_replica_id": x.Remote,
				"operation_id": s.world().GUID("seeding", c.DB.Name), "is_source": x.IsSource, "current_state": x.State, "performed_seeding": x.Performed,
				"failure_state": x.Failure, "failure_state_desc": text(x.FailureDescription), "error_code": 0, "number_of_attempts": x.NumberOfAttempts,
			})
		}
	}
	return out
}

// local is a moment as the instance's clock shows it.
func local(s *session, t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Add(s.inst.Offset)
}

// text is NULL for an empty text.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// highest is what recovery_lsn shows where there is nothing to go back to.
func highest() sqltype.Decimal {
	d, _ := sqltype.ParseDecimal("4294967295429496729500001")
	return d
}
