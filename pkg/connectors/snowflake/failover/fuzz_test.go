package failover

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/snowflake/schedule"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// scene is the facts of a pair in a form that can be written over anywhere.
type scene struct {
	Accounts []*Account
	Earlier  []readiness.Observation
}

// healthyScenes are a pair whose history was read, and one whose history was read
// a while ago.
func healthyScenes(t testing.TB) []any {
	t.Helper()
	now := healthyPair()
	later := healthyPair()
	later.laterBy(t, 12*time.Minute)
	var documents []any
	for _, r := range []*recording{now, later} {
		s := scene{Accounts: r.accounts()}
		for _, o := range r.previous {
			s.Earlier = append(s.Earlier, o)
		}
		if h := r.ams.Histories["FG"]; h != nil {
			h.Refreshes = h.Refreshes[:4]
		}
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var document any
		if err := json.Unmarshal(data, &document); err != nil {
			t.Fatal(err)
		}
		documents = append(documents, document)
	}
	return documents
}

func sceneOf(document any) (s scene, ok bool) {
	data, err := json.Marshal(document)
	if err != nil || json.Unmarshal(data, &s) != nil || len(s.Accounts) != 2 {
		return s, false
	}
	for _, a := range s.Accounts {
		if a == nil {
			return s, false
		}
		for _, h := range a.Histories {
			if h == nil {
				return s, false // the connector makes none
			}
		}
	}
	return s, true
}

// check judges a scene, and looks at what no green verdict can do without.
func (s scene) check(t *testing.T, judge *rules.Judge, now time.Time) readiness.Status {
	t.Helper()
	r := healthyPair()
	for i, a := range s.Accounts {
		a.Endpoint = r.spec.Endpoints[i]
		if a.Failed == nil {
			a.Failed = map[readiness.ID]readiness.Finding{}
		}
	}
	r.spec.Previous = func(endpoint string, id readiness.ID) (readiness.Observation, bool) {
		for _, o := range s.Earlier {
			if o.Endpoint == endpoint && o.Indicator == id {
				return o, true
			}
		}
		return readiness.Observation{}, false
	}
	set, _ := ParseSettings(r.spec)
	Needs(r.spec, set, s.Accounts, now)
	Lacking(r.spec, set, s.Accounts, now)
	Primaries(r.spec, set, s.Accounts, now)
	one := Derive(r.spec, set, s.Accounts, now)
	if two := Derive(r.spec, set, s.Accounts, now); !reflect.DeepEqual(one, two) {
		t.Errorf("the same facts give\n%v\nand\n%v", one, two)
	}
	result, _ := judge.Evaluate(now, one, rules.State{})
	if result.Status == readiness.Green {
		s.mustBeWhole(t, now)
	}
	return result.Status
}

// mustBeWhole lists, by the facts alone, what no green verdict can do without.
func (s scene) mustBeWhole(t *testing.T, now time.Time) {
	t.Helper()
	primaries, copies := 0, 0
	for _, a := range s.Accounts {
		if a.Unreached != nil {
			t.Fatalf("green, and %q was not reached", a.Name)
		}
		if len(a.Failed) > 0 {
			t.Errorf("green, and %q failed to tell %v", a.Name, a.Failed)
		}
		if a.Self.Organization != "ACME" || a.Self.Clock.Sub(now).Abs() > 3*time.Second {
			t.Errorf("green, and %q says it is %+v", a.Name, a.Self)
		}
		for _, g := range a.Groups {
			if !a.own(g.Account, g.Locator, g.Region) || g.Name != "FG" {
				continue
			}
			switch {
			case g.IsPrimary == nil || g.Type != "FAILOVER" || g.AutoFulfillment:
				t.Errorf("green, and %q has %+v", a.Name, g)
			case *g.IsPrimary:
				primaries++
			default:
				copies++
				s.copyMustBeWhole(t, a, g, now)
			}
		}
	}
	if primaries != 1 || copies != 1 {
		t.Errorf("green with %d primaries and %d copies", primaries, copies)
	}
}

func (s scene) copyMustBeWhole(t *testing.T, a *Account, g Group, now time.Time) {
	t.Helper()
	plan, err := schedule.Parse(g.Schedule)
	if err != nil || !plan.Runs() || g.State != "STARTED" {
		t.Errorf("green, and refreshes are %q, %q", g.State, g.Schedule)
	}
	if g.Primary != "ACME.PROD_FRA.FG" {
		t.Errorf("green, and the copy follows %q", g.Primary)
	}
	if h := a.Histories["FG"]; h != nil {
		snapshot, finished := time.Time{}, false
		for _, f := range h.Refreshes {
			if f.Phase == "COMPLETED" && f.Snapshot != nil && f.Snapshot.After(snapshot) {
				snapshot, finished = *f.Snapshot, true
			}
		}
		if !finished || h.Clock.Sub(snapshot) >= time.Hour || snapshot.After(h.Clock.Add(3*time.Second)) {
			t.Errorf("green, and the newest snapshot is of %s", snapshot)
		}
		return
	}
	for _, o := range s.Earlier {
		if o.Indicator == refreshID && o.Endpoint == a.Name {
			if age := now.Sub(o.ObservedAt); age < 0 || age > DefaultHistoryInterval+meanwhile {
				t.Errorf("green, and the history was read %s ago", age)
			}
			return
		}
	}
	t.Error("green without any history")
}

// FuzzDerive: no facts make the conclusions panic, and none are green that lack
// what green needs.
func FuzzDerive(f *testing.F) {
	for which := range healthyScenes(f) {
		f.Add(which, []byte{})
		f.Add(which, []byte{30, 0, 0, 60, 1, 2, 90, 3, 4})
	}
	judge := judgeOf(f)
	f.Fuzz(func(t *testing.T, which int, edits []byte) {
		scenes := healthyScenes(t)
		if len(edits) > 60 || which < 0 || which >= len(scenes) {
			t.Skip()
		}
		if s, ok := sceneOf(mutate(scenes[which], edits)); ok {
			s.check(t, judge, sceneTime(which))
		}
	})
}

func sceneTime(which int) time.Time { return recordedAt.Add(time.Duration(which) * 12 * time.Minute) }

// TestDeriveOfOddFacts walks further than a fuzzer does in the time of a test run,
// over the same facts each time.
func TestDeriveOfOddFacts(t *testing.T) {
	t.Parallel()
	judge := judgeOf(t)
	random := rand.New(rand.NewPCG(1, 2))
	statuses, decoded := map[readiness.Status]int{}, 0
	scenes := healthyScenes(t)
	for n := range *oddFacts {
		edits := make([]byte, 3*(1+random.IntN(5)))
		for i := range edits {
			edits[i] = byte(random.Uint32())
		}
		which := n % len(scenes)
		if s, ok := sceneOf(mutate(scenes[which], edits)); ok {
			decoded++
			statuses[s.check(t, judge, sceneTime(which))]++
			if t.Failed() {
				t.Fatalf("scene %d, edits %v", which, edits)
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
