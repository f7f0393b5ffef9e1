package rules_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// fuzzed is one run as a store, a recording or a peer could give it.
type fuzzed struct {
	Seconds      int32                   `json:"seconds"` // since noon
	Observations []readiness.Observation `json:"observations"`
	State        rules.State             `json:"state"`
}

// FuzzEvaluate judges whatever decodes. Nothing may panic, green must be proved,
// and a result must be one: sorted, of its own worst reason, and fit for JSON.
func FuzzEvaluate(f *testing.F) {
	_, state := judge(f, ledger, limited()).Evaluate(noon, append(healthy(), failed("c", lag, readiness.VisDR), readAt("d", lag, readiness.Num(1e12))), rules.State{})
	for _, seed := range []fuzzed{
		{Observations: healthy()}, {Observations: healthy(failed("b", lag, readiness.VisDR)), State: state, Seconds: 600},
		{Observations: healthy(readAt("d", lag, readiness.Num(3<<20))), State: state, Seconds: 61}, {},
	} {
		data, err := json.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"observations":[{"indicator":"replication.lag","value":-1,"optional":true,"findings":[{"code":"X"}],"failure":{"code":""}}],"state":{"held":{"|":{"status":"red","good":"purple"}},"unseenSince":"9999-01-01T00:00:00Z"}}`))
	j := picky(f)
	for n := range uint64(100) {
		w := world{rand.New(rand.NewPCG(6, n))}
		data, err := json.Marshal(fuzzed{Observations: w.run(), State: w.state(j), Seconds: int32(w.IntN(300))})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var run fuzzed
		if json.Unmarshal(data, &run) != nil {
			t.Skip()
		}
		at := noon.Add(time.Duration(run.Seconds) * time.Second)
		r, next := j.Evaluate(at, run.Observations, run.State)
		if err := sound(r, at, run.Observations); err != nil {
			t.Fatalf("%v in %s", err, show(r))
		}
		if !next.UnseenSince.IsZero() && next.UnseenSince.After(at) {
			t.Fatalf("unseen since %s, which is in the future", next.UnseenSince)
		}
		again, _ := j.Evaluate(at, run.Observations, next)
		if again.Status == green {
			if err := sound(again, at, run.Observations); err != nil {
				t.Fatalf("judged again: %v", err)
			}
		}
		if _, err := json.Marshal([]any{r, next}); err != nil && at.Year() < 9999 && at.Year() > 0 {
			t.Fatal(err)
		}
	})
}

// sound checks what holds for every result.
func sound(r readiness.Result, at time.Time, observations []readiness.Observation) error {
	if r.Status == green {
		if err := greenIsProved(r, at, observations); err != nil {
			return err
		}
	}
	worst := green
	for i, x := range r.Reasons {
		if x.Status == green {
			return fmt.Errorf("the reason %s is green", x.Code)
		}
		worst = readiness.Worst(worst, x.Status)
		if i > 0 && x.Status.Worse(r.Reasons[i-1].Status) {
			return fmt.Errorf("reasons are not sorted: %s stands before %s", r.Reasons[i-1].Status, x.Status)
		}
	}
	if r.Status != worst {
		return fmt.Errorf("%s is not the worst of its reasons, %s", r.Status, worst)
	}
	if r.At(at).Status != r.Status {
		return fmt.Errorf("a reader at once sees %s instead of %s", r.At(at).Status, r.Status)
	}
	if len(r.Indicators) != len(observations) {
		return fmt.Errorf("%d readings of %d are left", len(r.Indicators), len(observations))
	}
	for _, i := range r.Indicators {
		if i.Status == green && (i.Failure != nil || !i.ValidUntil.After(at)) {
			return fmt.Errorf("the reading %s is green", show(i))
		}
	}
	for _, c := range r.Children {
		worst := readiness.Worst(r.Status, c.Status)
		if worst != r.Status {
			return fmt.Errorf("endpoint %s is %s, worse than its resource, %s", c.Name, c.Status, r.Status)
		}
		if c.Status == green && (len(c.Reasons) > 0 || !c.ValidUntil.After(at)) {
			return fmt.Errorf("endpoint %s is green until %s with %v", c.Name, c.ValidUntil, codesOf(c))
		}
		if !slices.ContainsFunc(observations, func(o readiness.Observation) bool { return o.Endpoint == c.Name }) {
			return fmt.Errorf("endpoint %s was never read", c.Name)
		}
	}
	return nil
}
