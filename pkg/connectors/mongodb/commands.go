package mongodb

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"
)

// command is a command with the database it is for.
type command struct {
	database string
	body     bson.D
}

func admin(name string, more ...bson.E) command {
	return command{"admin", append(bson.D{{Key: name, Value: 1}}, more...)}
}

// name is what the command is called, for messages.
func (c command) name() string { return c.body[0].Key }

func (c command) run(ctx context.Context, s server) (document, error) {
	return s.run(ctx, c.database, c.body)
}

// The commands of a check, each from the Server Manual's page of its name. None
// changes anything. Arbiters, which hold no users, answer the first two alone.
func helloCommand() command    { return admin("hello") }
func isMasterCommand() command { return admin("isMaster") } // servers before 4.4.2

func buildInfoCommand() command { return admin("buildInfo") }
func statusCommand() command    { return admin("replSetGetStatus") }

// configCommand asks a primary also whether a majority has the configuration.
func configCommand(primary bool) command {
	if primary {
		return admin("replSetGetConfig", bson.E{Key: "commitmentStatus", Value: true})
	}
	return admin("replSetGetConfig")
}

func featureCommand() command {
	return admin("getParameter", bson.E{Key: "featureCompatibilityVersion", Value: 1})
}

func writeConcernCommand() command { return admin("getDefaultRWConcern") }

func privilegesCommand() command {
	return admin("connectionStatus", bson.E{Key: "showPrivileges", Value: true})
}

// serverStatusCommand leaves out the large sections, which are not looked at.
func serverStatusCommand() command {
	off := func(section string) bson.E { return bson.E{Key: section, Value: 0} }
	return admin("serverStatus", off("metrics"), off("wiredTiger"), off("locks"), off("tcmalloc"), off("mirroredReads"))
}

// oplogCommand finds one end of the oplog; forwards is the oldest entry.
func oplogCommand(order int) command {
	return command{"local", bson.D{
		{Key: "find", Value: "oplog.rs"}, {Key: "sort", Value: bson.D{{Key: "$natural", Value: order}}},
		{Key: "projection", Value: bson.D{{Key: "ts", Value: 1}}}, {Key: "limit", Value: 1}, {Key: "singleBatch", Value: true},
		{Key: "maxTimeMS", Value: readLimit},
	}}
}

// readLimit bounds a find on the server, in milliseconds.
const readLimit = 2000

func oplogSizeCommand() command {
	return command{"local", bson.D{{Key: "collStats", Value: "oplog.rs"}}}
}

func shardsCommand() command   { return admin("listShards") }
func shardMapCommand() command { return admin("getShardMap") }
func balancerCommand() command { return admin("balancerStatus") }

// configShardsCommand reads the list of shards from the config servers
// themselves.
func configShardsCommand() command {
	return command{"config", bson.D{{Key: "find", Value: "shards"}, {Key: "batchSize", Value: 1000}, {Key: "singleBatch", Value: true}, {Key: "maxTimeMS", Value: readLimit}}}
}

// heartbeatReadCommand reads the heartbeat as this member has it: local is what
// it has applied, majority what it knows to be committed.
func heartbeatReadCommand(database, id, level string) command {
	return command{database, bson.D{
		{Key: "find", Value: heartbeatCollection}, {Key: "filter", Value: bson.D{{Key: "_id", Value: id}}}, {Key: "limit", Value: 1}, {Key: "singleBatch", Value: true},
		{Key: "readConcern", Value: bson.D{{Key: "level", Value: level}}}, {Key: "maxTimeMS", Value: readLimit},
	}}
}
