package rules_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

var statuses = []readiness.Status{readiness.Green, readiness.Yellow, readiness.Unknown, readiness.Red}

// judged is a result of a status that is good for a minute from noon.
func judged(name string, s readiness.Status) readiness.Result {
	r := readiness.Result{Name: name, Kind: readiness.KindResource, Status: s, ObservedAt: noon, EvaluatedAt: noon, ValidUntil: noon.Add(time.Minute)}
	if s != readiness.Green {
		r.Reasons = []readiness.Reason{{Code: readiness.ThresholdExceeded, Status: s, Message: "m"}}
	}
	return r
}

func roll(results []readiness.Result, g rules.Group) readiness.Result {
	byName := map[string]readiness.Result{}
	for _, r := range results {
		byName[r.Name] = r
	}
	g.Name = "payments"
	return rules.EvaluateGroup(noon, g, byName)
}

// SI-6: a group of every pair of member statuses, each required or optional, and
// with every status of a dependency, is the worst of what it requires.
func TestSI6GroupIsTheWorstOfItsParts(t *testing.T) {
	t.Parallel()
	for _, a := range statuses {
		for _, b := range statuses {
			for _, d := range statuses {
				for _, optional := range []bool{false, true} {
					results := []readiness.Result{judged("a", a), judged("b", b), judged("d", d)}
					g := rules.Group{Members: []rules.Member{{Name: "a"}, {Name: "b", Optional: optional}}, DependsOn: []string{"d"}}
					want := readiness.Worst(a, b, d)
					if optional {
						want = readiness.Worst(a, d, b.AtMost(readiness.Yellow))
					}
					forward := roll(results, g)
					slices.Reverse(g.Members)
					back := roll(results, g)
					if forward.Status != want || back.Status != want {
						t.Errorf("members %s and %s (optional %v), dependency %s: %s and %s, want %s", a, b, optional, d, forward.Status, back.Status, want)
					}
					if !slices.Equal(codesOf(forward), codesOf(back)) {
						t.Errorf("order of members changed the reasons: %v, %v", codesOf(forward), codesOf(back))
					}
				}
			}
		}
	}
}

func TestGroupReasons(t *testing.T) {
	t.Parallel()
	one := []rules.Member{{Name: "a"}}
	for _, tt := range []struct {
		name    string
		results []readiness.Result
		group   rules.Group
		status  readiness.Status
		codes   []readiness.Code
	}{
		{"green", []readiness.Result{judged("a", green)}, rules.Group{Members: one}, green, nil},
		{"red member", []readiness.Result{judged("a", red)}, rules.Group{Members: one}, red, []readiness.Code{readiness.MemberRed}},
		{"unknown member", []readiness.Result{judged("a", unknown)}, rules.Group{Members: one}, unknown, []readiness.Code{readiness.MemberUnknown}},
		{"yellow member", []readiness.Result{judged("a", yellow)}, rules.Group{Members: one}, yellow, []readiness.Code{readiness.MemberYellow}},
		{"missing member", nil, rules.Group{Members: one}, unknown, []readiness.Code{readiness.MemberMissing}},
		{"one missing beside a green one", []readiness.Result{judged("a", green)}, rules.Group{Members: []rules.Member{{Name: "a"}, {Name: "b"}}}, unknown, []readiness.Code{readiness.MemberMissing}},
		{"optional missing", []readiness.Result{judged("a", green)}, rules.Group{Members: []rules.Member{{Name: "a"}, {Name: "b", Optional: true}}}, yellow, []readiness.Code{readiness.MemberMissing}},
		{"optional red", []readiness.Result{judged("a", green), judged("b", red)}, rules.Group{Members: []rules.Member{{Name: "a"}, {Name: "b", Optional: true}}}, yellow, []readiness.Code{readiness.MemberYellow}},
		{"no members", nil, rules.Group{}, unknown, []readiness.Code{readiness.NoIndicators}},
		{"optional members only", []readiness.Result{judged("a", green)}, rules.Group{Members: []rules.Member{{Name: "a", Optional: true}}}, unknown, []readiness.Code{readiness.NoIndicators}},
		{"dependencies only", []readiness.Result{judged("a", green)}, rules.Group{DependsOn: []string{"a"}}, unknown, []readiness.Code{readiness.NoIndicators}},
		{"missing dependency", []readiness.Result{judged("a", green)}, rules.Group{Members: one, DependsOn: []string{"d"}}, unknown, []readiness.Code{readiness.DependencyNotGreen}},
		{"yellow dependency", []readiness.Result{judged("a", green), judged("d", yellow)}, rules.Group{Members: one, DependsOn: []string{"d"}}, yellow, []readiness.Code{readiness.DependencyNotGreen}},
		{"red dependency", []readiness.Result{judged("a", green), judged("d", red)}, rules.Group{Members: one, DependsOn: []string{"d"}}, red, []readiness.Code{readiness.DependencyNotGreen}},
		{"same member required and optional", []readiness.Result{judged("a", red)}, rules.Group{Members: []rules.Member{{Name: "a", Optional: true}, {Name: "a"}}}, red, []readiness.Code{readiness.MemberRed, readiness.MemberYellow}},
	} {
		r := roll(tt.results, tt.group)
		expect(t, r, tt.status, tt.codes...)
		if t.Failed() {
			t.Fatal("in case ", tt.name)
		}
	}
}

// A member's reason names what is wrong with it, each code once.
func TestGroupSaysWhy(t *testing.T) {
	t.Parallel()
	member := judged("a", red)
	member.Reasons = []readiness.Reason{
		{Code: readiness.Diverged, Status: red}, {Code: readiness.SlotLost, Status: red, Endpoint: "x"}, {Code: readiness.SlotLost, Status: red, Endpoint: "y"},
		{Code: readiness.PrimaryNotHome, Status: yellow}}
	r := roll([]readiness.Result{member}, rules.Group{Members: []rules.Member{{Name: "a"}}})
	if m := r.Reasons[0].Message; m != "a is red: DIVERGED, SLOT_LOST" {
		t.Errorf("message %q", m)
	}
}

// SI-7: a group lives no longer than the first of its members or dependencies,
// and one that has expired by the time of the group is unknown, not what it was.
func TestSI7GroupExpiresWithItsFirstPart(t *testing.T) {
	t.Parallel()
	results := map[string]readiness.Result{"a": judged("a", green), "b": judged("b", green), "d": judged("d", green)}
	early := results["d"]
	early.ObservedAt, early.ValidUntil = noon.Add(-50*time.Second), noon.Add(10*time.Second)
	for _, short := range []string{"a", "b", "d"} {
		mixed := map[string]readiness.Result{}
		for name, r := range results {
			if name == short {
				r.ObservedAt, r.ValidUntil = early.ObservedAt, early.ValidUntil
			}
			mixed[name] = r
		}
		g := rules.Group{Name: "payments", Members: []rules.Member{{Name: "a"}, {Name: "b"}}, DependsOn: []string{"d"}}
		r := rules.EvaluateGroup(noon, g, mixed)
		if r.Status != green || !r.ValidUntil.Equal(early.ValidUntil) || !r.ObservedAt.Equal(early.ObservedAt) {
			t.Errorf("%s expires first: %s, observed %s, until %s", short, r.Status, r.ObservedAt, r.ValidUntil)
		}
		if r := rules.EvaluateGroup(noon.Add(10*time.Second), g, mixed); r.Status != unknown {
			t.Errorf("%s has expired: the group is %s", short, r.Status)
		}
	}
	red := judged("a", red)
	r := rules.EvaluateGroup(noon.Add(time.Hour), rules.Group{Members: []rules.Member{{Name: "a"}}}, map[string]readiness.Result{"a": red})
	if r.Status != readiness.Red {
		t.Errorf("a group of an expired red member is %s", r.Status)
	}
}

// A member that never saw anything says nothing about when the others were seen.
func TestGroupTimesAreOfWhatWasSeen(t *testing.T) {
	t.Parallel()
	blind := readiness.Result{Name: "b", Status: unknown, EvaluatedAt: noon}
	for _, members := range [][]rules.Member{{{Name: "a"}, {Name: "b"}}, {{Name: "b"}, {Name: "a"}}} {
		r := roll([]readiness.Result{judged("a", green), blind}, rules.Group{Members: members})
		if r.Status != unknown || !r.ObservedAt.Equal(noon) || !r.ValidUntil.Equal(noon.Add(time.Minute)) {
			t.Errorf("%s, observed %s, valid until %s", r.Status, r.ObservedAt, r.ValidUntil)
		}
	}
}

// The tree of a group shows its members without their details, which stand
// beside it.
func TestGroupShowsItsMembersBriefly(t *testing.T) {
	t.Parallel()
	full := now(judge(t, ledger), healthy())
	full.LastKnownGood = &readiness.LastKnownGood{ObservedAt: noon}
	r := rules.EvaluateGroup(noon, rules.Group{Name: "g", Tier: 2, Owner: "team", Environment: "production", File: "g.yaml", Line: 3,
		Members: []rules.Member{{Name: "ledger"}, {Name: "absent", Optional: true}}}, map[string]readiness.Result{"ledger": full})
	if len(r.Children) != 1 || r.Children[0].Name != "ledger" || len(r.Children[0].Indicators) > 0 || len(r.Children[0].Children) > 0 || r.Children[0].LastKnownGood != nil {
		t.Errorf("children %+v", r.Children)
	}
	if r.Kind != readiness.KindGroup || r.Tier != 2 || r.Owner != "team" || r.Environment != "production" || r.File != "g.yaml" || r.Line != 3 || !r.EvaluatedAt.Equal(noon) {
		t.Errorf("%+v", r)
	}
	if len(full.Indicators) == 0 || len(full.Children) == 0 {
		t.Error("the member itself lost its details")
	}
	if m := r.Reasons[0].Message; !strings.Contains(m, "absent") {
		t.Errorf("message %q", m)
	}
}
