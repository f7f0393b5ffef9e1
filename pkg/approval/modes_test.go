package approval

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Facts that can be checked in every mode deny in every mode (POL-06).
func TestPOL06EveryModeHitsTheSameRules(t *testing.T) {
	t.Parallel()
	for _, fact := range []struct {
		rule RuleID
		fail func(*Case)
	}{
		{"BIND-01", func(c *Case) { c.Request.SHA256 = file("other").SHA256 }},
		{"BIND-02", func(c *Case) { c.Evidence.Pins[0].AtTip = file("other") }},
		{"BIND-03", func(c *Case) { c.Request.Spec.Pins = nil }},
		{"BIND-05", func(c *Case) { c.Problems = []Finding{{"BIND-05", "x", "y"}} }},
		{"BIND-06", func(c *Case) { c.Request.Spec.NotBefore = c.Request.Spec.ExpiresAt }},
		{"POL-01", func(c *Case) { c.Roster.SHA256 = file("other").SHA256 }},
		{"PR-07", known("other", requestFile, "")},
		{"RUN-02", func(c *Case) {
			c.Evidence.Ledger.Attempts = Complete(Attempt{1, digestIn(*c), AttemptDone, noon, Yes})
		}},
		{"RUN-03", func(c *Case) { c.Evidence.Ledger.Withdrawn = "" }},
		{"RUN-07", func(c *Case) { c.Targets = nil }},
		{"OFF-06", func(c *Case) { c.Evidence.Ledger.Unreconciled.Items = []string{"x"} }},
		{"ID-04", func(c *Case) { c.Request.Spec.Requester = "mallory" }},
		{"ID-05", committed(func(k *Commit) {
			k.Author, k.Committer = Signature{Email: "x@example.com"}, Signature{Email: "x@example.com"}
		})},
		{"ID-06", func(c *Case) { c.Roster.Spec.People = append(c.Roster.Spec.People, c.Roster.Spec.People[1]) }},
		{"APP-10", func(c *Case) { c.Evidence.ReadAt = ago(time.Hour) }},
		{"SI-14", func(c *Case) { c.Plan = file("other").SHA256 }},
		{"POL-06", func(c *Case) { c.Mode = "fast" }},
	} {
		for name, base := range bases {
			c := base()
			fact.fail(&c)
			if v := Verify(c); v.Allowed || !slices.ContainsFunc(v.Denials, func(f Finding) bool { return f.Rule == fact.rule }) {
				t.Errorf("%s: %s does not deny: %v", name, fact.rule, v.Denials)
			}
		}
	}
}

// A case that says nothing is denied in every mode, and nothing panics.
func TestNothingIsDenied(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{"", ModeReview, ModeConfirm, ModeResume, ModeOffline, ModeOfflineResume, ModeOfflineReview} {
		if v := Verify(Case{Mode: mode}); v.Allowed || len(v.Denials) < 10 {
			t.Errorf("mode %q: allowed %v, with %d reasons", mode, v.Allowed, len(v.Denials))
		}
	}
}

// While approvals come in, the verdict lists what is missing and who can give it, and
// what to do next (APP-11).
func TestAPP11WhatIsMissingAndWhoCanGiveIt(t *testing.T) {
	t.Parallel()
	c := pending()
	c.Evidence.Reviews.Items = c.Evidence.Reviews.Items[:1]
	third(&cleo, Approved, "LGTM")(&c)
	third(&ann, Approved, ApprovalLine(digestIn(c), SlotBusiness))(&c)
	last(&c).ID = 14
	v := Verify(c)
	v.Digest = ""
	got, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "schema": "bcctl-approval-verdict-v1",
 "allowed": false,
 "mode": "review",
 "request": "2026-001",
 "action": "switchover",
 "target": "pg/ledger",
 "site": "fra",
 "tier": 1,
 "at": "2026-03-10T12:00:00Z",
 "denials": [
  {
   "rule": "ID-06",
   "subject": "slot 2",
   "message": "nobody who may has approved as business"
  },
  {
   "rule": "PR-04",
   "message": "the pull request is not merged"
  }
 ],
 "reviews": [
  {
   "id": "review 11",
   "person": "ben",
   "login": "ben",
   "state": "APPROVED",
   "at": "2026-03-10T11:00:00Z",
   "counted": true,
   "roles": [
    "it"
   ]
  },
  {
   "id": "review 13",
   "person": "cleo",
   "login": "cleo",
   "state": "APPROVED",
   "at": "2026-03-10T11:20:00Z",
   "counted": false,
   "rule": "APP-05",
   "message": "it has no line with the digest"
  },
  {
   "id": "review 14",
   "person": "ann",
   "login": "ann",
   "state": "APPROVED",
   "at": "2026-03-10T11:20:00Z",
   "counted": false,
   "rule": "ID-04",
   "message": "ann may not approve this request: author of commit cccccccccccc, author of the pull request, committer of commit cccccccccccc, one who moved the head, requester"
  }
 ],
 "slots": [
  {
   "role": "it",
   "person": "ben",
   "review": "review 11"
  },
  {
   "role": "business",
   "could": [
    "cleo",
    "eve"
   ]
  }
 ],
 "excluded": [
  {
   "person": "ann",
   "why": [
    "author of commit cccccccccccc",
    "author of the pull request",
    "committer of commit cccccccccccc",
    "one who moved the head",
    "requester"
   ]
  }
 ],
 "next": "ask one of those who may: bcctl approve 2026-001"
}`
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
}

// What to do next, from the first approval to the confirmation.
func TestNext(t *testing.T) {
	t.Parallel()
	change := func(base func() Case, with func(*Case)) Case {
		c := base()
		with(&c)
		return c
	}
	for name, s := range map[string]struct {
		c    Case
		want string
	}{
		"merge":    {pending(), "merge the pull request"},
		"ready":    {bases["ready"](), "comment on the pull request, alone on one line: /bcctl execute 2026-001 SWITCHOVER pg/ledger@fra "},
		"wait":     {change(bases["ready"], func(c *Case) { c.Request.Spec.NotBefore = noon.Add(time.Hour) }), "wait until 2026-03-10T13:00:00Z; then run bcctl execute 2026-001 at a terminal, or comment on the pull request, alone on one line: /bcctl execute 2026-001 "},
		"early":    {change(pending, func(c *Case) { c.Request.Spec.NotBefore = noon.Add(time.Hour) }), "merge the pull request"},
		"drift":    {change(pending, func(c *Case) { c.Evidence.Pins[0].AtTip = file("other") }), "this request cannot run any more; make a new one: bcctl request new switchover pg/ledger"},
		"too late": {change(bases["ready"], func(c *Case) { c.Evidence.Reviews.Items = nil }), "approvals after the merge do not count"},
		"again":    {change(approved, confirmedAt(time.Hour)), "confirm once more, alone on one line: /bcctl execute "},
		"else":     {change(approved, func(c *Case) { c.Evidence.RuleSuite.Result = SuiteBypass }), "bcctl explain 2026-001"},
		"go":       {approved(), ""},
	} {
		if got := Verify(s.c).Next; !strings.Contains(got, s.want) || (s.want == "") != (got == "") {
			t.Errorf("%s: %q, want %q", name, got, s.want)
		}
	}
}

// A verdict says until when it holds: until the first of the times on which it rests.
func TestValidUntil(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]struct {
		change func(*Case)
		want   time.Time
	}{
		"evidence":     {func(*Case) {}, noon.Add(5 * time.Minute)},
		"expiry":       {func(c *Case) { c.Request.Spec.ExpiresAt = noon.Add(2 * time.Minute) }, noon.Add(2 * time.Minute)},
		"approval":     {func(c *Case) { entry(c).ApprovalMaxAge = minutes(61) }, noon.Add(time.Minute)},
		"confirmation": {confirmedAt(12 * time.Minute), noon.Add(3 * time.Minute)},
	} {
		c := approved()
		s.change(&c)
		if v := Verify(c); !v.ValidUntil.Equal(s.want) {
			t.Errorf("%s: valid until %s, want %s", name, v.ValidUntil, s.want)
		}
	}
}

// Two accounts, several roles, several slots: as many as possible are filled (ID-06).
func TestID06MatchingIsMaximal(t *testing.T) {
	t.Parallel()
	for n := range 1 << 16 { // every graph of 4 slots and 4 persons
		may := func(slot, person int) bool { return n>>(slot*4+person)&1 == 1 }
		holder := match(4, 4, may)
		got, used := 0, map[int]bool{}
		for slot, p := range holder {
			if p < 0 {
				continue
			}
			if used[p] || !may(slot, p) {
				t.Fatalf("graph %x: %v", n, holder)
			}
			used[p], got = true, got+1
		}
		if want := most(4, 0, may); got != want {
			t.Fatalf("graph %x: %d slots are filled, %d could be", n, got, want)
		}
	}
}

// most tries everything.
func most(slots, used int, may func(slot, person int) bool) int {
	if slots == 0 {
		return 0
	}
	best := most(slots-1, used, may)
	for p := range 4 {
		if used>>p&1 == 0 && may(slots-1, p) {
			best = max(best, 1+most(slots-1, used|1<<p, may))
		}
	}
	return best
}
