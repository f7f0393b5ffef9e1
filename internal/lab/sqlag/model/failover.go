package model

import (
	"strconv"
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// GroupNamed finds a group as an instance knows it.
func (w *World) GroupNamed(as *Instance, name string) (*Group, error) {
	for _, g := range w.GroupsOf(as) {
		if strings.EqualFold(g.Name, name) {
			return g, nil
		}
	}
	return nil, sqlerr.New(15151, "Cannot alter the availability group '%s', because it does not exist or you do not have permission.", name)
}

// Failover is ALTER AVAILABILITY GROUP ... FAILOVER on the target. It loses nothing
// or is refused.
func (g *Group) Failover(as *Instance) error {
	g.World.Advance()
	r := g.Local(as)
	switch {
	case g.Distributed:
		return sqlerr.New(47105, "The Always On Availability Groups operation failed because the distributed availability group '%s' supports only FORCE_FAILOVER_ALLOW_DATA_LOSS.", g.Name)
	case g.Type == None:
		return sqlerr.New(47122, "Cannot failover an availability replica for availability group '%s' since it has CLUSTER_TYPE = NONE. Only force failover is supported in this version of SQL Server.", g.Name)
	case g.Type == External:
		return sqlerr.New(47104, "This operation cannot be performed on the availability group '%s' because it has EXTERNAL cluster type. Use the cluster management tools to perform the operation.", g.Name)
	case r.Role == Primary:
		return sqlerr.New(41122, "Cannot failover availability group '%s' to this instance of SQL Server.  The local availability replica is already the primary replica of the availability group.", g.Name)
	case r.Role == Resolving:
		return notNow(g, "FAILOVER", r)
	}
	if !r.Sync || !g.synchronized(r) {
		return notReady(g)
	}
	g.promote(r, false)
	return nil
}

func notReady(g *Group) error {
	return sqlerr.New(41142, "The availability replica for availability group '%s' on this instance of SQL Server cannot become the primary replica. One or more databases are not synchronized or have not joined the availability group.", g.Name)
}

func notNow(g *Group, verb string, r *Replica) error {
	return sqlerr.New(41121, "The local availability replica of availability group '%s' cannot accept signal '%s' in its current replica role, '%s', and state.", g.Name, verb, r.Role)
}

func notPrimary(g *Group) error {
	return sqlerr.New(41140, "Availability group '%s' cannot process the ALTER AVAILABILITY GROUP command, because the local availability replica is not the primary replica.", g.Name)
}

// synchronized says whether a failover to a replica loses nothing, right now.
func (g *Group) synchronized(r *Replica) bool {
	for _, d := range g.Databases {
		if g.StateOf(r, d.Name) != Synchronized {
			return false
		}
	}
	return len(g.Databases) > 0
}

// Force is FORCE_FAILOVER_ALLOW_DATA_LOSS on the target. Where nothing would be lost
// and the cluster is whole, the engine fails over as planned.
func (g *Group) Force(as *Instance) error {
	g.World.Advance()
	r := g.Local(as)
	if r.Role == Primary {
		return sqlerr.New(41122, "Cannot failover availability group '%s' to this instance of SQL Server.  The local availability replica is already the primary replica of the availability group.", g.Name)
	}
	if g.Type == WSFC && !g.Distributed {
		if !as.Quorum() {
			return sqlerr.New(41131, "Failed to bring availability group '%s' online. The operation timed out: the local node has no quorum.", g.Name)
		}
		if r.Sync && g.synchronized(r) && !as.Cluster.Forced {
			g.promote(r, false)
			return nil
		}
	}
	for _, d := range g.Databases {
		if c := r.Copy(d.Name); c != nil && c.Phase != NotSynchronizing {
			c.Status = "RECOVERY_PENDING" // what the documentation warns of
			c.Phase = NotSynchronizing
		}
	}
	g.promote(r, true)
	return nil
}

// promote makes a replica primary. Forced, its log goes on along another fork, and
// those it can reach are suspended; those it cannot still think what they thought.
func (g *Group) promote(r *Replica, forced bool) {
	w := g.World
	to := r.Acting()
	for _, other := range g.Replicas {
		if other == r || other.Role != Primary {
			continue
		}
		if g.Type == WSFC && !g.Distributed && !(other.Instance.Up && !other.Instance.Quorum()) || w.Connected(to, other.Acting()) && !g.Distributed {
			other.Role = Secondary
		}
	}
	// On a cluster a former primary that is down comes back as a secondary.
	r.Role = Primary
	g.Sequence++
	for _, d := range g.Databases {
		c := r.Copy(d.Name)
		if c == nil {
			continue
		}
		c.Suspended, c.Reason = false, ""
		c.Redone = c.End
		c.Recovery = c.End
		rate := int64(0)
		for _, other := range g.Replicas {
			if o := other.Copy(d.Name); o != nil && o != c {
				rate = max(rate, o.Rate)
			}
		}
		c.Rate = max(c.Rate, rate)
		if !forced {
			continue
		}
		before := c.Fork
		c.Fork, c.ForkPoint = w.fresh(), c.End
		if g.Distributed {
			w.follow(c, before)
		}
		for _, other := range g.Replicas {
			if o := other.Copy(d.Name); o != nil && o != c && other.Role == Secondary && !g.Distributed {
				o.suspend("SUSPEND_FROM_PARTNER")
			}
		}
	}
	w.settle()
	w.Advance()
}

// follow lets copies go along with a new fork that have nothing to undo and are not
// primary of anything by themselves: those of the new primary's own group, and of the
// other one when it gave up its role before.
func (w *World) follow(c *Copy, before sqltype.GUID) {
	for _, i := range w.Instances {
		o := i.Database(c.DB.Name)
		if o == nil || o == c || o.Fork != before || o.End > c.End || o.Writer() {
			continue
		}
		if _, above := w.Above(o.Group); above != nil && above.Role == Primary && o.Group != c.Group {
			continue // it still takes itself for the global primary
		}
		o.Fork, o.ForkPoint = c.Fork, c.ForkPoint
	}
}

func (c *Copy) suspend(reason string) {
	if !c.Suspended {
		c.Suspended, c.Reason, c.Since = true, reason, c.Instance.World.Now()
	}
}

// BecomeSecondary is SET (ROLE = SECONDARY) on the primary of a distributed or
// clusterless group.
func (g *Group) BecomeSecondary(as *Instance) error {
	g.World.Advance()
	r := g.Local(as)
	switch {
	case !g.Distributed && g.Type != None:
		return sqlerr.New(47106, "Cannot set the role of availability group '%s' to SECONDARY: the option is valid only for distributed availability groups and for CLUSTER_TYPE = NONE or EXTERNAL.", g.Name)
	case r.Role != Primary:
		return notPrimary(g)
	}
	r.Role = Secondary
	g.Sequence++
	g.World.settle()
	return nil
}

// SetRequired is SET (REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = n).
func (g *Group) SetRequired(as *Instance, n int) error {
	if r := g.Local(as); r.Role != Primary && !g.Distributed {
		return notPrimary(g)
	}
	if as.Version < 14 {
		return sqlerr.Syntax("REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT")
	}
	if n < 0 || n >= len(g.Replicas) {
		return sqlerr.New(47110, "The REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT value %d is out of range for availability group '%s'.", n, g.Name)
	}
	if g.Distributed {
		g.Local(as).Required = n
	} else {
		g.RSSC = n
	}
	g.Sequence++
	return nil
}

// Required is what an instance shows of it.
func (g *Group) Required(as *Instance) int {
	if g.Distributed {
		return g.Local(as).Required
	}
	return g.RSSC
}

// Modification is what MODIFY REPLICA ON changes of one replica.
type Modification struct {
	Replica string
	Options map[string]string
}

// Modify is MODIFY REPLICA ON, and MODIFY AVAILABILITY GROUP ON for a distributed
// group, which either side may be told. All of it is done or, where something is
// refused, nothing.
func (g *Group) Modify(as *Instance, list []Modification) error {
	g.World.Advance()
	if l := g.Local(as); l.Role != Primary && !g.Distributed {
		return notPrimary(g)
	}
	changed := make([]Replica, len(list))
	for i, m := range list {
		r := g.Replica(m.Replica)
		if r == nil {
			return sqlerr.New(41129, "Availability replica '%s' cannot be found in availability group '%s'.", m.Replica, g.Name)
		}
		changed[i] = r.with(m.Options)
		if changed[i].Automatic && !changed[i].Sync {
			return sqlerr.New(35205, "The ASYNCHRONOUS_COMMIT availability mode and failover mode AUTOMATIC cannot be had together by replica '%s'.", m.Replica)
		}
	}
	for i, m := range list {
		*g.Replica(m.Replica) = changed[i]
	}
	g.Sequence++
	g.World.Advance()
	return nil
}

// with is a replica as it would be with other options.
func (r *Replica) with(options map[string]string) Replica {
	changed := *r
	for option, v := range options {
		switch option {
		case "AVAILABILITY_MODE":
			changed.Sync = v == "SYNCHRONOUS_COMMIT"
		case "FAILOVER_MODE":
			changed.Automatic = v == "AUTOMATIC"
		case "SEEDING_MODE":
			changed.Seeding = v == "AUTOMATIC"
		case "SESSION_TIMEOUT":
			if n, err := strconv.Atoi(v); err == nil {
				changed.Timeout = n
			}
		case "SECONDARY_ROLE.ALLOW_CONNECTIONS":
			changed.Readable = v
		}
	}
	return changed
}

// Suspend is ALTER DATABASE ... SET HADR SUSPEND: on a secondary for itself, on the
// primary for all.
func (c *Copy) Suspend() error { return c.each(func(o *Copy) { o.suspend("SUSPEND_FROM_USER") }) }

// Resume ends a suspension. What the new primary does not have is thrown away.
func (c *Copy) Resume() error {
	return c.each(func(o *Copy) {
		o.Suspended, o.Reason = false, ""
		if up := o.upstream(); up != nil && up.Fork != o.Fork {
			if o.End > up.ForkPoint { // undo what the other fork does not have
				o.End, o.Redone = up.ForkPoint, up.ForkPoint
			}
			o.Fork, o.ForkPoint = up.Fork, up.ForkPoint
		}
	})
}

func (c *Copy) each(f func(*Copy)) error {
	if c.Group == nil {
		return sqlerr.New(41145, "Cannot alter database '%s': it is not joined to an availability group.", c.DB.Name)
	}
	w := c.Instance.World
	w.Advance()
	r := c.Group.ReplicaOn(c.Instance)
	if r.Role != Primary {
		f(c)
	} else {
		for _, other := range c.Group.Replicas {
			if o := other.Instance.Database(c.DB.Name); o != nil && other.Role == Secondary && w.Connected(c.Instance, other.Instance) {
				f(o)
			}
		}
	}
	if _, above := w.Above(c.Group); above != nil && above.Role == Secondary && r.Role == Primary {
		f(c) // the forwarder's own link to the other side
	}
	w.Advance()
	return nil
}
