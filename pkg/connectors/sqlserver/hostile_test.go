package sqlserver

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestContradictionsAndGapsAreNeverGreen looks at what no sound group says: an end
// that is silent about what the other tells, values that are missing, and names
// that differ in letter case only.
func TestContradictionsAndGapsAreNeverGreen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make   func() *recording
		change func(r *recording)
	}{
		"db state NULL on DR own row":        {healthyPair, func(r *recording) { state(r.b, replicaB, ordersID).DatabaseState = "" }},
		"suspended NULL both":                {healthyPair, func(r *recording) { r.eachCopy(func(s *databaseState) { s.Suspended = nil }) }},
		"operational FAILED on DR":           {healthyPair, func(r *recording) { own(r.b).Operational = "FAILED_NO_QUORUM" }},
		"operational OFFLINE on DR":          {healthyPair, func(r *recording) { own(r.b).Operational = "OFFLINE" }},
		"operational FAILED primary":         {healthyPair, func(r *recording) { own(r.a).Operational = "FAILED" }},
		"DR has no rows of databases":        {healthyPair, func(r *recording) { r.b.databases = nil }},
		"DR has rows of one db only":         {healthyPair, func(r *recording) { r.b.databases = r.b.databases[:1] }},
		"DR sys.databases SUSPECT":           {healthyPair, func(r *recording) { r.b.local[0].State = "SUSPECT" }},
		"primary role of row DR":             {healthyPair, func(r *recording) { seen(r.a, "SQL-B").Role = "RESOLVING" }},
		"DR names another primary":           {healthyPair, func(r *recording) { r.b.replicas[0].Primary = "SQL-X"; r.b.replicas[1].Primary = "SQL-X" }},
		"member DOWN":                        {healthyPair, func(r *recording) { r.a.members[1].State = "DOWN" }},
		"members say DR down, DR itself too": {healthyPair, func(r *recording) { r.a.members[1].State = "DOWN"; r.b.members[1].State = "DOWN" }},
		"witness down":                       {healthyPair, func(r *recording) { r.a.members[2].State = "DOWN" }},
		"async, queue 50 GB": {healthyPair, func(r *recording) {
			r.asynchronous()
			r.eachCopy(func(s *databaseState) {
				if s.SendQueueKB != nil {
					s.SendQueueKB = pointer(int64(50 << 20))
				}
			})
		}},
		"async, commit time of the replica in the primary's future": {healthyPair, func(r *recording) {
			r.asynchronous()
			r.eachCopy(func(s *databaseState) { s.LastCommit = pointer(s.LastCommit.Add(time.Hour)) })
		}},
		"async, redo 2 TB rate huge": {healthyPair, func(r *recording) {
			r.asynchronous()
			r.eachCopy(func(s *databaseState) {
				s.RedoQueueKB = pointer(int64(2 << 30))
				s.RedoRateKB = pointer(int64(1 << 40))
			})
		}},
		"case twin: orders and ORDERS, one bad": {healthyPair, func(r *recording) {
			const id = "d3000000-0000-0000-0000-000000000003"
			// the broken twin is told first, the good one after it
			twin := func(s databaseState) databaseState { s.ID, s.Name = id, "ORDERS"; return s }
			bad := func(s databaseState) databaseState {
				s = twin(s)
				s.State, s.Suspended, s.Reason = notSynchronizing, pointer(true), "SUSPEND_FROM_USER"
				return s
			}
			r.a.databases = append([]databaseState{twin(*state(r.a, replicaA, ordersID)), bad(*state(r.a, replicaB, ordersID))}, r.a.databases...)
			r.b.databases = append([]databaseState{bad(*state(r.b, replicaB, ordersID))}, r.b.databases...)
		}},
		"primary endpoint without cert expiry":  {healthyPair, func(r *recording) { r.b.mirroring[0].MinutesLeft = nil }},
		"mirroring state NULL":                  {healthyPair, func(r *recording) { r.b.mirroring[0].State = "" }},
		"vote NULL":                             {healthyPair, func(r *recording) { r.a.members[1].Votes = nil; r.b.members[1].Votes = nil }},
		"quorum type odd, dr quorum state NULL": {healthyPair, func(r *recording) { r.b.cluster.QuorumState = "" }},
		"listener all OFFLINE":                  {healthyPair, func(r *recording) { r.a.listeners[0].State = "OFFLINE" }},
		"listener state NULL":                   {healthyPair, func(r *recording) { r.a.listeners[0].State = ""; r.a.listeners[1].State = "" }},
		"mode NULL":                             {healthyPair, func(r *recording) { r.everyReplica(func(x *replica) { x.Mode = "" }) }},
		"joined list says a third database": {healthyPair, func(r *recording) {
			r.a.joined = append(r.a.joined, joinedDatabase{replicaA, "d9", "third", pointer(true)}, joinedDatabase{replicaB, "d9", "third", pointer(true)})
			r.b.joined = r.a.joined
		}},
		"joined list says a third database, only in the primary": {healthyPair, func(r *recording) {
			r.a.joined = append(r.a.joined, joinedDatabase{replicaA, "d9", "third", pointer(true)})
		}},
		"dist: forwarder own row suspended": {healthyDistributed, func(r *recording) {
			for i := range r.b.databases {
				if s := &r.b.databases[i]; s.Group == amsGroup && s.Replica == replicaB && s.ID == ordersID {
					s.State, s.Suspended = notSynchronizing, pointer(true)
				}
			}
		}},
		"dist: forwarder own row not online": {healthyDistributed, func(r *recording) {
			for i := range r.b.databases {
				if s := &r.b.databases[i]; s.Group == amsGroup && s.Replica == replicaB && s.ID == ordersID {
					s.DatabaseState = "RECOVERY_PENDING"
				}
			}
		}},
		"dist: forwarder's secondary broken": {healthyDistributed, func(r *recording) {
			for _, n := range r.nodes() {
				for i := range n.databases {
					if s := &n.databases[i]; s.Group == amsGroup && s.Replica == replicaD {
						s.State = notSynchronizing
					}
				}
			}
		}},
		"ls: backup of the future": {shippedPair, func(r *recording) {
			for k, b := range r.a.shippedLog.taken {
				b.newest = pointer(b.clock.Add(time.Hour))
				r.a.shippedLog.taken[k] = b
			}
		}},
		"ls: copied in the future": {shippedPair, func(r *recording) {
			for k := range r.b.shippedLog.copied {
				r.b.shippedLog.copied[k] = -time.Hour
			}
		}},
		"ls: another family's backup restored last": {shippedPair, func(r *recording) {
			r.b.shippedLog.restored = append(r.b.shippedLog.restored, restoredBackup{Name: "orders", Family: "fam-other", Newest: r.b.shippedLog.restored[0].Newest})
		}},
		"ls: state of db NULL": {shippedPair, func(r *recording) { r.b.shippedLog.databases[0].State = "" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.make()
			c.change(r)
			if v := r.judge(t); v.Status == readiness.Green {
				t.Error("it is green")
			}
		})
	}
}

// A copy that was made anew from an older backup is as old as that: restores of
// before then are still in the history.
func TestTheLastRestoreCounts(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sqlag.Options{Form: sqlag.LogShipping})
	d.sweep(t).want(t, green, nil, nil)
	d.lab.Odd(d.lab.Nodes()[1].Name, "restorehistory.restore_history_id", func(truth any) any {
		switch n := truth.(type) {
		case int:
			return 1000 - n
		case int64:
			return 1000 - n
		default:
			return truth
		}
	})
	if v := d.sweep(t); v.Status == readiness.Green {
		t.Error("an older backup was restored last, and it is green")
	} else {
		t.Log(explained(v))
	}
}

// What is read first is the cause: that nothing is synchronized with a primary that is
// gone comes of that.
func TestTheCauseIsReadFirst(t *testing.T) {
	t.Parallel()
	r := healthyPair()
	unseen(r.a, silent)
	own(r.b).Connected = "DISCONNECTED"
	for i := range r.b.databases {
		r.b.databases[i].State = notSynchronizing
	}
	if v := r.judge(t); v.Reasons[0].Code != readiness.PrimaryUnreachable {
		t.Errorf("first is %s%s", v.Reasons[0].Code, explained(v))
	}
}
