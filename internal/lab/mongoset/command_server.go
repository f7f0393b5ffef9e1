package mongoset

import (
	"math"
	"time"

	"go.mongodb.org/mongo-driver/bson"
)

// hello answers a handshake or a monitor. With a topology version and a time to
// wait it answers when there is news.
func (c *call) hello() (bson.D, *failure) {
	n := c.server.node
	legacy := c.name != "hello"
	if known, ok := lookup(c.body, "topologyVersion").(bson.D); ok {
		limit, isNumber := number(lookup(c.body, "maxAwaitTimeMS"))
		if !isNumber || limit < 0 {
			return nil, fail(codeBadValue, "A request with a 'topologyVersion' must include 'maxAwaitTimeMS'")
		}
		counter, _ := number(lookup(known, "counter"))
		if lookup(known, "processId") == n.processID && int64(counter) == n.counter && limit > 0 {
			c.wait(time.Duration(min(limit, float64(defaultPatience().idle.Milliseconds())))*time.Millisecond, func() bool { return n.counter != int64(counter) })
		}
	}
	var d bson.D
	if c.server.router {
		d = c.server.routerHello(legacy)
	} else {
		d = c.server.world.hello(n, legacy)
	}
	if truth(lookup(c.body, "helloOk")) && n.v.atLeast(4, 4) {
		d = append(bson.D{{Key: "helloOk", Value: true}}, d...)
	}
	if name, ok := lookup(c.body, "saslSupportedMechs").(string); ok && !c.server.arbiter() {
		if c.server.set.users[trimPrefix(name, "admin.")] != nil {
			d = append(d, bson.E{Key: "saslSupportedMechs", Value: bson.A{"SCRAM-SHA-256"}})
		}
	}
	if start, ok := lookup(c.body, "speculativeAuthenticate").(bson.D); ok {
		db, _ := lookup(start, "db").(string)
		if reply, failed := c.saslStart(start, db); failed == nil {
			d = append(d, bson.E{Key: "speculativeAuthenticate", Value: reply})
		}
	}
	return append(d, bson.E{Key: "connectionId", Value: int32(c.server.accepted)}), nil
}

func trimPrefix(s, prefix string) string {
	if len(s) >= len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):]
	}
	return ""
}

func (c *call) buildInfo() (bson.D, *failure) {
	v := c.server.node.v
	return bson.D{
		{Key: "version", Value: v.String()}, {Key: "gitVersion", Value: "laboratory"}, {Key: "modules", Value: bson.A{}},
		{Key: "versionArray", Value: bson.A{int32(v.major), int32(v.minor), int32(v.patch), int32(0)}},
		{Key: "bits", Value: int32(64)}, {Key: "debug", Value: false}, {Key: "maxBsonObjectSize", Value: int32(maxDocumentSize)},
		{Key: "storageEngines", Value: bson.A{"wiredTiger"}},
	}, nil
}

func (c *call) connectionStatus() (bson.D, *failure) {
	return bson.D{{Key: "authInfo", Value: c.session.user.document(truth(lookup(c.body, "showPrivileges")))}}, nil
}

func (c *call) whatsMyURI() (bson.D, *failure) {
	return bson.D{{Key: "you", Value: c.session.remote}}, nil
}

func (c *call) logout() (bson.D, *failure) {
	c.session.user = nil
	return bson.D{}, nil
}

// getParameter knows the parameters that have to do with replication.
func (c *call) getParameter() (bson.D, *failure) {
	n := c.server.node
	all := bson.D{
		{Key: "featureCompatibilityVersion", Value: bson.D{{Key: "version", Value: n.v.feature()}}},
		{Key: "enableFlowControl", Value: true},
		{Key: "flowControlTargetLagSeconds", Value: int32(flowControlTargetLag / time.Second)},
		{Key: "periodicNoopIntervalSecs", Value: int32(noopInterval / time.Second)},
		{Key: "maxSyncSourceLagSecs", Value: int32(maxSyncSourceLag / time.Second)},
		{Key: "priorityTakeoverFreshnessWindowSeconds", Value: int32(takeoverFreshness)},
		{Key: "rollbackTimeLimitSecs", Value: int64(86400)},
		{Key: "scramSHA256IterationCount", Value: int32(scramIterations)},
		{Key: "authenticationMechanisms", Value: bson.A{"SCRAM-SHA-256"}},
		{Key: "logLevel", Value: int32(0)},
	}
	if c.server.router {
		all = all[len(all)-3:]
	}
	if lookup(c.body, "getParameter") == "*" {
		return all, nil
	}
	var d bson.D
	for _, e := range all {
		if _, asked := find(c.body, e.Key); asked {
			d = append(d, e)
		}
	}
	if d == nil {
		return nil, fail(codeInvalidOptions, "no option found to get")
	}
	return d, nil
}

func (c *call) getCmdLineOpts() (bson.D, *failure) {
	return bson.D{{Key: "argv", Value: bson.A{"mongod"}}, {Key: "parsed", Value: bson.D{{Key: "net", Value: bson.D{{Key: "tls", Value: bson.D{{Key: "mode", Value: "requireTLS"}}}}},
		{Key: "security", Value: bson.D{{Key: "authorization", Value: "enabled"}}}}}}, nil
}

func (c *call) hostInfo() (bson.D, *failure) {
	return bson.D{{Key: "system", Value: bson.D{{Key: "currentTime", Value: date(c.server.node.clock(c.server.set.now()))}, {Key: "hostname", Value: c.server.node.name},
		{Key: "cpuAddrSize", Value: int32(64)}, {Key: "memSizeMB", Value: int64(65536)}, {Key: "numCores", Value: int32(16)}}}}, nil
}

func (c *call) serverStatus() (bson.D, *failure) {
	connections := int64(len(c.server.conns))
	if c.server.router {
		return (&replica{now: c.server.set.now()}).serverStatus(c.server.node, c.body, "mongos", connections), nil
	}
	return c.server.world.serverStatus(c.server.node, c.body, "mongod", connections), nil
}

func (c *call) currentOp() (bson.D, *failure) {
	return bson.D{{Key: "inprog", Value: bson.A{}}}, nil
}

func (c *call) listDatabases() (bson.D, *failure) {
	dbs := bson.A{}
	for _, name := range []string{"admin", HeartbeatDatabase, "config", "local"} {
		dbs = append(dbs, bson.D{{Key: "name", Value: name}, {Key: "sizeOnDisk", Value: int64(40960)}, {Key: "empty", Value: false}})
	}
	return bson.D{{Key: "databases", Value: dbs}, {Key: "totalSize", Value: int64(163840)}, {Key: "totalSizeMb", Value: int64(0)}}, nil
}

// getDefaultRWConcern answers the defaults as they are unless somebody set them:
// a majority since 5.0, but not where arbiters leave too few members that hold
// data; then there is no default, which means w: 1
// (mongo/db/read_write_concern_defaults.cpp). Shards have none of their own.
func (c *call) getDefaultRWConcern() (bson.D, *failure) {
	if set := c.server.set; set.sharded && c.server.world != nil && c.server.world != set.configSet() {
		return nil, fail(codeNotOnShards, "'getDefaultRWConcern' is not supported on shard nodes.")
	}
	d := bson.D{{Key: "defaultReadConcern", Value: bson.D{{Key: "level", Value: "local"}}}}
	v := c.server.node.v
	source := "implicit"
	switch w := c.server.set.defaultWrite; {
	case w != nil:
		d = append(d, bson.E{Key: "defaultWriteConcern", Value: bson.D{{Key: "w", Value: w}, {Key: "wtimeout", Value: int32(0)}}})
		source = "global"
	case v.atLeast(5, 0) && (c.server.router || implicitMajority(c.server.node.cfg)):
		d = append(d, bson.E{Key: "defaultWriteConcern", Value: bson.D{{Key: "w", Value: "majority"}, {Key: "wtimeout", Value: int32(0)}}})
	}
	if v.atLeast(5, 0) {
		d = append(d, bson.E{Key: "defaultWriteConcernSource", Value: source}, bson.E{Key: "defaultReadConcernSource", Value: "implicit"})
	}
	return append(d, bson.E{Key: "localUpdateWallClockTime", Value: date(c.server.node.since)}), nil
}

func implicitMajority(c *config) bool {
	return c != nil && (!c.hasArbiter() || c.writableVoters() > c.majority())
}

// mayRead is the rule for reads that are not of the database local: a primary
// answers, a secondary when the client asked for one.
func (c *call) mayRead() *failure {
	n := c.server.node
	if c.server.router || c.db == "local" {
		return nil
	}
	switch n.state {
	case statePrimary:
		return nil
	case stateSecondary:
		mode, _ := lookup(c.body, "$readPreference.mode").(string)
		if mode == "" || mode == "primary" {
			return fail(codeNotPrimaryNoSecondary, "not primary and secondaryOk=false")
		}
		return nil
	}
	return fail(codeNotPrimaryOrSecondary, "node is recovering")
}

// seconds reads a number of seconds a command came with.
func (c *call) seconds(name string, otherwise time.Duration) (time.Duration, *failure) {
	v, given := find(c.body, name)
	n, ok := number(v)
	switch {
	case !given:
		return otherwise, nil
	case !ok || n < 0 || n > math.MaxInt32:
		return 0, fail(codeBadValue, "%s must be a number of seconds that is not negative", name)
	}
	return time.Duration(n) * time.Second, nil
}
