package mongoset

import "time"

// stepDown makes a primary a secondary.
func (r *replica) stepDown(n *node) {
	n.candidate, n.firstOfTerm, n.noopDue = nil, opTime{}, time.Time{}
	n.source = ""
	r.setState(n, stateSecondary)
	n.electionDue = r.timeout(n)
	r.updatePrimary(n)
}

// considerTakeover plans to replace a primary of lower priority.
func (r *replica) considerTakeover(n *node, primary memberConfig) {
	m := n.self()
	if m == nil || !m.electable() || m.priority <= primary.priority || n.state != stateSecondary {
		n.takeoverDue = time.Time{}
		return
	}
	if n.takeoverDue.IsZero() {
		n.takeoverDue = r.now.Add(time.Duration(n.cfg.rank(m.priority)+1) * n.cfg.electionTimeout)
	}
}

// safeToStepDown tells whether a majority has everything the primary has, and
// somebody electable among them; true also when it has written nothing in its
// term.
func (r *replica) safeToStepDown(n *node) bool {
	last := n.log.position()
	if last.term != n.term {
		return true
	}
	reached := 0
	for _, m := range n.cfg.members {
		if m.votes > 0 && !m.arbiter && (samePort(m.host, n.host) || n.view(m.host).known.compare(last) == 0) {
			reached++
		}
	}
	return reached >= n.cfg.writeMajority() && r.successor(n) != nil
}

// successor is the node a primary hands over to: caught up, electable now, of
// the highest priority.
func (r *replica) successor(n *node) *node {
	var best *node
	for _, m := range n.others() {
		v, other := n.view(m.host), r.at(m.host)
		if !m.electable() || !v.up() || v.state != stateSecondary || v.frozen || v.known.before(n.log.position()) {
			continue
		}
		if best == nil || m.priority > best.self().priority {
			best = other
		}
	}
	return best
}

// tryStepDown steps down if that is safe or forced, and hands over. It reports
// whether it did.
func (r *replica) tryStepDown(n *node, until time.Time, force bool) bool {
	r.replicate()
	if !force && !r.safeToStepDown(n) {
		return false
	}
	next := r.successor(n)
	n.stepDownUntil = until
	n.elections.stepDownsByCmd++
	r.stepDown(n)
	if next != nil && r.reaches(n, next) {
		r.elect(next, stepUpRequest)
	}
	return true
}

// freeze is replSetFreeze. Nothing shows in a member's status afterwards.
func (r *replica) freeze(n *node, d time.Duration) *failure {
	if n.state == statePrimary {
		return fail(codeNotSecondary, "Cannot freeze node when primary or running for election, state: Primary")
	}
	if d == 0 {
		n.stepDownUntil = r.now
		return nil
	}
	if until := r.now.Add(d); until.After(n.stepDownUntil) {
		n.stepDownUntil = until
	}
	return nil
}
