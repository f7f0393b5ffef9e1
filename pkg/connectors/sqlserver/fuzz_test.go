package sqlserver

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// told is the JSON form of an instance's facts, for fuzzing.
type told struct {
	Name, Site, Address string
	Options             map[string]string
	Optional            bool
	Unreached           *endpoint.Failure
	Facts               *instance
	Started             *time.Time
	Replicas            []replica
	Databases           []databaseState
	Joined              []joinedDatabase
	Cluster             *cluster
	Members             []clusterMember
	Local               []localDatabase
	LogUsed, Backups    map[string]int64
	Listeners           []listenerAddress
	Mirroring           []mirroringEndpoint
	Seeding             []seedingRun
	Failed              map[readiness.ID]readiness.Finding
}

func (w told) node() *node {
	n := &node{Node: newNode("sql-a", "fra", 16).Node, unreached: w.Unreached, facts: w.Facts, started: w.Started, replicas: w.Replicas, databases: w.Databases,
		joined: w.Joined, cluster: w.Cluster, members: w.Members, local: w.Local, logUsed: w.LogUsed, backups: w.Backups, listeners: w.Listeners,
		mirroring: w.Mirroring, seeding: w.Seeding, failed: map[readiness.ID]readiness.Finding{}}
	n.Endpoint = connectors.Endpoint{Name: w.Name, Site: w.Site, Address: w.Address, Options: w.Options, Optional: w.Optional}
	for id, f := range w.Failed {
		n.failed[id] = f
	}
	if n.facts == nil && n.unreached == nil {
		n.unreached = &endpoint.Failure{Message: "no answer within 5s"}
	}
	if n.unreached != nil {
		n.facts, n.At = nil, time.Time{}
	}
	return n
}

func tell(n *node) told {
	return told{Name: n.Name, Site: n.Site, Address: n.Address, Options: n.Options, Optional: n.Optional, Unreached: n.unreached, Facts: n.facts, Started: n.started,
		Replicas: n.replicas, Databases: n.databases, Joined: n.joined, Cluster: n.cluster, Members: n.members, Local: n.local, LogUsed: n.logUsed,
		Backups: n.backups, Listeners: n.listeners, Mirroring: n.mirroring, Seeding: n.seeding, Failed: n.failed}
}

// sound checks what holds of every verdict, whatever instances say.
func sound(t testing.TB, r *recording) {
	t.Helper()
	v := r.judge(t)
	if v.Status == readiness.Green {
		greenIsProved(t, r, v)
	}
	for _, o := range v.observations {
		if n, isNumber := o.Value.Number(); isNumber && n < 0 {
			if info := indicatorOf(o.Indicator); !info.Signed && info.Unit != readiness.None {
				t.Errorf("%s of %q is %v", o.Indicator, o.Endpoint, n)
			}
		}
	}
}

func indicatorOf(id readiness.ID) readiness.Indicator {
	for _, i := range catalog {
		if i.ID == id {
			return i
		}
	}
	return readiness.Indicator{}
}

// greenIsProved asserts, from the facts and not from the conclusions, what may
// never be missing under a green verdict.
func greenIsProved(t testing.TB, r *recording, v verdict) {
	t.Helper()
	g, _ := findGroup(r.spec, r.nodes())
	primaries := 0
	for _, n := range r.nodes() {
		if n.Optional {
			continue
		}
		if n.facts == nil {
			t.Errorf("green, and %s was not reached", n.Name)
			continue
		}
		if !n.facts.ViewDefinition || !n.facts.ViewState {
			t.Errorf("green, and the login on %s lacks a right", n.Name)
		}
		switch g.role(g.place(n)) {
		case primaryRole:
			primaries++
		case secondaryRole, forwarderRole:
		default:
			t.Errorf("green, and the role of %s is not known", n.Name)
		}
		for _, s := range n.databases {
			if p := g.place(n); p.own == nil || s.Group != p.own.Group {
				continue
			}
			if isSet(s.Suspended) || s.State == notSynchronizing || s.State == reverting || s.State == initializing {
				t.Errorf("green, and database %s is %s (suspended: %t) by %s", s.Name, s.State, isSet(s.Suspended), n.Name)
			}
		}
	}
	if primaries != 1 {
		t.Errorf("green with %d primaries", primaries)
	}
	if o, ok := v.find("", exposureBytesID); !ok || o.Value.IsAbsent() {
		t.Error("green, and what DR lacks is not known")
	}
}

// TestDeriveOfOddFacts changes facts at random, one or several at a time.
func TestDeriveOfOddFacts(t *testing.T) {
	t.Parallel()
	rounds := 4000
	if testing.Short() {
		rounds = 400
	}
	for seed := range rounds {
		r := healthyPair()
		if seed%2 == 1 {
			r = healthyDistributed()
		}
		if seed%3 == 0 {
			r.spec.Identity = nil
		}
		source := rand.New(rand.NewPCG(uint64(seed), 7))
		for range 1 + source.IntN(3) {
			nodes := r.nodes()
			n := nodes[source.IntN(len(nodes))]
			w := tell(n)
			mutate(source, reflect.ValueOf(&w).Elem())
			*n = *w.node()
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) { sound(t, r) })
	}
}

// mutate replaces one value somewhere below v by an odd one.
func mutate(source *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if _, isTime := v.Interface().(time.Time); isTime {
			v.Set(reflect.ValueOf([]time.Time{{}, recordedAt.Add(1000 * time.Hour), recordedAt.Add(-1000 * time.Hour)}[source.IntN(3)]))
			return
		}
		if v.NumField() > 0 {
			mutate(source, v.Field(source.IntN(v.NumField())))
		}
	case reflect.Pointer:
		if v.IsNil() || source.IntN(3) == 0 {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			} else {
				v.SetZero()
			}
			return
		}
		fresh := reflect.New(v.Type().Elem())
		fresh.Elem().Set(v.Elem())
		mutate(source, fresh.Elem())
		v.Set(fresh)
	case reflect.Slice:
		if v.Len() == 0 || source.IntN(8) == 0 {
			v.SetZero()
			return
		}
		fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(fresh, v)
		mutate(source, fresh.Index(source.IntN(v.Len())))
		v.Set(fresh)
	case reflect.Map:
		v.SetZero()
	case reflect.String:
		odd := []string{"", "PRIMARY", "SECONDARY", "RESOLVING", "SYNCHRONIZED", "NOT SYNCHRONIZING", "DISCONNECTED", "CONNECTED", "NONE", "FORCED_QUORUM", "0", "claims", "SQL-A", replicaA, "\x00"}
		v.SetString(odd[source.IntN(len(odd))])
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int64:
		v.SetInt([]int64{0, -1, 1, 13, 1 << 62, -1 << 62}[source.IntN(6)])
	}
}

// FuzzDerive does the same with whatever the fuzzer makes of the JSON form.
func FuzzDerive(f *testing.F) {
	for _, r := range []*recording{healthyPair(), healthyDistributed()} {
		var facts []told
		for _, n := range r.nodes() {
			facts = append(facts, tell(n))
		}
		text, err := json.Marshal(facts)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var facts []told
		if json.Unmarshal(text, &facts) != nil || len(facts) < 2 || len(facts) > 6 {
			t.Skip()
		}
		r := healthyPair()
		names := map[string]bool{}
		var nodes []*node
		for _, w := range facts {
			if names[w.Name] || w.Name == "" {
				t.Skip()
			}
			names[w.Name] = true
			nodes = append(nodes, w.node())
		}
		r.a, r.b, r.others = nodes[0], nodes[1], nodes[2:]
		sound(t, r)
	})
}

func FuzzCompareLSN(f *testing.F) {
	for _, seed := range [][2]string{{"35000000012800001", "9"}, {"", "1"}, {"-1", "+1"}, {"0x1", "1e5"}, {"٣", "3"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		order, ok := compareLSN(a, b)
		back, okBack := compareLSN(b, a)
		if ok != okBack || order != -back {
			t.Errorf("%q and %q: %d %t, the other way round %d %t", a, b, order, ok, back, okBack)
		}
	})
}
