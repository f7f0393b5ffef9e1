package sqlag

import (
	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func serverFaults() []fault {
	do := func(f func(*Instance), dr bool) func(*Group) error {
		return func(g *Group) error {
			if dr {
				f(g.dr())
			} else {
				f(g.primary())
			}
			return nil
		}
	}
	block := func(dr bool) func(*Group) error {
		return func(g *Group) error {
			if dr {
				return g.dr().Block(true)
			}
			return g.primary().Block(true)
		}
	}
	hang := func(n *Instance) { n.Hang(true) }
	return []fault{
		{Fault: lab.Fault{Name: "stop-primary", Help: "stop the primary cleanly", Shows: codes(readiness.VisPrimary)}, forms: everywhere(), inject: do((*Instance).Stop, false)},
		{Fault: lab.Fault{Name: "kill-primary", Help: "lose the primary and its host", Shows: codes(readiness.VisPrimary)}, forms: everywhere(), inject: do((*Instance).Kill, false)},
		{Fault: lab.Fault{Name: "hang-primary", Help: "let the primary take connections and answer nothing", Shows: codes(readiness.VisPrimary)}, forms: everywhere(), inject: do(hang, false)},
		{Fault: lab.Fault{Name: "stop-secondary", Help: "stop the DR server cleanly", Shows: codes(readiness.VisDR)}, forms: everywhere(), inject: do((*Instance).Stop, true)},
		{Fault: lab.Fault{Name: "kill-secondary", Help: "lose the DR server and its host", Shows: codes(readiness.VisDR)}, forms: everywhere(), inject: do((*Instance).Kill, true)},
		{Fault: lab.Fault{Name: "hang-secondary", Help: "let the DR server take connections and answer nothing", Shows: codes(readiness.VisDR)}, forms: everywhere(), inject: do(hang, true)},
		{Fault: lab.Fault{Name: "path-primary", Help: "close bcctl's way to the primary; replication goes on", Shows: codes(readiness.PrimaryPathLost)}, inject: block(false)},
		{Fault: lab.Fault{Name: "path-secondary", Help: "close bcctl's way to the DR server; replication goes on", Shows: codes(readiness.StandbyPathLost)}, inject: block(true)},
	}
}
