package readiness_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
)

func TestReasonsAreSortedWorstFirstAndCausesBeforeWhatFollows(t *testing.T) {
	t.Parallel()
	given := []readiness.Reason{
		{Code: readiness.PrimaryNotHome, Status: readiness.Yellow},
		{Code: readiness.IndicatorMissing, Status: readiness.Unknown}, // follows
		{Code: readiness.VisStale, Status: readiness.Unknown, Endpoint: "b"},
		{Code: readiness.VisStale, Status: readiness.Unknown, Endpoint: "a", Indicator: "y"},
		{Code: readiness.VisStale, Status: readiness.Unknown, Endpoint: "a", Indicator: "x"},
		{Code: readiness.Diverged, Status: readiness.Red},
	}
	want := []readiness.Reason{given[5], given[4], given[3], given[2], given[1], given[0]}
	if got := readiness.SortReasons(slices.Clone(given)); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Only exact repeats are dropped: two rules that say the same words at different
// places are two reasons, and so are two values.
func TestOnlyExactRepeatsAreDropped(t *testing.T) {
	t.Parallel()
	base := readiness.Reason{Code: readiness.ExprRule, Status: readiness.Yellow, Message: "m", Endpoint: "e", Indicator: "i",
		Source: "a.yaml:1", Value: readiness.Num(1), Unit: readiness.Bytes, Threshold: readiness.Num(1)}
	different := []func(*readiness.Reason){
		func(r *readiness.Reason) { r.Code = readiness.ExprError }, func(r *readiness.Reason) { r.Status = readiness.Red },
		func(r *readiness.Reason) { r.Message = "n" }, func(r *readiness.Reason) { r.Endpoint = "f" },
		func(r *readiness.Reason) { r.Indicator = "j" }, func(r *readiness.Reason) { r.Source = "b.yaml:1" },
		func(r *readiness.Reason) { r.Value = readiness.Num(2) }, func(r *readiness.Reason) { r.Value = readiness.Str("1") },
		func(r *readiness.Reason) { r.Unit = readiness.Seconds }, func(r *readiness.Reason) { r.Threshold = readiness.Value{} },
	}
	all := []readiness.Reason{base, base}
	for _, change := range different {
		r := base
		change(&r)
		all = append(all, r, r)
	}
	if got := readiness.SortReasons(all); len(got) != 1+len(different) {
		t.Errorf("%d reasons are left of %d different ones", len(got), 1+len(different))
	}
}

func TestOrderOfReasonsMakesNoDifference(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	for range 500 {
		var reasons []readiness.Reason
		for range rng.IntN(12) {
			reasons = append(reasons, readiness.Reason{
				Code: readiness.Code(pick("A", "B", string(readiness.IndicatorMissing))), Status: byPrecedence[rng.IntN(4)], Message: pick("m", "n"),
				Endpoint: pick("", "e"), Source: pick("", "s"), Value: readiness.Num(float64(rng.IntN(2))), Threshold: readiness.Num(float64(rng.IntN(2))),
			})
		}
		one := readiness.SortReasons(slices.Clone(reasons))
		rng.Shuffle(len(reasons), func(i, j int) { reasons[i], reasons[j] = reasons[j], reasons[i] })
		if two := readiness.SortReasons(reasons); !slices.Equal(one, two) {
			t.Fatalf("two orders gave\n%+v\n%+v", one, two)
		}
	}
}

// Two writers are read before everything else of their status, whatever its name.
func TestTwoWritersAreReadFirst(t *testing.T) {
	t.Parallel()
	reasons := []readiness.Reason{
		{Code: readiness.Diverged, Status: readiness.Red}, {Code: readiness.VisAuth, Status: readiness.Unknown},
		{Code: readiness.TwoWriters, Status: readiness.Red}, {Code: readiness.ReceiverDown, Status: readiness.Red},
	}
	if got := readiness.SortReasons(reasons); got[0].Code != readiness.TwoWriters || got[1].Code != readiness.Diverged {
		t.Errorf("order is %v", got)
	}
}
