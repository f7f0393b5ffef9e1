package config_test

import (
	"testing"
	"testing/fstest"

	"github.com/bcctl/bcctl/pkg/config"
)

// A group of tier 1 is tier 1, whatever its members are, and so is all of it inside
// another group.
func TestPOL02AGroupLendsItsTierToItsMembers(t *testing.T) {
	t.Parallel()
	doc := func(kind, name, spec string) string {
		return "apiVersion: bcctl/v1\nkind: " + kind + "\nmetadata: {name: " + name + "}\nspec:\n" + spec + "---\n"
	}
	files := ""
	for _, name := range []string{"a", "b"} {
		files += doc("Resource", name, "  platform: postgresql\n  tier: 2\n  environment: lab\n  owner: dba\n  home: {primary: x, dr: y}\n  endpoints:\n    - {name: "+name+"-1, site: x, address: \"h:1\"}\n")
	}
	files += doc("Group", "important", "  tier: 1\n  members: [{name: a}]\n") +
		doc("Group", "plain", "  members: [{name: a}, {name: b}]\n") +
		doc("Group", "outer", "  members: [{name: plain}, {name: important}]\n")
	repo, _ := config.Load(fstest.MapFS{"bcctl.yaml": {}, "all.yaml": {Data: []byte(files)}}, config.Options{})
	if repo == nil {
		t.Fatal("the configuration was not read")
	}
	for target, want := range map[string]map[string]int{
		"a": {"a": 2}, "important": {"a": 1}, "plain": {"a": 2, "b": 2}, "outer": {"a": 1, "b": 2}, "nobody": {},
	} {
		got := map[string]int{}
		for _, x := range repo.Reached(target) {
			got[x.Resource] = x.Tier
		}
		if len(got) != len(want) {
			t.Errorf("%s reaches %v, want %v", target, got, want)
		}
		for name, tier := range want {
			if got[name] != tier {
				t.Errorf("%s: %s has tier %d, want %d", target, name, got[name], tier)
			}
		}
	}
}
