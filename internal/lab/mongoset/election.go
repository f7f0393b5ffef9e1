package mongoset

import (
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"
)

// reason is why an election was called, in the product's words.
type reason string

const (
	electionTimeout  reason = "electionTimeout"
	priorityTakeover reason = "priorityTakeover"
	stepUpRequest    reason = "stepUpRequestSkipDryRun"
)

// candidacy is what an elected node remembers of its election.
type candidacy struct {
	reason         reason
	date           time.Time
	term           int64
	committed      opTime
	seen           opTime
	votesNeeded    int
	priority       float64
	timeout        time.Duration
	priorPrimary   int // _id of the member, -1 for none
	caughtUp       int
	target         opTime
	termStart      time.Time
	majorityWrites time.Time
}

// ballot is what a voter remembers of its last vote.
type ballot struct {
	granted   bool
	term      int64
	date      time.Time
	candidate int
	reason    string
	applied   opTime
	maxSeen   opTime
	priority  float64
	termStart time.Time
	termSeen  time.Time
}

// electionCounts is serverStatus.electionMetrics.
type electionCounts struct {
	called, successful                     map[reason]int64
	stepDownsForHigherTerm, stepDownsByCmd int64
}

func (c *electionCounts) count(m *map[reason]int64, why reason) {
	if *m == nil {
		*m = map[reason]int64{}
	}
	(*m)[why]++
}

// mayStand tells whether a node may be a candidate, by what it knows itself.
func (r *replica) mayStand(n *node, why reason) bool {
	m := n.self()
	if n.process != running || m == nil || !m.electable() || n.state != stateSecondary || n.quirks.held || n.quirks.frozenViews ||
		n.stepDownUntil.After(r.now) || n.log.last() == nil || n.quirks.nullOptimes {
		return false
	}
	votes := m.votes
	for _, o := range n.others() {
		if n.view(o.host).up() {
			votes += o.votes
		}
	}
	if votes < n.cfg.majority() {
		return false
	}
	return why != priorityTakeover || r.freshForTakeover(n)
}

// freshForTakeover: within two seconds of the newest position known, in its term.
func (r *replica) freshForTakeover(n *node) bool {
	newest, own := n.newestKnown(), n.log.position()
	return own.term == newest.term && own.ts.T+takeoverFreshness >= newest.ts.T
}

// newestKnown is the newest position of any member that is up.
func (n *node) newestKnown() opTime {
	newest := n.log.position()
	for _, m := range n.others() {
		if v := n.view(m.host); v.up() {
			newest = later(newest, v.known)
		}
	}
	return newest
}

// elect lets a node stand for election, and makes it the primary if it wins.
func (r *replica) elect(n *node, why reason) bool {
	if !r.mayStand(n, why) {
		return false
	}
	n.elections.count(&n.elections.called, why)
	if why != stepUpRequest && r.poll(n, true) < n.cfg.majority() {
		return false
	}
	prior := -1
	if m := n.cfg.member(n.primary); n.primary != "" && m != nil {
		prior = m.id
	}
	n.term++
	n.voted = n.term
	if r.poll(n, false) < n.cfg.majority() {
		return false
	}
	n.elections.count(&n.elections.successful, why)
	n.candidate = &candidacy{
		reason: why, date: n.clock(r.now), term: n.term, committed: n.committed, seen: n.log.position(), votesNeeded: n.cfg.majority(),
		priority: n.self().priority, timeout: n.cfg.electionTimeout, priorPrimary: prior,
	}
	r.lead(n)
	return true
}

// poll asks the voters; a dry run binds nobody.
func (r *replica) poll(n *node, dry bool) int {
	votes := n.self().votes
	for _, m := range n.others() {
		voter := r.at(m.host)
		if m.votes == 0 || !r.reaches(n, voter) || voter.self() == nil || voter.cfg.id != n.cfg.id {
			continue
		}
		if !dry && n.term > voter.term {
			r.adoptTerm(voter, n.term)
		}
		if r.vote(voter, n, dry) {
			votes += m.votes
		}
	}
	return votes
}

// vote is one voter's decision, and why.
func (r *replica) vote(voter, n *node, dry bool) bool {
	refuse := ""
	switch {
	case voter.cfg.newerThan(n.cfg):
		refuse = "candidate's config is older than mine"
	case n.term < voter.term:
		refuse = "candidate's term is lower than mine"
	case n.log.position().before(voter.log.position()):
		refuse = "candidate's data is staler than mine"
	case !dry && voter.voted >= n.term:
		refuse = "already voted for another candidate this term"
	case voter.arbiter() && r.seesBetterPrimary(voter, n):
		refuse = "can see a healthy primary of equal or greater priority"
	}
	if dry {
		return refuse == ""
	}
	voter.ballot = &ballot{
		granted: refuse == "", term: n.term, date: voter.clock(r.now), candidate: n.self().id, reason: refuse, applied: voter.log.position(),
		maxSeen: later(voter.newestKnown(), n.log.position()), priority: voter.self().priority,
	}
	if refuse == "" {
		voter.voted = n.term
	}
	return refuse == ""
}

func (r *replica) seesBetterPrimary(voter, n *node) bool {
	return slices.ContainsFunc(voter.others(), func(m memberConfig) bool {
		v := voter.view(m.host)
		return !samePort(m.host, n.host) && v.up() && v.state == statePrimary && m.priority >= n.self().priority
	})
}

// lead makes a node the primary: it catches up with what it knows the others to
// have, marks the new term in the oplog and in the configuration, and lets
// everybody know.
func (r *replica) lead(n *node) {
	n.takeoverDue, n.electionDue = time.Time{}, time.Time{}
	target := n.newestKnown()
	if !n.quirks.paused && n.log.position().before(target) {
		for _, m := range n.others() {
			other := r.at(m.host)
			if !r.reaches(n, other) || !other.log.has(n.log.position()) {
				continue
			}
			for _, e := range other.log.after(n.log.position()) {
				r.apply(n, e)
				n.candidate.caughtUp++
			}
		}
		n.candidate.target = target
	}
	n.electionTime = primitive.Timestamp{T: uint32(n.clock(r.now).Unix()), I: 1}
	n.electionTerm = n.term
	n.source, n.info = "", "Could not find member to sync from"
	r.setState(n, statePrimary)
	r.setPrimary(n, n.me())
	n.noopDue = r.now.Add(noopInterval)
	n.candidate.termStart = n.clock(r.now)
	n.firstOfTerm = r.write(n, &entry{op: "n", o: message("new primary")})
	if n.v.atLeast(4, 4) {
		c := *n.cfg
		c.term = n.term // a new primary commits the configuration in its own term
		n.cfg = &c
	}
	r.heartbeats(n)
	for _, other := range r.nodes {
		if other != n && other.process == running && other.cfg != nil {
			r.heartbeats(other)
			if other.ballot != nil && other.ballot.term == n.term && samePort(other.primary, n.host) {
				other.ballot.termStart, other.ballot.termSeen = n.candidate.termStart, other.clock(r.now)
			}
		}
	}
	r.replicate()
}
