package postgres

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

func FuzzParseLSN(f *testing.F) {
	for _, seed := range []string{"0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF", "0/3000148", "", "/", "0/", "1/2/3", "-1/0", "+1/0", "0x1/2", "1_0/2", "g/0", "100000000/0", " 0/1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parseLSN(text)
		if err != nil {
			if at != 0 {
				t.Errorf("%q gave %v and an error", text, at)
			}
			return
		}
		again, err := parseLSN(at.String())
		if err != nil || again != at {
			t.Errorf("%q is %s, which is %v, %v", text, at, again, err)
		}
		if hi, lo, _ := strings.Cut(strings.ToUpper(text), "/"); strings.TrimLeft(hi, "0")+"/"+strings.TrimLeft(lo, "0") != trimZeros(at) {
			t.Errorf("%q was read as %s", text, at)
		}
	})
}

func trimZeros(at lsn) string {
	hi, lo, _ := strings.Cut(at.String(), "/")
	return strings.TrimLeft(hi, "0") + "/" + strings.TrimLeft(lo, "0")
}

func FuzzParseHistory(f *testing.F) {
	for _, seed := range []string{
		"1\t0/3000148\tno recovery target specified\n",
		"1\t0/3000148\tx\n\n2\t0/5000000\tbefore 2026-03-14 09:26:53+00\n",
		"# comment\n1 0/3000148", "", "1\t", "0\t0/1\tx", "-1\t0/1\tx", "x\t0/1", "1\tx/1", "99999999999999999999\t0/1", "1\t0/1\x00\n", "\r\n1\t0/1\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		entries, err := parseHistory(content)
		if err != nil {
			if entries != nil {
				t.Errorf("%q gave %v and an error", content, entries)
			}
			return
		}
		if lines := strings.Count(content, "\n") + 1; len(entries) > lines {
			t.Errorf("%d entries from %d lines", len(entries), lines)
		}
		for _, e := range entries {
			if e.timeline < 1 {
				t.Errorf("timeline %d", e.timeline)
			}
			l := leader{timeline: e.timeline + 1, position: e.switchAt, history: entries}
			if !l.contains(e.timeline) {
				t.Errorf("the history does not contain its own timeline %d", e.timeline)
			}
			if ok, why := l.canFollow(e.timeline, e.switchAt+1); ok && first(entries, e.timeline) == e.switchAt {
				t.Errorf("a node past the switch may follow: %s", why)
			}
		}
	})
}

// first is where a history leaves a timeline for the first time.
func first(entries []historyEntry, timeline int) lsn {
	for _, e := range entries {
		if e.timeline == timeline {
			return e.switchAt
		}
	}
	return 0
}

// told is the JSON form of a node's facts, for fuzzing: everything that came from
// a server or from failing to reach one.
type told struct {
	Name, Site, Address string
	Options             map[string]string
	Optional            bool
	Seen                bool
	Millis              int64 // after recordedAt
	TookMillis          int64
	Code, Message       string // why it was not reached
	Alive               bool
	Facts               *nodeFacts
	InHotStandby        string
	Position, Closing   *position
	Replay              *replay
	Senders             []sender
	Slots               []slot
	Settings            settings
	ReadOnlyFor         []readOnlyDefault
	Archiver            *archiver
	ArchiveReady        *int64
	Conflicts           *int64
	Heartbeat           *heartbeat
	Reign               *reign
	Collations          []string
	SyncWaiting         *int64
	System              *int // timeline, of IDENTIFY_SYSTEM
	History             string
	LineageFailure      *readiness.Finding
	Failed              map[readiness.ID]readiness.Finding
	CaughtUp            map[int]int64
	Resolved            []string
	Motionless          bool
}

// scene is what a sweep learned, with who asked.
type scene struct {
	Nodes     []told
	Identity  string
	Transport string
	Heartbeat *connectors.Heartbeat
	Written   *readiness.Finding
	Previous  []readiness.Observation
}

func (s told) node() *node {
	at := recordedAt.Add(time.Duration(s.Millis) * time.Millisecond)
	n := &node{Endpoint: connectors.Endpoint{Name: s.Name, Site: s.Site, Address: s.Address, Options: s.Options, Optional: s.Optional}, collectedAt: at,
		resolved: s.Resolved, failed: s.Failed}
	if n.failed == nil {
		n.failed = map[readiness.ID]readiness.Finding{}
	}
	if s.Facts == nil {
		n.unreached = &unreached{code: readiness.Code(s.Code), message: s.Message, alive: s.Alive}
		return n
	}
	n.at, n.took = at, time.Duration(s.TookMillis)*time.Millisecond
	n.facts, n.inHotStandby, n.position, n.closing, n.replay = s.Facts, s.InHotStandby, s.Position, s.Closing, s.Replay
	n.senders, n.slots, n.settings, n.readOnlyFor = s.Senders, s.Slots, s.Settings, s.ReadOnlyFor
	n.archiver, n.archiveReady, n.conflicts, n.heartbeat, n.reign = s.Archiver, s.ArchiveReady, s.Conflicts, s.Heartbeat, s.Reign
	n.collations, n.syncWaiting, n.lineageFailure, n.motionless = s.Collations, s.SyncWaiting, s.LineageFailure, s.Motionless
	if s.System != nil {
		n.system = &systemInfo{timeline: *s.System}
	}
	n.history, _ = parseHistory(s.History)
	n.caughtUp = map[int]time.Time{}
	for pid, millis := range s.CaughtUp {
		n.caughtUp[pid] = recordedAt.Add(time.Duration(millis) * time.Millisecond)
	}
	if n.position != nil {
		n.position.at = at
	}
	return n
}

// healthyScene is healthyPair as servers would tell it.
const healthyScene = `{"Identity":"74","Nodes":[
 {"Name":"db-a","Site":"fra","Address":"10.0.1.5:5432","InHotStandby":"off","CaughtUp":{"811":0},
  "Facts":{"inRecovery":false,"systemIdentifier":"74","started":"2026-03-01T00:00:00Z","addr":"10.0.1.5","port":5432,"version":150018,"clock":"2026-03-14T09:26:53Z","monitor":true,"heartbeat":true,"reign":true},
  "Position":{"flush":"0/3000148","insert":"0/3000148","timeline":1},"Reign":{"newest":"r1","all":["r1"]},
  "Senders":[{"pid":811,"applicationName":"db-b","slotName":"db_b","addr":"10.0.2.5","state":"streaming","syncState":"async","flush":"0/3000148","replay":"0/3000148","replyAge":4.2,"age":3600,"serverFlush":"0/3000148"}],
  "Slots":[{"name":"db_b","active":true,"temporary":false,"restart":"0/3000148","walStatus":"reserved","safeSize":null}],
  "Settings":{"max_connections":"100","wal_sender_timeout":"60000","archive_mode":"on","wal_log_hints":"on","full_page_writes":"on","synchronous_standby_names":"","default_transaction_read_only":"off"},
  "Heartbeat":{"seq":7,"writtenAt":"2026-03-14T09:26:50Z","age":3},
  "Archiver":{"archived":3,"failed":0,"lastArchived":"2026-03-14T09:00:00Z","lastFailed":null,"failedFile":null},"ArchiveReady":0,"SyncWaiting":0},
 {"Name":"db-b","Site":"ams","Address":"10.0.2.5:5432","InHotStandby":"on",
  "Facts":{"inRecovery":true,"systemIdentifier":"74","started":"2026-03-02T00:00:00Z","addr":"10.0.2.5","port":5432,"version":150018,"clock":"2026-03-14T09:26:53Z","monitor":true,"heartbeat":true,"reign":true},
  "Replay":{"receive":"0/3000148","replay":"0/3000148","pause":"not paused","lastCommit":null,"receiver":{"pid":402,"status":"streaming","timeline":1,"host":"10.0.1.5","port":5432,"slotName":"db_b","messageAge":12.5,"age":3600}},
  "Reign":{"newest":"r1","all":["r1"]},"Settings":{"max_connections":"100","wal_receiver_timeout":"60000","wal_receiver_status_interval":"10","recovery_min_apply_delay":"0","wal_log_hints":"on","full_page_writes":"on"},
  "Heartbeat":{"seq":7,"writtenAt":"2026-03-14T09:26:50Z","age":3},"Conflicts":0}],
 "Heartbeat":{"Write":false,"Interval":10000000000}}`

// FuzzDerive gives derive whatever servers might tell. It must not panic, must
// give the same answer twice, and must say green only of a pair that is whole.
func FuzzDerive(f *testing.F) {
	f.Add([]byte(healthyScene), []byte{})
	for _, change := range [][2]string{
		{`"inRecovery":true`, `"inRecovery":false`}, {`"inRecovery":false`, `"inRecovery":true`}, {`"streaming","timeline":1`, `null,"timeline":null`},
		{`"messageAge":12.5`, `"messageAge":null`}, {`"messageAge":12.5`, `"messageAge":-1e300`}, {`"messageAge":12.5`, `"messageAge":1e300`},
		{`"flush":"0/3000148","insert"`, `"flush":"FFFFFFFF/FFFFFFFF","insert"`}, {`"replay":"0/3000148","pause"`, `"replay":null,"pause"`},
		{`"systemIdentifier":"74","started":"2026-03-02`, `"systemIdentifier":"","started":"2026-03-02`}, {`"started":"2026-03-02`, `"started":"2026-03-01`},
		{`"version":150018`, `"version":0`}, {`"monitor":true`, `"monitor":false`}, {`"senders"`, `"x"`}, {`"host":"10.0.1.5"`, `"host":"10.9.9.9"`},
		{`"all":["r1"]},"Settings":{"max_connections":"100","wal_receiver`, `"all":["r2"]},"Settings":{"max_connections":"100","wal_receiver`},
		{`"synchronous_standby_names":""`, `"synchronous_standby_names":"FIRST 2 (\"db-b\", *)"`}, {`"age":3}`, `"age":null}`},
		{`"Settings"`, `"System":2,"History":"1\t0/1\tx","Settings"`}, {`"Identity"`, `"Transport":"archive","Identity"`},
		{`"Facts"`, `"Optional":true,"Failed":{"wal.position_bytes":{"code":"QUERY_FAILED","message":"m"}},"Facts"`},
		{`"Position":{"flush":"0/3000148","insert":"0/3000148","timeline":1},`, ``}, {`"Replay":{`, `"Nothing":{`}, {`"Facts":{`, `"Code":"NODE_STARTING","Alive":true,"Other":{`},
		{`"Nodes"`, `"Previous":[{"endpoint":"db-a","indicator":"node.role","value":"primary","observedAt":"2026-03-14T09:25:00Z"},{"endpoint":"db-a","indicator":"wal.position_bytes","value":-1,"observedAt":"2026-03-14T09:25:00Z"}],"Nodes"`},
	} {
		f.Add([]byte(strings.Replace(healthyScene, change[0], change[1], 1)), []byte{30, 0, 0})
		f.Add([]byte(strings.ReplaceAll(healthyScene, change[0], change[1])), []byte{60, 1, 2, 90, 3, 4})
	}
	judge := judgeOf(f)
	f.Fuzz(func(t *testing.T, data, edits []byte) {
		var document any
		if len(edits) > 60 || json.Unmarshal(data, &document) != nil {
			t.Skip()
		}
		if s, ok := sceneOf(mutate(document, edits)); ok {
			s.check(t, judge)
		}
	})
}

// TestDeriveOfOddFacts walks further than a fuzzer does in the time of a test run,
// over the same facts each time.
func TestDeriveOfOddFacts(t *testing.T) {
	t.Parallel()
	var document any
	if err := json.Unmarshal([]byte(healthyScene), &document); err != nil {
		t.Fatal(err)
	}
	judge := judgeOf(t)
	random := rand.New(rand.NewPCG(1, 2))
	decoded := 0
	statuses := map[readiness.Status]int{}
	for range *oddFacts {
		edits := make([]byte, 3*(1+random.IntN(6)))
		for i := range edits {
			edits[i] = byte(random.Uint32())
		}
		if s, ok := sceneOf(mutate(document, edits)); ok {
			decoded++
			statuses[s.check(t, judge)]++
			if t.Failed() {
				t.Fatalf("edits %v", edits)
			}
		}
	}
	for _, s := range []readiness.Status{readiness.Green, readiness.Yellow, readiness.Red, readiness.Unknown} {
		if statuses[s] < decoded/200 {
			t.Errorf("of %d scenes only %d were %s: the edits are too timid or too bold", decoded, statuses[s], s)
		}
	}
	t.Logf("%d scenes: %v", decoded, statuses)
}

var oddFacts = flag.Int("odd-facts", 3000, "how many scenes TestDeriveOfOddFacts makes up")

func sceneOf(document any) (s scene, ok bool) {
	data, err := json.Marshal(document)
	return s, err == nil && json.Unmarshal(data, &s) == nil && len(s.Nodes) <= 8
}

func (s scene) check(t *testing.T, judge *rules.Judge) readiness.Status {
	t.Helper()
	one, two := s.judge(judge), s.judge(judge)
	if fmt.Sprint(one) != fmt.Sprint(two) {
		t.Errorf("the same facts are judged\n%sand\n%s", one, two)
	}
	if one.Status == readiness.Green {
		s.mustBeWhole(t)
	}
	return one.Status
}

func (s scene) judge(judge *rules.Judge) verdict {
	spec := connectors.Spec{Target: "ledger", Home: connectors.Home{Primary: "fra", DR: "ams"}, Identity: map[string]string{"systemIdentifier": s.Identity},
		Options: map[string]string{"transport": s.Transport}, Heartbeat: s.Heartbeat}
	spec.Previous = func(endpoint string, id readiness.ID) (readiness.Observation, bool) {
		for _, o := range s.Previous {
			if o.Endpoint == endpoint && o.Indicator == id {
				return o, true
			}
		}
		return readiness.Observation{}, false
	}
	var nodes []*node
	for _, n := range s.Nodes {
		nodes = append(nodes, n.node())
	}
	v := verdict{observations: derive(spec, nodes, s.Written, recordedAt)}
	v.Result, _ = judge.Evaluate(recordedAt, v.observations, rules.State{})
	return v
}

func (s told) newest() lsn {
	if s.Closing != nil {
		return s.Closing.Flush
	}
	return 0
}

func valueOr[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// mustBeWhole lists what no green verdict can do without, by the facts alone.
func (s scene) mustBeWhole(t *testing.T) {
	primaries, standbys := 0, 0
	var primary told
	for _, n := range s.Nodes {
		if n.Facts != nil && !n.Facts.InRecovery && !n.Optional {
			primary = n
		}
	}
	cluster := s.Identity
	for _, n := range s.Nodes {
		if n.Optional {
			continue
		}
		fact := n.Facts
		if fact == nil {
			t.Fatalf("green, and %q was not reached", n.Name)
		}
		if cluster == "" {
			cluster = fact.SystemIdentifier
		}
		switch {
		case fact.SystemIdentifier != cluster || cluster == "":
			t.Errorf("green, and %q is cluster %q", n.Name, fact.SystemIdentifier)
		case fact.Version < minVersion || fact.Version > maxVersion:
			t.Errorf("green with version %d", fact.Version)
		case !fact.Monitor:
			t.Errorf("green, and %q shows masked views", n.Name)
		case len(n.Failed) > 0:
			t.Errorf("green, and %q failed to tell %v", n.Name, n.Failed)
		}
		if skew := fact.Clock.Sub(recordedAt.Add(time.Duration(n.Millis) * time.Millisecond)).Abs(); skew > readiness.SkewTolerance+time.Duration(n.TookMillis)*time.Millisecond {
			t.Errorf("green, and the clock of %q is off by %s", n.Name, skew)
		}
		if n.Settings.on("default_transaction_read_only") {
			t.Errorf("green, and %q is read-only by default", n.Name)
		}
		if !fact.InRecovery {
			primaries++
			if n.Position == nil {
				t.Errorf("green without the position of %q", n.Name)
			}
			continue
		}
		if n.Site == "ams" {
			standbys++
		}
		if n.Replay == nil || n.Replay.Replay == nil || n.Replay.Pause == nil || *n.Replay.Pause != "not paused" {
			t.Errorf("green, and replay of %q is %+v", n.Name, n.Replay)
			continue
		}
		if s.Transport != "archive" && (!n.Replay.Receiver.streaming() || n.Replay.Receiver.MessageAge == nil || *n.Replay.Receiver.MessageAge > 3600) {
			t.Errorf("green, and %q receives %+v", n.Name, n.Replay.Receiver)
		}
		if r := n.Reign; r != nil && primary.Reign != nil {
			for _, id := range r.All {
				if !slices.Contains(primary.Reign.All, id) {
					t.Errorf("green, and %q carries reign %s", n.Name, id)
				}
			}
		}
		if p := primary.Position; p != nil {
			newest := max(p.Flush, primary.newest())
			have := max(*n.Replay.Replay, valueOr(n.Replay.Receive, 0))
			if sameTimeline := n.Replay.Receiver != nil && n.Replay.Receiver.Timeline != nil && *n.Replay.Receiver.Timeline == p.Timeline; sameTimeline && have > newest {
				t.Errorf("green, and %q is at %s, ahead of %s", n.Name, have, newest)
			}
			if have.minus(*n.Replay.Replay) >= 64<<20 {
				t.Errorf("green, and %q has %d bytes to apply", n.Name, have.minus(*n.Replay.Replay))
			}
		}
	}
	if primaries != 1 || standbys == 0 {
		t.Errorf("green with %d primaries and %d standbys at the DR site", primaries, standbys)
	}
}

// TestHealthySceneIsGreen keeps the seed of FuzzDerive worth changing.
func TestHealthySceneIsGreen(t *testing.T) {
	t.Parallel()
	var s scene
	if err := json.Unmarshal([]byte(healthyScene), &s); err != nil {
		t.Fatal(err)
	}
	s.judge(judgeOf(t)).wantGreen(t)
	s.mustBeWhole(t)
}
