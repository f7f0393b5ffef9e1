package mongoset

import (
	"fmt"
	"time"
)

// heartbeats lets a node ask every other member how it is.
func (r *replica) heartbeats(n *node) {
	if n.quirks.frozenViews || n.self() == nil && n.state != stateRemoved {
		return
	}
	n.lastRound = r.now
	for _, m := range n.others() {
		other := r.at(m.host)
		if r.reaches(n, other) {
			r.heartbeat(n, other, m)
			continue
		}
		// A port that refuses is given up at once, after retries; one that is silent
		// when the time for an answer is over.
		v := n.view(m.host)
		refused := other == nil || other.process == stopped
		if refused || !v.up() || r.now.Sub(v.lastHeartbeat) >= n.cfg.heartbeatTimeout {
			v.setDown(r.now, unreachable(other, m.host))
		}
	}
	r.updatePrimary(n)
	r.checkMajority(n)
}

// heartbeat is one exchange: the other takes note of the request, the node of
// the answer.
func (r *replica) heartbeat(n, other *node, m memberConfig) {
	v := n.view(m.host)
	if other.cfg == nil || other.cfg.name != n.cfg.name || other.cfg.id != n.cfg.id {
		text := "no replset config has been received"
		if other.cfg != nil {
			text = fmt.Sprintf("replica set IDs do not match, ours: %s; remote node's: %s", n.cfg.id.Hex(), other.cfg.id.Hex())
		}
		v.setDown(r.now, text)
		return
	}
	if other.self() != nil && other.cfg.member(n.host) != nil {
		if !other.quirks.frozenViews {
			other.view(n.me()).lastReceived = r.now
		}
		if n.term > other.term {
			r.adoptTerm(other, n.term)
		}
		news := n.cfg.newerThan(other.cfg) && !other.quirks.deafToConfig || n.state == statePrimary && !samePort(other.primary, n.host)
		if news && !other.lastRound.Equal(r.now) {
			other.heartbeatDue = r.now // it wants to know more, at once
		}
	}
	if other.term > n.term {
		r.adoptTerm(n, other.term)
	}
	if other.cfg.newerThan(n.cfg) && !n.quirks.deafToConfig {
		r.install(n, other.cfg)
		if n.self() == nil || n.cfg.member(other.host) == nil {
			return
		}
	}
	if !v.up() {
		v.upSince = r.now
	}
	v.health, v.state, v.message = 1, other.state, ""
	v.lastHeartbeat, v.lastAlive = r.now, r.now
	v.applied, v.durable = other.reported(), other.reported()
	if v.known.before(other.log.position()) || other.state == stateSecondary || other.state == statePrimary {
		v.known, v.knownWall = v.applied, other.appliedWall()
	}
	v.source, v.term, v.electionTime = other.source, other.term, other.electionTime
	v.cfgVersion, v.cfgTerm = other.cfg.version, other.cfg.term
	v.frozen = other.stepDownUntil.After(r.now)
	if other.state == statePrimary && other.term == n.term && n.state != statePrimary {
		n.electionDue = r.timeout(n)
		r.considerTakeover(n, m)
	}
}

// reported is the position a node tells the others.
func (n *node) reported() opTime {
	if n.quirks.nullOptimes || n.arbiter() {
		return noOpTime
	}
	return n.log.position()
}

func (n *node) appliedWall() time.Time {
	if e := n.log.last(); e != nil && !n.quirks.nullOptimes {
		return e.wall
	}
	return time.Time{}
}

// adoptTerm notes a newer term; a primary of an older one steps down.
func (r *replica) adoptTerm(n *node, term int64) {
	n.term = term
	if n.state == statePrimary && !n.quirks.stubborn {
		r.stepDown(n)
	}
}

// updatePrimary works out whom a node takes for the primary: the one of the
// newest term that says so and is up.
func (r *replica) updatePrimary(n *node) {
	if n.state == statePrimary {
		r.setPrimary(n, n.me())
		return
	}
	found, term := "", int64(-1)
	for _, m := range n.others() {
		if v := n.view(m.host); v.up() && v.state == statePrimary && v.term > term {
			found, term = m.host, v.term
		}
	}
	if n.self() == nil {
		found = ""
	}
	if found == "" {
		n.takeoverDue = time.Time{}
	}
	r.setPrimary(n, found)
}

// checkMajority lets a primary step down that has heard nothing from a majority
// for an election timeout.
func (r *replica) checkMajority(n *node) {
	if n.state != statePrimary || n.quirks.stubborn || n.self() == nil {
		return
	}
	votes := n.self().votes
	for _, m := range n.others() {
		if v := n.view(m.host); r.now.Sub(v.lastAlive) < n.cfg.electionTimeout {
			votes += m.votes
		} else if v.up() {
			v.setDown(r.now, "no response within election timeout period")
		}
	}
	if votes < n.cfg.majority() {
		r.stepDown(n)
	}
}

func unreachable(n *node, host string) string {
	switch {
	case n == nil || n.process == stopped:
		return fmt.Sprintf("Error connecting to %s :: caused by :: Connection refused", host)
	case n.process == hung:
		return "Couldn't get a connection within the time limit"
	}
	return fmt.Sprintf("Error connecting to %s :: caused by :: Connection timed out", host)
}
