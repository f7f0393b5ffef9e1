// Package model is the state of a few SQL Server instances and what they keep in
// common: clusters, availability groups, distributed availability groups and log
// shipping. It moves with a clock that is given, and only when it is looked at, so
// a world nobody asks costs nothing.
//
// It knows neither T-SQL nor the network. It is not safe for concurrent use.
//
// What it is a guess about is listed in package sqlag.
package model

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// World is everything there is.
type World struct {
	Now       func() time.Time
	Seed      string // makes identities differ between laboratories
	Instances []*Instance
	Groups    []*Group // local groups first, then distributed ones
	Clusters  []*Cluster
	cuts      map[[2]*Instance]bool
	made      int
}

// GUID makes an identity that depends on the world's seed and on what it is for.
func (w *World) GUID(of ...string) sqltype.GUID {
	sum := sha256.Sum256([]byte(w.Seed + "\x00" + strings.Join(of, "\x00")))
	g := sqltype.GUID(sum[:16])
	g[6] = g[6]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	return g
}

// fresh makes an identity that nothing had before.
func (w *World) fresh() sqltype.GUID {
	w.made++
	return w.GUID("fresh", fmt.Sprint(w.made))
}

// Cut breaks or mends the network between two instances. Clients still reach both.
func (w *World) Cut(a, b *Instance, broken bool) {
	w.Advance()
	if w.cuts == nil {
		w.cuts = map[[2]*Instance]bool{}
	}
	w.cuts[[2]*Instance{a, b}], w.cuts[[2]*Instance{b, a}] = broken, broken
	w.settle()
}

// Connected says whether log can flow between two instances. Time-outs count as
// passed already.
func (w *World) Connected(a, b *Instance) bool {
	return a != nil && b != nil && a.Up && b.Up && a.EndpointStarted && b.EndpointStarted && !w.cuts[[2]*Instance{a, b}]
}

// Instance finds one by name; nil if there is none.
func (w *World) Instance(name string) *Instance {
	for _, i := range w.Instances {
		if strings.EqualFold(i.Name, name) {
			return i
		}
	}
	return nil
}

// GroupsOf lists the groups an instance takes part in: those it has a replica of,
// and, while it is primary, the distributed ones above them.
func (w *World) GroupsOf(i *Instance) []*Group {
	var out []*Group
	for _, g := range w.Groups {
		if g.Distributed {
			if g.memberOn(i) != nil {
				out = append(out, g)
			}
		} else if g.ReplicaOn(i) != nil {
			out = append(out, g)
		}
	}
	return out
}

// Above returns the distributed group a local group is a member of, and its place
// there; nil if none.
func (w *World) Above(g *Group) (*Group, *Replica) {
	for _, d := range w.Groups {
		for _, r := range d.Replicas {
			if r.Member == g && g != nil {
				return d, r
			}
		}
	}
	return nil, nil
}

// Advance moves all logs to the present, and what follows from that.
func (w *World) Advance() {
	now := w.Now()
	for _, i := range w.Instances {
		for _, c := range i.Databases {
			c.advance(now, 0)
		}
	}
	w.remember()
}

// settle makes roles follow from who is alive, as a cluster does.
func (w *World) settle() {
	for _, g := range w.Groups {
		if !g.Distributed {
			g.settle()
		}
	}
	w.remember()
}

// remember keeps in the cluster what it is told of synchronization: only a primary
// that may write there tells it anything.
func (w *World) remember() {
	for _, g := range w.Groups {
		p := g.actingPrimary()
		if p == nil {
			continue
		}
		for _, r := range g.Replicas {
			for _, d := range g.Databases {
				g.ready[readyKey{r, d.Name}] = r == p || g.StateOf(r, d.Name) == Synchronized
			}
		}
	}
}

// Instance is a server.
type Instance struct {
	World           *World
	Name, Site      string
	Version         int // 13 is 2016, 17 is 2025
	Edition         string
	Started         time.Time
	Offset          time.Duration // of its clock
	HADR            bool
	Up              bool
	EndpointStarted bool
	Cluster         *Cluster // nil without
	Databases       []*Copy
	Objects         Objects
	Odd             map[string]any // values to show in place of true ones, by column; see package sqlag
}

// Time is what the instance's clock shows.
func (i *Instance) Time() time.Time { return i.World.Now().Add(i.Offset) }

// Database finds a copy by name; nil if there is none.
func (i *Instance) Database(name string) *Copy {
	at := slices.IndexFunc(i.Databases, func(c *Copy) bool { return strings.EqualFold(c.DB.Name, name) })
	if at < 0 {
		return nil
	}
	return i.Databases[at]
}

// SetUp stops or starts an instance. With node its host goes and comes too.
func (i *Instance) SetUp(up, node bool) {
	w := i.World
	w.Advance()
	i.Up = up
	if m := i.member(); m != nil && (node || up) {
		m.Up = up
	}
	if up {
		i.Started = w.Now()
	}
	w.settle()
}

// SetEndpoint stops or starts the endpoint that replicas talk through.
func (i *Instance) SetEndpoint(started bool) {
	i.World.Advance()
	i.EndpointStarted = started
	i.World.settle()
}

func (i *Instance) member() *Member {
	if i.Cluster == nil {
		return nil
	}
	for _, m := range i.Cluster.Members {
		if m.Name == i.Name {
			return m
		}
	}
	return nil
}

// Quorum says whether an instance's node has quorum. Without a cluster there is
// nothing to have.
func (i *Instance) Quorum() bool {
	m := i.member()
	return m != nil && m.Up && !m.Apart && i.Cluster.majority()
}

// Cluster is a Windows Server failover cluster.
type Cluster struct {
	Name    string
	Forced  bool // quorum was forced
	Members []*Member
}

// Member is a node or a witness.
type Member struct {
	Name    string
	Witness bool
	Up      bool
	Apart   bool // cut off from the majority
	Votes   int
}

// majority says whether those who are up and together have more than half of the
// votes, or were told that they are enough.
func (c *Cluster) majority() bool {
	all, have := 0, 0
	for _, m := range c.Members {
		all += m.Votes
		if m.Up && !m.Apart {
			have += m.Votes
		}
	}
	return c.Forced || 2*have > all
}

// Change changes a cluster, and what follows from it.
func (w *World) Change(f func()) {
	w.Advance()
	f()
	w.settle()
}
