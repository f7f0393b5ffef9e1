package check

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

func reading(endpoint string, id readiness.ID, v float64, at time.Time) readiness.Observation {
	return readiness.Observation{Target: "ledger", Endpoint: endpoint, Indicator: id, Value: readiness.Num(v), ObservedAt: at}
}

// The newest run that read a series counts; a failed, absent or undated reading
// replaces nothing.
func TestMergeKeepsWhatWasReadLast(t *testing.T) {
	t.Parallel()
	old := []readiness.Observation{reading("a", lag, 1, noon), reading("b", lag, 2, noon), reading("a", exposure, 3, noon), reading("gone", lag, 4, noon)}
	failed := reading("b", lag, 9, noon.Add(m))
	failed.Failure = &readiness.Finding{Code: readiness.VisDR}
	absent := reading("a", exposure, 9, noon.Add(m))
	absent.Value = readiness.Value{}
	undated := reading("gone", lag, 9, time.Time{})
	fresh := []readiness.Observation{reading("a", lag, 5, noon.Add(m)), failed, absent, undated, reading("", topology, 6, noon.Add(m))}
	want := []readiness.Observation{fresh[4], old[2], fresh[0], old[1], old[3]}
	if got := merge(old, fresh); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A reading that a wrong clock dated in the future is replaced by the next one.
func TestMergeIsNotStuckInTheFuture(t *testing.T) {
	t.Parallel()
	got := merge([]readiness.Observation{reading("a", lag, 1, noon.Add(1000*time.Hour))}, []readiness.Observation{reading("a", lag, 2, noon)})
	if n, _ := got[0].Value.Number(); len(got) != 1 || n != 2 {
		t.Errorf("%+v", got)
	}
}

func TestMergeIsInOneOrder(t *testing.T) {
	t.Parallel()
	var list []readiness.Observation
	for _, e := range []string{"", "a", "b", "c"} {
		for _, id := range []readiness.ID{topology, lag, exposure} {
			list = append(list, reading(e, id, 1, noon))
		}
	}
	want := merge(nil, list)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		half := rng.IntN(len(list))
		if got := merge(list[:half], list[half:]); !reflect.DeepEqual(got, want) {
			t.Fatalf("another order: %+v", got)
		}
	}
	if got := merge(nil, nil); len(got) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
}

func TestPreviousFindsBySeries(t *testing.T) {
	t.Parallel()
	p := newPrevious([]readiness.Observation{reading("a", lag, 1, noon), reading("", lag, 2, noon)})
	for endpoint, want := range map[string]float64{"a": 1, "": 2} {
		o, ok := p.find(endpoint, lag)
		if n, _ := o.Value.Number(); !ok || n != want || o.Target != "ledger" {
			t.Errorf("at %q: %+v, %v", endpoint, o, ok)
		}
	}
	for _, missing := range []series{{"b", lag}, {"a", exposure}} {
		if o, ok := p.find(missing.Endpoint, missing.Indicator); ok {
			t.Errorf("%+v was never read and is %+v", missing, o)
		}
	}
}

// Every endpoint that is not mentioned is named, with what it is configured as.
func TestUnmentionedEndpoints(t *testing.T) {
	t.Parallel()
	res := resource("ledger")
	res.Spec.Endpoints[0].Optional = true
	got := unmentioned(res, []readiness.Observation{reading("", topology, 1, noon), reading("z", lag, 1, noon)}, noon)
	if len(got) != 2 || got[0].Endpoint != "a" || !got[0].Optional || got[1].Endpoint != "b" || got[1].Optional {
		t.Fatalf("%+v", got)
	}
	for _, o := range got {
		if o.Failure == nil || o.Failure.Code != readiness.VisCollector || o.Target != "ledger" {
			t.Errorf("%+v", o)
		}
	}
	failed := reading("b", lag, 0, time.Time{})
	failed.Failure = &readiness.Finding{Code: readiness.VisDR}
	if got := unmentioned(res, slices.Concat([]readiness.Observation{reading("a", lag, 1, noon)}, []readiness.Observation{failed}), noon); len(got) > 0 {
		t.Errorf("a failed reading mentions its endpoint: %+v", got)
	}
}
