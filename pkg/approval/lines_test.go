package approval

import (
	"slices"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/runbook"
)

var lineDigest = runbook.Digest("sha256:" + strings.Repeat("ab", 32))

func TestAPP05ApprovalLines(t *testing.T) {
	t.Parallel()
	it, business := ApprovalLine(lineDigest, SlotIT), ApprovalLine(lineDigest, SlotBusiness)
	for body, want := range map[string]claim{
		"":                                       {},
		"LGTM":                                   {},
		it:                                       {[]SlotRole{SlotIT}, 1, ""},
		"Hello\r\n" + it + "\r\nBye":             {[]SlotRole{SlotIT}, 1, ""},
		it + "\n" + business:                     {[]SlotRole{SlotBusiness, SlotIT}, 2, ""},
		it + "\n" + it:                           {[]SlotRole{SlotIT}, 2, ""},
		"> " + it:                                {},
		"I write " + it:                          {},
		" " + it:                                 {nil, 1, "its line with the digest is not written as it must be"},
		it + " ":                                 {nil, 1, "its line with the digest does not end in a role, as it or as business"},
		it + "\r":                                {[]SlotRole{SlotIT}, 1, ""},
		strings.ToUpper(it):                      {nil, 1, "its line with the digest is not written as it must be"},
		"bcctl-approve":                          {nil, 1, "its line with the digest is not written as it must be"},
		"bcctl-approve sha256:1 as it":           {nil, 1, "its line has another digest"},
		it + "\nbcctl-approve sha256:1 as it":    {[]SlotRole{SlotIT}, 2, "its line has another digest"},
		"bcctl-approve " + string(lineDigest):    {nil, 1, "its line has another digest"},
		strings.Replace(it, "as it", "as IT", 1): {nil, 1, "its line with the digest does not end in a role, as it or as business"},
	} {
		got := parseClaim(body, lineDigest)
		if !slices.Equal(got.roles, want.roles) || got.lines != want.lines || got.bad != want.bad {
			t.Errorf("%q is %+v, want %+v", body, got, want)
		}
	}
	if got := parseClaim(ApprovalLine("", SlotIT), ""); len(got.roles) > 0 {
		t.Errorf("without a digest it claims %v", got.roles)
	}
}

func TestCONF02ConfirmationLine(t *testing.T) {
	t.Parallel()
	r := runbook.Request{Type: runbook.Failback, Target: "pg/ledger", TargetSite: "ams"}
	if got, want := ConfirmationLine(VerbResume, "2026-001", r, lineDigest, 3), "/bcctl resume 2026-001 FAILBACK pg/ledger@ams abababababab attempt=3"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := ConfirmationLine(VerbExecute, "2026-001", r, "sha256:ab", 1); got != "" {
		t.Errorf("a digest that is none gives %q", got)
	}
}

func FuzzApprovalLine(f *testing.F) {
	f.Add("Hello\r\n" + ApprovalLine(lineDigest, SlotIT) + "\r\n")
	f.Add(ApprovalLine(lineDigest, SlotBusiness))
	f.Fuzz(func(t *testing.T, body string) {
		c := parseClaim(body, lineDigest)
		for _, role := range c.roles {
			exact := func(line string) bool { return strings.TrimRight(line, "\r\n") == ApprovalLine(lineDigest, role) }
			if !slices.ContainsFunc(slices.Collect(strings.Lines(body)), exact) {
				t.Errorf("%q claims %s", body, role)
			}
		}
		if len(c.roles) > 0 && c.lines == 0 || len(c.roles) > c.lines {
			t.Errorf("%q: %+v", body, c)
		}
	})
}

func FuzzConfirmationLine(f *testing.F) {
	f.Add(confirmation(approved()))
	f.Add(confirmation(approved()) + "\r\n")
	good := confirmation(approved())
	f.Fuzz(func(t *testing.T, body string) {
		c := approved()
		c.Evidence.Confirmation.Body = body
		if v := Verify(c); v.Allowed && strings.TrimRight(body, "\r\n") != good {
			t.Errorf("allowed by %q", body)
		}
	})
}
