package sqlserver

import "github.com/bcctl/bcctl/pkg/readiness"

// Indicators of a resource as a whole. Names without a platform prefix mean the
// same on every platform.
const (
	topologyID        readiness.ID = "topology"
	exposureBytesID   readiness.ID = "replication.exposure_bytes"
	exposureSecondsID readiness.ID = "replication.exposure_seconds"
	recoverySecondsID readiness.ID = "recovery.estimated_seconds"
)

// Indicators of one instance.
const (
	reachableID    readiness.ID = "node.reachable"
	roleID         readiness.ID = "node.role"
	identityID     readiness.ID = "node.identity"
	startedID      readiness.ID = "node.started"
	versionID      readiness.ID = "node.version"
	clockSkewID    readiness.ID = "node.clock_skew_seconds"
	privilegeID    readiness.ID = "node.privileges"
	quorumID       readiness.ID = "cluster.quorum"
	votesID        readiness.ID = "cluster.votes"
	stateID        readiness.ID = "databases.state"
	listedID       readiness.ID = "databases.members"
	lineageID      readiness.ID = "replication.lineage"
	connectionID   readiness.ID = "replication.connection"
	modeID         readiness.ID = "replication.mode"
	commitID       readiness.ID = "replication.commit"
	lagBytesID     readiness.ID = "replication.lag_bytes"
	backlogID      readiness.ID = "replay.backlog_bytes"
	seedingID      readiness.ID = "replication.seeding"
	mirroringID    readiness.ID = "replication.endpoint"
	certificateID  readiness.ID = "replication.certificate_seconds"
	listenerID     readiness.ID = "listener.state"
	logUsedID      readiness.ID = "log.used_ratio"
	logWaitID      readiness.ID = "log.reuse_wait"
	logBackupID    readiness.ID = "backup.log_age_seconds"
	loginsID       readiness.ID = "drift.logins"
	jobsID         readiness.ID = "drift.jobs"
	serversID      readiness.ID = "drift.linked_servers"
	credentialsID  readiness.ID = "drift.credentials"
	certificatesID readiness.ID = "drift.certificates"
	copyAgeID      readiness.ID = "shipping.copy_age_seconds"
	restoreAgeID   readiness.ID = "shipping.restore_age_seconds"
	heartbeatAgeID readiness.ID = "heartbeat.age_seconds"
	heartbeatLagID readiness.ID = "heartbeat.lag_seconds"
	heartbeatSeqID readiness.ID = "heartbeat.sequence"
)

// catalog lists every indicator. The required ones are what a verdict about
// readiness cannot do without: which instances answer, that they are the declared
// ones and can be read in full, who writes, what each copy's state is, and whether
// it is the same history. What DR lacks is told in bytes or in seconds, by the form;
// where it is told in neither, the topology is not proved.
var catalog = []readiness.Indicator{
	{ID: topologyID, Required: true, Help: "who writes and who follows, over all endpoints"},
	{ID: exposureBytesID, Unit: readiness.Bytes, Breach: readiness.ReplicationLagHigh,
		Help: "log that the best DR replica lacks at least, of the database that is worst"},
	{ID: exposureSecondsID, Unit: readiness.Seconds, Breach: readiness.LagOverRPO,
		Help: "time whose commits the best DR replica has not reported, of the database that is worst"},
	{ID: recoverySecondsID, Unit: readiness.Seconds, Breach: readiness.RTOEstimateOver,
		Help: "time to redo what the best DR replica has received, of the database that is worst"},

	{ID: reachableID, Required: true, Help: "whether the instance answered a query within its deadline"},
	{ID: roleID, Required: true, Help: "primary, secondary, resolving or forwarder, by the instance's own row"},
	{ID: identityID, Required: true, Help: "group_id of the availability group"},
	{ID: startedID, Help: "when the instance started, by its own clock"},
	{ID: versionID, Required: true, Help: "product version"},
	{ID: clockSkewID, Required: true, Signed: true, Unit: readiness.Seconds, Help: "node clock minus collector clock at the middle of the request"},
	{ID: privilegeID, Required: true, Help: "whether the monitoring login sees what it must"},
	{ID: quorumID, Help: "state of the Windows cluster's quorum, as this node sees it"},
	{ID: votesID, Unit: readiness.Count, Help: "votes of this node in the Windows cluster"},
	{ID: stateID, Required: true, Help: "worst synchronization state of the databases on this replica"},
	{ID: listedID, Required: true, Help: "databases of the group, and whether those that must be there are"},
	{ID: lineageID, Required: true, Help: "whether the recovery forks of the databases are the primary's"},
	{ID: connectionID, Help: "whether primary and replica are connected, as both see it"},
	{ID: modeID, Help: "availability and failover mode of the replica"},
	{ID: commitID, Help: "synchronous secondaries that a commit waits for, and how many there are"},
	{ID: lagBytesID, Unit: readiness.Bytes, Breach: readiness.ReplicationLagHigh,
		Help: "log that the primary has not sent to this replica, of the database that is worst"},
	{ID: backlogID, Unit: readiness.Bytes, Breach: readiness.ReplayBacklogHigh,
		Help: "log hardened and not yet redone, of the database that is worst"},
	{ID: seedingID, Help: "databases whose automatic seeding failed and that are not joined"},
	{ID: mirroringID, Help: "state of the endpoint that replicas talk through"},
	{ID: certificateID, Signed: true, Unit: readiness.Seconds, LowIsBad: true, Breach: readiness.CertExpiry,
		Help: "time left of the certificate that the endpoint shows"},
	{ID: listenerID, Help: "addresses of the listener and their state"},
	{ID: logUsedID, Unit: readiness.Ratio, Breach: readiness.LogSpaceHigh, Help: "how full the fullest log is on the primary"},
	{ID: logWaitID, Help: "what keeps logs from being truncated on the primary"},
	{ID: logBackupID, Unit: readiness.Seconds, Breach: readiness.LogBackupLate,
		Help: "age of the newest log backup on any replica, of the database that is worst"},
	{ID: loginsID, Unit: readiness.Count, Help: "logins of the primary that this replica lacks or has with another SID"},
	{ID: jobsID, Unit: readiness.Count, Help: "jobs of the primary that this replica lacks"},
	{ID: serversID, Unit: readiness.Count, Help: "linked servers of the primary that this replica lacks"},
	{ID: credentialsID, Unit: readiness.Count, Help: "credentials of the primary that this replica lacks"},
	{ID: certificatesID, Unit: readiness.Count, Help: "encrypted databases that this replica could not open"},
	{ID: copyAgeID, Unit: readiness.Seconds, Breach: readiness.LogCopyLate, Help: "log shipping: time since a log backup was copied"},
	{ID: restoreAgeID, Unit: readiness.Seconds, Breach: readiness.LogRestoreLate, Help: "log shipping: age of the newest log backup that was restored"},
	{ID: heartbeatAgeID, Signed: true, Unit: readiness.Seconds, Help: "age of the heartbeat seen on the node, by its own clock, of the database that is worst"},
	{ID: heartbeatSeqID, Unit: readiness.Count, Help: "sequence number of that heartbeat"},
	{ID: heartbeatLagID, Signed: true, Unit: readiness.Seconds, Breach: readiness.HeartbeatLate,
		Help: "how much older the newest heartbeat is on the replica than on the primary, of the database that is worst"},
}
