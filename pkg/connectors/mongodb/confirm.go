package mongodb

import (
	"context"
	"sync"
	"time"
)

// waits bounds how long members are given to show that they reach the position
// the primary had when it was first read.
var waits = [...]time.Duration{20 * time.Millisecond, 60 * time.Millisecond, 150 * time.Millisecond, 300 * time.Millisecond}

// confirm reads the status of each primary again when somebody seemed behind it.
// An idle set writes one entry every ten seconds: read right after it, every
// member seems ten seconds behind. How soon they have that entry bounds the lag
// without trusting any clock but ours.
func (c *Connector) confirm(ctx context.Context, sessions []*session) {
	var wg sync.WaitGroup
	for _, s := range sessions {
		if s.server != nil && s.node.writes() && s.node.status != nil {
			wg.Go(func() { c.watchCatchUp(ctx, s) })
		}
	}
	wg.Wait()
}

func (c *Connector) watchCatchUp(ctx context.Context, s *session) {
	n := s.node
	goal := n.status.Applied
	for _, wait := range waits {
		if goal == nil || caughtUp(n, goal) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		start := c.now()
		answer, err := statusCommand().run(ctx, s.server)
		if err != nil {
			return // the first reading stands
		}
		again := decodeStatus(answer)
		again.At = middle(start, c.now())
		n.later, n.CollectedAt = again, c.now()
	}
}

// caughtUp reports whether all that can be expected to have reached a position
// have.
func caughtUp(n *node, goal *position) bool {
	s := n.newest()
	if !s.Committed.reaches(goal) {
		return false
	}
	for i := range s.Members {
		m := &s.Members[i]
		if m.Self || m.State == nil || *m.State != stateSecondary {
			continue
		}
		if seat := n.config.seat(m.Name); seat != nil && seat.Delay > 0 {
			continue
		}
		if !m.Applied.reaches(goal) || m.Durable != nil && !m.Durable.reaches(goal) {
			return false
		}
	}
	return true
}
