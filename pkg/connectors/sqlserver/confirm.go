package sqlserver

import (
	"context"
	"sync"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// confirmWaits is how long a change of roles is given to end before it is judged:
// while it lasts both sides may be RESOLVING, and instances that were read a moment
// apart may both seem to be primary, or none.
var confirmWaits = [...]time.Duration{100 * time.Millisecond, 400 * time.Millisecond}

// confirm reads the roles again where they do not fit together. A settled group
// needs none of it.
func (c *Connector) confirm(ctx context.Context, sessions []*session) {
	if c.form() == formShipping {
		return
	}
	for _, wait := range confirmWaits {
		if settled(c, sessions) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		var wg sync.WaitGroup
		for _, s := range sessions {
			if s.conn != nil && s.node.facts.supported() {
				wg.Go(func() { c.readAgain(ctx, s) })
			}
		}
		wg.Wait()
	}
}

// settled reports whether exactly one instance is primary and none is between
// roles. Where none is primary and one is not seen, that one explains it, and
// looking again at the others would only cost time.
func settled(c *Connector, sessions []*session) bool {
	g, problem := findGroup(c.spec, nodesOf(sessions))
	if problem != nil {
		return true
	}
	primaries, others, unseen := 0, 0, 0
	for _, s := range sessions {
		switch g.role(g.place(s.node)) {
		case primaryRole:
			primaries++
		case resolvingRole:
			return false
		case secondaryRole, forwarderRole:
			others++
		default:
			unseen++
		}
	}
	return primaries == 1 || primaries == 0 && (unseen > 0 || others == 0)
}

// readAgain replaces all that was read: half of an earlier answer beside half of a
// later one would be a state that never was.
func (c *Connector) readAgain(ctx context.Context, s *session) {
	again := &node{Node: s.node.Node, took: s.node.took, facts: s.node.facts, failed: map[readiness.ID]readiness.Finding{}}
	s.node = again
	s.readAll(ctx, c.readings(again)...)
}
