// Package mongoset is a laboratory: a MongoDB replica set, or a sharded cluster,
// that speaks the wire protocol over TCP with TLS and SCRAM-SHA-256 to stock
// clients, with faults that can be put in and taken out again.
//
// It is not MongoDB. Answers are made from a model of a replica set (type
// replica): members with oplogs of their own, and each with its own belief of the
// others, from heartbeats; terms, elections, catch-up, step-down, freeze,
// reconfiguration, sync sources, commit point, rollback. Nothing ticks: what
// would have happened meanwhile is worked out when somebody asks, so a set that
// nobody talks to costs nothing, and a test that gives a clock needs no sleep.
//
// Fields of replSetGetStatus and hello, what a failed heartbeat leaves behind, who
// may vote and be voted for, when a step-down is safe, the implicit write concern
// and the built-in roles were read in the server's public source; the wire
// protocol in that of the Go driver. The rest is general knowledge of the
// product's manual. Nothing was ever compared with a running server.
//
// # Where it is a guess
//
//   - The network takes no time. A member that lags does so by a fault; pingMs is
//     0 within a site and 8 between sites.
//   - Applied, written and durable positions are the same position, and figures of
//     flow control are made up once the commit point is ten seconds behind.
//   - A connection is cut by who opens it: the member that cannot connect shows the
//     other as down, the other goes on hearing requests. Real firewalls do worse.
//   - A heartbeat that fails because a port refuses is given up at once, one
//     without an answer after heartbeatTimeoutSecs; retries are not modelled.
//   - Election timeouts differ by a fixed twentieth per member, not at random.
//     Catch-up ends at once, and catch-up takeover is not modelled.
//   - A restarted member is a secondary at once; STARTUP and RECOVERING are passed
//     through in no time. A rollback takes three seconds.
//   - The oplog loses as much at its beginning as it gains: its window is constant,
//     and what is older than an hour or so is one entry.
//   - An update is in the oplog as the whole new document, as a replacement would
//     be, never as a difference.
//   - The versions from which optional fields of replSetGetStatus are sent
//     (lastAppliedWallTime of members from 5.0, written positions from 8.0) are
//     from published outputs, not from release notes.
//   - electionCandidateMetrics is dropped at a step-down.
//   - An arbiter lets nobody log in and answers what needs no login.
//   - Roles are those of one release of the source; older ones may differ. Which
//     privilege balancerStatus asks for is a guess.
//   - A member that joins without data copies everything at once; STARTUP2 is only
//     there by a fault. initialSyncStatus has its most important fields only, and
//     its sizes are made up.
//   - A mongos answers from its sets directly; its documents are on the first
//     shard; fields of balancerStatus, listShards and getShardMap are from memory.
//     8.0's limits on direct connections to shards are not modelled.
//   - A mongos writes no topology version that ever changes, and knows of a shard
//     without a primary at once.
//   - A write that a client sends again, because it does not know what became of
//     it, is carried out again: transaction numbers are accepted and not looked at.
//   - The number of iterations of SCRAM is 5000, the least the product can be set
//     to; its default is 15000.
//   - Texts of errors are near to the product's, not equal.
//   - replSetReconfig knows the checks that are in reconfigure and in
//     config.check; the product has more.
package mongoset
