package postgres

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// What no server here can be made to say is judged from recorded observations:
// the facts of a healthy pair, of PostgreSQL 15.18, with what is wrong written
// over them.

// recording is the facts of a pair with who asked for them.
type recording struct {
	spec     connectors.Spec
	a, b     *node // primary at home, standby at the DR site
	others   []*node
	written  *readiness.Finding
	previous map[readiness.Key]readiness.Observation
	now      time.Time
}

var recordedAt = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

func pointer[T any](v T) *T { return &v }

// healthyPair is an idle pair of which nothing is wrong.
func healthyPair() *recording {
	const sysid = "7412345678901234567"
	end := lsn(0x3000148)
	at := recordedAt.Add(-20 * time.Millisecond)
	same := settings{
		"max_connections": "100", "max_worker_processes": "8", "max_wal_senders": "10", "max_prepared_transactions": "0",
		"max_locks_per_transaction": "64", "wal_level": "replica", "max_replication_slots": "10", "recovery_min_apply_delay": "0",
		"default_transaction_read_only": "off", "synchronous_standby_names": "", "wal_sender_timeout": "60000",
		"wal_receiver_timeout": "60000", "wal_receiver_status_interval": "10", "wal_log_hints": "on", "data_checksums": "off",
		"full_page_writes": "on", "archive_mode": "on", "hot_standby_feedback": "off",
	}
	facts := func(host string, recovering bool, started time.Time) *nodeFacts {
		return &nodeFacts{InRecovery: recovering, SystemIdentifier: sysid, Started: started, Addr: pointer(host), Port: pointer(5432),
			Version: 150018, Clock: at, Monitor: true, Heartbeat: true, Reign: true}
	}
	r := &recording{now: recordedAt, previous: map[readiness.Key]readiness.Observation{}}
	r.spec = connectors.Spec{Target: "ledger", Home: connectors.Home{Primary: "fra", DR: "ams"}, Identity: map[string]string{"systemIdentifier": sysid}}
	r.spec.Previous = func(endpoint string, id readiness.ID) (readiness.Observation, bool) {
		o, ok := r.previous[readiness.Key{Endpoint: endpoint, Indicator: id}]
		return o, ok
	}
	r.a = &node{
		Endpoint: connectors.Endpoint{Name: "db-a", Site: "fra", Address: "10.0.1.5:5432"},
		at:       at, collectedAt: recordedAt, facts: facts("10.0.1.5", false, at.Add(-200*time.Hour)), inHotStandby: "off",
		position: &position{Flush: end, Insert: end, Timeline: 1, at: at},
		senders: []sender{{PID: pointer(811), ApplicationName: pointer("db-b"), SlotName: pointer("db_b"), Addr: pointer("10.0.2.5"),
			State: pointer("streaming"), SyncState: pointer("async"), Flush: pointer(end), Replay: pointer(end), ReplyAge: pointer(4.2),
			Age: pointer(3600.0), ServerFlush: pointer(end)}},
		slots:    []slot{{Name: "db_b", Active: true, Restart: pointer(end), WALStatus: pointer("reserved")}},
		settings: same, caughtUp: map[int]time.Time{811: at},
		archiver:     &archiver{Archived: 3, LastArchived: pointer(at.Add(-time.Minute))},
		archiveReady: pointer(int64(0)), syncWaiting: pointer(int64(0)), failed: map[readiness.ID]readiness.Finding{},
	}
	r.b = &node{
		Endpoint: connectors.Endpoint{Name: "db-b", Site: "ams", Address: "10.0.2.5:5432"},
		at:       at, collectedAt: recordedAt, facts: facts("10.0.2.5", true, at.Add(-100*time.Hour)), inHotStandby: "on",
		replay: &replay{Receive: pointer(end), Replay: pointer(end), Pause: pointer("not paused"), LastCommit: pointer(at.Add(-time.Hour)),
			Receiver: &receiver{PID: pointer(402), Status: pointer("streaming"), Timeline: pointer(1), Host: pointer("10.0.1.5"),
				Port: pointer(5432), SlotName: pointer("db_b"), MessageAge: pointer(12.5), Age: pointer(3600.3)}},
		settings: same, archiver: &archiver{}, archiveReady: pointer(int64(0)), conflicts: pointer(int64(0)), failed: map[readiness.ID]readiness.Finding{},
	}
	return r
}

// unseen makes a node one that gave nothing.
func unseen(n *node, u unreached) {
	*n = node{Endpoint: n.Endpoint, collectedAt: n.collectedAt, unreached: &u, failed: map[readiness.ID]readiness.Finding{}, resolved: n.resolved}
}

// before records what an earlier check read.
func (r *recording) before(endpoint string, id readiness.ID, ago time.Duration, v readiness.Value) {
	r.previous[readiness.Key{Endpoint: endpoint, Indicator: id}] = readiness.Observation{
		Target: "ledger", Endpoint: endpoint, Indicator: id, Value: v, ObservedAt: r.now.Add(-ago), CollectedAt: r.now.Add(-ago)}
}

func (r *recording) nodes() []*node { return append([]*node{r.a, r.b}, r.others...) }

func (r *recording) judge(t testing.TB) verdict {
	t.Helper()
	v := verdict{observations: derive(r.spec, r.nodes(), r.written, r.now)}
	v.Result, _ = judgeOf(t).Evaluate(r.now, v.observations, rules.State{})
	assertModest(t, v)
	return v
}

func TestRecordedHealthyPairIsGreen(t *testing.T) {
	t.Parallel()
	healthyPair().judge(t).wantGreen(t)
}

// TestRecorded judges what was recorded, or could be, on servers that cannot be
// started here: other versions, other hosts' clocks, other networks, and values
// no sound server sends.
func TestRecorded(t *testing.T) {
	t.Parallel()
	const green, yellow, red, unknown = readiness.Green, readiness.Yellow, readiness.Red, readiness.Unknown
	for name, c := range map[string]struct {
		change  func(r *recording)
		status  readiness.Status
		codes   []readiness.Code
		without []readiness.Code
	}{
		// Versions.
		"version 11": {
			change: func(r *recording) { unsupported(r.a, 110022); unsupported(r.b, 110022) },
			status: unknown, codes: []readiness.Code{readiness.VersionUnsupported},
			without: []readiness.Code{readiness.NoPrimary, readiness.NoStandbyAtDR, readiness.IdentityUnproven},
		},
		"version 19 on the standby alone": {
			change: func(r *recording) { unsupported(r.b, 190000) },
			status: unknown, codes: []readiness.Code{readiness.VersionUnsupported},
			without: []readiness.Code{readiness.NoPrimary, readiness.NoStandbyAtDR},
		},
		"version 19 on the primary alone": {
			change: func(r *recording) { unsupported(r.a, 190000) },
			status: red, codes: []readiness.Code{readiness.VersionUnsupported, readiness.VersionMismatch},
			without: []readiness.Code{readiness.NoPrimary, readiness.Conflict},
		},
		"version 11 beside another that writes": {
			change: func(r *recording) { unsupported(r.b, 110022); r.b.facts.InRecovery = false },
			status: red, codes: []readiness.Code{readiness.VersionUnsupported, readiness.TwoWriters},
		},
		"different majors": {
			change: func(r *recording) { r.b.facts.Version = 140011 },
			status: red, codes: []readiness.Code{readiness.VersionMismatch},
		},

		// Values no sound server sends.
		"NULL position of the standby": {
			change: func(r *recording) { r.b.replay.Replay, r.b.replay.Receive, r.a.senders[0].Flush = nil, nil, nil },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid, readiness.LineageUnproven},
		},
		"NULL message time": {
			change: func(r *recording) { r.b.replay.Receiver.MessageAge = nil },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"message time in the future": {
			change: func(r *recording) { r.b.replay.Receiver.MessageAge = pointer(-30.0) },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"NULL pause state": {
			change: func(r *recording) { r.b.replay.Pause = nil },
			status: yellow, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"receiver row of NULLs": {
			change: func(r *recording) { r.b.replay.Receiver = &receiver{} },
			status: unknown, codes: []readiness.Code{readiness.InsufficientPrivilege},
		},
		"standby ahead of the primary in one row": {
			change: func(r *recording) { r.a.senders[0].Flush = pointer(r.a.position.Flush + 4096) },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"no system identifier": {
			change: func(r *recording) { r.b.facts.SystemIdentifier = "" },
			status: unknown, codes: []readiness.Code{readiness.IdentityUnproven},
		},
		"two witnesses of the role disagree": {
			change: func(r *recording) { r.b.inHotStandby = "off" },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},
		"NULL heartbeat time": {
			change: func(r *recording) { r.heartbeats(nil, pointer(1.0)) },
			status: yellow, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"heartbeat in the future": {
			change: func(r *recording) { r.heartbeats(pointer(-300.0), pointer(-300.0)) },
			status: yellow, codes: []readiness.Code{readiness.ValueInvalid},
			without: []readiness.Code{readiness.HeartbeatWrite},
		},

		// Readings that failed on a server that was reached.
		"the primary's position cannot be read": {
			change: func(r *recording) {
				r.a.position, r.a.failed[positionID] = nil, finding(readiness.QueryFailed, "out of shared memory")
			},
			status: unknown, codes: []readiness.Code{readiness.QueryFailed, readiness.LineageUnproven},
		},
		"settings of roles cannot be read": {
			change: func(r *recording) { r.b.failed[settingsID] = finding(readiness.QueryFailed, "timeout") },
			status: yellow, codes: []readiness.Code{readiness.QueryFailed},
		},
		"waiting commits cannot be counted": {
			change: func(r *recording) { r.a.failed[syncID] = finding(readiness.QueryFailed, "timeout") },
			status: yellow, codes: []readiness.Code{readiness.QueryFailed},
		},
		"the reign cannot be read": {
			change: func(r *recording) { r.b.failed[lineageID] = finding(readiness.QueryFailed, "timeout") },
			status: unknown, codes: []readiness.Code{readiness.QueryFailed},
		},
		"busy primary of which the second reading failed": {
			change: func(r *recording) {
				newer := r.a.position.Flush + 8192
				r.b.replay.Receive, r.b.replay.Replay = &newer, &newer
				r.b.system = &systemInfo{timeline: 1, position: newer}
				r.a.system = &systemInfo{timeline: 1, position: newer}
				r.a.failed[positionID] = finding(readiness.QueryFailed, "timeout")
			},
			status: unknown, codes: []readiness.Code{readiness.LineageUnproven},
			without: []readiness.Code{readiness.Diverged},
		},

		// Other hosts' clocks.
		"clock of the standby's host is an hour off": {
			change: func(r *recording) { r.b.facts.Clock = r.b.facts.Clock.Add(time.Hour) },
			status: unknown, codes: []readiness.Code{readiness.ClockSkew},
		},
		"slow answer that reads like skew": {
			change: func(r *recording) {
				r.b.facts.Clock, r.b.took = r.b.at.Add(2300*time.Millisecond), 4800*time.Millisecond
			},
			status: green,
		},

		// Networks.
		"primary unreachable and the receiver stale": {
			change: func(r *recording) {
				unseen(r.a, unreached{message: "no answer within 5s"})
				r.b.replay.Receiver.MessageAge = pointer(48.0)
			},
			status: red, codes: []readiness.Code{readiness.PrimaryUnreachable, readiness.VisPrimary},
			without: []readiness.Code{readiness.PrimaryPathLost},
		},
		"primary unreachable and the receiver fresh": {
			change: func(r *recording) { unseen(r.a, unreached{message: "no answer within 5s"}) },
			status: unknown, codes: []readiness.Code{readiness.PrimaryPathLost, readiness.VisPrimary},
			without: []readiness.Code{readiness.PrimaryUnreachable},
		},
		"primary unreachable and the standby fed by a stranger": {
			change: func(r *recording) {
				unseen(r.a, unreached{message: "no answer within 5s"})
				r.b.replay.Receiver.Host = pointer("10.9.9.9")
			},
			status: unknown, codes: []readiness.Code{readiness.WriterUnproven, readiness.VisPrimary},
			without: []readiness.Code{readiness.PrimaryPathLost},
		},
		"standby of another name for its upstream": {
			change: func(r *recording) { r.b.replay.Receiver.Host = pointer("primary.internal") },
			status: green,
		},
		"standby streams from a clone of the primary": {
			change: func(r *recording) {
				r.b.replay.Receiver.Host = pointer("10.9.9.9")
				r.b.replay.Receiver.Age, r.a.senders[0].Age = pointer(86400.0), pointer(3600.0)
			},
			status: red, codes: []readiness.Code{readiness.UpstreamUnexpected},
		},
		"slow connection from an unknown address": {
			change: func(r *recording) {
				r.b.replay.Receiver.Host = pointer("10.9.9.9")
				r.b.replay.Receiver.Age = pointer(3604.0)
			},
			status: unknown, codes: []readiness.Code{readiness.Conflict},
			without: []readiness.Code{readiness.UpstreamUnexpected},
		},
		"fed by the archive": {
			change: func(r *recording) {
				r.spec.Options = map[string]string{"transport": "archive"}
				r.a.senders, r.a.slots, r.b.replay.Receiver, r.b.replay.Receive = nil, nil, nil, nil
				r.a.system, r.b.system = &systemInfo{timeline: 1}, &systemInfo{timeline: 1}
			},
			status: green,
		},
		"fed by an archive that has nothing": {
			change: func(r *recording) {
				r.spec.Options = map[string]string{"transport": "archive"}
				r.a.senders, r.a.slots, r.b.replay.Receiver, r.b.replay.Receive = nil, nil, nil, nil
				r.a.system, r.b.system = &systemInfo{timeline: 1}, &systemInfo{timeline: 1}
				r.a.archiver = &archiver{}
			},
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"switched over": {
			change: func(r *recording) { r.a.Site, r.b.Site = "ams", "fra" },
			status: yellow, codes: []readiness.Code{readiness.PrimaryNotHome},
			without: []readiness.Code{readiness.NoStandbyAtDR},
		},
		"no standby at the DR site": {
			change: func(r *recording) { r.b.Site = "fra" },
			status: red, codes: []readiness.Code{readiness.NoStandbyAtDR},
		},
		"all in recovery": {
			change: func(r *recording) {
				r.a.facts.InRecovery, r.a.inHotStandby, r.a.position = true, "on", nil
				r.a.replay = &replay{Receive: r.b.replay.Receive, Replay: r.b.replay.Replay, Pause: pointer("not paused")}
			},
			status: red, codes: []readiness.Code{readiness.NoPrimary},
		},
		"two clusters, none declared": {
			change: func(r *recording) { r.spec.Identity, r.b.facts.SystemIdentifier = nil, "7499999999999999999" },
			status: red, codes: []readiness.Code{readiness.IdentityMismatch},
			without: []readiness.Code{readiness.NoPrimary, readiness.NoStandbyAtDR},
		},
		"one cluster, none declared, one node tells nothing": {
			change: func(r *recording) { r.spec.Identity, r.b.facts.SystemIdentifier = nil, "" },
			status: unknown, codes: []readiness.Code{readiness.IdentityUnproven},
			without: []readiness.Code{readiness.IdentityMismatch},
		},
		"two standbys with the default application name": {
			change: func(r *recording) {
				r.a.senders[0].ApplicationName, r.a.senders[0].SlotName = pointer("walreceiver"), nil
				r.b.replay.Receiver.SlotName = nil
				second := r.a.senders[0]
				second.PID, second.Addr = pointer(900), pointer("10.0.3.5")
				r.a.senders = append(r.a.senders, second)
				r.a.slots = nil
			},
			status:  green,
			without: []readiness.Code{readiness.Conflict},
		},
		"the primary does not list a standby that says it streams": {
			change: func(r *recording) { r.a.senders, r.a.slots[0].Active = nil, false },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},
		"unseen standby that catches up": {
			change: func(r *recording) {
				unseen(r.b, unreached{message: "no answer within 5s"})
				r.a.senders[0].State = pointer("catchup")
			},
			status: yellow, codes: []readiness.Code{readiness.StandbyPathLost},
			without: []readiness.Code{readiness.StandbyAbsent},
		},
		"unseen standby that stopped replying": {
			change: func(r *recording) {
				unseen(r.b, unreached{message: "no answer within 5s"})
				r.a.senders[0].ReplyAge = pointer(41.0)
			},
			status: red, codes: []readiness.Code{readiness.StandbyAbsent, readiness.VisDR, readiness.WriterUnproven},
			without: []readiness.Code{readiness.StandbyPathLost},
		},
		"standby whose replies do not arrive": {
			change: func(r *recording) { r.a.senders[0].ReplyAge = pointer(41.0) },
			status: red, codes: []readiness.Code{readiness.TransportSilent},
		},
		"keepalives of a patient primary": {
			change: func(r *recording) { // only the standby was told to be impatient, and it asks for a sign of life
				r.b.settings = with(r.b.settings, "wal_sender_timeout", "4000")
				r.b.replay.Receiver.MessageAge = pointer(29.0)
			},
			status: green,
		},
		"idle link of a primary without keepalives": {
			change: func(r *recording) {
				r.a.settings = with(r.a.settings, "wal_sender_timeout", "0")
				r.b.replay.Receiver.MessageAge = pointer(29.0)
			},
			status: green,
		},
		"optional endpoint that cannot be seen": {
			change: func(r *recording) { r.others = append(r.others, optionalNode(r)) },
			status: yellow, codes: []readiness.Code{readiness.VisEndpoint, readiness.WriterUnproven},
		},

		// Histories.
		"ahead on the same timeline": {
			change: func(r *recording) {
				ahead := r.a.position.Flush + 8192
				r.b.replay.Receive, r.b.replay.Replay = &ahead, &ahead
				r.b.system, r.a.system = &systemInfo{timeline: 1}, &systemInfo{timeline: 1}
				r.a.closing = &position{Flush: r.a.position.Flush + 4096, Timeline: 1}
			},
			status: red, codes: []readiness.Code{readiness.Diverged},
		},
		"all received from another of the same number": {
			change: func(r *recording) {
				stumbling(r, &reign{pointer("r2"), []string{"r1", "r2"}}, &reign{pointer("r3"), []string{"r1", "r3"}})
			},
			status: red, codes: []readiness.Code{readiness.ReignMismatch},
		},
		"all received from another of the same number, without reigns": {
			change: func(r *recording) { stumbling(r, nil, nil) },
			status: unknown, codes: []readiness.Code{readiness.LineageUnproven},
		},
		"reigns that have not arrived yet": {
			change: func(r *recording) {
				r.a.reign, r.b.reign = &reign{pointer("r2"), []string{"r1", "r2"}}, &reign{pointer("r1"), []string{"r1"}}
				r.b.replay.Replay = pointer(r.a.position.Flush - 64)
				r.before("db-b", replayPosID, time.Minute, readiness.Num(1))
			},
			status: green,
		},
		"reigns that should have arrived": {
			change: func(r *recording) {
				r.a.reign, r.b.reign = &reign{pointer("r2"), []string{"r1", "r2"}}, &reign{pointer("r1"), []string{"r1"}}
			},
			status: red, codes: []readiness.Code{readiness.ReignMismatch},
		},
		"stale primary": {
			change: func(r *recording) {
				r.b.replay.Receiver.Timeline, r.b.system, r.a.system = pointer(2), &systemInfo{timeline: 2}, &systemInfo{timeline: 1}
			},
			status: red, codes: []readiness.Code{readiness.Diverged},
		},
		"timeline of a stranger": {
			change: func(r *recording) {
				r.a.position.Timeline, r.a.system = 4, &systemInfo{timeline: 4}
				r.a.history = []historyEntry{{1, 0x2000000}, {3, 0x2500000}}
				r.b.replay.Receiver.Timeline, r.b.system = pointer(2), &systemInfo{timeline: 2}
			},
			status: red, codes: []readiness.Code{readiness.Diverged},
		},
		"potential split brain after a failover": {
			change: func(r *recording) {
				promoted(r, 2, []historyEntry{{1, 0x3000000}})
				unseen(r.a, unreached{message: "connection refused"})
				r.before("db-a", roleID, time.Hour, readiness.Str("primary"))
			},
			status: red, codes: []readiness.Code{readiness.WriterUnproven, readiness.PrimaryNotHome, readiness.VisPrimary},
			without: []readiness.Code{readiness.TwoWriters},
		},

		// Split brain, by what a host that came back would say.
		"two writers with timelines of the same number": {
			change: func(r *recording) { promoted(r, 1, nil) },
			status: red, codes: []readiness.Code{readiness.TwoWriters},
		},
		"two writers of which one descends from the other": {
			change: func(r *recording) { promoted(r, 2, []historyEntry{{1, 0x3000000}}) },
			status: red, codes: []readiness.Code{readiness.TwoWriters},
		},

		// Settings no laboratory has.
		"synchronous standbys, two wanted and one there": {
			change: func(r *recording) {
				r.a.settings = with(r.a.settings, "synchronous_standby_names", "FIRST 2 (db_b, db_c)")
				r.a.senders[0].SyncState = pointer("sync")
			},
			status: red, codes: []readiness.Code{readiness.SyncStandbyMissing},
		},
		"synchronous standby that is there": {
			change: func(r *recording) {
				r.a.settings = with(r.a.settings, "synchronous_standby_names", `"db-b"`)
				r.a.senders[0].SyncState = pointer("sync")
			},
			status: green,
		},
		"slot close to losing WAL": {
			change: func(r *recording) { r.a.slots[0].WALStatus = pointer("unreserved") },
			status: yellow, codes: []readiness.Code{readiness.SlotAtRisk},
		},
		"slot of the standby is gone": {
			change: func(r *recording) {
				r.a.slots, r.a.senders, r.b.replay.Receiver = nil, nil, nil
				r.b.settings = with(r.b.settings, "primary_slot_name", "db_b")
			},
			status: red, codes: []readiness.Code{readiness.SlotMissing},
		},
		"collation versions differ": {
			change: func(r *recording) { r.b.collations = []string{"ledger"} },
			status: yellow, codes: []readiness.Code{readiness.CollationMismatch},
		},
		"old primary that could not be rewound": {
			change: func(r *recording) { r.a.settings = with(r.a.settings, "wal_log_hints", "off") },
			status: yellow, codes: []readiness.Code{readiness.RewindImpossible},
		},
		"standby that could not serve standbys": {
			change: func(r *recording) { r.b.settings = with(r.b.settings, "max_wal_senders", "0") },
			status: red, codes: []readiness.Code{readiness.StandbySettings, readiness.ParameterTooLow},
		},
		"replay that conflicts with queries": {
			change: func(r *recording) {
				r.b.conflicts = pointer(int64(7))
				r.before("db-b", conflictsID, time.Minute, readiness.Num(3))
			},
			status: yellow, codes: []readiness.Code{readiness.ReplayConflicts},
		},
		"replay that stands still": {
			change: func(r *recording) {
				r.b.replay.Replay = pointer(r.a.position.Flush - 4096)
				r.before("db-b", replayPosID, 30*time.Second, readiness.Num(float64(r.a.position.Flush-4096)))
			},
			status: red, codes: []readiness.Code{readiness.ReplayStalled},
		},
		"replay that moves": {
			change: func(r *recording) {
				r.b.replay.Replay = pointer(r.a.position.Flush - 4096)
				r.before("db-b", replayPosID, 30*time.Second, readiness.Num(float64(r.a.position.Flush-400096)))
			},
			status: green,
		},
		"old backlog that would take longer than the RTO": {
			change: func(r *recording) {
				r.b.replay.Replay = pointer(r.a.position.Flush - 40<<20)
				r.before("db-b", replayPosID, 30*time.Second, readiness.Num(float64(r.a.position.Flush-40<<20-30*1024)))
			},
			status: red, codes: []readiness.Code{readiness.RTOEstimateOver},
		},
		"lag that is older than the RPO": {
			change: func(r *recording) {
				r.behind(1 << 20)
				r.before("db-a", positionID, 90*time.Second, readiness.Num(float64(r.a.position.Flush-4096)))
			},
			status: red, codes: []readiness.Code{readiness.LagOverRPO},
		},
		"lag of which the age is not known": {
			change: func(r *recording) { r.behind(1 << 20) },
			status: yellow, codes: []readiness.Code{readiness.RPOUnproven},
		},
		"lag over the limit in bytes": {
			change: func(r *recording) { r.behind(20 << 20); r.a.caughtUp[811] = r.a.at.Add(time.Millisecond) },
			status: yellow, codes: []readiness.Code{readiness.ReplicationLagHigh},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := healthyPair()
			c.change(r)
			v := r.judge(t)
			if c.status == green {
				v.wantGreen(t)
				return
			}
			v.want(t, c.status, c.codes...)
			v.without(t, c.without...)
		})
	}
}

// unsupported leaves of a node what is read of a version nobody knows.
func unsupported(n *node, version int) {
	n.facts.Version = version
	*n = node{Endpoint: n.Endpoint, at: n.at, collectedAt: n.collectedAt, facts: n.facts, failed: map[readiness.ID]readiness.Finding{}}
}

// promoted makes the standby a second primary.
func promoted(r *recording, timeline int, history []historyEntry) {
	r.b.facts.InRecovery, r.b.inHotStandby, r.b.replay, r.b.conflicts = false, "off", nil, nil
	r.b.position = &position{Flush: 0x3001000, Insert: 0x3001000, Timeline: timeline, at: r.b.at}
	r.b.system, r.b.history = &systemInfo{timeline: timeline, position: 0x3001000}, history
	r.b.syncWaiting = pointer(int64(0))
	r.a.senders, r.a.slots[0].Active = nil, false
}

// stumbling makes the standby one that was promoted by itself from the same point:
// it receives all and applies nothing. A first sweep has watched it for a moment.
func stumbling(r *recording, primary, standby *reign) {
	r.a.reign, r.b.reign = primary, standby
	r.b.replay.Replay, r.b.motionless = pointer(r.a.position.Flush-9000), true
}

// behind makes the standby lack some WAL, of which the primary first had the last
// byte at a time nobody knows.
func (r *recording) behind(bytes lsn) {
	have := r.a.position.Flush - bytes
	r.b.replay.Receive, r.b.replay.Replay = &have, &have
	r.a.senders[0].Flush, r.a.senders[0].Replay = &have, &have
	r.a.caughtUp = map[int]time.Time{}
}

// heartbeats gives both nodes a row of these ages, in seconds.
func (r *recording) heartbeats(a, b *float64) {
	r.spec.Heartbeat = &connectors.Heartbeat{Interval: 10 * time.Second}
	row := func(age *float64) *heartbeat {
		h := &heartbeat{Seq: pointer(int64(41)), Age: age}
		if age != nil {
			h.WrittenAt = pointer(recordedAt.Add(-time.Duration(*age * float64(time.Second))))
		}
		return h
	}
	r.a.heartbeat, r.b.heartbeat = row(a), row(b)
}

func with(s settings, name, value string) settings {
	copied := settings{}
	for k, v := range s {
		copied[k] = v
	}
	copied[name] = value
	return copied
}

func optionalNode(r *recording) *node {
	n := &node{Endpoint: connectors.Endpoint{Name: "db-c", Site: "fra", Address: "10.0.1.6:5432", Optional: true}, collectedAt: r.now}
	unseen(n, unreached{message: "connection refused"})
	return n
}
