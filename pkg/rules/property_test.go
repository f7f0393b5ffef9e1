package rules_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// cases is how many random runs the properties of safety are tried on, and fewer
// those that take two answers apart.
const (
	cases = 10_000
	fewer = 2_000
)

func try(t *testing.T, seed, cases uint64, property func(w world, j *rules.Judge) error) {
	t.Helper()
	j := picky(t)
	for n := range cases {
		if err := property(world{rand.New(rand.NewPCG(seed, n))}, j); err != nil {
			t.Fatalf("case %d of seed %d: %v", n, seed, err)
		}
	}
}

func show(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// greenIsProved is what green means, worked out apart from the rules: every
// required indicator was read at a required endpoint, is fresh and a value, and
// nothing at all was found or failed.
func greenIsProved(r readiness.Result, at time.Time, observations []readiness.Observation) error {
	proved := map[readiness.ID]bool{}
	for _, o := range observations {
		age := at.Sub(o.ObservedAt)
		number, isNumber := o.Value.Number()
		valid := o.Failure == nil && (o.Target == "" || o.Target == "ledger") && !o.ObservedAt.IsZero() && age < time.Minute && age >= -2*time.Second && !o.Value.IsAbsent()
		switch o.Indicator {
		case lag:
			valid = valid && isNumber && number >= 0 && number < 10<<20
		case skew:
			valid = valid && isNumber
		}
		if valid && !o.Optional {
			proved[o.Indicator] = true
		}
		if o.Failure != nil || len(o.Findings) > 0 {
			return fmt.Errorf("green in spite of %s", show(o))
		}
		if !valid {
			return fmt.Errorf("green in spite of the unusable reading %s", show(o))
		}
	}
	for _, id := range []readiness.ID{topology, lag, skew} {
		if !proved[id] {
			return fmt.Errorf("green without %s", id)
		}
	}
	if len(r.Reasons) > 0 || !r.ValidUntil.After(at) || r.ValidUntil.After(at.Add(time.Minute+readiness.SkewTolerance)) {
		return fmt.Errorf("green with reasons %v until %s", codesOf(r), r.ValidUntil)
	}
	return nil
}

// SI-6, SI-7, SI-9: no set of observations is green without all that is required,
// whatever the run before left.
func TestSI6GreenIsAlwaysProved(t *testing.T) {
	t.Parallel()
	greens := 0
	try(t, 1, cases, func(w world, j *rules.Judge) error {
		observations := w.run()
		r, _ := j.Evaluate(noon, observations, w.state(j))
		if r.Status != green {
			return nil
		}
		greens++
		return greenIsProved(r, noon, observations)
	})
	if greens < cases/100 {
		t.Errorf("only %d of %d cases were green: the property was hardly tried", greens, cases)
	}
}

// SI-6: one more failure or finding never improves a verdict, in the resource or
// in an endpoint.
func TestSI6BadNewsNeverImproves(t *testing.T) {
	t.Parallel()
	worse := 0
	try(t, 2, cases, func(w world, j *rules.Judge) error {
		observations, state := w.run(), w.state(j)
		more := slices.Clone(observations)
		if w.IntN(2) == 0 && len(more) > 0 {
			n := w.IntN(len(more))
			more[n].Findings = append(slices.Clone(more[n].Findings), readiness.Finding{Code: w.code(), Message: "more"})
		} else {
			o := failed(pick(w, "", "a", "b", "c"), pick(w, topology, lag, archive, "unlisted"), w.code())
			o.Optional = w.IntN(3) == 0
			more = slices.Insert(more, w.IntN(len(more)+1), o)
		}
		before, _ := j.Evaluate(noon, observations, state)
		after, _ := j.Evaluate(noon, more, state)
		if before.Status.Worse(after.Status) {
			return fmt.Errorf("%s became %s\nbefore %s\nafter %s", before.Status, after.Status, show(observations), show(more))
		}
		for _, c := range before.Children {
			n := slices.IndexFunc(after.Children, func(x readiness.Result) bool { return x.Name == c.Name })
			if n < 0 || c.Status.Worse(after.Children[n].Status) {
				return fmt.Errorf("endpoint %s, %s before, improved or vanished", c.Name, c.Status)
			}
		}
		if after.Status.Worse(before.Status) {
			worse++
		}
		return nil
	})
	if worse < cases/100 {
		t.Errorf("only %d of %d cases became worse: the property was hardly tried", worse, cases)
	}
}

// The order in which readings were given changes neither the verdict nor the
// state that is left.
func TestOrderOfObservationsNeverMatters(t *testing.T) {
	t.Parallel()
	try(t, 3, fewer, func(w world, j *rules.Judge) error {
		observations, state := w.run(), w.state(j)
		one, left := j.Evaluate(noon, observations, state)
		w.Shuffle(len(observations), func(i, k int) { observations[i], observations[k] = observations[k], observations[i] })
		two, right := j.Evaluate(noon, observations, state)
		if !reflect.DeepEqual(left, right) {
			return fmt.Errorf("two states: %s\n%s", show(left), show(right))
		}
		if a, b := unordered(one), unordered(two); !slices.Equal(a, b) {
			return fmt.Errorf("two verdicts:\n%s\n%s", a, b)
		}
		return nil
	})
}

// unordered is a result with its readings and endpoints in one order.
func unordered(r readiness.Result) []string {
	var parts []string
	for _, i := range r.Indicators {
		parts = append(parts, show(i))
	}
	for _, c := range r.Children {
		parts = append(parts, show(c))
	}
	slices.Sort(parts)
	r.Indicators, r.Children = nil, nil
	return append(parts, show(r))
}

// Equal input gives equal bytes, though policies and state are kept in maps.
func TestEqualInputGivesEqualOutput(t *testing.T) {
	t.Parallel()
	try(t, 4, fewer, func(w world, j *rules.Judge) error {
		observations, state := w.run(), w.state(j)
		r1, s1 := j.Evaluate(noon, observations, state)
		r2, s2 := j.Evaluate(noon, observations, state)
		if show(r1) != show(r2) || show(s1) != show(s2) {
			return fmt.Errorf("two answers:\n%s\n%s", show(r1), show(r2))
		}
		return nil
	})
}

// Evaluate leaves what it was given as it was.
func TestEvaluateChangesNothingItWasGiven(t *testing.T) {
	t.Parallel()
	try(t, 5, fewer, func(w world, j *rules.Judge) error {
		observations, state := w.run(), w.state(j)
		before := show([]any{observations, state})
		r, next := j.Evaluate(noon, observations, state)
		for i := range r.Reasons {
			r.Reasons[i].Message = "changed"
		}
		for k := range next.Held {
			next.Held[k] = rules.Held{Status: red}
		}
		if after := show([]any{observations, state}); after != before {
			return fmt.Errorf("given %s\nleft %s", before, after)
		}
		return nil
	})
}
