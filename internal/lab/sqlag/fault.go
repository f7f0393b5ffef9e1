package sqlag

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// fault is how one is done.
type fault struct {
	lab.Fault
	forms  []Form // where it makes sense; nil is where there are groups
	since  int    // first major version that can be broken so; 0 is every one
	inject func(*Group) error
}

func codes(c ...readiness.Code) []readiness.Code { return c }

// quiet is what may be said about faults that are none: nothing.
func quiet() []readiness.Code { return nil }

// Faults implements lab.System: the databases, the replicas, roles and quorum, whole
// servers, what is around the databases, and what is none of them.
func (g *Group) Faults() []lab.Fault {
	var out []lab.Fault
	for _, f := range g.catalog() {
		out = append(out, f.Fault)
	}
	return out
}

func (g *Group) catalog() []fault {
	var all []fault
	for _, part := range [][]fault{databaseFaults(), replicaFaults(), roleFaults(), serverFaults(), objectFaults(), shippingFaults(), observerFaults()} {
		for _, f := range part {
			groups := g.options.Form != LogShipping
			if g.options.Version < f.since {
				continue
			}
			if f.forms == nil && groups || slices.Contains(f.forms, g.options.Form) {
				f.Repairable = true
				all = append(all, f)
			}
		}
	}
	return all
}

func everywhere() []Form { return []Form{AG, Distributed, Clusterless, LogShipping} }

func clustered() []Form { return []Form{AG, Distributed} }

// Break implements lab.System.
func (g *Group) Break(name string) error {
	g.breaking.Lock()
	defer g.breaking.Unlock()
	return g.put(name)
}

// put puts a fault in.
func (g *Group) put(name string) error {
	all := g.catalog()
	i := slices.IndexFunc(all, func(f fault) bool { return f.Name == name })
	if i < 0 {
		var names []string
		for _, f := range all {
			names = append(names, f.Name)
		}
		return fmt.Errorf("no fault %q; there are %s", name, strings.Join(names, ", "))
	}
	if slices.Contains(g.Broken(), name) {
		return fmt.Errorf("break %s: it is broken already", name)
	}
	if err := all[i].inject(g); err != nil {
		return fmt.Errorf("break %s: %w", name, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.broken = append(g.broken, name)
	return nil
}

// Repair implements lab.System. Everything becomes as it was at the start, roles
// included, and the faults that remain are put in again.
func (g *Group) Repair(name string) error {
	g.breaking.Lock()
	defer g.breaking.Unlock()
	broken := g.Broken()
	i := slices.Index(broken, name)
	if i < 0 {
		return fmt.Errorf("repair %s: it is not broken", name)
	}
	broken = slices.Delete(broken, i, i+1)
	for _, n := range g.nodes {
		n.server.Hang(false)
		if err := n.reopen(); err != nil {
			return fmt.Errorf("repair %s: %w", name, err)
		}
		n.set(false, false)
	}
	g.renew()
	for _, rest := range broken {
		if err := g.put(rest); err != nil {
			return fmt.Errorf("repair %s: %w", name, err)
		}
	}
	return nil
}

// renew builds the healthy state anew. Only the heartbeat is kept.
func (g *Group) renew() {
	g.grants.Lock()
	g.granted = grants()
	g.grants.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.world
	old.Advance()
	g.world = g.build()
	g.broken, g.lag, g.noHeartbeat = nil, LagZero, false
	for _, d := range g.options.Databases {
		rows := old.Instances[0].Database(d).Rows()
		if len(rows) == 0 {
			continue
		}
		for _, i := range g.world.Instances {
			if c := i.Database(d); c != nil {
				c.Heartbeat = []model.Beat{{Pos: 0, Rows: rows}}
			}
		}
	}
}

// Broken implements lab.System.
func (g *Group) Broken() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.broken)
}

// primary is the server where the primary belongs, and dr the one that would take
// over: the forwarder of a distributed group.
func (g *Group) primary() *Instance { return g.nodes[0] }

func (g *Group) dr() *Instance { return g.nodes[len(g.nodes)/2] }

// on makes a fault of a change to the model.
func on(f func(g *Group, w *model.World)) func(*Group) error {
	return func(g *Group) error {
		g.Change(func(w *model.World) { f(g, w) })
		return nil
	}
}

// atDR makes a fault of a change to the first copy at the DR site.
func atDR(f func(w *model.World, c *model.Copy)) func(*Group) error {
	return on(func(g *Group, w *model.World) { f(w, w.Instance(g.dr().name).Databases[0]) })
}

// top is the group that spans the sites.
func top(w *model.World) *model.Group { return w.Groups[len(w.Groups)-1] }
