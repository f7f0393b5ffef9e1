package model

import "time"

// StateOf is how far a replica's copy of a database is synchronized.
func (g *Group) StateOf(r *Replica, database string) State {
	c := r.Copy(database)
	if c == nil {
		return NotSynchronizing
	}
	if r.Role == Primary {
		if c.Status == "ONLINE" && c.Instance.Up {
			return Synchronized // in place of SYNCHRONIZING
		}
		return NotSynchronizing
	}
	up := g.Upstream(r)
	switch {
	case !c.Joined:
		return NotSynchronizing
	case c.Phase != NotSynchronizing:
		return c.Phase
	case up == nil || c.Suspended || c.Status != "ONLINE" && c.Status != "RESTORING":
		return NotSynchronizing
	}
	from := up.Copy(database)
	if from == nil || from.Status != "ONLINE" || from.Fork != c.Fork {
		return NotSynchronizing
	}
	if r.Sync && up.Sync && c.End >= from.End {
		return Synchronized
	}
	return Synchronizing
}

// Synchronized counts the secondaries that have all of a database's log, as the
// primary sees it.
func (g *Group) Synchronized(database string) int {
	n := 0
	for _, r := range g.Replicas {
		if r.Role == Secondary && g.StateOf(r, database) == Synchronized {
			n++
		}
	}
	return n
}

// HealthOf is the server's judgement of one database on one replica.
func (g *Group) HealthOf(r *Replica, database string) Health {
	switch s := g.StateOf(r, database); {
	case s == NotSynchronizing || s == Reverting || s == Initializing:
		return NotHealthy
	case s == Synchronizing && r.Sync:
		return PartiallyHealthy
	}
	return Healthy
}

// ReplicaHealth is the worst of a replica's databases.
func (g *Group) ReplicaHealth(r *Replica) Health {
	worst := Healthy
	for _, d := range g.Databases {
		worst = min(worst, g.HealthOf(r, d.Name))
	}
	return worst
}

// Health is a summary over replicas.
func (g *Group) Health() Health {
	healthy := 0
	for _, r := range g.Replicas {
		if g.ReplicaHealth(r) == Healthy {
			healthy++
		}
	}
	switch healthy {
	case 0:
		return NotHealthy
	case len(g.Replicas):
		return Healthy
	}
	return PartiallyHealthy
}

// ConnectedTo says whether a replica is connected, from the point of view of another
// that asks: the primary asks about all, a secondary about itself.
func (g *Group) ConnectedTo(r *Replica, as *Instance) bool {
	if l := g.Local(as); l == r {
		return r.Role == Primary || g.Upstream(r) != nil
	}
	return g.World.Connected(as, r.Acting())
}

// Operational is the operational state of a local replica.
func (g *Group) Operational(r *Replica) string {
	switch {
	case r.Role == Resolving && g.Type == WSFC && r.Instance != nil && !r.Instance.Quorum():
		return "FAILED_NO_QUORUM"
	case r.Role == Resolving:
		return "OFFLINE"
	}
	return "ONLINE"
}

// Online says whether all joined databases of a replica are online.
func (r *Replica) Online() bool {
	for _, d := range r.Group.Databases {
		if c := r.Copy(d.Name); c != nil && c.Joined && c.Status != "ONLINE" {
			return false
		}
	}
	return true
}

// Queue is how much log one copy has that another lacks.
func Queue(from, to *Copy) int64 { return max(0, from.End-to.End) }

// LagSeconds is secondary_lag_seconds of a copy that flows: the time between what
// the primary committed last and what was redone here.
func LagSeconds(from, to *Copy) int64 {
	if to.Redone >= from.End {
		return 0
	}
	at, ok := from.CommitTime(to.Redone)
	if !ok {
		return 0
	}
	last, ok := from.CommitTime(from.End)
	if !ok {
		return 0
	}
	return int64(max(0, last.Sub(at)) / time.Second)
}
