package mongoset

import (
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// call is one command of a client. Its methods run under the set's lock.
type call struct {
	server  *server
	session *session
	name    string
	body    bson.D
	db      string
	legacy  bool
	gone    <-chan struct{}
}

// command is what a server knows about a command.
type command struct {
	run     func(*call) (bson.D, *failure)
	public  bool   // needs no login
	action  string // the privilege it needs; empty: none
	data    bool   // the privilege is on its database, not on the cluster
	changes bool   // counts as changing something
	member  bool   // only of a mongod
	router  bool   // only of a mongos
}

// commands is everything the servers answer.
func commands() map[string]command {
	hello := command{run: (*call).hello, public: true}
	all := map[string]command{
		"hello": hello, "isMaster": hello, "ismaster": hello,
		"ping":             {run: nothing, public: true},
		"buildInfo":        {run: (*call).buildInfo, public: true},
		"buildinfo":        {run: (*call).buildInfo, public: true},
		"connectionStatus": {run: (*call).connectionStatus, public: true},
		"whatsmyuri":       {run: (*call).whatsMyURI, public: true},
		"saslStart":        {run: func(c *call) (bson.D, *failure) { return c.saslStart(c.body, c.db) }, public: true},
		"saslContinue":     {run: (*call).saslContinue, public: true},
		"logout":           {run: (*call).logout, public: true},
		"endSessions":      {run: nothing},
		"refreshSessions":  {run: nothing},
		"killCursors":      {run: (*call).killCursors},
		"getMore":          {run: (*call).getMore},

		"getParameter":        {run: (*call).getParameter, action: "getParameter"},
		"getCmdLineOpts":      {run: (*call).getCmdLineOpts, action: "getCmdLineOpts"},
		"hostInfo":            {run: (*call).hostInfo, action: "hostInfo"},
		"serverStatus":        {run: (*call).serverStatus, action: "serverStatus"},
		"currentOp":           {run: (*call).currentOp, action: "inprog"},
		"getDefaultRWConcern": {run: (*call).getDefaultRWConcern, action: "getDefaultRWConcern"},
		"listDatabases":       {run: (*call).listDatabases, action: "listDatabases"},

		"replSetGetStatus": {run: (*call).replSetGetStatus, action: "replSetGetStatus", member: true},
		"replSetGetConfig": {run: (*call).replSetGetConfig, action: "replSetGetConfig", member: true},
		"replSetStepDown":  {run: (*call).replSetStepDown, action: "replSetStateChange", member: true, changes: true},
		"replSetFreeze":    {run: (*call).replSetFreeze, action: "replSetStateChange", member: true, changes: true},
		"replSetReconfig":  {run: (*call).replSetReconfig, action: "replSetConfigure", member: true, changes: true},
		"appendOplogNote":  {run: (*call).appendOplogNote, action: "appendOplogNote", changes: true},

		"find":      {run: (*call).find, action: "find", data: true},
		"aggregate": {run: (*call).aggregate, action: "find", data: true},
		"count":     {run: (*call).count, action: "find", data: true},
		"collStats": {run: (*call).collStats, action: "collStats", data: true},
		"insert":    {run: (*call).insert, action: "insert", data: true, changes: true},
		"update":    {run: (*call).update, action: "update", data: true, changes: true},
		"delete":    {run: (*call).remove, action: "remove", data: true, changes: true},

		"listShards":     {run: (*call).listShards, action: "listShards", router: true},
		"getShardMap":    {run: (*call).getShardMap, action: "getShardMap"},
		"balancerStatus": {run: (*call).balancerStatus, action: "find", data: true, router: true},
	}
	return all
}

func nothing(*call) (bson.D, *failure) { return bson.D{}, nil }

// run carries out the command and completes the answer. dropped means that there
// is none, because the server went away.
func (c *call) run(name string) (answer bson.D, dropped bool) {
	set := c.server.set
	set.mu.Lock()
	defer set.mu.Unlock()
	if set.closed || c.server.node.process == stopped {
		return nil, true
	}
	set.advance()
	c.name = name
	set.calls[name]++
	if c.server.loses[name] || c.watched(false) {
		return nil, true
	}
	doc, failed := c.dispatch()
	if c.watched(true) || set.closed || c.server.node.process == stopped || c.server.drops[name] {
		return nil, true
	}
	n := c.server.node
	if failed != nil {
		doc = bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: failed.message}, {Key: "code", Value: failed.code}, {Key: "codeName", Value: failed.name()}}
		if failed.aboutTopology() && !n.quirks.silentAbout && n.v.atLeast(4, 4) {
			doc = append(bson.D{{Key: "topologyVersion", Value: n.topologyVersion()}}, doc...)
		}
		if _, retryable := find(c.body, "txnNumber"); retryable && failed.aboutTopology() {
			doc = append(doc, bson.E{Key: "errorLabels", Value: bson.A{"RetryableWriteError"}})
		}
	} else {
		doc = append(doc, bson.E{Key: "ok", Value: 1.0})
	}
	if at := n.log.position(); c.server.world != nil && !at.null() && !c.legacy {
		// The signature is that of a cluster without keys; clients send it back.
		doc = append(doc, bson.E{Key: "$clusterTime", Value: bson.D{{Key: "clusterTime", Value: at.ts},
			{Key: "signature", Value: bson.D{{Key: "hash", Value: primitive.Binary{Data: make([]byte, 20)}}, {Key: "keyId", Value: int64(0)}}}}},
			bson.E{Key: "operationTime", Value: at.ts})
	}
	if rewrite := c.server.rewrites[name]; rewrite != nil {
		doc = rewrite(doc)
	}
	return doc, false
}

func (c *call) dispatch() (bson.D, *failure) {
	known, ok := c.server.set.commands[c.name]
	if c.legacy && c.name != "hello" && c.name != "isMaster" && c.name != "ismaster" {
		return nil, fail(codeUnsupportedOpQuery, "Unsupported OP_QUERY command: %s. The client driver may require an upgrade.", c.name)
	}
	if !ok || known.member && c.server.router || known.router && !c.server.router {
		return nil, fail(codeCommandNotFound, "no such command: '%s'", c.name)
	}
	if c.name == "hello" && !c.server.node.v.atLeast(4, 4) {
		return nil, fail(codeCommandNotFound, "no such command: '%s'", c.name)
	}
	if known.changes {
		c.server.set.changes[c.name]++
	}
	if !known.public {
		if c.session.user == nil {
			return nil, fail(codeUnauthorized, "Command %s requires authentication", c.name)
		}
		on := ""
		if known.data {
			on = c.db
			if c.name == "balancerStatus" {
				on = "config"
			}
			if c.name == "aggregate" && c.clusterPipeline() {
				on = ""
			}
		}
		action := known.action
		if c.name == "aggregate" && on == "" {
			action = "inprog"
		}
		if action != "" && !c.session.user.may(action, on) {
			return nil, fail(codeUnauthorized, "not authorized on %s to execute command { %s: ... }", c.db, c.name)
		}
	}
	return known.run(c)
}

// wait gives way until a condition holds, a time is over (none when zero), or
// the client or the server is gone. It reports whether the condition holds.
func (c *call) wait(limit time.Duration, holds func() bool) bool {
	set := c.server.set
	deadline := time.Now().Add(limit)
	for {
		set.advance()
		if holds() {
			return true
		}
		rest := time.Until(deadline)
		if limit > 0 && rest <= 0 || set.closed || c.server.node.process == stopped {
			return false
		}
		// What is at rest changes only when somebody does something, and then the
		// channel says so.
		pause := defaultPatience().idle
		if c.server.world == nil || !c.server.world.resting() {
			pause = 50 * time.Millisecond
		}
		if limit > 0 {
			pause = min(pause, rest)
		}
		changed := set.changed
		set.mu.Unlock()
		timer := time.NewTimer(pause)
		left := false
		select {
		case <-changed:
		case <-timer.C:
		case <-c.gone:
			left = true
		}
		timer.Stop()
		set.mu.Lock()
		if left {
			return false
		}
	}
}
