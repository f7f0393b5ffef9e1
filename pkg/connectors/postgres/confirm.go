package postgres

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// confirm asks the second questions: those whose answers matter only after all
// nodes have been read once. An idle healthy pair needs none of them.
func (c *Connector) confirm(ctx context.Context, sessions []*session) {
	var primaries []*session
	for _, s := range sessions {
		if s.node.isPrimary() && s.node.position != nil {
			primaries = append(primaries, s)
		}
	}
	var wg sync.WaitGroup
	for _, s := range sessions {
		wg.Go(func() { lookUp(ctx, s.node) })
		wg.Go(func() { c.watchReplay(ctx, s) })
	}
	for _, p := range primaries {
		wg.Go(func() {
			c.watchCatchUp(ctx, p, sessions)
			c.readReignAgain(ctx, p, sessions)
		})
	}
	wg.Wait()
	c.askLineage(ctx, sessions, primaries)
}

// lookUp finds the addresses behind names, so that what a standby calls its
// upstream can be recognised as an endpoint, above all one that does not answer.
func lookUp(ctx context.Context, n *node) {
	if addr, err := endpoint.Parse(n.Address, defaultPort); err == nil && n.unreached != nil {
		n.resolved = resolve(ctx, addr.Host)
	}
	if n.replay != nil && n.replay.Receiver != nil && n.replay.Receiver.Host != nil {
		n.replay.Receiver.resolved = resolve(ctx, *n.replay.Receiver.Host)
	}
}

// catchUpWaits bounds how long a busy pair is given to show that the standby
// confirms the position the primary had when the probe began.
var catchUpWaits = [...]time.Duration{20 * time.Millisecond, 60 * time.Millisecond, 150 * time.Millisecond, 300 * time.Millisecond}

// watchCatchUp reads the primary again when a standby seemed behind it, or ahead
// of it. Behind: how soon does it confirm that position? That bounds the
// exposure in time without trusting any clock but ours. Ahead: the standby was
// read later, so only a later position of the primary can tell divergence from a
// busy primary.
func (c *Connector) watchCatchUp(ctx context.Context, p *session, sessions []*session) {
	n := p.node
	goal := n.position.Flush
	behind := func() bool {
		for i := range n.senders {
			s := &n.senders[i]
			if s.PID == nil {
				continue
			}
			if s.Flush != nil && s.Flush.minus(goal) >= 0 {
				if _, known := n.caughtUp[*s.PID]; !known {
					n.caughtUp[*s.PID] = c.now()
				}
			} else if s.sending() {
				return true
			}
		}
		return false
	}
	n.caughtUp = map[int]time.Time{}
	lagging := false
	for i := range n.senders {
		s := &n.senders[i]
		if s.PID == nil {
			continue
		}
		if s.Flush != nil && s.Flush.minus(goal) >= 0 {
			n.caughtUp[*s.PID] = n.position.at
		} else if s.sending() {
			lagging = true
		}
	}
	ahead := false
	for _, s := range sessions {
		if have, ok := s.node.have(); ok && have > goal {
			ahead = true
		}
	}
	if !lagging && !ahead {
		return
	}
	for i := 0; ; i++ {
		var closing *position
		var senders []sender
		readAll(ctx, p.conn, p.cred.Password, n.failed,
			into(positionID, positionSQL, &closing), intoValue(lagBytesID, sendersSQL, &senders))
		if closing == nil {
			return
		}
		closing.at = c.now()
		n.closing = closing
		if senders != nil {
			n.senders = senders
		}
		if !behind() || i >= len(catchUpWaits) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(catchUpWaits[i]):
		}
	}
}

// watchReplay looks whether a standby applies what it has received, where no
// earlier sweep tells.
func (c *Connector) watchReplay(ctx context.Context, s *session) {
	n := s.node
	have, ok := n.have()
	if !ok || have <= *n.replay.Replay || n.replay.Pause == nil || *n.replay.Pause != "not paused" || n.settings.timeout("recovery_min_apply_delay") > 0 {
		return
	}
	if c.spec.Previous != nil {
		if _, known := c.spec.Previous(n.Name, replayPosID); known {
			return
		}
	}
	for _, wait := range catchUpWaits {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		var again *replay
		readAll(ctx, s.conn, s.cred.Password, n.failed, into(transportAgeID, receiverSQL(n.facts.Version), &again))
		if again == nil || again.Replay == nil || *again.Replay > *n.replay.Replay {
			return
		}
	}
	n.motionless = true
}

// readReignAgain reads the primary's reigns once more when a standby has one it
// seemed not to have: it may have been added in between.
func (c *Connector) readReignAgain(ctx context.Context, p *session, sessions []*session) {
	if !slices.ContainsFunc(sessions, func(s *session) bool {
		_, strange := s.node.reign.strangeTo(p.node.reign)
		return strange && s.node.isStandby()
	}) {
		return
	}
	readAll(ctx, p.conn, p.cred.Password, p.node.failed, reignReading(p.node))
}

// askLineage opens replication connections where the ordinary views do not
// prove that a standby follows the primary's history, and to all primaries when
// there is more than one.
func (c *Connector) askLineage(ctx context.Context, sessions []*session, primaries []*session) {
	if len(primaries) == 0 {
		return
	}
	ask := map[int]bool{} // endpoint -> with history
	for i, s := range sessions {
		switch {
		case s.node.isPrimary() && len(primaries) > 1:
			ask[i] = true
		case s.node.isStandby() && len(primaries) == 1 && !provenBySight(primaries[0].node, s.node):
			ask[i] = true // its own history too: two timelines may have one number
		}
	}
	if len(ask) == 0 {
		return
	}
	for i, s := range sessions {
		if s.node.isPrimary() {
			ask[i] = true
		}
	}
	var wg sync.WaitGroup
	for i, withHistory := range ask {
		s := sessions[i]
		if s.conn == nil {
			continue
		}
		wg.Go(func() {
			if err := c.identifySystem(ctx, i, s, withHistory); err != nil {
				f := queryFailure(err, s.cred.Password)
				s.node.lineageFailure = &readiness.Finding{Code: readiness.LineageUnproven, Message: f.Message}
			}
		})
	}
	wg.Wait()
}

// provenBySight reports whether the ordinary views prove that x follows p: it
// streams on p's timeline and has nothing p lacks.
func provenBySight(p, x *node) bool {
	if p.position == nil || x.replay == nil || !x.replay.Receiver.streaming() {
		return false
	}
	tli := x.replay.Receiver.Timeline
	have, ok := x.have()
	return ok && tli != nil && *tli == p.position.Timeline && have <= p.newest().Flush
}
