package mongodb

import "github.com/bcctl/bcctl/pkg/readiness"

// Indicators of a resource as a whole. Names without a platform prefix mean the
// same on every platform.
const (
	topologyID     readiness.ID = "topology"
	exposureID     readiness.ID = "replication.exposure_seconds"
	votesID        readiness.ID = "quorum.votes"
	dataVotersID   readiness.ID = "quorum.data_voters"
	candidatesID   readiness.ID = "election.candidates"
	configID       readiness.ID = "config.version"
	commitLagID    readiness.ID = "replication.commit_lag_seconds"
	writeConcernID readiness.ID = "settings.write_concern"
	shardsID       readiness.ID = "cluster.shards"
	routersID      readiness.ID = "cluster.routers"
	balancerID     readiness.ID = "cluster.balancer"
)

// Indicators of one endpoint.
const (
	reachableID    readiness.ID = "node.reachable"
	roleID         readiness.ID = "node.role"
	stateID        readiness.ID = "node.state"
	identityID     readiness.ID = "node.identity"
	addressID      readiness.ID = "node.address"
	versionID      readiness.ID = "node.version"
	featureID      readiness.ID = "node.feature_version"
	clockSkewID    readiness.ID = "node.clock_skew_seconds"
	privilegeID    readiness.ID = "node.privileges"
	viewsID        readiness.ID = "node.heartbeats"
	termID         readiness.ID = "election.term"
	lagID          readiness.ID = "replication.lag_seconds"
	durableGapID   readiness.ID = "replication.durable_gap_seconds"
	transportAgeID readiness.ID = "replication.transport_age_seconds"
	sourceID       readiness.ID = "replication.sync_source"
	chainID        readiness.ID = "replication.chain_depth"
	positionID     readiness.ID = "replication.position"
	applyDelayID   readiness.ID = "replay.apply_delay_seconds"
	oplogWindowID  readiness.ID = "oplog.window_seconds"
	headroomID     readiness.ID = "oplog.headroom_seconds"
	flowControlID  readiness.ID = "flow_control.state"
	heartbeatAgeID readiness.ID = "heartbeat.age_seconds"
	heartbeatSeqID readiness.ID = "heartbeat.sequence"
	heartbeatLagID readiness.ID = "heartbeat.lag_seconds"
	committedLagID readiness.ID = "heartbeat.committed_lag_seconds"
)

// catalog lists every indicator. The required ones are what a verdict about
// readiness cannot do without: which servers answer, that they are the declared
// ones and can be read in full, who writes, whether a majority is there, who
// could take over, and what that member lacks.
var catalog = []readiness.Indicator{
	{ID: topologyID, Required: true, Help: "who writes and who follows, over all endpoints and shards"},
	{ID: exposureID, Unit: readiness.Seconds, Required: true, Breach: readiness.LagOverRPO,
		Help: "what the best electable member at the far site lacks; of a sharded cluster the worst set's"},
	{ID: votesID, Unit: readiness.Count, Required: true, Help: "votes that hear each other now; of a sharded cluster the fewest of any set"},
	{ID: dataVotersID, Unit: readiness.Count, Required: true, Help: "voting members with data that can acknowledge a majority write now"},
	{ID: candidatesID, Unit: readiness.Count, Required: true, Help: "members at the far site that could become primary now"},
	{ID: configID, Required: true, Help: "version and term of the configuration in force"},
	{ID: commitLagID, Unit: readiness.Seconds, Breach: readiness.CommitLagHigh, Help: "how far the majority commit point is behind what the primary has applied"},
	{ID: writeConcernID, Help: "default write concern, and whether it is set or implied"},
	{ID: shardsID, Unit: readiness.Count, Help: "shards of the cluster"},
	{ID: routersID, Unit: readiness.Count, Help: "routers (mongos) that answer"},
	{ID: balancerID, Help: "whether the balancer may run, and whether it does"},

	{ID: reachableID, Required: true, Help: "whether the member answered hello and a login within its deadline"},
	{ID: roleID, Required: true, Help: "primary, secondary, arbiter, router or none, by the member's own hello"},
	{ID: stateID, Help: "state by the member's own status"},
	{ID: identityID, Required: true, Help: "replicaSetId of its configuration; of an arbiter, what the primary's heartbeats prove"},
	{ID: addressID, Help: "the name the set has for the member"},
	{ID: versionID, Required: true, Help: "server version"},
	{ID: featureID, Help: "featureCompatibilityVersion"},
	{ID: clockSkewID, Unit: readiness.Seconds, Required: true, Signed: true, Help: "node clock minus collector clock at the middle of the request"},
	{ID: privilegeID, Required: true, Help: "whether the monitoring login may read what it must"},
	{ID: viewsID, Help: "how many of the other members it hears, and is heard by"},
	{ID: termID, Unit: readiness.Count, Help: "newest election term the member knows; it grows with every election"},
	{ID: lagID, Unit: readiness.Seconds, Breach: readiness.ReplicationLagHigh, Help: "how far the member is behind, by the primary's status; of a delayed one beyond its delay"},
	{ID: durableGapID, Unit: readiness.Seconds, Help: "applied but not yet journaled, by the primary's status"},
	{ID: transportAgeID, Unit: readiness.Seconds, Breach: readiness.TransportSilent, Help: "time since the primary had a heartbeat reply of the member, by the primary's clock"},
	{ID: sourceID, Help: "the member it replicates from"},
	{ID: chainID, Unit: readiness.Count, Help: "members between it and the primary, itself included"},
	{ID: positionID, Help: "newest applied entry, as term:seconds:increment"},
	{ID: applyDelayID, Unit: readiness.Seconds, Help: "configured delay of a delayed member"},
	{ID: oplogWindowID, Unit: readiness.Seconds, LowIsBad: true, Breach: readiness.OplogWindowShort, Help: "time the member's oplog covers once it is full"},
	{ID: headroomID, Unit: readiness.Seconds, Help: "oplog window of what it replicates from, less its lag"},
	{ID: flowControlID, Help: "whether the primary slows writes down so that secondaries keep up"},
	{ID: heartbeatAgeID, Signed: true, Unit: readiness.Seconds, Help: "age of the newest heartbeat seen on the member, by the member's own clock"},
	{ID: heartbeatSeqID, Unit: readiness.Count, Help: "sequence number of the newest heartbeat seen on the member"},
	{ID: heartbeatLagID, Signed: true, Unit: readiness.Seconds, Breach: readiness.HeartbeatLate,
		Help: "how much older the newest heartbeat is on the member than on the primary"},
	{ID: committedLagID, Signed: true, Unit: readiness.Seconds, Breach: readiness.HeartbeatLate,
		Help: "the same, for the newest heartbeat that the member knows to be committed"},
}
