package config_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// A freeze is for what its match says and for its actions, from its first moment to its
// end. One that is repeated cannot be told from this bcctl, and counts.
func TestSI33Freezes(t *testing.T) {
	t.Parallel()
	const resource = "apiVersion: bcctl/v1\nkind: Resource\nmetadata: {name: ledger, labels: {team: pay}}\nspec:\n  platform: postgresql\n  tier: 2\n  environment: production\n  owner: dba\n  home: {primary: fra, dr: ams}\n  endpoints:\n    - {name: a, site: fra, address: \"h:1\"}\n"
	from := time.Date(2026, 12, 20, 0, 0, 0, 0, time.UTC)
	in := from.Add(time.Hour)
	for name, c := range map[string]struct {
		window string
		at     time.Time
		tier   int
		want   string // empty: nothing is frozen
	}{
		"all":                 {"until: 2027-01-02T00:00:00Z", in, 2, "until 2027-01-02T00:00:00Z"},
		"for a while":         {"lasts: 2h", in, 2, "until 2026-12-20T02:00:00Z"},
		"first moment":        {"lasts: 2h", from, 2, "freeze year-end"},
		"before":              {"lasts: 2h", from.Add(-time.Second), 2, ""},
		"its end":             {"lasts: 2h", from.Add(2 * time.Hour), 2, ""},
		"repeated":            {"lasts: 2h, repeat: \"FREQ=YEARLY\"", from.Add(90 * 24 * time.Hour), 2, "write its times out"},
		"repeated, before":    {"lasts: 2h, repeat: \"FREQ=YEARLY\"", from.Add(-time.Second), 2, ""},
		"another action":      {"lasts: 2h, actions: [failback, drill]", in, 2, ""},
		"this action":         {"lasts: 2h, actions: [switchover]", in, 2, "freeze year-end"},
		"another resource":    {"lasts: 2h, match: {environments: [test]}", in, 2, ""},
		"its group":           {"lasts: 2h, match: {groups: [outer]}", in, 2, "is for ledger"},
		"another tier":        {"lasts: 2h, match: {tiers: [1]}", in, 2, ""},
		"the tier it is lent": {"lasts: 2h, match: {tiers: [1]}", in, 1, "is for ledger"},
		"its site and label":  {"lasts: 2h, match: {sites: [fra], labels: {team: pay}}", in, 2, "is for ledger"},
		"another label":       {"lasts: 2h, match: {sites: [fra], labels: {team: web}}", in, 2, ""},
	} {
		repo, problems := load(t, fstest.MapFS{
			"bcctl.yaml": {}, "r.yaml": {Data: []byte(resource)}, "sites.yaml": {Data: []byte("apiVersion: bcctl/v1\nkind: SiteList\nmetadata: {name: sites}\nspec:\n  sites: [{name: fra}, {name: ams}]\n")},
			"g.yaml": {Data: []byte("apiVersion: bcctl/v1\nkind: Group\nmetadata: {name: inner}\nspec: {members: [{name: ledger}]}\n---\napiVersion: bcctl/v1\nkind: Group\nmetadata: {name: outer}\nspec: {members: [{name: inner}]}\n")},
			"c.yaml": {Data: []byte("apiVersion: bcctl/v1\nkind: Calendar\nmetadata: {name: bank}\nspec:\n  freezes:\n    - {name: year-end, from: 2026-12-20T00:00:00Z, " + c.window + "}\n")},
		})
		for _, p := range problems {
			if p.File == "c.yaml" || p.File == "g.yaml" {
				t.Fatalf("%s: %v", name, p)
			}
		}
		got := strings.Join(repo.Frozen(c.at, runbook.Switchover, []approval.Target{{Resource: "ledger", Tier: c.tier}}), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	repo, _ := load(t, fstest.MapFS{"bcctl.yaml": {}, "c.yaml": {Data: []byte("apiVersion: bcctl/v1\nkind: Calendar\nmetadata: {name: bank}\nspec:\n  freezes:\n    - {name: x, from: 2026-12-20T00:00:00Z, lasts: 2h, match: {environments: [test]}}\n")}})
	if got := repo.Frozen(in, runbook.Switchover, []approval.Target{{Resource: "gone"}}); len(got) != 1 {
		t.Errorf("of what is not there: %q", got)
	}
}
