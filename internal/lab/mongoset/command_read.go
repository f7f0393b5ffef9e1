package mongoset

import (
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson"
)

const (
	oplogCollection = "oplog.rs"
	firstBatch      = 101 // documents, unless the client says otherwise
)

// cursor is what is left of a result.
type cursor struct {
	ns   string
	docs []bson.D
}

func (c *call) find() (bson.D, *failure) {
	collection, ok := lookup(c.body, "find").(string)
	if !ok {
		return nil, fail(codeInvalidNamespace, "collection name has invalid type")
	}
	if failed := c.mayRead(); failed != nil {
		return nil, failed
	}
	docs, failed := c.documents(collection)
	if failed != nil {
		return nil, failed
	}
	filter, _ := lookup(c.body, "filter").(bson.D)
	if docs, failed = filtered(docs, filter); failed != nil {
		return nil, failed
	}
	order, _ := lookup(c.body, "sort").(bson.D)
	if hint, ok := lookup(c.body, "hint").(bson.D); ok && len(order) == 0 && len(hint) == 1 && hint[0].Key == "$natural" {
		order = hint
	}
	sortDocuments(docs, order)
	if n, ok := number(lookup(c.body, "skip")); ok && n > 0 {
		docs = docs[min(int(n), len(docs)):]
	}
	if n, ok := number(lookup(c.body, "limit")); ok && n > 0 {
		docs = docs[:min(int(n), len(docs))]
	}
	if projection, ok := lookup(c.body, "projection").(bson.D); ok {
		docs = project(docs, projection)
	}
	size := firstBatch
	if n, ok := number(lookup(c.body, "batchSize")); ok {
		size = int(n)
	}
	return c.answerCursor(c.db+"."+collection, docs, size, truth(lookup(c.body, "singleBatch"))), nil
}

// documents are those of a collection as this server has them, under the read
// concern that was asked for.
func (c *call) documents(collection string) ([]bson.D, *failure) {
	s := c.server
	if s.router {
		source := s.set.configSet()
		if c.db != "config" {
			source = s.set.shards()[0]
		}
		for _, p := range source.primaries() {
			return slices.Clone(p.data.list(c.db+"."+collection, nil)), nil
		}
		return nil, fail(codeNoReadableMember, "Could not find host matching read preference { mode: \"primary\" } for set %s", source.name)
	}
	n := s.node
	if c.db == "local" {
		return n.localDocuments(collection), nil
	}
	level, _ := lookup(c.body, "readConcern.level").(string)
	switch level {
	case "majority", "snapshot":
		return slices.Clone(n.data.list(c.db+"."+collection, &n.committed)), nil
	case "linearizable":
		if n.state != statePrimary {
			return nil, fail(codeNotWritablePrimary, "cannot satisfy linearizable read concern on non-primary node")
		}
		if !c.committed(s.world.write(n, &entry{op: "n", o: message("linearizable read")})) {
			return nil, fail(codeMaxTimeExpired, "operation exceeded time limit")
		}
	}
	return slices.Clone(n.data.list(c.db+"."+collection, nil)), nil
}

// committed waits until a majority has a position, within the time the command
// may take.
func (c *call) committed(at opTime) bool {
	limit := time.Duration(0)
	if n, ok := number(lookup(c.body, "maxTimeMS")); ok {
		limit = time.Duration(n) * time.Millisecond
	}
	return c.wait(limit, func() bool { return !c.server.node.committed.before(at) })
}

func (n *node) localDocuments(collection string) []bson.D {
	switch collection {
	case oplogCollection:
		var docs []bson.D
		for _, e := range n.log.list() {
			docs = append(docs, e.document())
		}
		return docs
	case "system.replset":
		if n.cfg != nil {
			return []bson.D{n.cfg.document(n.v)}
		}
	}
	return nil
}

func (c *call) answerCursor(ns string, docs []bson.D, size int, single bool) bson.D {
	first := docs[:min(max(size, 0), len(docs))]
	rest, id := docs[len(first):], int64(0)
	if len(rest) > 0 && !single {
		id = c.server.set.nextCursor()
		c.server.cursors[id] = &cursor{ns: ns, docs: rest}
	}
	return bson.D{{Key: "cursor", Value: bson.D{{Key: "firstBatch", Value: array(first)}, {Key: "id", Value: id}, {Key: "ns", Value: ns}}}}
}

func array(docs []bson.D) bson.A {
	a := bson.A{}
	for _, d := range docs {
		a = append(a, d)
	}
	return a
}

func (c *call) getMore() (bson.D, *failure) {
	number0, _ := number(lookup(c.body, "getMore"))
	id := int64(number0)
	if exact, ok := lookup(c.body, "getMore").(int64); ok {
		id = exact
	}
	cur := c.server.cursors[id]
	if cur == nil {
		return nil, fail(codeCursorNotFound, "cursor id %d not found", id)
	}
	size := len(cur.docs)
	if n, ok := number(lookup(c.body, "batchSize")); ok && n > 0 {
		size = min(size, int(n))
	}
	batch := cur.docs[:size]
	if cur.docs = cur.docs[size:]; len(cur.docs) == 0 {
		delete(c.server.cursors, id)
		id = 0
	}
	return bson.D{{Key: "cursor", Value: bson.D{{Key: "nextBatch", Value: array(batch)}, {Key: "id", Value: id}, {Key: "ns", Value: cur.ns}}}}, nil
}

func (c *call) killCursors() (bson.D, *failure) {
	killed, unknown := bson.A{}, bson.A{}
	ids, _ := lookup(c.body, "cursors").(bson.A)
	for _, v := range ids {
		id, _ := v.(int64)
		if c.server.cursors[id] == nil {
			unknown = append(unknown, id)
			continue
		}
		delete(c.server.cursors, id)
		killed = append(killed, id)
	}
	return bson.D{{Key: "cursorsKilled", Value: killed}, {Key: "cursorsNotFound", Value: unknown}, {Key: "cursorsAlive", Value: bson.A{}}, {Key: "cursorsUnknown", Value: bson.A{}}}, nil
}

// clusterPipeline tells whether an aggregation is about the server, not about
// documents.
func (c *call) clusterPipeline() bool {
	stages, _ := lookup(c.body, "pipeline").(bson.A)
	if len(stages) == 0 {
		return false
	}
	first, _ := stages[0].(bson.D)
	return len(first) == 1 && first[0].Key == "$currentOp"
}

// aggregate knows the stages that monitoring uses.
func (c *call) aggregate() (bson.D, *failure) {
	collection, _ := lookup(c.body, "aggregate").(string)
	if c.clusterPipeline() {
		return c.answerCursor("admin.$cmd.aggregate", nil, firstBatch, false), nil
	}
	if failed := c.mayRead(); failed != nil {
		return nil, failed
	}
	docs, failed := c.documents(collection)
	if failed != nil {
		return nil, failed
	}
	stages, _ := lookup(c.body, "pipeline").(bson.A)
	for _, s := range stages {
		stage, _ := s.(bson.D)
		if len(stage) != 1 {
			return nil, fail(codeStageOfOneField, "A pipeline stage specification object must contain exactly one field.")
		}
		if docs, failed = c.stage(docs, stage[0]); failed != nil {
			return nil, failed
		}
	}
	size := firstBatch
	if n, ok := number(lookup(c.body, "cursor.batchSize")); ok {
		size = int(n)
	}
	return c.answerCursor(c.db+"."+collection, docs, size, false), nil
}

func (c *call) stage(docs []bson.D, stage bson.E) ([]bson.D, *failure) {
	arg, _ := stage.Value.(bson.D)
	n, _ := number(stage.Value)
	switch stage.Key {
	case "$match":
		return filtered(docs, arg)
	case "$sort":
		sortDocuments(docs, arg)
		return docs, nil
	case "$limit":
		return docs[:min(int(n), len(docs))], nil
	case "$skip":
		return docs[min(int(n), len(docs)):], nil
	case "$project":
		return project(docs, arg), nil
	case "$count":
		name, _ := stage.Value.(string)
		if len(docs) == 0 {
			return nil, nil
		}
		return []bson.D{{{Key: name, Value: int32(len(docs))}}}, nil
	case "$collStats":
		d, _ := c.collStats()
		return []bson.D{{{Key: "storageStats", Value: d}}}, nil
	}
	return nil, fail(codeUnknownStage, "Unrecognized pipeline stage name: '%s'", stage.Key)
}

func (c *call) count() (bson.D, *failure) {
	collection, _ := lookup(c.body, "count").(string)
	if failed := c.mayRead(); failed != nil {
		return nil, failed
	}
	docs, failed := c.documents(collection)
	if failed != nil {
		return nil, failed
	}
	query, _ := lookup(c.body, "query").(bson.D)
	docs, failed = filtered(docs, query)
	return bson.D{{Key: "n", Value: int32(len(docs))}}, failed
}

// collStats of an oplog says that it is as large as it may be; the sizes are made
// up.
func (c *call) collStats() (bson.D, *failure) {
	collection, _ := lookup(c.body, "collStats").(string)
	const limit = int64(50 << 30)
	d := bson.D{{Key: "ns", Value: c.db + "." + collection}, {Key: "size", Value: limit}, {Key: "count", Value: int64(400_000_000)},
		{Key: "storageSize", Value: int64(18 << 30)}, {Key: "capped", Value: collection == oplogCollection}}
	if collection == oplogCollection {
		d = append(d, bson.E{Key: "maxSize", Value: limit})
	}
	return d, nil
}
