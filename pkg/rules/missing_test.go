package rules_test

import (
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// SI-6: with nothing required, nothing is proved, whatever was read.
func TestSI6NothingRequiredIsUnknown(t *testing.T) {
	t.Parallel()
	foreign := ledger
	foreign.Platform = "oracle"
	for name, j := range map[string]*rules.Judge{
		"platform without a catalog": judge(t, foreign),
		"everything made optional":   judge(t, ledger, rules.Policy{Require: map[readiness.ID]bool{topology: false, lag: false, skew: false}}),
	} {
		for _, observations := range [][]readiness.Observation{nil, healthy()} {
			if r := now(j, observations); r.Status != readiness.Unknown || codesOf(r)[0] != readiness.NoIndicators {
				t.Errorf("%s, %d readings: %s %v", name, len(observations), r.Status, codesOf(r))
			}
		}
	}
}

// SI-6: each required indicator is one without which the verdict is unknown.
func TestSI6EachRequiredIndicatorIsNeeded(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger)
	for _, id := range []readiness.ID{topology, lag, skew} {
		r := now(j, without(id, healthy()))
		expect(t, r, readiness.Unknown, readiness.IndicatorMissing)
		if want := "not proved in this run: " + string(id); r.Reasons[0].Message != want {
			t.Errorf("message %q, want %q", r.Reasons[0].Message, want)
		}
	}
	expect(t, now(j, nil), readiness.Unknown, readiness.IndicatorMissing)
	if m := now(j, nil).Reasons[0].Message; !strings.HasSuffix(m, "clock.skew, replication.lag, topology") {
		t.Errorf("the missing ones are listed as %q", m)
	}
}

func TestPolicyMayRequireMore(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger, rules.Policy{Require: map[readiness.ID]bool{archive: true, "no.such": true}})
	expect(t, now(j, healthy()), readiness.Unknown, readiness.IndicatorMissing)
	expect(t, now(j, healthy(read(archive, readiness.Str("ok")))), readiness.Green)
	expect(t, now(j, healthy(failed("", archive, readiness.ArchiveFailing))), readiness.Unknown, readiness.ArchiveFailing, readiness.IndicatorMissing)
}

// Lists are never nil: in JSON an empty one is [], as the schema of a report says.
func TestListsOfAResultAreNeverNil(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger)
	group := rules.EvaluateGroup(noon, rules.Group{Name: "g", Members: []rules.Member{{Name: "ledger"}}}, map[string]readiness.Result{"ledger": now(j, healthy())})
	empty := rules.EvaluateGroup(noon, rules.Group{Name: "e"}, nil)
	var check func(r readiness.Result)
	check = func(r readiness.Result) {
		if r.Reasons == nil || r.Indicators == nil || r.Children == nil {
			t.Errorf("%s %s has a nil list", r.Kind, r.Name)
		}
		for _, c := range r.Children {
			check(c)
		}
	}
	for _, r := range []readiness.Result{now(j, nil), now(j, healthy()), group, empty} {
		check(r)
		check(r.At(noon))
	}
}
