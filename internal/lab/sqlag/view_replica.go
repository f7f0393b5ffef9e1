package sqlag

import (
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
)

// replicasSeen are the replicas of a group that an instance's metadata shows: all,
// but its own alone when it has no quorum.
func replicasSeen(s *session, g *model.Group) []*model.Replica {
	if g.Type == model.WSFC && !g.Distributed && !s.inst.Quorum() {
		return []*model.Replica{g.Local(s.inst)}
	}
	return g.Replicas
}

func replicaRows(s *session) []record {
	var out []record
	for _, g := range s.world().GroupsOf(s.inst) {
		for n, r := range replicasSeen(s, g) {
			local := g.Local(s.inst) == r
			row := record{
				"replica_id": r.ID, "group_id": g.ID, "replica_metadata_id": 65536 + n, "replica_server_name": r.Name,
				"availability_mode": 0, "availability_mode_desc": "ASYNCHRONOUS_COMMIT",
				"failover_mode": 1, "failover_mode_desc": "MANUAL", "session_timeout": r.Timeout,
				"primary_role_allow_connections": 2, "primary_role_allow_connections_desc": "ALL",
				"secondary_role_allow_connections": number([]string{"NO", "READ_ONLY", "ALL"}, r.Readable), "secondary_role_allow_connections_desc": r.Readable,
				"backup_priority": 50, "seeding_mode": 1, "seeding_mode_desc": "MANUAL",
			}
			if r.Sync {
				row["availability_mode"], row["availability_mode_desc"] = 1, "SYNCHRONOUS_COMMIT"
			}
			if r.Automatic {
				row["failover_mode"], row["failover_mode_desc"] = 0, "AUTOMATIC"
			}
			if r.Seeding {
				row["seeding_mode"], row["seeding_mode_desc"] = 0, "AUTOMATIC"
			}
			if g.Type != model.WSFC || g.Distributed || s.inst.Quorum() {
				row["endpoint_url"] = "TCP://" + r.Name + ":5022"
			}
			if local {
				row["owner_sid"], row["create_date"], row["modify_date"] = []byte{1}, s.group.madeAt, s.group.madeAt
			}
			out = append(out, row)
		}
	}
	return out
}

// reported are the replicas whose state an instance reports: its own, and all if it
// is primary.
func reported(s *session, g *model.Group) []*model.Replica {
	l := g.Local(s.inst)
	if l.Role == model.Primary {
		return g.Replicas
	}
	return []*model.Replica{l}
}

func replicaStateRows(s *session) []record {
	var out []record
	for _, g := range s.world().GroupsOf(s.inst) {
		for _, r := range reported(s, g) {
			local := g.Local(s.inst) == r
			connected := g.ConnectedTo(r, s.inst)
			health := g.ReplicaHealth(r)
			row := record{
				"replica_id": r.ID, "group_id": g.ID, "is_local": local, "is_internal": false,
				"connected_state": 0, "connected_state_desc": "DISCONNECTED",
				"synchronization_health": health, "synchronization_health_desc": health.String(),
			}
			if connected {
				row["connected_state"], row["connected_state_desc"] = 1, "CONNECTED"
			} else {
				row["last_connect_error_number"] = 35206
				row["last_connect_error_description"] = "A connection timeout has occurred on a previously established connection to availability replica '" + r.Name + "'."
				row["last_connect_error_timestamp"] = s.inst.Time()
			}
			role := r.Role
			if !local && role == model.Primary { // what a primary thinks of others
				role = model.Secondary
			}
			if local || connected {
				row["role"], row["role_desc"] = role, role.String()
			}
			if local {
				op := g.Operational(r)
				row["operational_state"] = number([]string{"PENDING_FAILOVER", "PENDING", "ONLINE", "OFFLINE", "FAILED", "FAILED_NO_QUORUM"}, op)
				row["operational_state_desc"] = op
				row["recovery_health"], row["recovery_health_desc"] = 0, "ONLINE_IN_PROGRESS"
				if r.Online() {
					row["recovery_health"], row["recovery_health_desc"] = 1, "ONLINE"
				}
			}
			out = append(out, row)
		}
	}
	return out
}

func replicaClusterRows(s *session) []record {
	var out []record
	for _, g := range s.world().GroupsOf(s.inst) {
		for _, r := range replicasSeen(s, g) {
			row := record{"replica_id": r.ID, "replica_server_name": r.Name, "group_id": g.ID, "join_state": 0, "join_state_desc": "NOT_JOINED"}
			if r.Joined {
				row["join_state"], row["join_state_desc"] = 1, "JOINED_STANDALONE"
			}
			out = append(out, row)
		}
	}
	return out
}

func replicaNodeRows(s *session) []record {
	var out []record
	for _, g := range s.world().GroupsOf(s.inst) {
		for _, r := range replicasSeen(s, g) {
			out = append(out, record{"group_name": g.Name, "replica_server_name": r.Name, "node_name": r.Name})
		}
	}
	return out
}
