package forge

import "testing"

func TestPR03OnlyPlainNamesAreRequests(t *testing.T) {
	for path, want := range map[string]bool{
		"requests/2026/2026-001-ledger.yaml":         true,
		"requests/2026/a.b_c-9.yaml":                 true,
		"requests/2026/.yaml":                        false,
		"requests/2026/-flag.yaml":                   false,
		"requests/2026/a\x1b[2J.yaml":                false,
		"requests/2026/a b.yaml":                     false,
		"requests/2026/a\n.yaml":                     false,
		"requests/26/a.yaml":                         false,
		"requests/2026/deep/a.yaml":                  false,
		"requests/../2026/a.yaml":                    false,
		"other/2026/a.yaml":                          false,
		"requests/2026/a.yml":                        false,
		"requests/2026/\u202egpj.yaml":               false,
		"requests/2026/../../.github/workflows.yaml": false,
	} {
		if got := requestPath(path, ""); got != want {
			t.Errorf("requestPath(%q) = %v, want %v", path, got, want)
		}
	}
	if requestPath("requests/2026/a.yaml", "b") {
		t.Error("the file of another request passes")
	}
}
