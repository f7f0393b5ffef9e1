package check

import (
	"slices"
	"testing"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func TestGroupsInAReport(t *testing.T) {
	t.Parallel()
	f := &fleet{behave: map[string]collecting{"red": bad(readiness.Diverged), "yellow": bad(readiness.PrimaryNotHome)}}
	for _, tt := range []struct {
		name   string
		groups []*config.Group
		only   []string // targets of the sweep; all when empty
		want   map[string]readiness.Status
		code   readiness.Code // among the reasons of g
	}{
		{"all green", []*config.Group{group("g", "one", "two")}, nil, map[string]readiness.Status{"g": green}, ""},
		{"one red", []*config.Group{group("g", "one", "red")}, nil, map[string]readiness.Status{"g": red}, readiness.MemberRed},
		{"one red and optional", []*config.Group{group("g", "one", "red?")}, nil, map[string]readiness.Status{"g": yellow}, readiness.MemberYellow},
		{"one yellow", []*config.Group{group("g", "one", "yellow")}, nil, map[string]readiness.Status{"g": yellow}, readiness.MemberYellow},
		{"a group of groups", []*config.Group{group("g", "inner", "one"), group("inner", "two", "deep"), group("deep", "red")}, nil,
			map[string]readiness.Status{"g": red, "inner": red, "deep": red}, readiness.MemberRed},
		{"a member outside the sweep", []*config.Group{group("g", "one", "two")}, []string{"one"}, map[string]readiness.Status{"g": unknown}, readiness.MemberMissing},
		{"a member that is nothing", []*config.Group{group("g", "one", "typo")}, nil, map[string]readiness.Status{"g": unknown}, readiness.MemberMissing},
		{"empty", []*config.Group{group("g")}, nil, map[string]readiness.Status{"g": unknown}, readiness.NoIndicators},
		{"itself", []*config.Group{group("g", "g", "one")}, nil, map[string]readiness.Status{"g": unknown}, readiness.MemberMissing},
		{"a circle", []*config.Group{group("g", "h", "one"), group("h", "g", "two")}, nil, map[string]readiness.Status{"g": unknown, "h": unknown}, readiness.MemberUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, repository([]*config.Resource{resource("one"), resource("two"), resource("red"), resource("yellow")}, tt.groups...), f)
			if tt.only != nil {
				b.sweep.Targets = slices.DeleteFunc(b.sweep.Targets, func(r *config.Resource) bool { return !slices.Contains(tt.only, r.Name()) })
			}
			report := b.run(t)
			for name, want := range tt.want {
				if r := find(t, report, name); r.Status != want || r.Kind != readiness.KindGroup {
					t.Errorf("%s %s is %s %v, want %s", r.Kind, name, r.Status, codesOf(r), want)
				}
			}
			if tt.code != "" && !slices.Contains(codesOf(find(t, report, "g")), tt.code) {
				t.Errorf("reasons %v, want %s", codesOf(find(t, report, "g")), tt.code)
			}
		})
	}
}

// A group inside the one that was asked for is judged, and does not appear unless
// it was asked for as well.
func TestInnerGroupIsJudgedButNotListed(t *testing.T) {
	t.Parallel()
	outer := group("outer", "inner")
	b := newBench(t, repository([]*config.Resource{resource("one")}, outer, group("inner", "one")), &fleet{})
	b.sweep.Groups = []*config.Group{outer}
	report := b.run(t)
	if len(report.Results) != 2 {
		t.Errorf("%d results", len(report.Results))
	}
	expect(t, find(t, report, "outer"), green, "")
}

// What a group depends on counts like a required member, whether it is a resource
// or a group.
func TestGroupDependencies(t *testing.T) {
	t.Parallel()
	f := &fleet{behave: map[string]collecting{"base": bad(readiness.Diverged)}}
	app, infra := group("app", "one"), group("infra", "base")
	app.Spec.DependsOn = []string{"infra"}
	b := newBench(t, repository([]*config.Resource{resource("one"), resource("base")}, app, infra), f)
	expect(t, find(t, b.run(t), "app"), red, readiness.DependencyNotGreen)
	app.Spec.DependsOn = []string{"nothing"}
	expect(t, find(t, b.run(t), "app"), unknown, readiness.DependencyNotGreen)
}

// A group has the highest tier of its resources unless it has its own, and their
// environment when they share one.
func TestTierAndEnvironmentOfAGroup(t *testing.T) {
	t.Parallel()
	second := func(s *config.ResourceSpec) { s.Tier = 2 }
	test := func(s *config.ResourceSpec) { s.Environment = "test" }
	repo := repository([]*config.Resource{resource("one"), resource("two", second), resource("other", second, test)})
	for _, tt := range []struct {
		members []string
		own     int
		tier    int
		env     string
	}{
		{[]string{"two", "one"}, 0, 1, "production"}, {[]string{"two"}, 0, 2, "production"}, {[]string{"one"}, 2, 2, "production"},
		{[]string{"two", "other"}, 0, 2, ""}, {[]string{"other", "two", "other"}, 0, 2, ""}, {[]string{"other", "nothing"}, 0, 2, "test"}, {nil, 0, 0, ""},
	} {
		g := group("g", tt.members...)
		g.Spec.Tier, g.Spec.Owner = tt.own, "team"
		if got := Group(repo, g); got.Tier != tt.tier || got.Environment != tt.env || got.Owner != "team" || len(got.Members) != len(tt.members) {
			t.Errorf("%v: %+v", tt.members, got)
		}
	}
}
