package mongoset

import (
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// primariesFor are the servers a write through this one goes to: itself, or the
// primaries of all shards.
func (s *server) primariesFor(all bool) []*server {
	if !s.router {
		return []*server{s}
	}
	var found []*server
	for _, shard := range s.set.shards() {
		for _, p := range shard.primaries() {
			found = append(found, s.set.serverOf(p))
		}
		if !all {
			break
		}
	}
	return found
}

// target is the server a write of one document goes to.
func (c *call) target() (*server, *failure) {
	found := c.server.primariesFor(false)
	if len(found) == 0 {
		return nil, fail(codeNoReadableMember, "Could not find host matching read preference { mode: \"primary\" }")
	}
	if s := found[0]; s.node.state == statePrimary {
		return s, nil
	}
	return nil, fail(codeNotWritablePrimary, "not primary")
}

func (c *call) insert() (bson.D, *failure) {
	s, failed := c.target()
	if failed != nil {
		return nil, failed
	}
	ns := c.namespace("insert")
	docs, _ := lookup(c.body, "documents").(bson.A)
	n, errs, last := 0, bson.A{}, opTime{}
	for i, v := range docs {
		doc, ok := v.(bson.D)
		if !ok {
			return nil, fail(codeTypeMismatch, "documents must be objects")
		}
		if _, has := find(doc, "_id"); !has {
			doc = append(bson.D{{Key: "_id", Value: primitive.NewObjectID()}}, doc...)
		}
		if _, exists := s.node.data.byID(ns, lookup(doc, "_id")); exists {
			errs = append(errs, bson.D{{Key: "index", Value: int32(i)}, {Key: "code", Value: int32(codeDuplicateKey)}, {Key: "errmsg", Value: "E11000 duplicate key error collection: " + ns + " index: _id_"}})
			break
		}
		last = s.world.write(s.node, &entry{op: "i", ns: ns, o: doc, o2: bson.D{{Key: "_id", Value: lookup(doc, "_id")}}})
		n++
	}
	return c.acknowledge(s, bson.D{{Key: "n", Value: int32(n)}}, errs, last)
}

func (c *call) update() (bson.D, *failure) {
	s, failed := c.target()
	if failed != nil {
		return nil, failed
	}
	ns := c.namespace("update")
	updates, _ := lookup(c.body, "updates").(bson.A)
	matched, modified, upserted, last := 0, 0, bson.A{}, opTime{}
	for i, v := range updates {
		u, _ := v.(bson.D)
		filter, _ := lookup(u, "q").(bson.D)
		change, ok := lookup(u, "u").(bson.D)
		if !ok {
			return nil, fail(codeFailedToParse, "only documents can be updates here")
		}
		found, failed := filtered(s.node.data.list(ns, nil), filter)
		if failed != nil {
			return nil, failed
		}
		if !truth(lookup(u, "multi")) && len(found) > 1 {
			found = found[:1]
		}
		now := s.node.clock(s.world.now)
		for _, doc := range found {
			next, failed := changed(doc, change, now, false)
			if failed != nil {
				return nil, failed
			}
			matched++
			modified++
			last = s.world.write(s.node, &entry{op: "u", ns: ns, o: next, o2: bson.D{{Key: "_id", Value: lookup(doc, "_id")}}})
		}
		if len(found) == 0 && truth(lookup(u, "upsert")) {
			next, failed := changed(fromFilter(filter), change, now, true)
			if failed != nil {
				return nil, failed
			}
			if _, has := find(next, "_id"); !has {
				next = append(bson.D{{Key: "_id", Value: primitive.NewObjectID()}}, next...)
			}
			id := lookup(next, "_id")
			matched++
			upserted = append(upserted, bson.D{{Key: "index", Value: int32(i)}, {Key: "_id", Value: id}})
			last = s.world.write(s.node, &entry{op: "i", ns: ns, o: next, o2: bson.D{{Key: "_id", Value: id}}})
		}
	}
	d := bson.D{{Key: "n", Value: int32(matched)}, {Key: "nModified", Value: int32(modified)}}
	if len(upserted) > 0 {
		d = append(d, bson.E{Key: "upserted", Value: upserted})
	}
	return c.acknowledge(s, d, nil, last)
}

func (c *call) remove() (bson.D, *failure) {
	s, failed := c.target()
	if failed != nil {
		return nil, failed
	}
	ns := c.namespace("delete")
	deletes, _ := lookup(c.body, "deletes").(bson.A)
	n, last := 0, opTime{}
	for _, v := range deletes {
		d, _ := v.(bson.D)
		filter, _ := lookup(d, "q").(bson.D)
		found, failed := filtered(s.node.data.list(ns, nil), filter)
		if failed != nil {
			return nil, failed
		}
		if limit, _ := number(lookup(d, "limit")); limit == 1 && len(found) > 1 {
			found = found[:1]
		}
		for _, doc := range found {
			last = s.world.write(s.node, &entry{op: "d", ns: ns, o: bson.D{{Key: "_id", Value: lookup(doc, "_id")}}})
			n++
		}
	}
	return c.acknowledge(s, bson.D{{Key: "n", Value: int32(n)}}, nil, last)
}

func (c *call) namespace(command string) string {
	name, _ := lookup(c.body, command).(string)
	return c.db + "." + name
}

// acknowledge waits as the write concern says. A concern that is not met in time
// is reported beside the result: the write has happened all the same.
func (c *call) acknowledge(s *server, d bson.D, errs bson.A, last opTime) (bson.D, *failure) {
	if len(errs) > 0 {
		d = append(d, bson.E{Key: "writeErrors", Value: errs})
	}
	d = append(d, bson.E{Key: "opTime", Value: last.document()}, bson.E{Key: "electionId", Value: electionID(s.node.electionTerm)})
	concern, _ := lookup(c.body, "writeConcern").(bson.D)
	w, given := find(concern, "w")
	if !given {
		w = any("majority")
		if c.server.set.defaultWrite != nil {
			w = c.server.set.defaultWrite
		} else if !s.node.v.atLeast(5, 0) || !implicitMajority(s.node.cfg) {
			w = int32(1)
		}
	}
	timeout, _ := number(lookup(concern, "wtimeout"))
	count, isNumber := number(w)
	switch {
	case last.null() || isNumber && count <= 1:
		return d, nil
	case isNumber && int(count) > dataBearing(s.node.cfg):
		return append(d, bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: int32(codeUnsatisfiableConcern)},
			{Key: "codeName", Value: "UnsatisfiableWriteConcern"}, {Key: "errmsg", Value: "Not enough data-bearing nodes"}}}), nil
	}
	met := func() bool {
		if !isNumber {
			return !s.node.committed.before(last)
		}
		return s.holders(last) >= int(count)
	}
	if c.wait(time.Duration(timeout)*time.Millisecond, met) {
		return d, nil
	}
	if s.node.state != statePrimary {
		return append(d, bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: int32(codePrimarySteppedDown)},
			{Key: "codeName", Value: "PrimarySteppedDown"}, {Key: "errmsg", Value: "Primary stepped down while waiting for replication"}}}), nil
	}
	return append(d, bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: int32(codeWriteConcernTimeout)}, {Key: "codeName", Value: "WriteConcernFailed"},
		{Key: "errmsg", Value: "waiting for replication timed out"}, {Key: "errInfo", Value: bson.D{{Key: "wtimeout", Value: true}, {Key: "writeConcern", Value: concern}}}}}), nil
}

// holders counts the members that have a position.
func (s *server) holders(at opTime) int {
	n := 1
	for _, m := range s.node.others() {
		if !m.arbiter && !s.node.view(m.host).known.before(at) {
			n++
		}
	}
	return n
}

func dataBearing(c *config) int {
	n := 0
	for _, m := range c.members {
		if !m.arbiter {
			n++
		}
	}
	return n
}
