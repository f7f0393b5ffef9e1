package mongoset

import (
	"time"

	"go.mongodb.org/mongo-driver/bson"
)

// serverStatus answers the parts of serverStatus that tell of replication. A
// section is left out when the command says so with 0, as in the product.
func (r *replica) serverStatus(n *node, command bson.D, process string, connections int64) bson.D {
	now := n.clock(r.now)
	d := bson.D{
		{Key: "host", Value: n.host}, {Key: "version", Value: n.v.String()}, {Key: "process", Value: process}, {Key: "pid", Value: int64(4200 + n.index)},
		{Key: "uptime", Value: r.now.Sub(n.since).Seconds()}, {Key: "uptimeMillis", Value: r.now.Sub(n.since).Milliseconds()},
		{Key: "localTime", Value: date(now)},
	}
	wanted := func(section string) bool {
		v, named := find(command, section)
		return !named || truth(v)
	}
	if wanted("connections") {
		d = append(d, bson.E{Key: "connections", Value: bson.D{{Key: "current", Value: int32(connections)}, {Key: "available", Value: int32(51200 - connections)}, {Key: "totalCreated", Value: connections}}})
	}
	if process == "mongos" {
		return d
	}
	if wanted("electionMetrics") {
		d = append(d, bson.E{Key: "electionMetrics", Value: n.elections.document()})
	}
	if wanted("flowControl") {
		d = append(d, bson.E{Key: "flowControl", Value: r.flowControl(n)})
	}
	if wanted("opcounters") {
		d = append(d, bson.E{Key: "opcounters", Value: bson.D{{Key: "insert", Value: int64(0)}, {Key: "query", Value: int64(0)}, {Key: "update", Value: int64(0)}, {Key: "delete", Value: int64(0)}, {Key: "getmore", Value: int64(0)}, {Key: "command", Value: int64(0)}}})
	}
	if wanted("repl") && n.cfg != nil {
		hello := r.hello(n, false)
		repl := bson.D{}
		for _, e := range hello {
			switch e.Key {
			case "topologyVersion", "hosts", "passives", "arbiters", "setName", "setVersion", "isWritablePrimary", "secondary", "primary", "me", "electionId", "lastWrite":
				repl = append(repl, e)
			}
		}
		d = append(d, bson.E{Key: "repl", Value: append(repl, bson.E{Key: "rbid", Value: int32(1)})})
	}
	if wanted("storageEngine") {
		d = append(d, bson.E{Key: "storageEngine", Value: bson.D{{Key: "name", Value: "wiredTiger"}, {Key: "supportsCommittedReads", Value: true}, {Key: "persistent", Value: true}, {Key: "readOnly", Value: false}}})
	}
	return d
}

func (c *electionCounts) document() bson.D {
	count := func(why reason) bson.D {
		return bson.D{{Key: "called", Value: c.called[why]}, {Key: "successful", Value: c.successful[why]}}
	}
	return bson.D{
		{Key: "stepUpCmd", Value: count(stepUpRequest)}, {Key: "priorityTakeover", Value: count(priorityTakeover)},
		{Key: "catchUpTakeover", Value: count("catchupTakeover")}, {Key: "electionTimeout", Value: count(electionTimeout)},
		{Key: "freezeTimeout", Value: count("singleNodePromptElection")},
		{Key: "numStepDownsCausedByHigherTerm", Value: c.stepDownsForHigherTerm},
		{Key: "numCatchUps", Value: int64(0)}, {Key: "averageCatchUpOps", Value: 0.0},
	}
}

// flowControl is what slows a primary down whose majority lags. The rates are
// made up; that the primary is lagged is worked out, from ten seconds on.
func (r *replica) flowControl(n *node) bson.D {
	lagged := n.state == statePrimary && (n.quirks.flowLagged || r.commitLag(n) >= flowControlTargetLag)
	d := bson.D{{Key: "enabled", Value: true}, {Key: "targetRateLimit", Value: int32(1_000_000_000)}, {Key: "timeAcquiringMicros", Value: int64(120)},
		{Key: "locksPerKiloOp", Value: 0.0}, {Key: "sustainerRate", Value: int32(0)}, {Key: "isLagged", Value: lagged},
		{Key: "isLaggedCount", Value: int32(0)}, {Key: "isLaggedTimeMicros", Value: int64(0)}}
	if lagged {
		d = with(with(d, "targetRateLimit", int32(100)), "sustainerRate", int32(90))
		d = with(with(with(d, "isLaggedCount", int32(7)), "isLaggedTimeMicros", int64(84_000_000)), "timeAcquiringMicros", int64(61_000_000))
	}
	return d
}

// commitLag is for how long a primary's newest write has been waiting for a
// majority.
func (r *replica) commitLag(n *node) time.Duration {
	last := n.log.last()
	if last == nil || !n.committed.before(last.at) {
		return 0
	}
	committed := n.log.wallOf(n.committed)
	if committed.IsZero() {
		return 0
	}
	return last.wall.Sub(committed)
}
