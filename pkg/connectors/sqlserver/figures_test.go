package sqlserver

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Whole-number division would say 0.
func TestRedoTimeIsARealNumber(t *testing.T) {
	t.Parallel()
	r := healthyPair()
	r.eachCopy(func(s *databaseState) { s.RedoQueueKB, s.RedoRateKB = pointer(int64(512)), pointer(int64(2048)) })
	if got := r.judge(t).number(t, "", recoverySecondsID); got != 0.25 {
		t.Errorf("redo takes %v s", got)
	}
}

// A group fails over whole, so its worst database counts; what both ends say of one
// database counts by the worse.
func TestTheWorstCounts(t *testing.T) {
	t.Parallel()
	r := healthyPair()
	r.asynchronous()
	orders, ledger := state(r.a, replicaB, ordersID), state(r.a, replicaB, ledgerID)
	orders.SendQueueKB, ledger.SendQueueKB = pointer(int64(7)), pointer(int64(3))
	orders.LastCommit, ledger.LastCommit = pointer(orders.LastCommit.Add(-4*time.Second)), pointer(ledger.LastCommit.Add(-time.Second))
	state(r.b, replicaB, ledgerID).RedoQueueKB = pointer(int64(90))
	v := r.judge(t)
	if b, s, backlog := v.number(t, "", exposureBytesID), v.number(t, "", exposureSecondsID), v.number(t, "sql-b", backlogID); b != 7*1024 || s != 4 || backlog != 90*1024 {
		t.Errorf("exposure is %v bytes and %v s, backlog %v bytes", b, s, backlog)
	}
}

// Of several replicas at the far site the best counts.
func TestTheBestReplicaCounts(t *testing.T) {
	t.Parallel()
	r := healthyPair()
	r.asynchronous()
	for _, id := range []string{ordersID, ledgerID} {
		state(r.a, replicaB, id).SendQueueKB = pointer(int64(50))
	}
	third(r)
	if b := r.judge(t).number(t, "", exposureBytesID); b != 0 {
		t.Errorf("exposure is %v bytes", b)
	}
}

// third adds a synchronous replica at the DR site.
func third(r *recording) *node {
	c := newNode("sql-c", "ams", 16)
	row := *seen(r.a, "SQL-B")
	row.ID, row.Server, row.Mode = replicaC, "SQL-C", "SYNCHRONOUS_COMMIT"
	r.a.replicas = append(r.a.replicas, row)
	row.Local = pointer(true)
	c.replicas = []replica{row}
	for _, id := range []string{ordersID, ledgerID} {
		s := *state(r.a, replicaA, id)
		s.Replica, s.Local, s.Primary, s.SendQueueKB, s.RedoQueueKB = replicaC, pointer(false), pointer(false), pointer(int64(0)), pointer(int64(0))
		r.a.databases = append(r.a.databases, s)
		s.Local = pointer(true)
		c.databases = append(c.databases, s)
	}
	c.local = r.a.local
	r.others = append(r.others, c)
	return c
}

// Nothing is missing only where that is proved; every other time the send queue is
// what is known.
func TestNothingMissingHasToBeProved(t *testing.T) {
	t.Parallel()
	for name, doubt := range map[string]func(r *recording){
		"quorum was forced":                   func(r *recording) { r.a.cluster.QuorumState = "FORCED_QUORUM" },
		"no quorum row":                       func(r *recording) { r.a.cluster = nil },
		"quorum was forced at the secondary":  func(r *recording) { r.b.cluster.QuorumState = "FORCED_QUORUM" },
		"the node is down":                    func(r *recording) { r.a.members[1].State = "DOWN" },
		"the flag is off":                     func(r *recording) { r.eachCopy(func(s *databaseState) { s.Ready = nil }) },
		"the replica says SYNCHRONIZING":      func(r *recording) { state(r.b, replicaB, ordersID).State = "SYNCHRONIZING" },
		"the primary is asynchronous":         func(r *recording) { seen(r.a, "SQL-A").Mode = "ASYNCHRONOUS_COMMIT" },
		"the replica is asynchronous":         func(r *recording) { seen(r.a, "SQL-B").Mode = "ASYNCHRONOUS_COMMIT" },
		"the primary does not say it is both": func(r *recording) { seen(r.a, "SQL-B").Mode = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := healthyPair()
			for _, id := range []string{ordersID, ledgerID} {
				state(r.a, replicaB, id).SendQueueKB = pointer(int64(5))
			}
			if b := r.judge(t).number(t, "", exposureBytesID); b != 0 {
				t.Fatalf("exposure of the undoubted pair is %v bytes", b)
			}
			doubt(r)
			if b := r.judge(t).number(t, "", exposureBytesID); b != 5*1024 {
				t.Errorf("exposure is %v bytes, the queue is 5 KB", b)
			}
		})
	}
}

func TestCompareLSN(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b  string
		order int
		ok    bool
	}{
		{"35000000012800001", "35000000012800001", 0, true},
		{"9", "35000000012800001", -1, true},
		{"4294967295429496729500001", "35000000012800001", 1, true},
		{"00035", "35", 0, true},
		{"", "35", 0, false},
		{"35", "-1", 0, false},
		{"0", "35", 0, false},
		{"NULL", "NULL", 0, false},
	} {
		if order, ok := compareLSN(c.a, c.b); order != c.order || ok != c.ok {
			t.Errorf("%q and %q: %d %t", c.a, c.b, order, ok)
		}
	}
}

// When the primary is gone a person chooses between replicas: which has the most
// log, for each database, and only where one history is compared.
func TestMostLogIsNamedPerDatabase(t *testing.T) {
	t.Parallel()
	r := healthyPair()
	c := third(r)
	unseen(r.a, silent)
	r.cutOff()
	own(c).Connected = "DISCONNECTED"
	state(r.b, replicaB, ordersID).EndOfLog = "35000000012800002"
	state(c, replicaC, ledgerID).EndOfLog = "135000000012800001"
	r.before("", exposureBytesID, time.Minute, readiness.Num(4096))
	message := reason(t, r.judge(t), readiness.PrimaryUnreachable)
	for _, want := range []string{"of orders on sql-b", "of ledger on sql-c", "DR lacked 4.0 KiB at least when the primary was last seen at 2026-03-14T09:25:53Z"} {
		if !strings.Contains(message, want) {
			t.Errorf("%q does not say %q", message, want)
		}
	}
	c.local = []localDatabase{{Name: "orders", ID: ordersID, Fork: "f9"}, {Name: "ledger", ID: ledgerID, Fork: ledgerFork}}
	if message := reason(t, r.judge(t), readiness.PrimaryUnreachable); !strings.Contains(message, "of orders not comparable") {
		t.Errorf("%q compares positions of two forks", message)
	}
}

func reason(t testing.TB, v verdict, code readiness.Code) string {
	t.Helper()
	for _, r := range v.Reasons {
		if r.Code == code {
			return r.Message
		}
	}
	t.Fatalf("%s is not among the reasons %v", code, v.codes())
	return ""
}

// Who is down, who decides, and what is proved of an instance that is not seen:
// the words matter when a person acts on them.
func TestWhatIsProvedIsSaid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(r *recording)
		code   readiness.Code
		says   []string
	}{
		"the cluster may act": {func(r *recording) { unseen(r.a, silent); r.cutOff() }, readiness.PrimaryUnreachable,
			[]string{"may fail over by itself", "cannot be told from here"}},
		"no quorum": {func(r *recording) { unseen(r.a, silent); r.cutOff(); r.b.cluster = nil }, readiness.PrimaryUnreachable,
			[]string{"a forced failover is impossible until quorum is forced"}},
		"no cluster": {func(r *recording) {
			unseen(r.a, silent)
			r.cutOff()
			r.b.cluster = nil
			r.everyReplica(func(x *replica) { x.ClusterType = "NONE" })
		}, readiness.PrimaryUnreachable, []string{"nothing keeps the old primary from coming back"}},
		"connected to the primary": {func(r *recording) { unseen(r.a, silent) }, readiness.PrimaryPathLost,
			[]string{"it is alive", "session timeout of 10 s", "two writers"}},
		"connected to the secondary": {func(r *recording) { unseen(r.b, silent) }, readiness.StandbyPathLost,
			[]string{"as to its secondary", "session timeout of 10 s", "that side's view only"}},
		"not connected": {func(r *recording) { unseen(r.b, silent); r.lost() }, readiness.WriterUnproven,
			[]string{"sql-a has no connection to it", "not proved"}},
		"log space of a lost replica": {func(r *recording) { unseen(r.b, silent); r.lost() }, readiness.ReplicaDisconnected,
			[]string{"7 % full"}},
		"two primaries that have parted": {func(r *recording) { own(r.b).Role = "PRIMARY"; r.b.local[0].Fork = "f9" }, readiness.TwoWriters,
			[]string{"orders differ", "parted already"}},
		"two primaries that cannot be told apart": {func(r *recording) { own(r.b).Role = "PRIMARY" }, readiness.TwoWriters,
			[]string{"ask which is legitimate"}},
		"what resuming discards": {func(r *recording) {
			r.eachCopy(func(s *databaseState) {
				s.Suspended, s.Reason, s.Recovery = pointer(true), "SUSPEND_FROM_PARTNER", "35000000011000001"
			})
		}, readiness.DatabaseSuspended, []string{"SUSPEND_FROM_PARTNER", "log that resuming it would discard"}},
		"commits wait now": {func(r *recording) { r.everyReplica(func(x *replica) { x.Required = pointer(int64(2)) }) }, readiness.SyncStandbyMissing,
			[]string{"they wait or fail"}},
		"commits wait after a failover": {func(r *recording) { r.everyReplica(func(x *replica) { x.Required = pointer(int64(1)) }) }, readiness.SyncStandbyMissing,
			[]string{"after a failover to SQL-B", "0 are left"}},
		"a synchronous replica that left": {func(r *recording) { r.eachCopy(func(s *databaseState) { s.State = "SYNCHRONIZING" }) }, readiness.SynchronizationLost,
			[]string{"only SYNCHRONIZING"}},
		"a synchronous replica of an asynchronous primary": {func(r *recording) {
			seen(r.a, "SQL-A").Mode = "ASYNCHRONOUS_COMMIT"
			r.eachCopy(func(s *databaseState) { s.State = "SYNCHRONIZING" })
		}, readiness.SynchronizationLost, []string{"and sql-a is not"}},
		"no privilege is not no group": {func(r *recording) {
			for _, n := range r.nodes() {
				n.facts.ViewDefinition, n.replicas = false, nil
			}
		}, readiness.InsufficientPrivilege, []string{"VIEW ANY DEFINITION"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := healthyPair()
			c.change(r)
			v := r.judge(t)
			for _, want := range c.says {
				if !slices.ContainsFunc(v.Reasons, func(r readiness.Reason) bool { return r.Code == c.code && strings.Contains(r.Message, want) }) {
					t.Errorf("no %s says %q: %s", c.code, want, reason(t, v, c.code))
				}
			}
		})
	}
}

// A database that does not move makes the state of its replica red by itself, not
// only what is measured of it.
func TestStatesAreSaidOfTheReplica(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]readiness.Code{"REVERTING": readiness.DatabaseReverting, "INITIALIZING": readiness.DatabaseReverting,
		"NOT SYNCHRONIZING": readiness.NotSynchronizing, "": readiness.ValueInvalid} {
		r := healthyPair()
		r.eachCopy(func(s *databaseState) { s.State = state })
		o, ok := r.judge(t).find("sql-b", stateID)
		if !ok || !slices.ContainsFunc(o.Findings, func(f readiness.Finding) bool { return f.Code == want }) {
			t.Errorf("%q: %+v", state, o)
		}
	}
}

func beat(database string, seq int64, written time.Duration) heartbeat {
	return heartbeat{database: database, seq: &seq, writtenAt: pointer(recordedAt.Add(-written)), clock: pointer(recordedAt)}
}

// withHeartbeat is a pair of which both databases have a row.
func withHeartbeat() *recording {
	r := healthyPair()
	r.spec.Heartbeat = &connectors.Heartbeat{Interval: 10 * time.Second}
	r.a.beats = []heartbeat{beat("orders", 70, 3*time.Second), beat("ledger", 71, 2*time.Second)}
	r.b.beats = []heartbeat{beat("orders", 70, 3*time.Second), beat("ledger", 71, 2*time.Second)}
	return r
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	type codes = []readiness.Code
	for name, c := range map[string]struct {
		change  func(r *recording)
		status  readiness.Status
		codes   codes
		without codes
	}{
		"fresh on both sides": {change: func(*recording) {}, status: green},
		"late in one database": {
			change: func(r *recording) { r.b.beats[0] = beat("orders", 5, 90*time.Second) },
			status: yellow, codes: codes{readiness.HeartbeatLate},
		},
		"nobody writes it": {
			change: func(r *recording) {
				for _, n := range r.nodes() {
					n.beats = []heartbeat{beat("orders", 70, time.Hour), beat("ledger", 71, time.Hour)}
				}
			},
			status: yellow, codes: codes{readiness.HeartbeatWrite}, without: codes{readiness.HeartbeatLate},
		},
		"unreadable secondary": {
			change: func(r *recording) {
				r.b.beats[0] = heartbeat{database: "orders", failure: pointer(finding(readiness.HeartbeatMissing, "database orders on sql-b: not accessible for queries (error 976)"))}
			},
			status: yellow, codes: codes{readiness.HeartbeatMissing}, without: codes{readiness.QueryFailed},
		},
		"NULL": {
			change: func(r *recording) { r.a.beats[0].writtenAt = nil },
			status: yellow, codes: codes{readiness.ValueInvalid},
		},
		"from the future": {
			change: func(r *recording) { r.a.beats[0] = beat("orders", 70, -time.Hour) },
			status: yellow, codes: codes{readiness.ValueInvalid},
		},
		"could not be written": {
			change: func(r *recording) {
				r.written = []readiness.Finding{finding(readiness.HeartbeatWrite, "the heartbeat in database orders on sql-a could not be written: denied")}
			},
			status: yellow, codes: codes{readiness.HeartbeatWrite},
		},
		"fresh while the database is suspended": {
			change: func(r *recording) { r.eachCopy(func(s *databaseState) { s.Suspended = pointer(true) }) },
			status: red, codes: codes{readiness.DatabaseSuspended},
		},
		"fresh while the send queue is NULL": {
			change: func(r *recording) {
				r.asynchronous()
				r.eachCopy(func(s *databaseState) { s.SendQueueKB = nil })
			},
			status: unknown, codes: codes{readiness.ValueInvalid},
		},
		"a basic group's secondary has none": {
			change: func(r *recording) {
				r.everyReplica(func(x *replica) { x.Basic, x.Connections = true, "NO" })
				r.b.beats = []heartbeat{{database: "orders", failure: pointer(finding(readiness.HeartbeatMissing, "error 976"))}}
			},
			status: green,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := withHeartbeat()
			c.change(r)
			r.judge(t).want(t, c.status, c.codes, c.without)
		})
	}
}

// A column that a version lacks fails the whole batch.
func TestColumnsByVersion(t *testing.T) {
	t.Parallel()
	for major, want := range map[int][3]bool{13: {}, 14: {true, true, false}, 15: {true, true, false}, 16: {true, true, true}, 17: {true, true, true}} {
		sql := replicasSQL(major)
		for i, column := range []string{"cluster_type_desc", "required_synchronized_secondaries_to_commit", "is_contained"} {
			if strings.Contains(sql, column) != want[i] {
				t.Errorf("version %d: %s asked for: %t", major, column, !want[i])
			}
		}
	}
}
