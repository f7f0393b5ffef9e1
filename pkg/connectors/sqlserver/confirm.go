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
				wg.Go(func() { s.readRolesAgain(ctx) })
			}
		}
		wg.Wait()
	}
}

// settled reports whether exactly one instance is primary and none is between
// roles. Without any instance there is nothing to wait for.
func settled(c *Connector, sessions []*session) bool {
	g, problem := findGroup(c.spec, nodesOf(sessions))
	if problem != nil {
		return true
	}
	primaries, others := 0, 0
	for _, s := range sessions {
		switch g.role(g.place(s.node)) {
		case primaryRole:
			primaries++
		case resolvingRole:
			return false
		case secondaryRole, forwarderRole:
			others++
		}
	}
	return primaries == 1 || primaries+others == 0
}

// readRolesAgain replaces what was read: half of an earlier answer beside half of a
// later one would be a state that never was.
func (s *session) readRolesAgain(ctx context.Context) {
	n := s.node
	var again node
	again.failed = map[readiness.ID]readiness.Finding{}
	renew := &session{node: &again, conn: s.conn, cred: s.cred}
	renew.readAll(ctx,
		list(roleID, replicasSQL(int(n.facts.Major)), &again.replicas, replicaOf),
		list(stateID, databasesSQL, &again.databases, databaseOf),
		again.clusterReading(),
	)
	n.replicas, n.databases, n.cluster = again.replicas, again.databases, again.cluster
	for _, id := range []readiness.ID{roleID, stateID, quorumID} {
		delete(n.failed, id)
		if f, failed := again.failed[id]; failed {
			n.failed[id] = f
		}
	}
}
