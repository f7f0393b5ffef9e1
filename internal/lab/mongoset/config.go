package mongoset

import (
	"fmt"
	"math"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// config is the configuration of a set. It is never changed once installed; a
// reconfiguration makes another one.
type config struct {
	name         string
	version      int
	term         int64
	id           primitive.ObjectID
	members      []memberConfig
	configServer bool

	chainingAllowed   bool
	heartbeatInterval time.Duration
	heartbeatTimeout  time.Duration
	electionTimeout   time.Duration
	catchUpTimeout    time.Duration // negative: as long as it takes
}

type memberConfig struct {
	id       int
	host     string
	arbiter  bool
	hidden   bool
	priority float64
	votes    int
	delay    time.Duration
	indexes  bool
	tags     map[string]string
}

func (m *memberConfig) electable() bool { return !m.arbiter && m.priority > 0 }

func (c *config) member(host string) *memberConfig {
	i := slices.IndexFunc(c.members, func(m memberConfig) bool { return samePort(m.host, host) })
	if i < 0 {
		return nil
	}
	return &c.members[i]
}

func (c *config) votes() int {
	n := 0
	for _, m := range c.members {
		n += m.votes
	}
	return n
}

func (c *config) majority() int { return c.votes()/2 + 1 }

// writableVoters are the voters that hold data.
func (c *config) writableVoters() int {
	n := 0
	for _, m := range c.members {
		if m.votes > 0 && !m.arbiter {
			n++
		}
	}
	return n
}

func (c *config) writeMajority() int { return min(c.majority(), c.writableVoters()) }

func (c *config) hasArbiter() bool {
	return slices.ContainsFunc(c.members, func(m memberConfig) bool { return m.arbiter })
}

// newerThan compares by term first, unless one of the two was forced, which has
// no term.
func (c *config) newerThan(d *config) bool {
	if d == nil {
		return true
	}
	if c.term >= 0 && d.term >= 0 && c.term != d.term {
		return c.term > d.term
	}
	return c.version > d.version
}

// rank is how many members have a higher priority.
func (c *config) rank(priority float64) int {
	n := 0
	for _, m := range c.members {
		if m.priority > priority {
			n++
		}
	}
	return n
}

// change returns a copy with the next version.
func (c *config) change(edit func(*config)) *config {
	d := *c
	d.members = slices.Clone(c.members)
	d.version++
	edit(&d)
	return &d
}

// document is the configuration as replSetGetConfig of a version shows it.
func (c *config) document(v version) bson.D {
	d := bson.D{{Key: "_id", Value: c.name}, {Key: "version", Value: int32(c.version)}}
	if v.atLeast(4, 4) {
		d = append(d, bson.E{Key: "term", Value: c.term})
	}
	if c.configServer {
		d = append(d, bson.E{Key: "configsvr", Value: true})
	}
	var members bson.A
	for _, m := range c.members {
		delay := "secondaryDelaySecs"
		if !v.atLeast(5, 0) {
			delay = "slaveDelay"
		}
		members = append(members, bson.D{
			{Key: "_id", Value: int32(m.id)}, {Key: "host", Value: m.host}, {Key: "arbiterOnly", Value: m.arbiter},
			{Key: "buildIndexes", Value: m.indexes}, {Key: "hidden", Value: m.hidden}, {Key: "priority", Value: m.priority},
			{Key: "tags", Value: tagDocument(m.tags)}, {Key: delay, Value: int64(m.delay / time.Second)}, {Key: "votes", Value: int32(m.votes)},
		})
	}
	catchUp := int32(-1)
	if c.catchUpTimeout >= 0 {
		catchUp = int32(c.catchUpTimeout.Milliseconds())
	}
	return append(d,
		bson.E{Key: "members", Value: members},
		bson.E{Key: "protocolVersion", Value: int64(1)},
		bson.E{Key: "writeConcernMajorityJournalDefault", Value: true},
		bson.E{Key: "settings", Value: bson.D{
			{Key: "chainingAllowed", Value: c.chainingAllowed},
			{Key: "heartbeatIntervalMillis", Value: int32(c.heartbeatInterval.Milliseconds())},
			{Key: "heartbeatTimeoutSecs", Value: int32(c.heartbeatTimeout / time.Second)},
			{Key: "electionTimeoutMillis", Value: int32(c.electionTimeout.Milliseconds())},
			{Key: "catchUpTimeoutMillis", Value: catchUp},
			{Key: "catchUpTakeoverDelayMillis", Value: int32(30000)},
			{Key: "getLastErrorModes", Value: bson.D{}},
			{Key: "getLastErrorDefaults", Value: bson.D{{Key: "w", Value: int32(1)}, {Key: "wtimeout", Value: int32(0)}}},
			{Key: "replicaSetId", Value: c.id},
		}})
}

// parseConfig reads what replSetReconfig was given, on the ground of what is
// there: what is left out takes the product's default, settings that are not
// named stay.
func parseConfig(d bson.D, old *config) (*config, *failure) {
	c := *old
	c.members, c.term = nil, -1
	c.name, _ = lookup(d, "_id").(string)
	v, ok := number(lookup(d, "version"))
	if !ok || v < 1 || v > math.MaxInt32 {
		return nil, fail(codeInvalidConfig, "version field value of %v is out of range", lookup(d, "version"))
	}
	c.version = int(v)
	if t, ok := number(lookup(d, "term")); ok {
		c.term = int64(t)
	}
	members, ok := lookup(d, "members").(bson.A)
	if !ok || len(members) == 0 {
		return nil, fail(codeInvalidConfig, "replica set configuration must contain at least one member")
	}
	for _, raw := range members {
		md, ok := raw.(bson.D)
		if !ok {
			return nil, fail(codeInvalidConfig, "members must be documents")
		}
		m := memberConfig{priority: 1, votes: 1, indexes: true, tags: map[string]string{}}
		id, ok := number(lookup(md, "_id"))
		if !ok {
			return nil, fail(codeInvalidConfig, "a member has no _id")
		}
		m.id = int(id)
		m.host, _ = lookup(md, "host").(string)
		m.arbiter, _ = lookup(md, "arbiterOnly").(bool)
		m.hidden, _ = lookup(md, "hidden").(bool)
		if b, ok := lookup(md, "buildIndexes").(bool); ok {
			m.indexes = b
		}
		if p, ok := number(lookup(md, "priority")); ok {
			m.priority = p
		} else if m.arbiter {
			m.priority = 0
		}
		if n, ok := number(lookup(md, "votes")); ok {
			m.votes = int(n)
		}
		for _, name := range []string{"secondaryDelaySecs", "slaveDelay"} {
			if n, ok := number(lookup(md, name)); ok {
				m.delay = time.Duration(n) * time.Second
			}
		}
		if tags, ok := lookup(md, "tags").(bson.D); ok {
			for _, t := range tags {
				m.tags[t.Key] = fmt.Sprint(t.Value)
			}
		}
		c.members = append(c.members, m)
	}
	if s, ok := lookup(d, "settings").(bson.D); ok {
		c.readSettings(s)
	}
	return &c, c.check()
}

func (c *config) readSettings(s bson.D) {
	for name, field := range map[string]*time.Duration{
		"heartbeatIntervalMillis": &c.heartbeatInterval, "electionTimeoutMillis": &c.electionTimeout, "catchUpTimeoutMillis": &c.catchUpTimeout,
	} {
		if n, ok := number(lookup(s, name)); ok {
			*field = time.Duration(n) * time.Millisecond
		}
	}
	if n, ok := number(lookup(s, "heartbeatTimeoutSecs")); ok {
		c.heartbeatTimeout = time.Duration(n) * time.Second
	}
	if b, ok := lookup(s, "chainingAllowed").(bool); ok {
		c.chainingAllowed = b
	}
	if id, ok := lookup(s, "replicaSetId").(primitive.ObjectID); ok {
		c.id = id
	}
}

// check is what the server wants of any configuration.
func (c *config) check() *failure {
	ids, hosts, electable := map[int]bool{}, map[string]bool{}, 0
	for _, m := range c.members {
		switch {
		case ids[m.id]:
			return fail(codeInvalidConfig, "found two member configurations with same _id field: %d", m.id)
		case hosts[m.host]:
			return fail(codeInvalidConfig, "found two member configurations with same host field: %s", m.host)
		case m.priority < 0 || m.priority > 1000:
			return fail(codeInvalidConfig, "priority field value of %v is out of range", m.priority)
		case m.votes != 0 && m.votes != 1:
			return fail(codeInvalidConfig, "votes field value is %d but must be 0 or 1", m.votes)
		case m.votes == 0 && m.priority > 0:
			return fail(codeInvalidConfig, "priority must be 0 when non-voting (votes:0)")
		case m.delay > 0 && m.priority > 0:
			return fail(codeInvalidConfig, "priority must be 0 when secondaryDelaySecs is used")
		case m.hidden && m.priority > 0:
			return fail(codeInvalidConfig, "priority must be 0 when hidden=true")
		case m.arbiter && m.votes == 0:
			return fail(codeInvalidConfig, "arbiter must vote")
		}
		ids[m.id], hosts[m.host] = true, true
		if m.electable() {
			electable++
		}
	}
	switch {
	case len(c.members) > 50:
		return fail(codeInvalidConfig, "replica set configuration contains %d members, but must have at least 1 and no more than 50", len(c.members))
	case c.votes() > 7 || c.votes() == 0:
		return fail(codeInvalidConfig, "replica set configuration contains %d voting members, but must be at least 1 and no more than 7", c.votes())
	case electable == 0:
		return fail(codeInvalidConfig, "replica set configuration must contain at least one non-arbiter member with priority > 0")
	}
	return nil
}

// votingChanges counts by how many votes two configurations differ.
func votingChanges(old, new *config) int {
	voters := func(c *config) map[int]bool {
		set := map[int]bool{}
		for _, m := range c.members {
			if m.votes > 0 {
				set[m.id] = true
			}
		}
		return set
	}
	a, b, n := voters(old), voters(new), 0
	for id := range a {
		if !b[id] {
			n++
		}
	}
	for id := range b {
		if !a[id] {
			n++
		}
	}
	return n
}
