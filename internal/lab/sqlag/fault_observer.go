package sqlag

import (
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func observerFaults() []fault {
	revoke := func(permission string) func(*Group) error {
		return func(g *Group) error {
			g.Revoke(UserMonitor, permission)
			return nil
		}
	}
	return []fault{
		{Fault: lab.Fault{Name: "drop-privilege", Help: "take VIEW SERVER STATE from the monitor: views fail", Shows: codes(readiness.InsufficientPrivilege)}, forms: everywhere(), inject: revoke("VIEW SERVER STATE")},
		{Fault: lab.Fault{Name: "drop-definition", Help: "take VIEW ANY DEFINITION from the monitor: groups vanish without an error", Shows: codes(readiness.InsufficientPrivilege)}, forms: everywhere(), inject: revoke("VIEW ANY DEFINITION")},
		{Fault: lab.Fault{Name: "drop-msdb", Help: "take the right to read msdb from the monitor", Shows: codes(readiness.InsufficientPrivilege)}, forms: everywhere(), inject: revoke("SELECT IN MSDB")},
		{Fault: lab.Fault{Name: "clock-skew", Help: "the DR server's clock is 90 seconds ahead", Shows: codes(readiness.ClockSkew)}, forms: everywhere(),
			inject: on(func(g *Group, w *model.World) { w.Instance(g.dr().name).Offset = 90 * time.Second })},
		{Fault: lab.Fault{Name: "heartbeat-missing", Help: "the heartbeat table is not there", Shows: codes(readiness.HeartbeatMissing)},
			inject: func(g *Group) error {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.noHeartbeat = true
				return nil
			}},
	}
}
