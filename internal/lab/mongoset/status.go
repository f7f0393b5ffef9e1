package mongoset

import (
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// status answers replSetGetStatus: a node's own state, and of the others what it
// believes. Fields and their order are those of the server's own source
// (mongo/db/repl/topology_coordinator.cpp, prepareStatusResponse), which writes
// versions and terms of configurations in as few bytes as they fit in.
func (r *replica) status(n *node) (bson.D, *failure) {
	if n.cfg == nil {
		return nil, fail(codeNotYetInitialized, "no replset config has been received")
	}
	if n.self() == nil {
		return nil, fail(codeInvalidConfig, "Our replica set config is invalid or we are not a member of it")
	}
	now := n.clock(r.now)
	d := bson.D{
		{Key: "set", Value: n.cfg.name}, {Key: "date", Value: date(now)}, {Key: "myState", Value: int32(n.state)}, {Key: "term", Value: n.term},
	}
	if n.tooStale {
		d = append(d, bson.E{Key: "tooStale", Value: true})
	}
	host, id := n.sourceOf(n.source, n.state)
	d = append(d, bson.E{Key: "syncSourceHost", Value: host}, bson.E{Key: "syncSourceId", Value: id})
	if n.cfg.configServer {
		d = append(d, bson.E{Key: "configsvr", Value: true})
	}
	d = append(d, bson.E{Key: "heartbeatIntervalMillis", Value: n.cfg.heartbeatInterval.Milliseconds()})
	if n.v.atLeast(4, 4) {
		d = append(d,
			bson.E{Key: "majorityVoteCount", Value: int32(n.cfg.majority())},
			bson.E{Key: "writeMajorityCount", Value: int32(n.cfg.writeMajority())},
			bson.E{Key: "votingMembersCount", Value: int32(n.cfg.votes())},
			bson.E{Key: "writableVotingMembersCount", Value: int32(n.cfg.writableVoters())})
	}
	d = append(d, bson.E{Key: "optimes", Value: n.optimes()})
	if !n.committed.null() {
		d = append(d, bson.E{Key: "lastStableRecoveryTimestamp", Value: n.committed.ts})
	}
	if n.state == stateStartup2 {
		d = append(d, bson.E{Key: "initialSyncStatus", Value: r.initialSync(n)})
	}
	if n.candidate != nil {
		d = append(d, bson.E{Key: "electionCandidateMetrics", Value: n.candidate.document(n.v)})
	}
	if n.ballot != nil {
		d = append(d, bson.E{Key: "electionParticipantMetrics", Value: n.ballot.document(n.v)})
	}
	members := bson.A{}
	for _, m := range n.cfg.members {
		if samePort(m.host, n.host) {
			members = append(members, r.ownStatus(n, m, now))
		} else {
			members = append(members, r.viewStatus(n, m, now))
		}
	}
	return append(d, bson.E{Key: "members", Value: members}), nil
}

func (n *node) optimes() bson.D {
	applied, wall := n.reported(), date(n.appliedWall())
	d := bson.D{
		{Key: "lastCommittedOpTime", Value: n.committed.document()},
		{Key: "lastCommittedWallTime", Value: date(n.log.wallOf(n.committed))},
	}
	if !n.committed.null() {
		d = append(d, bson.E{Key: "readConcernMajorityOpTime", Value: n.committed.document()})
	}
	d = append(d, bson.E{Key: "appliedOpTime", Value: applied.document()}, bson.E{Key: "durableOpTime", Value: applied.document()})
	if n.v.atLeast(8, 0) {
		d = append(d, bson.E{Key: "writtenOpTime", Value: applied.document()})
	}
	d = append(d, bson.E{Key: "lastAppliedWallTime", Value: wall}, bson.E{Key: "lastDurableWallTime", Value: wall})
	if n.v.atLeast(8, 0) {
		d = append(d, bson.E{Key: "lastWrittenWallTime", Value: wall})
	}
	return d
}

// sourceOf is what a status shows as sync source: nothing for a primary.
func (n *node) sourceOf(source string, s memberState) (string, int32) {
	if source == "" || s == statePrimary {
		return "", -1
	}
	if m := n.cfg.member(source); m != nil {
		return source, int32(m.id)
	}
	return source, -1
}

func (r *replica) ownStatus(n *node, m memberConfig, now time.Time) bson.D {
	d := bson.D{
		{Key: "_id", Value: int32(m.id)}, {Key: "name", Value: m.host}, {Key: "health", Value: 1.0},
		{Key: "state", Value: int32(n.state)}, {Key: "stateStr", Value: n.state.String()},
		{Key: "uptime", Value: int32(r.now.Sub(n.since) / time.Second)},
	}
	if !m.arbiter {
		at, wall := n.reported(), date(n.appliedWall())
		d = append(d, bson.E{Key: "optime", Value: at.document()}, bson.E{Key: "optimeDate", Value: date(at.second())})
		if n.v.atLeast(8, 0) {
			d = append(d, bson.E{Key: "optimeWritten", Value: at.document()}, bson.E{Key: "optimeWrittenDate", Value: date(at.second())})
		}
		if n.v.atLeast(5, 0) {
			d = append(d, bson.E{Key: "lastAppliedWallTime", Value: wall}, bson.E{Key: "lastDurableWallTime", Value: wall})
		}
		if n.v.atLeast(8, 0) {
			d = append(d, bson.E{Key: "lastWrittenWallTime", Value: wall})
		}
	}
	host, id := n.sourceOf(n.source, n.state)
	d = append(d, bson.E{Key: "syncSourceHost", Value: host}, bson.E{Key: "syncSourceId", Value: id}, bson.E{Key: "infoMessage", Value: n.info})
	if n.state == statePrimary {
		d = append(d, bson.E{Key: "electionTime", Value: n.electionTime}, bson.E{Key: "electionDate", Value: date(time.Unix(int64(n.electionTime.T), 0))})
	}
	d = append(d, bson.E{Key: "configVersion", Value: int32(n.cfg.version)})
	if n.v.atLeast(4, 4) {
		d = append(d, bson.E{Key: "configTerm", Value: int32(n.cfg.term)})
	}
	return append(d, bson.E{Key: "self", Value: true}, bson.E{Key: "lastHeartbeatMessage", Value: ""})
}

func (r *replica) viewStatus(n *node, m memberConfig, now time.Time) bson.D {
	v := n.view(m.host)
	text := v.state.String()
	if !v.up() {
		text = "(not reachable/healthy)"
	}
	uptime := time.Duration(0)
	if !v.upSince.IsZero() {
		uptime = r.now.Sub(v.upSince)
	}
	d := bson.D{
		{Key: "_id", Value: int32(m.id)}, {Key: "name", Value: m.host}, {Key: "health", Value: v.health},
		{Key: "state", Value: int32(v.state)}, {Key: "stateStr", Value: text}, {Key: "uptime", Value: int32(uptime / time.Second)},
	}
	if !m.arbiter {
		d = append(d, bson.E{Key: "optime", Value: v.applied.document()}, bson.E{Key: "optimeDurable", Value: v.durable.document()})
		if n.v.atLeast(8, 0) {
			d = append(d, bson.E{Key: "optimeWritten", Value: v.applied.document()})
		}
		d = append(d, bson.E{Key: "optimeDate", Value: date(v.applied.second())}, bson.E{Key: "optimeDurableDate", Value: date(v.durable.second())})
		if n.v.atLeast(8, 0) {
			d = append(d, bson.E{Key: "optimeWrittenDate", Value: date(v.applied.second())})
		}
		if n.v.atLeast(5, 0) {
			d = append(d, bson.E{Key: "lastAppliedWallTime", Value: date(v.knownWall)}, bson.E{Key: "lastDurableWallTime", Value: date(v.knownWall)})
		}
		if n.v.atLeast(8, 0) {
			d = append(d, bson.E{Key: "lastWrittenWallTime", Value: date(v.knownWall)})
		}
	}
	stamp := func(t time.Time) primitive.DateTime {
		if t.IsZero() {
			return date(t)
		}
		return date(n.clock(t)) // noted by the node's own clock
	}
	host, id := n.sourceOf(v.source, v.state)
	d = append(d,
		bson.E{Key: "lastHeartbeat", Value: stamp(v.lastHeartbeat)}, bson.E{Key: "lastHeartbeatRecv", Value: stamp(v.lastReceived)},
		bson.E{Key: "pingMs", Value: ping(n, r.at(m.host))}, bson.E{Key: "lastHeartbeatMessage", Value: v.message},
		bson.E{Key: "syncSourceHost", Value: host}, bson.E{Key: "syncSourceId", Value: id}, bson.E{Key: "infoMessage", Value: ""})
	if v.state == statePrimary {
		d = append(d, bson.E{Key: "electionTime", Value: v.electionTime}, bson.E{Key: "electionDate", Value: date(time.Unix(int64(v.electionTime.T), 0))})
	}
	d = append(d, bson.E{Key: "configVersion", Value: int32(v.cfgVersion)})
	if n.v.atLeast(4, 4) {
		d = append(d, bson.E{Key: "configTerm", Value: int32(v.cfgTerm)})
	}
	return d
}

func (c *candidacy) document(v version) bson.D {
	d := bson.D{
		{Key: "lastElectionReason", Value: string(c.reason)}, {Key: "lastElectionDate", Value: date(c.date)}, {Key: "electionTerm", Value: c.term},
		{Key: "lastCommittedOpTimeAtElection", Value: c.committed.document()},
	}
	if v.atLeast(8, 0) {
		d = append(d, bson.E{Key: "lastSeenWrittenOpTimeAtElection", Value: c.seen.document()})
	}
	d = append(d,
		bson.E{Key: "lastSeenOpTimeAtElection", Value: c.seen.document()}, bson.E{Key: "numVotesNeeded", Value: int32(c.votesNeeded)},
		bson.E{Key: "priorityAtElection", Value: c.priority}, bson.E{Key: "electionTimeoutMillis", Value: c.timeout.Milliseconds()})
	if c.priorPrimary >= 0 {
		d = append(d, bson.E{Key: "priorPrimaryMemberId", Value: int32(c.priorPrimary)})
	}
	d = append(d, bson.E{Key: "numCatchUpOps", Value: int64(c.caughtUp)})
	if !c.target.null() {
		d = append(d, bson.E{Key: "targetCatchupOpTime", Value: c.target.document()})
	}
	d = append(d, bson.E{Key: "newTermStartDate", Value: date(c.termStart)})
	if !c.majorityWrites.IsZero() {
		d = append(d, bson.E{Key: "wMajorityWriteAvailabilityDate", Value: date(c.majorityWrites)})
	}
	return d
}

func (b *ballot) document(v version) bson.D {
	applied, newest := "lastAppliedOpTimeAtElection", "maxAppliedOpTimeInSet"
	d := bson.D{
		{Key: "votedForCandidate", Value: b.granted}, {Key: "electionTerm", Value: b.term}, {Key: "lastVoteDate", Value: date(b.date)},
		{Key: "electionCandidateMemberId", Value: int32(b.candidate)}, {Key: "voteReason", Value: b.reason},
	}
	if v.atLeast(8, 0) {
		d = append(d, bson.E{Key: "lastWrittenOpTimeAtElection", Value: b.applied.document()}, bson.E{Key: "maxWrittenOpTimeInSet", Value: b.maxSeen.document()})
	}
	d = append(d, bson.E{Key: applied, Value: b.applied.document()}, bson.E{Key: newest, Value: b.maxSeen.document()},
		bson.E{Key: "priorityAtElection", Value: b.priority})
	if !b.termStart.IsZero() {
		d = append(d, bson.E{Key: "newTermStartDate", Value: date(b.termStart)}, bson.E{Key: "newTermAppliedDate", Value: date(b.termSeen)})
	}
	return d
}

// initialSync is initialSyncStatus of a copy that is under way.
func (r *replica) initialSync(n *node) bson.D {
	begun := n.since
	elapsed := r.now.Sub(begun)
	return bson.D{
		{Key: "failedInitialSyncAttempts", Value: int32(0)}, {Key: "maxFailedInitialSyncAttempts", Value: int32(10)},
		{Key: "initialSyncStart", Value: date(n.clock(begun))}, {Key: "totalInitialSyncElapsedMillis", Value: elapsed.Milliseconds()},
		{Key: "initialSyncAttempts", Value: bson.A{}}, {Key: "approxTotalDataSize", Value: int64(512 << 30)}, {Key: "approxTotalBytesCopied", Value: int64(91 << 30)},
		{Key: "remainingInitialSyncEstimatedMillis", Value: int64(4 * time.Hour / time.Millisecond)}, {Key: "appliedOps", Value: int64(0)},
		{Key: "databases", Value: bson.D{{Key: "databasesToClone", Value: int32(2)}, {Key: "databasesCloned", Value: int32(1)}}},
	}
}

func tagDocument(tags map[string]string) bson.D {
	d := bson.D{}
	for _, k := range sortedKeys(tags) {
		d = append(d, bson.E{Key: k, Value: tags[k]})
	}
	return d
}
