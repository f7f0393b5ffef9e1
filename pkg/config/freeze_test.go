package config_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// A freeze is for what its match says and for its actions, from its first moment to its
// end, and so is each time of one that is repeated.
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
		"repeated":            {"lasts: 2h, repeat: FREQ=YEARLY", time.Date(2029, 12, 20, 1, 0, 0, 0, time.UTC), 2, "until 2029-12-20T02:00:00Z"},
		"repeated, first":     {"lasts: 2h, repeat: FREQ=YEARLY", in, 2, "until 2026-12-20T02:00:00Z"},
		"repeated, before":    {"lasts: 2h, repeat: FREQ=YEARLY", from.Add(-time.Second), 2, ""},
		"repeated, between":   {"lasts: 2h, repeat: FREQ=YEARLY", from.Add(90 * 24 * time.Hour), 2, ""},
		"repeated, its end":   {"lasts: 2h, repeat: FREQ=DAILY", in.Add(49 * time.Hour), 2, ""},
		"repeated, the last":  {"lasts: 2h, repeat: FREQ=DAILY;COUNT=2", in.Add(24 * time.Hour), 2, "until 2026-12-21T02:00:00Z"},
		"repeated, no more":   {"lasts: 2h, repeat: FREQ=DAILY;COUNT=2", in.Add(48 * time.Hour), 2, ""},
		"times that touch":    {"lasts: 1d, repeat: FREQ=DAILY;COUNT=5", in, 2, "until 2026-12-25T00:00:00Z"},
		"times that overlap":  {"lasts: 30h, repeat: FREQ=DAILY;COUNT=5", in, 2, "until 2026-12-25T06:00:00Z"},
		"without an end":      {"lasts: 1d, repeat: FREQ=DAILY", in, 2, "does not end within a year"},
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

// frozenBy is a calendar of freezes for all resources.
func frozenBy(t *testing.T, spec string) *config.Repo {
	t.Helper()
	repo, problems := load(t, fstest.MapFS{"bcctl.yaml": {}, "c.yaml": {Data: []byte("apiVersion: bcctl/v1\nkind: Calendar\nmetadata: {name: bank}\nspec:\n" + spec)}})
	for _, p := range problems {
		t.Error(p)
	}
	return repo
}

// What is repeated follows the clocks of the calendar's zone and its working days: the
// evening of the last working day of each month, from six to the next morning.
func TestSI33RepeatedFreezes(t *testing.T) {
	t.Parallel()
	repo := frozenBy(t, `  timeZone: Europe/Berlin
  holidays: [2026-12-31]
  freezes:
    - {name: month-end, from: 2026-01-30T17:00:00Z, lasts: 12h, repeat: FREQ=MONTHLY;BYSETPOS=-1, workdaysOnly: true}
    - {name: night, from: 2026-03-22T01:30:00Z, lasts: 1h, repeat: FREQ=WEEKLY}
`)
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	for now, until := range map[string]string{
		"2026-01-30T16:59:59Z": "",
		"2026-01-30T17:00:00Z": "2026-01-31T05:00:00Z",
		"2026-01-31T05:00:00Z": "",
		"2026-02-27T17:00:00Z": "2026-02-28T05:00:00Z", // the 28th is a Saturday
		"2026-07-31T16:00:00Z": "2026-08-01T04:00:00Z", // summer: the same hour, an hour earlier in UTC
		"2026-12-30T20:00:00Z": "2026-12-31T05:00:00Z", // the 31st is a holiday
		"2026-12-31T20:00:00Z": "",
		"2026-03-29T00:59:59Z": "",                     // clocks go from two to three
		"2026-03-29T01:00:00Z": "2026-03-29T02:00:00Z", // and half past two is never shown
		"2026-10-24T23:00:00Z": "",
		"2026-10-25T00:30:00Z": "2026-10-25T02:30:00Z", // half past two is shown twice
		"2026-10-25T02:29:59Z": "2026-10-25T02:30:00Z",
		"2026-10-25T02:30:00Z": "",
	} {
		got := repo.Freezes(at(now), at(now), runbook.Switchover, []approval.Target{{Resource: "x"}})
		switch {
		case until == "" && len(got) > 0, until != "" && (len(got) != 1 || !got[0].Until.Equal(at(until)) || !got[0].Holds(at(now))):
			t.Errorf("at %s: %v, want an end at %q", now, got, until)
		}
	}
	// What begins later is told as well, and is not taken for what holds.
	next := repo.Freezes(at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"), runbook.Switchover, []approval.Target{{Resource: "x"}})
	if len(next) != 2 || next[0].Name != "night" || !next[1].From.Equal(at("2026-11-30T17:00:00Z")) || next[0].Holds(at("2026-11-01T00:00:00Z")) {
		t.Errorf("next: %v", next)
	}
}

// The first free moment lies after all freezes that follow each other without a gap.
func TestSI33Thawed(t *testing.T) {
	t.Parallel()
	repo := frozenBy(t, `  freezes:
    - {name: a, from: 2026-12-20T00:00:00Z, lasts: 1d}
    - {name: b, from: 2026-12-20T20:00:00Z, lasts: 1d}
    - {name: c, from: 2026-12-21T20:00:00Z, lasts: 1h}
    - {name: d, from: 2027-12-20T00:00:00Z, lasts: 1d, repeat: FREQ=DAILY}
`)
	day := time.Date(2026, 12, 20, 0, 0, 0, 0, time.UTC)
	who := []approval.Target{{Resource: "x"}}
	if at, first, ok := repo.Thawed(day, day.Add(72*time.Hour), runbook.Drill, who); !ok || !at.Equal(day.Add(45*time.Hour)) || len(first) != 1 || first[0].Name != "a" {
		t.Errorf("%s %v %v", at, first, ok)
	}
	if at, first, ok := repo.Thawed(day.Add(-time.Second), day, runbook.Drill, who); !ok || !at.Equal(day.Add(-time.Second)) || first != nil {
		t.Errorf("before it: %s %v %v", at, first, ok)
	}
	if at, _, ok := repo.Thawed(day, day.Add(45*time.Hour), runbook.Drill, who); ok {
		t.Errorf("all of it is frozen, and %s is free", at)
	}
	if _, first, ok := repo.Thawed(day.AddDate(1, 0, 1), day.AddDate(5, 0, 0), runbook.Drill, who); ok || len(first) != 1 || !first[0].Until.IsZero() {
		t.Errorf("without an end: %v %v", first, ok)
	}
}

// A pause holds from the end of a failover on, for what was failed over, and where that
// cannot be told any more for everything. What ended in the future did so by a wrong clock.
func TestSI33PauseIsForWhatWasFailedOver(t *testing.T) {
	t.Parallel()
	repo := frozenBy(t, "  afterFailover:\n    - {name: calm, lasts: 2h, actions: [failover, failback]}\n")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		what runbook.Type
		at   time.Time
		want bool
	}{
		"just now":        {runbook.Failback, now, true},
		"its last second": {runbook.Failover, now.Add(-2*time.Hour + time.Second), true},
		"over":            {runbook.Failover, now.Add(-2 * time.Hour), false},
		"the future":      {runbook.Failover, now.Add(time.Minute), true},
		"another type":    {runbook.Drill, now, false},
	} {
		got := repo.Paused(now, c.what, []approval.Target{{Resource: "x"}}, []approval.EndedRequest{{ID: "gone", At: c.at}})
		if (len(got) > 0) != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
