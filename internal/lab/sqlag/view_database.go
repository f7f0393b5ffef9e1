package sqlag

import (
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
)

// databaseViews are the two views of databases within groups.
func databaseViews() map[string]view {
	return map[string]view{
		"dm_hadr_database_replica_states": {columns(`database_id int, group_id guid, replica_id guid, group_database_id guid, is_local bit, is_primary_replica bit,
			synchronization_state tinyint, synchronization_state_desc nvarchar(60), is_commit_participant bit, synchronization_health tinyint, synchronization_health_desc nvarchar(60),
			database_state tinyint, database_state_desc nvarchar(60), is_suspended bit, suspend_reason tinyint, suspend_reason_desc nvarchar(60),
			recovery_lsn numeric(25,0), truncation_lsn numeric(25,0), last_sent_lsn numeric(25,0), last_sent_time datetime, last_received_lsn numeric(25,0), last_received_time datetime,
			last_hardened_lsn numeric(25,0), last_hardened_time datetime, last_redone_lsn numeric(25,0), last_redone_time datetime,
			log_send_queue_size bigint, log_send_rate bigint, redo_queue_size bigint, redo_rate bigint, filestream_send_rate bigint,
			end_of_log_lsn numeric(25,0), last_commit_lsn numeric(25,0), last_commit_time datetime, low_water_mark_for_ghosts bigint,
			secondary_lag_seconds bigint, quorum_commit_lsn numeric(25,0)@14, quorum_commit_time datetime@14, is_internal bit@16`), state, databaseStateRows},
		"dm_hadr_database_replica_cluster_states": {columns(`replica_id guid, group_database_id guid, database_name sysname, is_failover_ready bit,
			is_pending_secondary_suspend bit, is_database_joined bit, recovery_lsn numeric(25,0), truncation_lsn numeric(25,0)`), state, databaseClusterRows},
	}
}

// suspensions are numbered as suspend_reason is; never changed.
var suspensions = []string{"SUSPEND_FROM_USER", "SUSPEND_FROM_PARTNER", "SUSPEND_FROM_REDO", "SUSPEND_FROM_CAPTURE", "SUSPEND_FROM_APPLY", "SUSPEND_FROM_RESTART", "SUSPEND_FROM_UNDO", "SUSPEND_FROM_REVALIDATION", "SUSPEND_FROM_XRF_UPDATE"}

// databaseStatuses are numbered as database_state and sys.databases.state are;
// never changed.
var databaseStatuses = []string{"ONLINE", "RESTORING", "RECOVERING", "RECOVERY_PENDING", "SUSPECT", "EMERGENCY", "OFFLINE"}

func databaseStateRows(s *session) []record {
	var out []record
	for _, g := range s.world().GroupsOf(s.inst) {
		l := g.Local(s.inst)
		for _, d := range g.Databases {
			for _, r := range reported(s, g) {
				if g.Distributed && r == l && l.Role == model.Primary {
					continue // the global primary shows the other side only
				}
				if c := r.Copy(d.Name); c != nil && (c.Joined || r != l) {
					out = append(out, databaseRow(s, g, r, c))
				}
			}
		}
	}
	return out
}

// databaseRow is one row. A secondary's row on the primary is what the primary
// last heard.
func databaseRow(s *session, g *model.Group, r *model.Replica, c *model.Copy) record {
	own := g.Local(s.inst) == r
	state, health := g.StateOf(r, c.DB.Name), g.HealthOf(r, c.DB.Name)
	row := record{
		"group_id": g.ID, "replica_id": r.ID, "group_database_id": c.DB.ID, "is_local": own, "is_primary_replica": r.Role == model.Primary,
		"synchronization_state": state, "synchronization_state_desc": state.String(), "synchronization_health": health, "synchronization_health_desc": health.String(),
		"is_suspended": c.Suspended, "is_commit_participant": state == model.Synchronized && r.Sync, "is_internal": false,
		"low_water_mark_for_ghosts": c.End / 1024,
	}
	if mine := s.inst.Database(c.DB.Name); mine != nil {
		row["database_id"] = mine.ID
	}
	if c.Suspended {
		row["suspend_reason"], row["suspend_reason_desc"] = number(suspensions, c.Reason), c.Reason
	}
	if own { // of remote databases the state is not known here
		row["database_state"], row["database_state_desc"] = number(databaseStatuses, c.Status), c.Status
	}
	if !c.Joined {
		return row
	}
	connected := own || g.ConnectedTo(r, s.inst)
	row["end_of_log_lsn"] = model.BlockLSN(c.End)
	row["truncation_lsn"] = model.BlockLSN(max(0, c.End-8<<20))
	if r.Role == model.Primary {
		primaryColumns(s, g, r, c, row)
	} else {
		secondaryColumns(s, g, r, c, row, own, connected)
	}
	unknownCommit := g.Type == model.WSFC && !g.Distributed && (!s.inst.Quorum() || s.inst.Cluster.Forced)
	if at, ok := c.CommitTime(c.Redone); ok && !unknownCommit {
		row["last_commit_lsn"] = model.RecordLSN(c.Redone)
		row["last_commit_time"] = local(s, at)
	}
	return row
}

func primaryColumns(s *session, g *model.Group, r *model.Replica, c *model.Copy, row record) {
	row["recovery_lsn"] = model.BlockLSN(c.Recovery)
	if !r.Sync {
		return // last_hardened_lsn is NULL on an asynchronous primary
	}
	lowest := c.End
	for _, other := range g.Replicas {
		if o := other.Copy(c.DB.Name); o != nil && other != r && g.ConnectedTo(other, s.inst) {
			lowest = min(lowest, o.End)
		}
	}
	row["last_hardened_lsn"] = model.BlockLSN(lowest)
	if at, ok := c.CommitTime(lowest); ok {
		row["last_hardened_time"] = local(s, at)
	}
}

func secondaryColumns(s *session, g *model.Group, r *model.Replica, c *model.Copy, row record, own, connected bool) {
	row["recovery_lsn"] = highest()
	var from *model.Copy
	if up := g.Upstream(r); up != nil {
		from = up.Copy(c.DB.Name)
	}
	if from != nil && from.Fork != c.Fork {
		row["recovery_lsn"] = model.BlockLSN(from.ForkPoint)
	}
	row["last_received_lsn"], row["last_hardened_lsn"] = model.BlockLSN(c.End), model.BlockLSN(c.End)
	row["last_redone_lsn"] = model.RecordLSN(c.Redone)
	row["redo_queue_size"] = kilobytes(c.End - c.Redone)
	row["redo_rate"] = rate(c, c.RedoLimit)
	row["filestream_send_rate"] = 0
	moving := connected && !c.Suspended && from != nil && c.Phase == model.NotSynchronizing
	if at, ok := c.CommitTime(c.End); ok {
		row["last_received_time"], row["last_hardened_time"] = local(s, at), local(s, at)
	}
	if at, ok := c.CommitTime(c.Redone); ok {
		row["last_redone_time"] = local(s, at)
	}
	if own {
		return // queues to a secondary are the primary's business
	}
	row["last_sent_lsn"], row["last_sent_time"] = model.BlockLSN(c.End), row["last_hardened_time"]
	row["log_send_rate"] = rate(c, c.SendLimit)
	if moving {
		row["log_send_queue_size"] = kilobytes(model.Queue(from, c))
		row["secondary_lag_seconds"] = model.LagSeconds(from, c)
		return
	}
	// log_send_queue_size is NULL now, and the lag misleads.
	row["secondary_lag_seconds"] = misleadingLag(s, c)
}

// misleadingLag is secondary_lag_seconds of a database that does not move: it was
// seen to stay at zero, to climb with the clock, and to begin late.
func misleadingLag(s *session, c *model.Copy) any {
	since := int64(s.world().Now().Sub(c.Since).Seconds())
	if c.Since.IsZero() {
		since = 0
	}
	switch s.group.lag {
	case LagClimbs:
		return since
	case LagLatches:
		if since < 30 {
			return 0
		}
		return 30
	}
	return 0
}

func kilobytes(bytes int64) int64 { return (max(0, bytes) + 1023) / 1024 }

// rate is that of the last active period, in KB/s: the limit if there is one.
func rate(c *model.Copy, limit int64) int64 {
	if limit > 0 {
		return max(1, limit/1024)
	}
	return 24576 + max(0, c.Rate)/1024
}

// databaseClusterRows is what the cluster stores, so a secondary sees it too, as long
// as there is quorum.
func databaseClusterRows(s *session) []record {
	var out []record
	for _, g := range s.world().GroupsOf(s.inst) {
		l := g.Local(s.inst)
		quorum := g.Distributed || g.Type != model.WSFC || s.inst.Quorum()
		for _, r := range g.Replicas {
			everything := l.Role == model.Primary || g.Type == model.WSFC && !g.Distributed && quorum
			if r != l && !everything || g.Distributed && r == l && l.Role == model.Primary {
				continue
			}
			for _, d := range g.Databases {
				row := record{"replica_id": r.ID, "group_database_id": d.ID, "database_name": d.Name, "is_failover_ready": g.Ready(r, d.Name), "truncation_lsn": highest()}
				if quorum {
					c := r.Copy(d.Name)
					if c == nil && r.Instance != nil {
						c = r.Instance.Database(d.Name)
					}
					row["is_pending_secondary_suspend"] = false
					row["is_database_joined"] = c != nil && c.Joined
				}
				if l.Role == model.Primary {
					row["recovery_lsn"] = highest()
				}
				out = append(out, row)
			}
		}
	}
	return out
}
