package mongoset

import (
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/bson"
)

func (c *call) replSetGetStatus() (bson.D, *failure) { return c.server.world.status(c.server.node) }

func (c *call) replSetGetConfig() (bson.D, *failure) {
	n := c.server.node
	if n.cfg == nil {
		return nil, fail(codeNotYetInitialized, "no replset config has been received")
	}
	d := bson.D{{Key: "config", Value: n.cfg.document(n.v)}}
	if truth(lookup(c.body, "commitmentStatus")) && n.v.atLeast(4, 4) {
		if n.state != statePrimary {
			return nil, fail(codeNotWritablePrimary, "commitmentStatus is only supported on primary.")
		}
		d = append(d, bson.E{Key: "commitmentStatus", Value: c.server.world.configCommitted(n)})
	}
	return d, nil
}

// replSetStepDown waits for a successor that has caught up, hands over to it, and
// changes nothing when there is none in time.
func (c *call) replSetStepDown() (bson.D, *failure) {
	n, r := c.server.node, c.server.world
	period, failed := c.seconds("replSetStepDown", 60*time.Second)
	if failed != nil {
		return nil, failed
	}
	if period == 0 {
		period = 60 * time.Second
	}
	force := truth(lookup(c.body, "force"))
	standard := min(10*time.Second, period)
	if force {
		standard = 0
	}
	catchUp, failed := c.seconds("secondaryCatchUpPeriodSecs", standard)
	switch {
	case failed != nil:
		return nil, failed
	case period < catchUp:
		return nil, fail(codeBadValue, "stepdown period must be longer than secondaryCatchUpPeriodSecs")
	case n.state != statePrimary:
		return nil, fail(codeNotWritablePrimary, "not primary so can't step down")
	}
	term, until := n.term, r.now.Add(period)
	attempt := func() bool { return n.state != statePrimary || n.term != term || r.tryStepDown(n, until, false) }
	done := attempt()
	if !done && catchUp > 0 {
		done = c.wait(catchUp, attempt)
	}
	switch {
	case done:
		return bson.D{}, nil
	case force:
		r.tryStepDown(n, until, true)
		return bson.D{}, nil
	}
	return nil, fail(codeExceededTimeLimit, "No electable secondaries caught up as of %s. Please use the replSetStepDown command with the argument {force: true} to force node to step down.",
		n.clock(r.now).UTC().Format("2006-01-02T15:04:05.000Z"))
}

func (c *call) replSetFreeze() (bson.D, *failure) {
	d, failed := c.seconds("replSetFreeze", 0)
	if failed != nil {
		return nil, failed
	}
	if failed := c.server.world.freeze(c.server.node, d); failed != nil {
		return nil, failed
	}
	switch d {
	case 0:
		return bson.D{{Key: "info", Value: "unfreezing"}}, nil
	case time.Second:
		return bson.D{{Key: "warning", Value: "you really want to freeze for only 1 second?"}}, nil
	}
	return bson.D{}, nil
}

func (c *call) replSetReconfig() (bson.D, *failure) {
	wanted, ok := lookup(c.body, "replSetReconfig").(bson.D)
	if !ok {
		return nil, fail(codeBadValue, "no configuration specified")
	}
	n := c.server.node
	if n.cfg == nil {
		return nil, fail(codeNotYetInitialized, "a replica set can't be reconfigured before it has been initialized")
	}
	cfg, failed := parseConfig(wanted, n.cfg)
	if failed != nil {
		return nil, failed
	}
	return bson.D{}, c.server.world.reconfigure(n, cfg, truth(lookup(c.body, "force")), rand.IntN(100_000))
}

// reconfigure is replSetReconfig. A forced one is taken by any member and jumps
// ahead by at least ten thousand versions, so that it wins over whatever a lost
// majority may have done meanwhile.
func (r *replica) reconfigure(n *node, c *config, force bool, random int) *failure {
	old := n.cfg
	switch {
	case !force && n.state != statePrimary:
		return fail(codeNotWritablePrimary, "replSetReconfig should only be run on a writable PRIMARY. Current state %s;", n.state)
	case force && n.state == stateRemoved:
		return fail(codeInvalidConfig, "a node that is not a member of its configuration cannot be reconfigured by force")
	case c.name != old.name:
		return fail(codeIncompatibleConfig, "New and old configurations differ in replica set name; old was %s, and new is %s", old.name, c.name)
	case c.id != old.id:
		return fail(codeIncompatibleConfig, "New and old configurations differ in replica set ID; old was %s, and new is %s", old.id.Hex(), c.id.Hex())
	case c.member(n.host) == nil:
		return fail(codeNodeNotFound, "No host described in new configuration with {version: %d} for replica set %s maps to this node", c.version, c.name)
	}
	if force {
		c.version = max(c.version, old.version) + 10_000 + random
		c.term = -1
	} else {
		switch {
		case c.version <= old.version:
			return fail(codeIncompatibleConfig, "New replica set configuration version must be greater than old, but %d is not greater than %d for replica set %s", c.version, old.version, c.name)
		case !c.member(n.host).electable():
			return fail(codeNodeNotElectable, "This node, %s, with _id %d is not electable under the new configuration with {version: %d} for replica set %s", n.host, c.member(n.host).id, c.version, c.name)
		case n.v.atLeast(4, 4) && votingChanges(old, c) > 1:
			return fail(codeIncompatibleConfig, "Non force replica set reconfig can only add or remove at most 1 voting member.")
		case n.v.atLeast(4, 4) && !r.configCommitted(n):
			return fail(codeConfigNotCommitted, "Cannot run replSetReconfig because the current config: {version: %d, term: %d} is not majority committed.", old.version, old.term)
		}
		c.term = n.term
	}
	for i := range c.members {
		for _, m := range old.members {
			if m.id == c.members[i].id && m.arbiter != c.members[i].arbiter {
				return fail(codeIncompatibleConfig, "New and old configurations differ in the setting of the arbiterOnly field for member %s; to make this change, remove then re-add the member", m.host)
			}
		}
	}
	r.install(n, c)
	r.talk()
	r.heartbeats(n)
	return nil
}

func (c *call) appendOplogNote() (bson.D, *failure) {
	data, ok := lookup(c.body, "data").(bson.D)
	if !ok {
		return nil, fail(codeBadValue, "Missing expected field \"data\"")
	}
	for _, primary := range c.server.primariesFor(c.server.router) {
		if primary.node.state != statePrimary {
			return nil, fail(codeNotWritablePrimary, "not primary")
		}
		primary.world.write(primary.node, &entry{op: "n", o: data})
	}
	return bson.D{}, nil
}
