package model

// settle gives roles after something stopped, came back or was cut off.
func (g *Group) settle() {
	if g.Type != WSFC {
		return // nobody arbitrates: a replica stays what it takes itself for
	}
	for _, r := range g.Replicas {
		if !r.Instance.Up {
			continue
		}
		if !r.Instance.Quorum() {
			if r.Role != Resolving {
				r.Role = Resolving
			}
		}
	}
	primary := g.actingPrimary()
	if primary == nil {
		primary = g.elect()
	}
	if primary == nil {
		for _, r := range g.Replicas {
			if r.Instance.Up {
				r.Role = Resolving
			}
		}
		return
	}
	for _, r := range g.Replicas {
		if r.Role == Resolving && r.Instance.Up && r.Instance.Quorum() {
			r.Role = Secondary
		}
	}
}

// elect brings the group online where it was, or fails over where that is
// automatic and loses nothing.
func (g *Group) elect() *Replica {
	for i, r := range g.Replicas { // the first is the owner the cluster prefers
		down := r.Role == Primary && !r.Instance.Up
		if down || !r.Instance.Up || !r.Instance.Quorum() {
			continue
		}
		if i == g.preferred() || r.Automatic && r.Sync && g.readyAll(r) {
			for _, other := range g.Replicas {
				if other != r {
					other.Role = Secondary
				}
			}
			r.Role = Primary
			g.Sequence++
			return r
		}
	}
	return nil
}

// preferred is the replica that was primary last: the one with all of the log.
func (g *Group) preferred() int {
	best, at := int64(-1), 0
	for i, r := range g.Replicas {
		sum := int64(0)
		for _, d := range g.Databases {
			if c := r.Instance.Database(d.Name); c != nil {
				sum += c.End
				if c.Source == nil {
					sum++ // wrote it itself
				}
			}
		}
		if sum > best {
			best, at = sum, i
		}
	}
	return at
}

func (g *Group) readyAll(r *Replica) bool {
	for _, d := range g.Databases {
		if !g.ready[readyKey{r, d.Name}] {
			return false
		}
	}
	return true
}

// Ready is is_failover_ready as the cluster has it.
func (g *Group) Ready(r *Replica, database string) bool { return g.ready[readyKey{r, database}] }

// SetReady overwrites what the cluster has, until a primary tells it anew.
func (g *Group) SetReady(r *Replica, database string, ready bool) {
	g.ready[readyKey{r, database}] = ready
}
