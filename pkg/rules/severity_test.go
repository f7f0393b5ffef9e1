package rules_test

import (
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// SI-6, SI-11: whatever a policy writes for a code, no finding is green, and what
// is not proved is not made milder than unknown.
func TestSI6NoPolicyMakesAFindingGreen(t *testing.T) {
	t.Parallel()
	given := []readiness.Status{readiness.Green, readiness.Yellow, readiness.Unknown, readiness.Red}
	for _, info := range readiness.Codes() {
		for _, s := range given {
			j := judge(t, ledger, rules.Policy{Severities: map[readiness.Code]readiness.Status{info.Code: s}})
			o := readAt("c", lag, readiness.Num(0))
			o.Findings = []readiness.Finding{{Code: info.Code, Message: "m"}}
			want := s
			if s == readiness.Green || info.Default == readiness.Unknown && s == readiness.Yellow {
				want = info.Default
			}
			if r := now(j, healthy(o)); r.Status != want {
				t.Errorf("%s, %s by default, written %s, is %s, want %s", info.Code, info.Default, s, r.Status, want)
			}
		}
	}
}

// A code this version does not know is unknown, and cannot be made milder.
func TestUnregisteredCodeIsUnknown(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger, rules.Policy{Severities: map[readiness.Code]readiness.Status{"FROM_LATER": readiness.Yellow}})
	o := readAt("c", lag, readiness.Num(0))
	o.Findings = []readiness.Finding{{Code: "FROM_LATER", Message: "m"}}
	expect(t, now(j, healthy(o)), readiness.Unknown, "FROM_LATER")
}

// A more specific policy has the last word about a severity.
func TestSeverityOfTheMoreSpecificPolicy(t *testing.T) {
	t.Parallel()
	j := judge(t, ledger,
		rules.Policy{Scope: rules.Scope{Tier: 1}, Severities: map[readiness.Code]readiness.Status{readiness.PrimaryNotHome: readiness.Red}},
		rules.Policy{Severities: map[readiness.Code]readiness.Status{readiness.PrimaryNotHome: readiness.Yellow, readiness.ApplyDelay: readiness.Red}})
	o := healthy()
	o[0].Findings = []readiness.Finding{{Code: readiness.PrimaryNotHome, Message: "m"}}
	expect(t, now(j, o), readiness.Red, readiness.PrimaryNotHome)
	o[0].Findings = []readiness.Finding{{Code: readiness.ApplyDelay, Message: "m"}}
	expect(t, now(j, o), readiness.Red, readiness.ApplyDelay)
}
