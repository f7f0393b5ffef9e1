package sqlag

import (
	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func replicaFaults() []fault {
	return []fault{
		{Fault: lab.Fault{Name: "disconnected", Help: "cut the network between the sites; bcctl reaches both", Shows: codes(readiness.ReplicaDisconnected)},
			inject: cutSites},
		{Fault: lab.Fault{Name: "mirroring-endpoint-stopped", Help: "stop the endpoint that replicas talk through, at the DR site", Shows: codes(readiness.MirroringEndpointDown)},
			inject: on(func(g *Group, w *model.World) { w.Instance(g.dr().name).EndpointStarted = false })},
		{Fault: lab.Fault{Name: "async-healthy-looking", Help: "the sides commit asynchronously and the DR one is minutes behind: the server calls that HEALTHY", Shows: codes(readiness.NotFailoverReady, readiness.LagOverRPO)},
			inject: on(func(g *Group, w *model.World) {
				for _, r := range top(w).Replicas {
					r.Sync = false
				}
				fallBehind(w, w.Instance(g.dr().name).Databases[0], 300*workload)
			})},
		{Fault: lab.Fault{Name: "automatic-failover", Help: "the group fails over by itself, which is a choice and no fault", Shows: quiet()}, forms: []Form{AG},
			inject: on(func(g *Group, w *model.World) {
				for _, r := range top(w).Replicas {
					r.Automatic = true
				}
			})},
		{Fault: lab.Fault{Name: "unreadable-secondary", Help: "the DR replica admits no connections to its databases, so the heartbeat is not seen there", Shows: codes(readiness.HeartbeatMissing)},
			inject: on(func(g *Group, w *model.World) {
				for _, ag := range w.Groups {
					for _, r := range ag.Replicas {
						r.Readable = "NO"
					}
				}
			})},
		{Fault: lab.Fault{Name: "commit-hostage", Help: "commits wait for a synchronous secondary, and there is none: writes hang", Shows: codes(readiness.SyncStandbyMissing)}, forms: []Form{AG, Clusterless}, since: 14,
			inject: func(g *Group) error {
				g.Change(func(w *model.World) { top(w).RSSC = 1 })
				return cutSites(g)
			}},
		{Fault: lab.Fault{Name: "wrong-group", Help: "the servers carry another group of the same name", Shows: codes(readiness.IdentityMismatch)},
			inject: on(func(g *Group, w *model.World) { top(w).ID = w.GUID("another group") })},
		{Fault: lab.Fault{Name: "version-mismatch", Help: "the DR server is of an older major version", Shows: codes(readiness.VersionMismatch)}, forms: everywhere(),
			inject: on(func(g *Group, w *model.World) {
				i := w.Instance(g.dr().name)
				if i.Version--; i.Version < 13 {
					i.Version = 14
				}
			})},
	}
}

// cutSites cuts every instance of one site from every instance of the other. On a
// cluster the side with the witness goes on.
func cutSites(g *Group) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.world.Instances {
		for _, b := range g.world.Instances {
			if a.Site < b.Site {
				g.world.Cut(a, b, true)
			}
		}
	}
	return nil
}
