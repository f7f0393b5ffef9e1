package sqlag

import (
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func databaseFaults() []fault {
	suspend := func(lag Lag) func(*Group) error {
		return func(g *Group) error {
			g.SetLag(lag)
			return atDR(func(_ *model.World, c *model.Copy) {
				c.Suspended, c.Reason, c.Since = true, "SUSPEND_FROM_USER", c.Instance.World.Now().Add(-10*time.Minute)
			})(g)
		}
	}
	return []fault{
		{Fault: lab.Fault{Name: "suspend-database", Help: "suspend a database at the DR site; its lag shows 0", Shows: codes(readiness.DatabaseSuspended)}, inject: suspend(LagZero)},
		{Fault: lab.Fault{Name: "suspend-database-lag-climbs", Help: "the same, and its lag grows with the clock", Shows: codes(readiness.DatabaseSuspended)}, inject: suspend(LagClimbs)},
		{Fault: lab.Fault{Name: "suspend-database-lag-latches", Help: "the same, and its lag begins late and stays", Shows: codes(readiness.DatabaseSuspended)}, inject: suspend(LagLatches)},
		{Fault: lab.Fault{Name: "reverting", Help: "a database at the DR site undoes what the primary does not have", Shows: codes(readiness.DatabaseReverting)},
			inject: atDR(func(_ *model.World, c *model.Copy) { c.Phase = model.Reverting })},
		{Fault: lab.Fault{Name: "initializing", Help: "a database at the DR site catches up after an undo", Shows: codes(readiness.DatabaseReverting)},
			inject: atDR(func(_ *model.World, c *model.Copy) { c.Phase = model.Initializing })},
		{Fault: lab.Fault{Name: "recovery-pending", Help: "a database at the DR site does not come online", Shows: codes(readiness.DatabaseNotOnline)},
			inject: atDR(func(_ *model.World, c *model.Copy) { c.Status = "RECOVERY_PENDING" })},
		{Fault: lab.Fault{Name: "half-joined", Help: "a database of the group is not joined at the DR site", Shows: codes(readiness.DatabaseNotJoined)},
			inject: atDR(func(_ *model.World, c *model.Copy) { c.Joined = false })},
		{Fault: lab.Fault{Name: "seeding-failed", Help: "automatic seeding of a database at the DR site failed", Shows: codes(readiness.SeedingFailed)},
			inject: on(seedingFailed)},
		{Fault: lab.Fault{Name: "sync-lost", Help: "the DR replica is synchronous by configuration and does not keep up", Shows: codes(readiness.SynchronizationLost)},
			inject: atDR(func(w *model.World, c *model.Copy) { fallBehind(w, c, 8<<20) })},
		{Fault: lab.Fault{Name: "redo-backlog", Help: "the DR replica hardens log and hardly redoes it", Shows: codes(readiness.RTOEstimateOver)},
			inject: atDR(func(_ *model.World, c *model.Copy) { c.Redone, c.RedoLimit = max(0, c.End-2<<30), 256<<10 })},
		{Fault: lab.Fault{Name: "diverged", Help: "the DR copy is on another recovery fork", Shows: codes(readiness.Diverged)},
			inject: atDR(func(w *model.World, c *model.Copy) {
				c.Fork, c.ForkPoint = w.GUID("another fork", c.DB.Name), c.End-1<<20
			})},
		{Fault: lab.Fault{Name: "log-pinned", Help: "the primary's log cannot be truncated and fills", Shows: codes(readiness.LogPinned)},
			inject: on(func(g *Group, w *model.World) {
				c := w.Instance(g.primary().name).Databases[0]
				c.Pinned, c.LogUsed = "AVAILABILITY_REPLICA", 91
			})},
		{Fault: lab.Fault{Name: "null-queues", Help: "queues and lag are NULL though the database is synchronized", Shows: codes(readiness.ValueInvalid)},
			inject: odd(map[string]any{"log_send_queue_size": nil, "redo_queue_size": nil, "redo_rate": nil, "secondary_lag_seconds": nil})},
		{Fault: lab.Fault{Name: "negative-queues", Help: "queues and lag are negative", Shows: codes(readiness.ValueInvalid)},
			inject: odd(map[string]any{"log_send_queue_size": -1, "redo_queue_size": -1, "secondary_lag_seconds": -5})},
		{Fault: lab.Fault{Name: "idle", Help: "no application writes: times of the last commit stand still", Shows: quiet()},
			inject: on(func(_ *Group, w *model.World) {
				for _, i := range w.Instances {
					for _, c := range i.Databases {
						c.Rate = 0
					}
				}
			})},
	}
}

// fallBehind makes a copy lack log for good.
func fallBehind(w *model.World, c *model.Copy, bytes int64) {
	c.End, c.SendLimit = max(0, c.End-bytes), 1
	c.Redone = min(c.Redone, c.End)
	w.Advance()
}

// odd shows values on every server in place of the true ones.
func odd(values map[string]any) func(*Group) error {
	return func(g *Group) error {
		for _, n := range g.nodes {
			for column, v := range values {
				g.Odd(n.name, "dm_hadr_database_replica_states."+column, v)
			}
		}
		return nil
	}
}

func seedingFailed(g *Group, w *model.World) {
	c := w.Instance(g.dr().name).Databases[0]
	c.Joined = false
	now := w.Now()
	x := model.Seeding{Started: now.Add(-20 * time.Minute), Completed: now.Add(-19 * time.Minute), State: "FAILED", Failure: 21, FailureDescription: "Seeding Check Message Timeout", NumberOfAttempts: 1, Group: top(w).ID}
	x.Remote = top(w).Replicas[0].ID
	c.Seeding = []model.Seeding{x}
	x.IsSource, x.Remote = true, top(w).Replicas[1].ID
	w.Instance(g.primary().name).Databases[0].Seeding = []model.Seeding{x}
}
