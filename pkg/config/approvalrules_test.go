package config_test

import (
	"strings"
	"testing"
)

// Rules about approvals that loading enforces: each with one fact that is wrong, in a
// repository that is right without it.
func TestRulesOfDocuments(t *testing.T) {
	t.Parallel()
	const request, policy = "requests/2026/r-0001.yaml", "policies/approval.yaml"
	for _, c := range []struct{ name, file, from, to, want string }{
		{"BIND-05 an unknown field", request, "  reason:", "  colour: red\n  reason:", `unknown field "colour"`},
		{"BIND-05 a key twice", request, "  reason:", "  type: failover\n  reason:", `key "type" is given twice`},
		{"BIND-05 an anchor", request, "reason: Frankfurt", "reason: &x Frankfurt", "anchor (&) is not allowed"},
		{"BIND-05 an alias", request, "reason: Frankfurt is dark", "reason: *x", "aliases are not allowed"},
		{"BIND-05 a second document", request, "apiVersion:", "apiVersion: bcctl/v1\nkind: SiteList\nmetadata: {name: more}\nspec: {sites: [{name: muc}]}\n---\napiVersion:", "shares its file"},
		{"BIND-05 not UTF-8", request, "is dark", "is d\xe4rk", "is not UTF-8"},
		{"BIND-05 text that runs the other way", request, "is dark", "is \u202edark", "bidirectional control character"},
		{"BIND-05 a control character", request, "is dark", "is \x07dark", "control character U+0007"},
		{"POL-03 no slot", policy, "slots: [{role: it}, {role: business}]", "slots: []", "list has 0 entries"},
		{"POL-03 tier 1 without business", policy, "slots: [{role: it}, {role: business}]", "slots: [{role: it}]", "has no business slot"},
		{"POL-04 an unknown key", policy, "auditLost: continue", "auditlost: continue", `unknown field "auditlost"`},
		{"POL-04 an unknown role", policy, "slots: [{role: it}, {role: business}]", "slots: [{role: it}, {role: bussiness}]", `"bussiness" is not one of it, business`},
		{"POL-04 an unknown rule", policy, "relax: [APP-07", "relax: [APP-70", `unknown rule "APP-70"`},
		{"BG-02 a rule that always holds", policy, "relax: [APP-07", "relax: [BIND-01", "may never be relaxed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files := files(t, "testdata/complete")
			if _, problems := load(t, files); len(problems) > 0 {
				t.Fatalf("without the fault: %v", problems)
			}
			old := string(files[c.file].Data)
			if !strings.Contains(old, c.from) {
				t.Fatalf("%s has no %q", c.file, c.from)
			}
			files[c.file].Data = []byte(strings.Replace(old, c.from, c.to, 1))
			_, problems := load(t, files)
			if got := problems.Error(); len(problems) == 0 || !strings.Contains(got, c.want) {
				t.Errorf("problems are\n%s\nnot about %q", got, c.want)
			}
		})
	}
}
