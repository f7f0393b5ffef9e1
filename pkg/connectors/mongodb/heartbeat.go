package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

const heartbeatCollection = "heartbeat"

func heartbeatDatabase(spec connectors.Spec) string {
	if spec.Database != "" {
		return spec.Database
	}
	return "bcctl"
}

// heartbeatWriteCommand counts the document up and lets the server put its own
// time into it. It never grows: there is one document for each resource.
func heartbeatWriteCommand(database, id string, wait time.Duration) command {
	return command{database, bson.D{
		{Key: "update", Value: heartbeatCollection},
		{Key: "updates", Value: bson.A{bson.D{
			{Key: "q", Value: bson.D{{Key: "_id", Value: id}}},
			{Key: "u", Value: bson.D{
				{Key: "$inc", Value: bson.D{{Key: "seq", Value: int64(1)}}},
				{Key: "$currentDate", Value: bson.D{{Key: "at", Value: true}}},
				{Key: "$set", Value: bson.D{{Key: "writer", Value: "bcctl"}}},
			}},
			{Key: "upsert", Value: true},
		}}},
		{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}, {Key: "j", Value: true}, {Key: "wtimeout", Value: wait.Milliseconds()}}},
	}}
}

// longestWait is how long a majority is given to acknowledge the heartbeat.
const longestWait = 5 * time.Second

// writeHeartbeat updates the document on the one primary, where the resource opts
// in. It is the only write of this package; it has its own credential and its
// own connection, and happens after everything was read, so that a reading never
// races with it. The next check reads it. The finding tells a failure.
func (c *Connector) writeHeartbeat(ctx context.Context, nodes []*node) *readiness.Finding {
	if c.spec.Heartbeat == nil || !c.spec.Heartbeat.Write || sharded(c.spec) {
		return nil
	}
	primary, id, name := -1, c.spec.Identity["replicaSetId"], c.spec.Identity["setName"]
	for i, n := range nodes {
		if n.hello == nil || n.arbiter() {
			continue
		}
		if n.writes() && primary >= 0 {
			return nil // two writers: write nowhere
		}
		if n.writes() {
			primary = i
		}
		if n.config == nil {
			continue
		}
		if id == "" {
			id = n.config.ID
		}
		if id != n.config.ID {
			return nil // a foreign set
		}
	}
	if primary < 0 || nodes[primary].config == nil || nodes[primary].config.ID == "" || name != "" && nodes[primary].hello.SetName != name {
		return nil
	}
	if overtaken(nodes[primary], nodes) {
		return nil // a primary of the past: it will undo what is written there
	}
	return c.writeDocument(ctx, primary, nodes[primary])
}

// overtaken reports whether some member knows of a newer election than the
// primary.
func overtaken(p *node, nodes []*node) bool {
	return p.newest() != nil && p.newest().Term != nil && slices.ContainsFunc(nodes, func(n *node) bool {
		return n.newest() != nil && n.newest().Term != nil && *n.newest().Term > *p.newest().Term
	})
}

func (c *Connector) writeDocument(ctx context.Context, i int, seen *node) *readiness.Finding {
	failed := func(format string, args ...any) *readiness.Finding {
		return &readiness.Finding{Code: readiness.HeartbeatWrite, Message: fmt.Sprintf(format, args...)}
	}
	name, budget := c.spec.Endpoints[i].Name, c.endpointTimeout()
	cred, err := c.spec.Credential(ctx, connectors.HeartbeatWriter)
	if err != nil {
		return failed("the heartbeat on %s could not be written: %s", name, err)
	}
	server, err := c.open(i, &cred, budget)
	if err != nil {
		return failed("the heartbeat on %s could not be written: %s", name, classify(err, false, budget, cred.Password).Message)
	}
	defer server.close()
	// An address may lead elsewhere by now: what was proved is true of the server that
	// was read.
	if answer, err := helloCommand().run(ctx, server); err != nil {
		return failed("the heartbeat on %s could not be written: %s", name, classify(err, server.accepted(), budget, cred.Password).Message)
	} else if now := decodeHello(answer); now.SetName != seen.hello.SetName || now.Me != seen.hello.Me || now.Process != seen.hello.Process || !now.Writable {
		return failed("no heartbeat was written on %s: another server answers there than the one that was read, or it no longer writes", name)
	}
	wait := longestWait
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, max(time.Until(deadline)/2, 50*time.Millisecond))
	}
	answer, err := heartbeatWriteCommand(heartbeatDatabase(c.spec), c.spec.Target, wait).run(ctx, server)
	if unacknowledged(answer, err) {
		return failed("the heartbeat was written on %s, but no majority acknowledged it within %s: writes happen there and are not protected", name, wait.Round(time.Millisecond))
	}
	if err != nil && !fromServer(err) {
		return failed("whether the heartbeat was written on %s is not known, and nothing is sent again: %s", name, classify(err, server.accepted(), budget, cred.Password).Message)
	}
	if err != nil {
		return failed("the heartbeat on %s could not be written: %s", name, queryFailure("update", err, cred.Password).Message)
	}
	if n := answer.integer("n"); n == nil || *n != 1 {
		return failed("the heartbeat on %s was not written: the server changed no document", name)
	}
	return nil
}

// unacknowledged reports whether a write happened and only its acknowledgement is
// missing: a write concern error (WriteConcernFailed, UnsatisfiableWriteConcern)
// without any write error.
func unacknowledged(answer document, err error) bool {
	var write mongo.WriteException
	if errors.As(err, &write) {
		return write.WriteConcernError != nil && len(write.WriteErrors) == 0 &&
			(write.WriteConcernError.Code == codeWriteConcernFailed || write.WriteConcernError.Code == codeUnsatisfiableConcern)
	}
	code := answer.integer("writeConcernError", "code")
	return code != nil && (*code == codeWriteConcernFailed || *code == codeUnsatisfiableConcern) && len(answer.documents("writeErrors")) == 0
}
