package mongoset

import (
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"
)

// Before a set of the laboratory begins it has run for a day: nobody shall take
// its beginning for an election that just happened.
const (
	pastUptime   = 26 * time.Hour
	pastElection = 24 * time.Hour
	pastTerm     = 3
	pastNoops    = 450 // more than an hour
)

// newReplica makes a set at rest. Members of the nodes are in the order of the
// configuration.
func newReplica(c *config, nodes []*node, now time.Time) *replica {
	r := &replica{name: c.name, nodes: nodes, severed: map[link]int{}, now: now}
	c.term = pastTerm
	first := nodes[0]
	for i, n := range nodes {
		n.index = i
		if c.members[i].priority > c.member(first.host).priority {
			first = n
		}
	}
	history := idleHistory(now)
	for _, n := range nodes {
		r.boot(n, c)
		n.since = now.Add(-pastUptime)
		if n.arbiter() {
			n.state = stateArbiter
			continue
		}
		n.state = stateSecondary
		for _, e := range history {
			r.apply(n, e)
		}
		n.committed = n.log.position()
	}
	r.crown(first, now)
	r.talk()
	r.talk()
	for _, n := range nodes {
		for _, v := range n.views {
			v.upSince = now.Add(-pastUptime)
		}
		n.counter = 6 // as after an ordinary start
		n.heartbeatDue = now.Add(time.Duration(n.index+1) * c.heartbeatInterval / time.Duration(len(nodes)+1))
	}
	return r
}

// boot is what a server has after its process began: its configuration and its
// term from disk, and no knowledge of the others.
func (r *replica) boot(n *node, c *config) {
	n.cfg, n.term, n.voted = c, pastTerm, pastTerm
	n.views, n.data = map[string]*view{}, store{}
	n.processID, n.since = primitive.NewObjectIDFromTimestamp(r.now), r.now
	n.committed = noOpTime
	n.heartbeatDue = r.now
	n.electionDue = r.timeout(n)
	if n.log.window == 0 {
		n.log.window = defaultWindow
	}
}

// crown makes a node the primary as if it had been elected a day ago.
func (r *replica) crown(n *node, now time.Time) {
	then := now.Add(-pastElection)
	last := n.log.last()
	n.state, n.primary = statePrimary, n.me()
	n.electionDue, n.noopDue = time.Time{}, last.wall.Add(noopInterval)
	n.electionTime = primitive.Timestamp{T: uint32(then.Unix()), I: 1}
	n.electionTerm = pastTerm
	n.firstOfTerm = opTime{ts: primitive.Timestamp{T: uint32(then.Unix()), I: 2}, term: pastTerm}
	n.candidate = &candidacy{
		reason: electionTimeout, date: then, term: pastTerm, votesNeeded: n.cfg.majority(), priority: n.self().priority,
		timeout: n.cfg.electionTimeout, priorPrimary: -1, committed: noOpTime, seen: opTime{ts: primitive.Timestamp{T: uint32(then.Unix()) - 1, I: 1}, term: pastTerm - 1},
		termStart: then, majorityWrites: then,
	}
	n.elections.count(&n.elections.called, electionTimeout)
	n.elections.count(&n.elections.successful, electionTimeout)
}

const defaultWindow = 48 * time.Hour

// idleHistory is what an idle set has in its oplog.
func idleHistory(now time.Time) []*entry {
	var all []*entry
	o := message("periodic noop")
	for i := pastNoops; i > 0; i-- {
		wall := now.Add(-time.Duration(i) * noopInterval).Add(noopInterval / 2).Truncate(time.Millisecond)
		all = append(all, &entry{
			at:   opTime{ts: primitive.Timestamp{T: uint32(wall.Unix()), I: 1}, term: pastTerm},
			wall: wall, op: "n", o: o,
		})
	}
	return all
}

// restart begins a server's process anew; what was on disk is there.
func (r *replica) restart(n *node) {
	n.process, n.since = running, r.now
	n.processID, n.counter = primitive.NewObjectIDFromTimestamp(r.now), 0
	n.views = map[string]*view{}
	n.primary, n.source, n.info = "", "", ""
	n.candidate, n.ballot, n.elections = nil, nil, electionCounts{}
	n.firstOfTerm, n.takeoverDue, n.noopDue, n.stepDownUntil = opTime{}, time.Time{}, time.Time{}, time.Time{}
	if n.state == statePrimary {
		n.state = stateSecondary
	}
	n.heartbeatDue, n.electionDue = r.now, r.timeout(n)
	r.touch(n)
}
