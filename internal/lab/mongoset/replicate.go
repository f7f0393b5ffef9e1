package mongoset

import (
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"
)

// write appends an operation to a primary's oplog and lets it spread. It returns
// its position.
func (r *replica) write(n *node, e *entry) opTime {
	r.apply(n, n.next(e, r.now))
	r.replicate()
	return e.at
}

// next gives an operation its place behind the last one.
func (n *node) next(e *entry, now time.Time) *entry {
	wall := n.clock(now)
	ts := primitive.Timestamp{T: uint32(wall.Unix()), I: 1}
	if last := n.log.position(); !last.null() && last.ts.T >= ts.T {
		ts = primitive.Timestamp{T: last.ts.T, I: last.ts.I + 1} // a clock set back does not turn history around
	}
	e.at, e.wall = opTime{ts: ts, term: n.term}, wall.Truncate(time.Millisecond)
	return e
}

func (r *replica) apply(n *node, e *entry) {
	n.log.append(e)
	n.data.apply(e)
}

// replicate lets every member pull what it can from its source, and moves the
// commit point. The network takes no time here; what lags does so by a fault.
func (r *replica) replicate() {
	for range r.nodes {
		moved := false
		for _, n := range r.nodes {
			moved = r.pull(n) || moved
		}
		for _, p := range r.primaries() {
			r.commit(p)
		}
		if !moved {
			return
		}
	}
}

// pull brings a member up to its source. It reports whether anything changed.
func (r *replica) pull(n *node) bool {
	m := n.self()
	if n.process != running || m == nil || m.arbiter || n.state == statePrimary || n.state == stateRollback {
		return false
	}
	if n.quirks.held && n.state != stateSecondary && n.state != stateRecovering {
		return false
	}
	source := r.chooseSource(n)
	if source == nil {
		return false
	}
	if source.primary != "" && !n.quirks.paused {
		n.electionDue = r.timeout(n) // what it fetches says that there is a primary
	}
	r.reportPosition(n)
	if n.quirks.paused {
		return false
	}
	at := n.log.position()
	if !at.null() && !source.log.has(at) {
		if at.before(source.log.first()) {
			n.tooStale = true
			n.info = "could not find member to sync from"
			r.setState(n, stateRecovering)
			return false
		}
		if at.before(source.log.position()) {
			r.beginRollback(n)
			return true
		}
		return false
	}
	if n.tooStale {
		n.tooStale = false
		r.setState(n, stateSecondary)
	}
	moved := false
	for _, e := range source.log.after(at) {
		if m.delay > 0 && r.now.Sub(e.wall) < m.delay {
			break
		}
		r.apply(n, e)
		moved = true
	}
	if known := source.committed; n.committed.before(known) {
		if n.log.position().before(known) {
			known = n.log.position()
		}
		moved = moved || n.committed.before(known)
		n.committed = later(n.committed, known)
		n.data.prune(n.committed)
	}
	r.reportPosition(n)
	return moved
}

// reportPosition carries a member's position up the chain of sources to the
// primary, which takes it as a sign of life as well.
func (r *replica) reportPosition(n *node) {
	from := n
	for range r.nodes {
		up := r.at(from.source)
		if from.source == "" || !r.reaches(from, up) || up.cfg.member(n.host) == nil {
			return
		}
		v := up.view(n.me())
		v.known, v.knownWall, v.lastAlive = n.reported(), n.appliedWall(), r.now
		if up.state == statePrimary {
			return
		}
		from = up
	}
}

// chooseSource keeps the source a member has while it is good, or finds the
// nearest good one.
func (r *replica) chooseSource(n *node) *node {
	if n.quirks.noSource {
		n.source = ""
		return nil
	}
	if n.source != "" && r.goodSource(n, r.at(n.source)) {
		return r.at(n.source)
	}
	var best *node
	for _, m := range n.others() {
		other := r.at(m.host)
		if !r.goodSource(n, other) || !n.cfg.chainingAllowed && other.state != statePrimary {
			continue
		}
		if best == nil || nearer(n, other, best) {
			best = other
		}
	}
	host, info := "", "Could not find member to sync from"
	if best != nil {
		host, info = best.me(), ""
	}
	if n.source != host {
		n.source, n.info = host, info
	}
	return best
}

func nearer(n, a, b *node) bool {
	if pa, pb := ping(n, a), ping(n, b); pa != pb {
		return pa < pb
	}
	return a.state == statePrimary && b.state != statePrimary
}

// ping is the time a heartbeat takes, in milliseconds: sites are apart.
func ping(a, b *node) int64 {
	if a == nil || b == nil || a.site == b.site {
		return 0
	}
	return 8
}

func (r *replica) goodSource(n, other *node) bool {
	if other == nil || other == n || !r.reaches(n, other) || other.self() == nil || other.cfg.id != n.cfg.id || other.arbiter() ||
		other.log.last() == nil || other.quirks.noSource {
		return false
	}
	m := n.cfg.member(other.host)
	if m == nil || other.state != statePrimary && other.state != stateSecondary || m.hidden && !n.self().hidden ||
		m.delay > n.self().delay || !m.indexes && n.self().indexes {
		return false
	}
	if !n.view(m.host).up() {
		return false
	}
	if other.log.position().before(n.log.position()) {
		return false
	}
	if p := r.at(n.primary); n.primary != "" && p != nil && p != other &&
		p.log.position().second().Sub(other.log.position().second()) > maxSyncSourceLag && m.delay == 0 {
		return false
	}
	// Nobody pulls from somebody who pulls from him.
	for at, i := other, 0; at != nil && at.source != "" && i < len(r.nodes); at, i = r.at(at.source), i+1 {
		if samePort(at.source, n.host) {
			return false
		}
	}
	return other.state == statePrimary || other.source != "" || n.primary == ""
}

// commit moves a primary's commit point to what a majority of the voters that
// hold data have, if that was written in its own term.
func (r *replica) commit(p *node) {
	if p.firstOfTerm.null() || p.self() == nil {
		return
	}
	var positions []opTime
	for _, m := range p.cfg.members {
		if m.votes == 0 || m.arbiter {
			continue
		}
		at := p.view(m.host).known
		if samePort(m.host, p.host) {
			at = p.log.position()
		}
		positions = append(positions, at)
	}
	slices.SortFunc(positions, func(a, b opTime) int { return b.compare(a) })
	need := p.cfg.writeMajority()
	if need == 0 || need > len(positions) {
		return
	}
	if at := positions[need-1]; at.term == p.term && p.committed.before(at) {
		p.committed = at
		p.data.prune(at)
		if p.candidate != nil && p.candidate.majorityWrites.IsZero() && !at.before(p.firstOfTerm) {
			p.candidate.majorityWrites = p.clock(r.now)
		}
	}
}

// configCommitted tells whether a majority of the voters has the primary's
// configuration.
func (r *replica) configCommitted(p *node) bool {
	votes := 0
	for _, m := range p.cfg.members {
		v := p.view(m.host)
		if samePort(m.host, p.host) || v.up() && v.cfgVersion == p.cfg.version && int64(v.cfgTerm) == p.cfg.term {
			votes += m.votes
		}
	}
	return votes >= p.cfg.majority()
}

func (r *replica) beginRollback(n *node) {
	n.rollbackUntil = r.now.Add(rollbackTime)
	r.setState(n, stateRollback)
}

// endRollback undoes what the source never had.
func (r *replica) endRollback(n *node) {
	n.rollbackUntil = time.Time{}
	if n.quirks.held {
		return
	}
	r.setState(n, stateSecondary)
	if source := r.chooseRollbackSource(n); source != nil {
		for _, e := range slices.Backward(n.log.entries) {
			if source.log.has(e.at) {
				n.log.cut(e.at)
				n.data.revert(e.at)
				break
			}
		}
	}
	r.replicate()
}

func (r *replica) chooseRollbackSource(n *node) *node {
	if p := r.at(n.primary); n.primary != "" && r.reaches(n, p) {
		return p
	}
	return r.at(n.source)
}
