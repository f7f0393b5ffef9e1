package sqlserver

import (
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// What no server here can be made to say is judged from recorded answers: those of
// a group of which nothing is wrong, with what is wrong written over them. They
// are written from documentation; no real server said them.

// recording is the facts of a resource with who asked for them.
type recording struct {
	spec     connectors.Spec
	a, b     *node // primary at home, secondary at the DR site
	others   []*node
	written  []readiness.Finding
	previous map[readiness.Key]readiness.Observation
	now      time.Time
}

var recordedAt = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

const (
	claimsGroup = "0f2c8a1e-6b1d-4a57-9d5e-0c6f3e2a7b10"
	replicaA    = "a0000000-0000-0000-0000-00000000000a"
	replicaB    = "b0000000-0000-0000-0000-00000000000b"
	replicaC    = "c0000000-0000-0000-0000-00000000000c"
	ordersID    = "d1000000-0000-0000-0000-000000000001"
	ledgerID    = "d2000000-0000-0000-0000-000000000002"
	ordersFork  = "f1000000-0000-0000-0000-000000000001"
	ledgerFork  = "f2000000-0000-0000-0000-000000000002"
)

func pointer[T any](v T) *T { return &v }

// healthyPair is a synchronous pair on a Windows cluster of which nothing is wrong.
func healthyPair() *recording {
	r := &recording{now: recordedAt, previous: map[readiness.Key]readiness.Observation{}}
	r.spec = connectors.Spec{Target: "claims", Home: connectors.Home{Primary: "fra", DR: "ams"},
		Identity: map[string]string{"groupId": claimsGroup}, Options: map[string]string{"availabilityGroup": "claims", "databases": "orders, ledger"}}
	r.spec.Previous = func(endpoint string, id readiness.ID) (readiness.Observation, bool) {
		o, ok := r.previous[readiness.Key{Endpoint: endpoint, Indicator: id}]
		return o, ok
	}
	r.a = newNode("sql-a", "fra", 16)
	r.b = newNode("sql-b", "ams", 16)
	base := replica{Group: claimsGroup, GroupName: "claims", ClusterType: "WSFC", Required: pointer(int64(0)), Sequence: pointer(int64(4294967312)),
		Primary: "SQL-A", Mode: "SYNCHRONOUS_COMMIT", Failover: "MANUAL", Timeout: pointer(int64(10)), Connections: "ALL", Connected: "CONNECTED"}
	rowA, rowB := base, base
	rowA.ID, rowA.Server, rowA.Local, rowA.Role, rowA.Operational, rowA.PrimaryRecovery = replicaA, "SQL-A", pointer(true), "PRIMARY", "ONLINE", "ONLINE"
	rowB.ID, rowB.Server, rowB.Local, rowB.Role = replicaB, "SQL-B", pointer(false), "SECONDARY"
	r.a.replicas = []replica{rowA, rowB}
	ownB := rowB
	ownB.Local, ownB.Operational = pointer(true), "ONLINE"
	quietA := rowA
	quietA.Local, quietA.Role, quietA.Operational, quietA.Connected = nil, "", "", "" // a secondary sees its own state only
	r.b.replicas = []replica{quietA, ownB}
	for _, db := range []struct{ name, id, fork string }{{"orders", ordersID, ordersFork}, {"ledger", ledgerID, ledgerFork}} {
		commit := recordedAt.Add(-40 * time.Minute) // a quiet database
		source := databaseState{Group: claimsGroup, Replica: replicaA, ID: db.id, Name: db.name, Local: pointer(true), Primary: pointer(true),
			State: "SYNCHRONIZED", DatabaseState: "ONLINE", Suspended: pointer(false), Ready: pointer(true), Joined: pointer(true),
			Hardened: "35000000012800001", EndOfLog: "35000000012800001", Recovery: "4294967295429496729500001", LastCommit: &commit}
		remote := source
		remote.Replica, remote.Local, remote.Primary, remote.DatabaseState = replicaB, pointer(false), pointer(false), ""
		remote.SendQueueKB, remote.RedoQueueKB, remote.RedoRateKB = pointer(int64(0)), pointer(int64(0)), pointer(int64(2048))
		own := remote
		own.Local, own.DatabaseState, own.SendQueueKB = pointer(true), "ONLINE", nil
		r.a.databases = append(r.a.databases, source, remote)
		r.b.databases = append(r.b.databases, own)
		for _, n := range []*node{r.a, r.b} {
			n.local = append(n.local, localDatabase{Name: db.name, ID: db.id, State: "ONLINE", ReuseWait: "NOTHING", Encrypted: pointer(false), Fork: db.fork, Family: db.id})
			n.joined = append(n.joined, joinedDatabase{replicaA, db.id, db.name, pointer(true)}, joinedDatabase{replicaB, db.id, db.name, pointer(true)})
		}
		r.a.logUsed[db.name], r.a.backups[db.name] = 7, 600
	}
	r.a.listeners = []listenerAddress{{claimsGroup, "claims-l", "10.0.1.9", "ONLINE"}, {claimsGroup, "claims-l", "10.0.2.9", "OFFLINE"}}
	return r
}

func newNode(name, site string, major int64) *node {
	at := recordedAt.Add(-20 * time.Millisecond)
	server := map[string]string{"sql-a": "SQL-A", "sql-b": "SQL-B", "sql-c": "SQL-C", "sql-d": "SQL-D"}[name]
	return &node{
		Node: observe.Node{Endpoint: connectors.Endpoint{Name: name, Site: site, Address: name + ".example.net:1433"}, At: at, CollectedAt: recordedAt},
		facts: &instance{ServerName: server, PhysicalName: server, ProductVersion: "16.0.4105.2", Major: major, Engine: 3, HADR: pointer(true),
			ViewDefinition: true, ViewState: true, Clock: at},
		started: pointer(at.Add(-time.Duration(100+len(name)+int(name[4])) * time.Hour)),
		cluster: &cluster{"claims-wsfc", "NODE_AND_FILE_SHARE_MAJORITY", "NORMAL_QUORUM"},
		members: []clusterMember{{"SQL-A", "CLUSTER_NODE", "UP", pointer(int64(1))}, {"SQL-B", "CLUSTER_NODE", "UP", pointer(int64(1))}, {"witness", "FILE_SHARE_WITNESS", "UP", pointer(int64(1))}},
		logUsed: map[string]int64{}, backups: map[string]int64{},
		mirroring: []mirroringEndpoint{{"Hadr_endpoint", "STARTED", "ag_cert", pointer(int64(400 * 24 * 60))}}, seeding: []seedingRun{},
		outside: outside{logins: map[string]login{"app": {"SQL_LOGIN", "9f01"}}, jobs: map[string]bool{"backup": true}, servers: map[string]bool{},
			credentials: map[string]bool{}, certificates: map[string]bool{}, encryptors: map[string]string{}},
		failed: map[readiness.ID]readiness.Finding{},
	}
}

// asynchronous makes DR what it mostly is. The cluster never calls it ready.
func (r *recording) asynchronous() {
	r.spec.Options["commit"] = "asynchronous"
	r.eachReplica("SQL-B", func(x *replica) { x.Mode = "ASYNCHRONOUS_COMMIT" })
	r.eachCopy(func(s *databaseState) { s.State, s.Ready = "SYNCHRONIZING", pointer(false) })
}

// eachReplica changes every row about a replica.
func (r *recording) eachReplica(server string, change func(*replica)) {
	for _, n := range r.nodes() {
		for i := range n.replicas {
			if n.replicas[i].Server == server {
				change(&n.replicas[i])
			}
		}
	}
}

// everyReplica changes all rows.
func (r *recording) everyReplica(change func(*replica)) {
	for _, n := range r.nodes() {
		for i := range n.replicas {
			change(&n.replicas[i])
		}
	}
}

// eachCopy changes every row about the secondary's databases, on both ends.
func (r *recording) eachCopy(change func(*databaseState)) {
	for _, n := range r.nodes() {
		for i := range n.databases {
			if n.databases[i].Replica == replicaB {
				change(&n.databases[i])
			}
		}
	}
}

// state is the row of a database that one instance has about a replica.
func state(n *node, replica, id string) *databaseState {
	for i := range n.databases {
		if n.databases[i].Replica == replica && n.databases[i].ID == id {
			return &n.databases[i]
		}
	}
	panic("the recording has no such row")
}

func own(n *node) *replica {
	for i := range n.replicas {
		if n.replicas[i].local() && !n.replicas[i].Distributed {
			return &n.replicas[i]
		}
	}
	panic("the recording has no such row")
}

// seen is the row that a primary has of another replica.
func seen(n *node, server string) *replica {
	for i := range n.replicas {
		if n.replicas[i].Server == server {
			return &n.replicas[i]
		}
	}
	panic("the recording has no such row")
}

// unseen makes a node one that gave nothing.
func unseen(n *node, f endpoint.Failure) {
	*n = node{Node: observe.Node{Endpoint: n.Endpoint, CollectedAt: n.CollectedAt}, unreached: &f, failed: map[readiness.ID]readiness.Finding{}}
}

var silent = endpoint.Failure{Message: "no answer within 5s"}

// before records what an earlier check read.
func (r *recording) before(endpoint string, id readiness.ID, ago time.Duration, v readiness.Value) {
	r.previous[readiness.Key{Endpoint: endpoint, Indicator: id}] = readiness.Observation{
		Target: "claims", Endpoint: endpoint, Indicator: id, Value: v, ObservedAt: r.now.Add(-ago), CollectedAt: r.now.Add(-ago)}
}

func (r *recording) nodes() []*node { return append([]*node{r.a, r.b}, r.others...) }

// verdict is what one sweep saw and what it was judged to mean.
type verdict struct {
	readiness.Result
	observations []readiness.Observation
}

func (r *recording) judge(t testing.TB) verdict {
	t.Helper()
	v := verdict{observations: derive(r.spec, r.nodes(), r.written, r.now)}
	v.Result, _ = judgeOf(t, "claims", time.Minute).Evaluate(r.now, v.observations, rules.State{})
	assertModest(t, v)
	seen := map[readiness.Key]bool{}
	for _, o := range v.observations {
		if seen[o.Key()] {
			t.Errorf("%s of %q was observed twice", o.Indicator, o.Endpoint)
		}
		seen[o.Key()] = true
	}
	return v
}

func judgeOf(t testing.TB, target string, rpo time.Duration) *rules.Judge {
	t.Helper()
	set, err := rules.NewSet(nil, func(string) []readiness.Indicator { return catalog })
	if err != nil {
		t.Fatal(err)
	}
	judge, err := set.For(rules.Subject{Name: target, Platform: "sqlserver", Tier: 1,
		Objectives: rules.Objectives{RPO: rpo, RTO: 15 * time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	return judge
}

func (v verdict) codes() []readiness.Code {
	var codes []readiness.Code
	for _, r := range v.Reasons {
		codes = append(codes, r.Code)
	}
	return codes
}

func (v verdict) want(t testing.TB, status readiness.Status, codes []readiness.Code, without []readiness.Code) {
	t.Helper()
	failed := v.Status != status
	if failed {
		t.Errorf("status is %s, want %s", v.Status, status)
	}
	for _, c := range codes {
		if !slices.Contains(v.codes(), c) {
			failed = true
			t.Errorf("%s is not among the reasons", c)
		}
	}
	for _, c := range without {
		if slices.Contains(v.codes(), c) {
			failed = true
			t.Errorf("%s is among the reasons", c)
		}
	}
	if failed {
		for _, r := range v.Reasons {
			t.Logf("%s %s %s %s: %s", r.Status, r.Code, r.Endpoint, r.Indicator, r.Message)
		}
	}
}

// find returns the one reading of an indicator.
func (v verdict) find(endpoint string, id readiness.ID) (readiness.Observation, bool) {
	for _, o := range v.observations {
		if o.Endpoint == endpoint && o.Indicator == id {
			return o, true
		}
	}
	return readiness.Observation{}, false
}

func (v verdict) number(t testing.TB, endpoint string, id readiness.ID) float64 {
	t.Helper()
	o, ok := v.find(endpoint, id)
	n, isNumber := o.Value.Number()
	if !ok || !isNumber {
		t.Fatalf("%s of %q is no number: %+v", id, endpoint, o)
	}
	return n
}

func (v verdict) text(t testing.TB, endpoint string, id readiness.ID) string {
	t.Helper()
	o, ok := v.find(endpoint, id)
	text, isText := o.Value.Text()
	if !ok || !isText {
		t.Fatalf("%s of %q is no text: %+v", id, endpoint, o)
	}
	return text
}
