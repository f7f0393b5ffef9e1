package mongodb

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// told is the JSON form of a member's facts, for fuzzing: everything that came
// from a server or from failing to reach one.
type told struct {
	Name, Site, Address string
	Options             map[string]string
	Optional            bool
	Millis, TookMillis  int64 // after recordedAt
	Code, Message       string
	Alive               bool
	Unreached           bool
	Hello               *hello
	Version, Feature    string
	Status, Later       *status
	Config              *config
	Oplog               *oplogEnds
	Flow                *flowControl
	WriteConcern        *writeConcern
	Privileges          *privileges
	Beat                *beats
	Cluster             *cluster
	Refused             *readiness.Finding
	Failed              map[readiness.ID]readiness.Finding
}

// scene is what a sweep learned, with who asked.
type scene struct {
	Nodes     []told
	Identity  map[string]string
	Heartbeat *connectors.Heartbeat
	Written   *readiness.Finding
	Previous  []readiness.Observation
}

// sceneAtRest is setAtRest as it would be told.
func sceneAtRest(t testing.TB) []byte {
	t.Helper()
	r := setAtRest()
	r.beats(3*time.Second, 4*time.Second)
	s := scene{Identity: r.spec.Identity, Heartbeat: r.spec.Heartbeat}
	for _, n := range r.nodes() {
		s.Nodes = append(s.Nodes, told{Name: n.Name, Site: n.Site, Address: n.Address, Millis: -50, TookMillis: 4, Hello: n.hello, Version: n.version, Feature: n.feature,
			Status: n.status, Config: n.config, Oplog: n.oplog, Flow: n.flow, WriteConcern: n.writeConcern, Privileges: n.privileges, Beat: n.beat})
	}
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (s told) node() *node {
	when := recordedAt.Add(time.Duration(s.Millis) * time.Millisecond)
	n := &node{Node: observe.Node{Endpoint: connectors.Endpoint{Name: s.Name, Site: s.Site, Address: s.Address, Options: s.Options, Optional: s.Optional}, CollectedAt: when},
		hello: s.Hello, failed: s.Failed}
	if n.failed == nil {
		n.failed = map[readiness.ID]readiness.Finding{}
	}
	if n.hello != nil {
		n.At, n.took = when, time.Duration(s.TookMillis)*time.Millisecond
	}
	if s.Unreached || s.Hello == nil {
		n.unreached = &endpoint.Failure{Code: readiness.Code(s.Code), Message: s.Message, Alive: s.Alive}
		return n
	}
	n.version, n.feature, n.status, n.later, n.config = s.Version, s.Feature, s.Status, s.Later, s.Config
	n.oplog, n.flow, n.writeConcern, n.privileges, n.beat, n.cluster, n.refused = s.Oplog, s.Flow, s.WriteConcern, s.Privileges, s.Beat, s.Cluster, s.Refused
	if n.config != nil && !n.config.sound() {
		n.config = nil // as decodeConfig leaves it
	}
	for _, st := range []*status{n.status, n.later} {
		if st != nil {
			st.At = when
		}
	}
	if n.status == nil {
		n.later = nil
	}
	return n
}

// FuzzDerive gives derive whatever servers might tell. It must not panic, must
// give the same answer twice, and must say green only of a set that is whole.
func FuzzDerive(f *testing.F) {
	rest := sceneAtRest(f)
	f.Add(rest, []byte{})
	for i := range byte(40) {
		f.Add(rest, []byte{i * 6, i, i + 3, 255 - i, i * 7, 2})
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
	if err := json.Unmarshal(sceneAtRest(t), &document); err != nil {
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
				data, _ := json.MarshalIndent(s, "", " ") // it was decoded from JSON
				t.Fatalf("edits %v make of the scene\n%s", edits, data)
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
	spec := connectors.Spec{Target: "catalog", Home: connectors.Home{Primary: "fra", DR: "ams"}, Identity: s.Identity, Heartbeat: s.Heartbeat}
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
		spec.Endpoints = append(spec.Endpoints, nodes[len(nodes)-1].Endpoint)
	}
	v := verdict{observations: derive(spec, nodes, s.Written, recordedAt)}
	v.Result, _ = judge.Evaluate(recordedAt, v.observations, rules.State{})
	return v
}

// mustBeWhole lists what no green verdict can do without, by the facts alone.
func (s scene) mustBeWhole(t *testing.T) {
	var primary *told
	ids, far := map[string]bool{}, 0
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if n.Optional && n.Hello != nil && n.Hello.Writable && n.Config != nil && n.Status != nil {
			primary = n
		}
		if n.Optional || n.Options["role"] == roleRouter {
			continue
		}
		if n.Unreached || n.Hello == nil {
			t.Errorf("green, and %q was not reached", n.Name)
			return
		}
		if n.Hello.Writable {
			if primary != nil {
				t.Errorf("green with two that write")
			}
			primary = n
		}
		if n.Hello.Arbiter {
			continue
		}
		if n.Config == nil || n.Config.ID == "" || n.Status == nil || n.Status.State == nil {
			t.Errorf("green, and %q told neither configuration nor state", n.Name)
			return
		}
		ids[n.Config.ID] = true
		if len(n.Failed) > 0 || n.Refused != nil {
			t.Errorf("green, and %q failed to tell %v %v", n.Name, n.Failed, n.Refused)
		}
		if major, _, ok := release(n.Version); !ok || major < minMajor || major > maxMajor {
			t.Errorf("green with version %q", n.Version)
		}
		if state := *n.Status.State; state != statePrimary && state != stateSecondary {
			t.Errorf("green, and %q is in state %d", n.Name, state)
		}
		if n.Privileges == nil || len(n.Privileges.missing(&node{hello: n.Hello})) > 0 {
			t.Errorf("green, and the login on %q lacks privileges", n.Name)
		}
		if skew := n.Hello.Clock.Sub(recordedAt.Add(time.Duration(n.Millis) * time.Millisecond)).Abs(); skew > readiness.SkewTolerance+time.Duration(n.TookMillis)*time.Millisecond {
			t.Errorf("green, and the clock of %q is off by %s", n.Name, skew)
		}
	}
	if primary == nil || len(ids) != 1 {
		t.Errorf("green with a primary %v and sets %v", primary, ids)
		return
	}
	if want := s.Identity["replicaSetId"]; want != "" && !ids[want] {
		t.Errorf("green, and the set is not the declared one")
	}
	newest, heard := primary.Status, 0
	if primary.Later != nil {
		newest = primary.Later
	}
	for _, m := range primary.Config.Members {
		if !slices.ContainsFunc(s.Nodes, func(n told) bool {
			return n.Hello != nil && sameHost(n.Hello.Me, m.Host) || sameHost(n.Options["member"], m.Host) || n.Hello == nil && sameHost(n.Address, m.Host)
		}) {
			t.Errorf("green, and nobody looked at %s", m.Host)
		}
		v := newest.of(m.Host)
		if v == nil {
			continue
		}
		if m.Votes > 0 && (v.Self || v.Health != nil && *v.Health == 1) {
			heard++
		}
		for _, n := range s.Nodes {
			if n.Site != "ams" || n.Hello == nil || n.Optional || !sameHost(n.Hello.Me, m.Host) || n.Hello.Writable {
				continue
			}
			if v.Applied != nil && newest.Applied != nil && newest.Applied.at().Sub(v.Applied.at()) < 30*time.Second && m.Priority > 0 && m.Delay == 0 && !m.Hidden && !m.Arbiter {
				far++
			}
		}
	}
	votes := 0
	for _, m := range primary.Config.Members {
		if m.Votes > 0 {
			votes++
		}
	}
	if heard <= votes/2 {
		t.Errorf("green, and the primary hears %d of %d votes", heard, votes)
	}
	if far == 0 && primary.Site != "ams" {
		t.Errorf("green without a member at the DR site that could take over and follows")
	}
}

// TestSceneAtRestIsGreen keeps the seed of FuzzDerive worth changing.
func TestSceneAtRestIsGreen(t *testing.T) {
	t.Parallel()
	var s scene
	if err := json.Unmarshal(sceneAtRest(t), &s); err != nil {
		t.Fatal(err)
	}
	s.judge(judgeOf(t)).wantGreen(t)
	s.mustBeWhole(t)
}

// FuzzDecode reads whatever bytes a server might send for an answer: no panic,
// and nothing that is no number becomes one.
func FuzzDecode(f *testing.F) {
	for _, d := range []bson.D{
		{{Key: "setName", Value: 7}, {Key: "localTime", Value: "noon"}, {Key: "members", Value: bson.D{}}},
		{{Key: "config", Value: bson.D{{Key: "version", Value: nil}, {Key: "members", Value: bson.A{1, nil, bson.D{{Key: "_id", Value: 0}}}}}}},
		{{Key: "optimes", Value: bson.D{{Key: "appliedOpTime", Value: optime(*at(0))}}}, {Key: "members", Value: bson.A{bson.D{{Key: "health", Value: "1"}}}}},
		{{Key: "cursor", Value: bson.D{{Key: "firstBatch", Value: bson.A{bson.D{{Key: "seq", Value: 1.5}}}}}}},
		answer(*at(0), *at(0)),
	} {
		raw, err := bson.Marshal(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte{})
	f.Add([]byte{255, 255, 255, 255, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := parse(data)
		if err != nil {
			t.Skip()
		}
		decodeHello(d)
		s := decodeStatus(d)
		for _, m := range s.Members {
			if m.Health != nil && *m.Health != *m.Health {
				t.Error("NaN is a health")
			}
			if m.Applied != nil && (m.Applied.Seconds == 0 || m.Applied.Term < 0) {
				t.Errorf("%v is a position", m.Applied)
			}
		}
		if c := decodeConfig(d); c != nil && (c.Version == nil || len(c.Members) == 0) {
			t.Errorf("%+v is a configuration", c)
		}
		decodeBeat(d)
		decodePrivileges(d).missing(&node{hello: &hello{}})
		decodeShards(d.documents("shards"))
	})
}
