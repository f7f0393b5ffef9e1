package mongoset

import (
	"encoding/binary"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// Limits a server announces.
const (
	maxDocumentSize   = 16 * 1024 * 1024
	maxMessageSize    = 48_000_000
	maxWriteBatchSize = 100_000
)

// electionID embeds the term, so that it grows with it.
func electionID(term int64) primitive.ObjectID {
	id := primitive.ObjectID{0x7f, 0xff, 0xff, 0xff}
	binary.BigEndian.PutUint64(id[4:], uint64(term))
	return id
}

func (n *node) topologyVersion() bson.D {
	return bson.D{{Key: "processId", Value: n.processID}, {Key: "counter", Value: n.counter}}
}

// hello answers hello, or isMaster when legacy, as a member of a set does. The
// hidden and the delayed are in none of its lists.
func (r *replica) hello(n *node, legacy bool) bson.D {
	d := bson.D{}
	if n.v.atLeast(4, 4) && !n.quirks.silentAbout {
		d = append(d, bson.E{Key: "topologyVersion", Value: n.topologyVersion()})
	}
	writable := "isWritablePrimary"
	if legacy {
		writable = "ismaster"
	}
	switch m := n.self(); {
	case n.cfg == nil:
		d = append(d, bson.E{Key: writable, Value: false}, bson.E{Key: "secondary", Value: false},
			bson.E{Key: "info", Value: "Does not have a valid replica set config"}, bson.E{Key: "isreplicaset", Value: true})
	case m == nil:
		d = append(d, bson.E{Key: writable, Value: false}, bson.E{Key: "secondary", Value: false},
			bson.E{Key: "setName", Value: n.cfg.name}, bson.E{Key: "info", Value: "Does not have a valid replica set config"},
			bson.E{Key: "isreplicaset", Value: true})
	default:
		d = append(d, n.helloMembers(writable, m)...)
	}
	if n.cfg != nil && !n.arbiter() && n.log.last() != nil {
		d = append(d, bson.E{Key: "lastWrite", Value: n.lastWrite()})
	}
	return append(d, n.helloLimits(r.now)...)
}

func (n *node) helloMembers(writable string, m *memberConfig) bson.D {
	hosts, passives, arbiters := bson.A{}, bson.A{}, bson.A{}
	for _, o := range n.cfg.members {
		switch {
		case o.hidden || o.delay > 0:
		case o.electable():
			hosts = append(hosts, o.host)
		case o.arbiter:
			arbiters = append(arbiters, o.host)
		default:
			passives = append(passives, o.host)
		}
	}
	d := bson.D{{Key: "hosts", Value: hosts}}
	if len(passives) > 0 {
		d = append(d, bson.E{Key: "passives", Value: passives})
	}
	if len(arbiters) > 0 {
		d = append(d, bson.E{Key: "arbiters", Value: arbiters})
	}
	d = append(d,
		bson.E{Key: "setName", Value: n.cfg.name}, bson.E{Key: "setVersion", Value: int32(n.cfg.version)},
		bson.E{Key: writable, Value: n.state == statePrimary}, bson.E{Key: "secondary", Value: n.state == stateSecondary})
	if n.primary != "" {
		d = append(d, bson.E{Key: "primary", Value: n.primary})
	}
	switch {
	case m.arbiter:
		d = append(d, bson.E{Key: "arbiterOnly", Value: true})
	case m.priority == 0:
		d = append(d, bson.E{Key: "passive", Value: true})
	}
	if m.hidden {
		d = append(d, bson.E{Key: "hidden", Value: true})
	}
	if !m.indexes {
		d = append(d, bson.E{Key: "buildIndexes", Value: false})
	}
	if m.delay > 0 {
		name := "secondaryDelaySecs"
		if !n.v.atLeast(5, 0) {
			name = "slaveDelay"
		}
		d = append(d, bson.E{Key: name, Value: int32(m.delay / time.Second)})
	}
	if tags := tagDocument(m.tags); len(tags) > 0 {
		d = append(d, bson.E{Key: "tags", Value: tags})
	}
	d = append(d, bson.E{Key: "me", Value: m.host})
	if n.state == statePrimary {
		d = append(d, bson.E{Key: "electionId", Value: electionID(n.electionTerm)})
	}
	return d
}

func (n *node) lastWrite() bson.D {
	committed := n.committed
	return bson.D{
		{Key: "opTime", Value: n.reported().document()},
		{Key: "lastWriteDate", Value: date(n.reported().second())},
		{Key: "majorityOpTime", Value: committed.document()},
		{Key: "majorityWriteDate", Value: date(committed.second())},
	}
}

func (n *node) helloLimits(now time.Time) bson.D {
	return bson.D{
		{Key: "maxBsonObjectSize", Value: int32(maxDocumentSize)},
		{Key: "maxMessageSizeBytes", Value: int32(maxMessageSize)},
		{Key: "maxWriteBatchSize", Value: int32(maxWriteBatchSize)},
		{Key: "localTime", Value: date(n.clock(now))},
		{Key: "logicalSessionTimeoutMinutes", Value: int32(30)},
		{Key: "minWireVersion", Value: int32(0)},
		{Key: "maxWireVersion", Value: n.v.wire()},
		{Key: "readOnly", Value: false},
	}
}
