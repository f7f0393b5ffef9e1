package mongoset

import "time"

// longIdle is the time after which nothing new happens in a set that is left
// alone: whatever was under way has ended.
const longIdle = 3 * time.Minute

// advance brings the model to a time: everything happens that was due until
// then. A time before the model's own is ignored.
func (r *replica) advance(now time.Time) {
	if now.Sub(r.now) > 2*longIdle {
		r.run(r.now.Add(longIdle))
		r.skip(now.Add(-longIdle).Sub(r.now).Truncate(noopInterval))
	}
	r.run(now)
}

func (r *replica) run(until time.Time) {
	for {
		n, at := r.next()
		if n == nil || at.After(until) {
			break
		}
		if at.After(r.now) {
			r.now = at
		}
		r.happen(n)
	}
	if until.After(r.now) {
		r.now = until
		r.replicate()
	}
}

// next is the node something happens to next, and when.
func (r *replica) next() (*node, time.Time) {
	var first *node
	var when time.Time
	for _, n := range r.nodes {
		if n.process != running || n.cfg == nil {
			continue
		}
		for _, due := range []time.Time{n.heartbeatDue, n.electionDue, n.takeoverDue, n.noopDue, n.rollbackUntil} {
			if !due.IsZero() && (first == nil || due.Before(when)) {
				first, when = n, due
			}
		}
	}
	return first, when
}

// happen does what is due on a node.
func (r *replica) happen(n *node) {
	due := func(t *time.Time) bool {
		if t.IsZero() || t.After(r.now) {
			return false
		}
		*t = time.Time{}
		return true
	}
	if due(&n.heartbeatDue) {
		n.heartbeatDue = r.now.Add(n.cfg.heartbeatInterval)
		r.heartbeats(n)
		r.replicate()
	}
	if due(&n.rollbackUntil) {
		r.endRollback(n)
	}
	if due(&n.electionDue) && n.state != statePrimary && n.self() != nil {
		n.electionDue = r.timeout(n)
		if n.primary == "" || r.now.Sub(n.view(n.primary).lastAlive) >= n.cfg.electionTimeout {
			r.elect(n, electionTimeout)
		}
	}
	if due(&n.takeoverDue) {
		r.elect(n, priorityTakeover)
	}
	if due(&n.noopDue) && n.state == statePrimary {
		r.noop(n)
	}
}

func (r *replica) noop(n *node) {
	n.noopDue = r.now.Add(noopInterval)
	if last := n.log.last(); last == nil || n.clock(r.now).Sub(last.wall) >= noopInterval/2 {
		r.write(n, &entry{op: "n", o: message("periodic noop")})
	}
}

// keptSkipped is for how much of a skipped time the no-ops are there.
const keptSkipped = 4 * time.Hour

// skip moves a set that is at rest through a stretch of time at once: as if all
// heartbeats of it had been sent, without sending them. Of the no-ops only those
// that somebody could still be behind are written.
func (r *replica) skip(d time.Duration) {
	if d <= 0 {
		return
	}
	end := r.now.Add(d)
	for _, n := range r.nodes {
		if n.process != running {
			continue
		}
		for _, t := range []*time.Time{&n.heartbeatDue, &n.electionDue, &n.takeoverDue, &n.noopDue, &n.rollbackUntil} {
			if !t.IsZero() {
				*t = t.Add(d)
			}
		}
		if n.quirks.frozenViews {
			continue
		}
		for host, v := range n.views {
			v.lastHeartbeat = v.lastHeartbeat.Add(d)
			if r.reaches(n, r.at(host)) {
				v.lastAlive = v.lastAlive.Add(d)
			}
			if r.reaches(r.at(host), n) {
				v.lastReceived = v.lastReceived.Add(d)
			}
		}
	}
	for _, p := range r.primaries() {
		r.skipNoops(p, end.Add(-min(d, keptSkipped)), end)
	}
	r.now = end
}

// skipNoops writes the no-ops of a stretch of time. Members that had everything
// before have everything after, however short their oplogs are; a delayed one has
// what is old enough.
func (r *replica) skipNoops(p *node, from, to time.Time) {
	last, committed := p.log.position(), !p.committed.before(p.log.position())
	var followers []*node
	for _, n := range r.nodes {
		m := n.self()
		if n == p || n.process != running || m == nil || n.quirks.paused || n.source == "" || !n.tracks(last) {
			continue
		}
		followers = append(followers, n)
	}
	for at := from; at.Before(to); at = at.Add(noopInterval) {
		r.now = at
		e := p.next(&entry{op: "n", o: message("periodic noop")}, at)
		r.apply(p, e)
		for _, n := range followers {
			if delay := n.self().delay; to.Sub(e.wall) >= delay {
				r.apply(n, e)
				if committed {
					n.committed = e.at
				}
			}
		}
		if committed {
			p.committed = e.at
		}
	}
}

// tracks tells whether a member is where it should be beside a primary's
// position: there, or behind by its delay.
func (n *node) tracks(last opTime) bool {
	return n.log.position() == last || n.self().delay > 0 && n.log.last() != nil
}

// resting tells whether nothing is under way that a client would notice: a
// client that waits for news need not look again before somebody intervenes.
func (r *replica) resting() bool {
	for _, n := range r.nodes {
		if n.process != running || n.self() == nil {
			continue
		}
		if n.primary == "" || !n.takeoverDue.IsZero() || !n.rollbackUntil.IsZero() {
			return false
		}
		for _, m := range n.others() {
			if n.view(m.host).up() != r.reaches(n, r.at(m.host)) {
				return false
			}
		}
	}
	return true
}

// settle lets everything happen at once that the situation leads to: timeouts
// expire now, elections are held now, rollbacks end now. It is for faults, whose
// consequences must be there when they have been put in.
func (r *replica) settle() {
	for range 2 * len(r.nodes) {
		before := r.counters()
		for _, n := range r.nodes {
			if n.process == running && n.cfg != nil && !n.quirks.frozenViews {
				r.expire(n)
			}
		}
		r.talk()
		for _, n := range r.nodes {
			if !n.rollbackUntil.IsZero() && !n.quirks.held {
				r.endRollback(n)
			}
		}
		r.electNow()
		r.replicate()
		if r.counters() == before {
			break
		}
	}
	r.talk() // so that everybody knows how it ended
}

// talk lets everybody ask everybody.
func (r *replica) talk() {
	for _, n := range r.nodes {
		if n.process == running && n.cfg != nil {
			r.heartbeats(n)
		}
	}
	r.replicate()
}

// expire lets a node give up what it cannot reach.
func (r *replica) expire(n *node) {
	for _, m := range n.others() {
		v, other := n.view(m.host), r.at(m.host)
		long := r.now.Add(-n.cfg.electionTimeout - n.cfg.heartbeatTimeout)
		if !r.reaches(n, other) {
			if v.up() {
				v.setDown(r.now, unreachable(other, m.host))
			}
			if v.lastAlive.After(long) {
				v.lastAlive = long
			}
		}
		if !r.reaches(other, n) && v.lastReceived.After(long) {
			v.lastReceived = long
		}
	}
	r.updatePrimary(n)
}

// electNow holds the elections that are due, the member of the highest priority
// first.
func (r *replica) electNow() {
	for rank := range len(r.nodes) {
		for _, n := range r.nodes {
			if n.process != running || n.self() == nil || n.state != stateSecondary || n.cfg.rank(n.self().priority) != rank {
				continue
			}
			switch {
			case n.primary == "":
				r.elect(n, electionTimeout)
			case !n.takeoverDue.IsZero():
				n.takeoverDue = time.Time{}
				r.elect(n, priorityTakeover)
			}
		}
	}
}

func (r *replica) counters() (sum int64) {
	for _, n := range r.nodes {
		sum += n.counter
	}
	return sum
}
