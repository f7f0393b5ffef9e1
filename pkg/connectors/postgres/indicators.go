package postgres

import "github.com/bcctl/bcctl/pkg/readiness"

// Indicators of a resource as a whole. Names without a platform prefix mean the
// same on every platform.
const (
	topologyID        readiness.ID = "topology"
	exposureBytesID   readiness.ID = "replication.exposure_bytes"
	exposureSecondsID readiness.ID = "replication.exposure_seconds"
	recoverySecondsID readiness.ID = "recovery.estimated_seconds"
)

// Indicators of one endpoint.
const (
	reachableID    readiness.ID = "node.reachable"
	roleID         readiness.ID = "node.role"
	identityID     readiness.ID = "node.identity"
	versionID      readiness.ID = "node.version"
	timelineID     readiness.ID = "node.timeline"
	clockSkewID    readiness.ID = "node.clock_skew_seconds"
	positionID     readiness.ID = "wal.position_bytes"
	lineageID      readiness.ID = "replication.lineage"
	transportAgeID readiness.ID = "replication.transport_age_seconds"
	lagBytesID     readiness.ID = "replication.lag_bytes"
	slotNameID     readiness.ID = "replication.slot"
	backlogID      readiness.ID = "replay.backlog_bytes"
	replayStateID  readiness.ID = "replay.state"
	replayPosID    readiness.ID = "replay.position_bytes"
	applyDelayID   readiness.ID = "replay.apply_delay_seconds"
	conflictsID    readiness.ID = "replay.conflicts_total"
	slotsID        readiness.ID = "slots.state"
	slotSafeID     readiness.ID = "slots.safe_bytes"
	slotRetainedID readiness.ID = "slots.inactive_retained_bytes"
	archiveID      readiness.ID = "archive.state"
	archiveReadyID readiness.ID = "archive.backlog_files"
	settingsID     readiness.ID = "settings.promotion"
	settingsListID readiness.ID = "settings.values"
	syncID         readiness.ID = "replication.synchronous"
	heartbeatAgeID readiness.ID = "heartbeat.age_seconds"
	heartbeatLagID readiness.ID = "heartbeat.lag_seconds"
	heartbeatSeqID readiness.ID = "heartbeat.sequence"
	collationID    readiness.ID = "settings.collation"
	rewindID       readiness.ID = "settings.rewind"
	privilegeID    readiness.ID = "node.privileges"
)

// catalog lists every indicator. The required ones are what a verdict about
// readiness cannot do without: which servers answer, that they are the declared
// ones and can be read in full, who writes, what DR lacks, whether the link
// lives, what must still be applied, and whether it is the same history.
var catalog = []readiness.Indicator{
	{ID: topologyID, Required: true, Help: "who writes and who follows, over all endpoints"},
	{ID: exposureBytesID, Unit: readiness.Bytes, Required: true, Breach: readiness.ReplicationLagHigh,
		Help: "WAL durable on the primary and not yet durable on the best DR standby"},
	{ID: exposureSecondsID, Unit: readiness.Seconds, Breach: readiness.LagOverRPO,
		Help: "upper bound of the time whose commits DR does not have; from the heartbeat, else from WAL positions"},
	{ID: recoverySecondsID, Unit: readiness.Seconds, Breach: readiness.RTOEstimateOver,
		Help: "time to apply what the DR standby has received, at its measured replay rate"},

	{ID: reachableID, Required: true, Help: "whether the node answered a query within its deadline"},
	{ID: roleID, Required: true, Help: "primary or standby, by pg_is_in_recovery()"},
	{ID: identityID, Required: true, Help: "system identifier of the cluster"},
	{ID: versionID, Required: true, Help: "server version"},
	{ID: timelineID, Help: "timeline in use; never the one of the control file, which is stale"},
	{ID: clockSkewID, Required: true, Signed: true, Unit: readiness.Seconds, Help: "node clock minus collector clock at the middle of the request"},
	{ID: privilegeID, Required: true, Help: "whether the monitoring role sees what it must"},
	{ID: positionID, Unit: readiness.Bytes, Help: "WAL flushed on the primary, from the beginning of the cluster"},
	{ID: lineageID, Required: true, Help: "whether the standby's history is the primary's"},
	{ID: transportAgeID, Unit: readiness.Seconds, Required: true, Breach: readiness.TransportSilent,
		Help: "time since anything was heard over the replication link"},
	{ID: lagBytesID, Unit: readiness.Bytes, Breach: readiness.ReplicationLagHigh,
		Help: "WAL of the primary that this standby has not received"},
	{ID: slotNameID, Help: "replication slot the standby uses"},
	{ID: backlogID, Unit: readiness.Bytes, Required: true, Breach: readiness.ReplayBacklogHigh,
		Help: "WAL received and not yet applied"},
	{ID: replayStateID, Help: "not paused, pause requested or paused"},
	{ID: replayPosID, Unit: readiness.Bytes, Help: "WAL applied, from the beginning of the cluster"},
	{ID: applyDelayID, Unit: readiness.Seconds, Help: "recovery_min_apply_delay"},
	{ID: conflictsID, Unit: readiness.Count, Help: "queries cancelled by replay since the statistics were reset"},
	{ID: slotsID, Help: "worst state of the node's physical replication slots"},
	{ID: slotSafeID, Unit: readiness.Bytes, LowIsBad: true, Breach: readiness.SlotAtRisk,
		Help: "WAL that can be written before the first slot may lose what it needs"},
	{ID: slotRetainedID, Unit: readiness.Bytes, Breach: readiness.SlotInactive,
		Help: "WAL kept for slots nobody reads from"},
	{ID: archiveID, Help: "whether the newest attempt to archive WAL succeeded"},
	{ID: archiveReadyID, Unit: readiness.Count, Breach: readiness.ArchiveBacklogHigh, Help: "WAL files waiting to be archived"},
	{ID: settingsID, Help: "whether the settings allow the standby to be promoted and to serve"},
	{ID: settingsListID, Help: "settings that a standby must not have lower than its primary"},
	{ID: rewindID, Help: "whether a former primary could be rewound"},
	{ID: collationID, Help: "databases whose collation version differs from the one the data was built with"},
	{ID: syncID, Help: "synchronous_standby_names and whether somebody satisfies it"},
	{ID: heartbeatAgeID, Signed: true, Unit: readiness.Seconds, Help: "age of the newest heartbeat seen on the node, by the node's own clock"},
	{ID: heartbeatSeqID, Unit: readiness.Count, Help: "sequence number of the newest heartbeat seen on the node"},
	{ID: heartbeatLagID, Signed: true, Unit: readiness.Seconds, Breach: readiness.HeartbeatLate,
		Help: "how much older the newest heartbeat is on the standby than on the primary"},
}
