package sqlag

import (
	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func roleFaults() []fault {
	return []fault{
		{Fault: lab.Fault{Name: "failed-over", Help: "fail over to the DR site, as planned", Shows: codes(readiness.PrimaryNotHome)}, forms: []Form{AG},
			inject: func(g *Group) error {
				g.mu.Lock()
				defer g.mu.Unlock()
				return top(g.world).Failover(g.world.Instance(g.dr().name))
			}},
		{Fault: lab.Fault{Name: "two-primaries", Help: "both sides are primary and write", Shows: codes(readiness.TwoWriters)},
			inject: twoPrimaries},
		{Fault: lab.Fault{Name: "resolving", Help: "no replica has a role", Shows: codes(readiness.NodeResolving)}, forms: []Form{AG, Clusterless},
			inject: func(g *Group) error {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.world.Advance()
				for _, r := range top(g.world).Replicas {
					r.Role = model.Resolving
				}
				return nil
			}},
		{Fault: lab.Fault{Name: "forced-quorum", Help: "the cluster's quorum was forced", Shows: codes(readiness.QuorumForced)}, forms: clustered(),
			inject: on(func(g *Group, w *model.World) { w.Instance(g.primary().name).Cluster.Forced = true })},
		{Fault: lab.Fault{Name: "no-quorum", Help: "the cluster has lost its quorum", Shows: codes(readiness.QuorumLost)}, forms: []Form{AG},
			inject: on(func(g *Group, w *model.World) {
				for _, m := range w.Clusters[0].Members {
					m.Up, m.Apart = !m.Witness, m.Name == g.dr().name
				}
			})},
		{Fault: lab.Fault{Name: "dr-no-quorum", Help: "the DR node is cut off from the cluster and its primary", Shows: codes(readiness.ReplicaDisconnected)}, forms: []Form{AG},
			inject: func(g *Group) error {
				if err := cutSites(g); err != nil {
					return err
				}
				return on(func(g *Group, w *model.World) {
					for _, m := range w.Clusters[0].Members {
						m.Apart = m.Name == g.dr().name
					}
				})(g)
			}},
		{Fault: lab.Fault{Name: "zero-vote", Help: "the DR node has no vote", Shows: codes(readiness.VoteMissing)}, forms: []Form{AG},
			inject: on(func(g *Group, w *model.World) {
				for _, m := range w.Clusters[0].Members {
					if m.Name == g.dr().name {
						m.Votes = 0
					}
				}
			})},
		{Fault: lab.Fault{Name: "dag-mid-switch", Help: "the distributed group's primary was demoted and nobody took over", Shows: codes(readiness.SwitchIncomplete)}, forms: []Form{Distributed},
			inject: func(g *Group) error {
				g.mu.Lock()
				defer g.mu.Unlock()
				return top(g.world).BecomeSecondary(g.world.Instance(g.primary().name))
			}},
		{Fault: lab.Fault{Name: "forwarder-moved", Help: "fail over within the DR site: another forwarder, and nothing is wrong", Shows: quiet()}, forms: []Form{Distributed},
			inject: func(g *Group) error {
				g.mu.Lock()
				defer g.mu.Unlock()
				return g.world.Groups[1].Failover(g.world.Instances[3])
			}},
	}
}

// twoPrimaries is what forcing leaves behind when the old side lives: on a cluster
// after quorum was forced at the DR site.
func twoPrimaries(g *Group) error {
	if err := cutSites(g); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.world
	ag := top(w)
	here, there := w.Instance(g.primary().name), w.Instance(g.dr().name)
	if ag.Type == model.WSFC && !ag.Distributed {
		w.Change(func() { here.Cluster.Forced = true })
	}
	if err := ag.Force(there); err != nil {
		return err
	}
	ag.Local(here).Role = model.Primary
	w.Advance()
	return nil
}
