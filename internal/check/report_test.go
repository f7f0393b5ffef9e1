package check

import (
	"slices"
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// SI-6: the verdict and the counts of every list of up to three results; unknown
// is counted as unknown and is never part of green.
func TestSI6VerdictAndCounts(t *testing.T) {
	t.Parallel()
	all := []readiness.Status{green, yellow, unknown, red, 200}
	lists := [][]readiness.Status{{}}
	for n := range 3 {
		for _, l := range lists {
			if len(l) == n {
				for _, s := range all {
					lists = append(lists, append(slices.Clone(l), s))
				}
			}
		}
	}
	for _, l := range lists {
		var r Report
		want := Counts{}
		for _, s := range l {
			r.Results = append(r.Results, readiness.Result{Name: "x", Kind: readiness.KindResource, Status: s})
			switch s {
			case red:
				want.Red++
			case yellow:
				want.Yellow++
			case green:
				want.Green++
			default:
				want.Unknown++
			}
		}
		r.Summarize()
		if r.Counts != want || r.Verdict.String() != readiness.Worst(l...).String() {
			t.Errorf("%v: %s, %+v", l, r.Verdict, r.Counts)
		}
		if r.Verdict == green && want != (Counts{Green: len(l)}) {
			t.Errorf("%v is green", l)
		}
	}
}

// SI-6: a group that is worse than every resource decides the verdict.
func TestSI6GroupsCountInTheVerdict(t *testing.T) {
	t.Parallel()
	r := Report{Results: []readiness.Result{{Name: "a", Kind: readiness.KindResource, Status: green}, {Name: "g", Kind: readiness.KindGroup, Status: unknown}}}
	r.Summarize()
	if r.Verdict != unknown || r.Counts != (Counts{Green: 1}) {
		t.Errorf("%s, %+v", r.Verdict, r.Counts)
	}
}

// Summing up twice changes nothing.
func TestSummarizeTwice(t *testing.T) {
	t.Parallel()
	r := Report{Results: []readiness.Result{{Name: "b", Kind: readiness.KindResource, Status: green}, {Name: "a", Kind: readiness.KindResource, Status: red}}}
	r.Summarize()
	once := r.Counts
	r.Summarize()
	if r.Counts != once || r.Results[0].Name != "a" || r.Transitions == nil {
		t.Errorf("%+v", r)
	}
}

// Transitions stand by target; those of one target keep their order.
func TestOrderOfTransitions(t *testing.T) {
	t.Parallel()
	r := Report{Transitions: []Transition{{Target: "b", Kind: Changed}, {Target: "a", Kind: Changed}, {Target: "b", Kind: Raised}, {Target: "a", Kind: Cleared}}}
	r.Summarize()
	want := []Transition{{Target: "a", Kind: Changed}, {Target: "a", Kind: Cleared}, {Target: "b", Kind: Changed}, {Target: "b", Kind: Raised}}
	if !slices.Equal(r.Transitions, want) {
		t.Errorf("%+v", r.Transitions)
	}
}
