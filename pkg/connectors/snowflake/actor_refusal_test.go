package snowflake

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/snowpair"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// quiesced brings a pair to where a planned run promotes.
func (h *hand) quiesced() {
	h.t.Helper()
	h.pass("mark", "record-work")
	h.do("quiesce", "tasks", "$record-work.tasks", "pipes", "$record-work.pipes")
	h.do("suspend")
	h.pass("wait-refresh")
	h.do("refresh-start", "mark", "final", "schedules", "$mark.schedules")
	h.check(connectors.Passed, "", "refresh-wait", "jobs", "$refresh-start.jobs", "after", "$quiesce.at")
}

var promoting = []string{"snapshots", "$refresh-wait.snapshots", "quiesced", "$quiesce.at"}

// send sends a statement to an account as somebody else does.
func (h *hand) send(endpoint int, sql string) {
	h.t.Helper()
	x, o := h.actor.(*actor).open(h.t.Context(), endpoint)
	if o != nil {
		h.t.Fatal(o.Message)
	}
	defer x.close()
	if o := x.run(h.t.Context(), sql, "somebody else"); o != nil {
		h.t.Fatalf("%s: %s", sql, o.Message)
	}
}

func (h *hand) notPromoted() {
	h.t.Helper()
	for sql := range h.pair.Changed() {
		if strings.Contains(sql, "PRIMARY") {
			h.t.Fatalf("sent: %s", sql)
		}
	}
}

// TestFaultsAreRefused: every check says no to what it is about.
func TestFaultsAreRefused(t *testing.T) {
	t.Parallel()
	const refused, unknown = connectors.Refused, connectors.Unknown
	for fault, want := range map[string]struct {
		check  string
		result connectors.FindingResult
		code   readiness.Code
	}{
		"suspend-schedule":     {"schedule-known", refused, readiness.ScheduleSuspended},
		"no-schedule":          {"schedule-known", refused, readiness.ScheduleMissing},
		"never-runs":           {"schedule-known", refused, readiness.ScheduleDrift},
		"schedule-drift":       {"schedule-known", refused, readiness.ScheduleDrift},
		"failing-refresh":      {"last-refresh-clean", refused, readiness.RefreshFailing},
		"inconsistent-target":  {"last-refresh-clean", refused, readiness.TargetInconsistent},
		"stuck-refresh":        {"no-refresh", refused, readiness.RefreshRunning},
		"running-refresh":      {"no-refresh", refused, readiness.RefreshRunning},
		"never-refreshed":      {"lag", refused, readiness.NeverRefreshed},
		"lag":                  {"lag", refused, readiness.LagOverRPO},
		"dangling":             {"no-blocking-references", refused, readiness.DanglingReferences},
		"members-drift":        {"membership", refused, readiness.DriftMembers},
		"wrong-primary":        {"is-secondary", refused, readiness.RoleUnexpected},
		"two-primaries":        {"one-primary", refused, readiness.TwoWriters},
		"wrong-upstream":       {"expected-source", refused, readiness.UpstreamUnexpected},
		"no-primary":           {"expected-source", refused, readiness.UpstreamUnexpected},
		"replication-group":    {"edition", refused, readiness.NotPromotable},
		"auto-fulfillment":     {"edition", refused, readiness.GroupAutoFulfillment},
		"connection-missing":   {onConnection + "may-promote", unknown, readiness.ConnectionMissing},
		"redirect-not-allowed": {onConnection + "may-promote", refused, readiness.RedirectNotAllowed},
		"drop-privilege":       {"is-secondary", unknown, readiness.GroupNotVisible},
		"no-warehouse":         {"lag", unknown, readiness.QueryFailed},
		"wrong-account":        {"right-account", refused, readiness.EndpointAliased},
		"network-policy":       {"right-account", unknown, readiness.VisAuth},
		"target-down":          {"right-account", unknown, readiness.VisDR},
		"source-down":          {"expected-source", unknown, readiness.VisPrimary},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			pair := quickPair(t)
			h := newHand(t, pair, "fra", "ams")
			if err := pair.Break(fault); err != nil {
				t.Fatal(err)
			}
			h.check(want.result, want.code, want.check)
			h.unchanged()
		})
	}
}

// TestSI21AnotherAccountIsNotChanged: nothing is sent to an account that is not the
// declared one, whatever it is reached by.
func TestSI21AnotherAccountIsNotChanged(t *testing.T) {
	t.Parallel()
	snapshots := encode(moments{"WAREHOUSE_FG": time.Now().Add(-time.Minute)})
	for name, c := range map[string]struct {
		change func(*connectors.ActorSpec)
		code   readiness.Code
	}{
		"swapped addresses": {func(s *connectors.ActorSpec) {
			s.Endpoints[0].Address, s.Endpoints[1].Address = s.Endpoints[1].Address, s.Endpoints[0].Address
		}, ""},
		"another organization": {func(s *connectors.ActorSpec) { s.Identity = with(s.Identity, "organization", "SOMEBODY") }, readiness.IdentityMismatch},
		"no organization":      {func(s *connectors.ActorSpec) { s.Identity = map[string]string{"failoverGroup": "WAREHOUSE_FG"} }, readiness.IdentityUnproven},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHand(t, quickPair(t), "fra", "ams", c.change)
			if f := h.actor.Check(t.Context(), h.call("right-account")); f.Result == connectors.Passed {
				t.Errorf("right-account: %+v", f)
			}
			for _, call := range []connectors.Call{
				h.call("suspend"), h.call("resume", "tail", "attested"), h.call("quiesce"), h.call("refresh-start", "tail", "attested"), h.call(onConnection + "redirect"),
				h.call("promote", "snapshots", snapshots, "quiesced", stamp(time.Now().Add(-time.Hour))),
				h.call("force-promote", "snapshots", snapshots, "ceiling", "1h", "unproven", "accept"),
			} {
				if o := h.actor.Do(t.Context(), call); o.State == connectors.Done || o.State == connectors.InDoubt || c.code != "" && call.Action == onGroup+"suspend" && o.Code != c.code {
					t.Errorf("%s: %+v", call.Action, o)
				}
			}
			h.unchanged()
		})
	}
}

// TestSI22SourceThatLives: an account that answers is never passed over, and one that
// does not answer only where the request says so.
func TestSI22SourceThatLives(t *testing.T) {
	t.Parallel()
	accept := []string{"unproven", "accept"}
	forcing := []string{"snapshots", "$mark.snapshots", "ceiling", "1h", "unproven", "accept"}

	h := newHand(t, quickPair(t), "fra", "ams")
	h.pass("mark")
	h.check(connectors.Refused, readiness.PrimaryAlive, "primary-gone", accept...)
	h.outcome(connectors.Failed, readiness.PrimaryAlive, "force-promote", forcing...)
	if err := h.pair.Refuse("LAB_FRA", 390100, "Incorrect username or password was specified."); err != nil {
		t.Fatal(err)
	}
	h.check(connectors.Refused, readiness.PrimaryAlive, "primary-gone", accept...)
	h.outcome(connectors.Failed, readiness.PrimaryAlive, "force-promote", forcing...)
	if err := h.pair.Refuse("LAB_FRA", 0, ""); err != nil {
		t.Fatal(err)
	}

	if err := h.pair.Break("source-down"); err != nil {
		t.Fatal(err)
	}
	h.check(connectors.Unknown, readiness.WriterUnproven, "primary-gone")
	h.outcome(connectors.NotDone, readiness.WriterUnproven, "force-promote", "snapshots", "$mark.snapshots", "ceiling", "1h")
	h.check(connectors.Passed, "", "primary-gone", accept...)
	h.unchanged()
}

// TestSI23RefreshThatTheSourceTakesPartIn is the second vantage point.
func TestSI23RefreshThatTheSourceTakesPartIn(t *testing.T) {
	t.Parallel()
	pair := quickPair(t)
	h := newHand(t, pair, "fra", "ams")
	if err := pair.Break("stuck-refresh"); err != nil { // while the primary uploads
		t.Fatal(err)
	}
	if err := pair.Status("LAB_FRA", 503); err != nil {
		t.Fatal(err)
	}
	h.check(connectors.Refused, readiness.PrimaryAlive, "primary-gone", "unproven", "accept")
}

// TestSI25CeilingOfLoss: what could be lost now is compared with what the request allows.
func TestSI25CeilingOfLoss(t *testing.T) {
	t.Parallel()
	h := newHand(t, quickPair(t), "fra", "ams")
	h.pass("mark")
	if err := h.pair.Break("source-down"); err != nil {
		t.Fatal(err)
	}
	with := func(ceiling string) []string {
		return []string{"snapshots", "$mark.snapshots", "unproven", "accept", "ceiling", ceiling}
	}
	h.outcome(connectors.Failed, readiness.LagOverRPO, "force-promote", with("1m")...)
	h.outcome(connectors.Failed, "", "force-promote", with("much")...)
	h.outcome(connectors.Failed, "", "force-promote", with("")...)
	h.notPromoted()
	h.do("force-promote", with("1h")...)
	h.check(connectors.Passed, "", "measure-loss", "snapshots", "$mark.snapshots")
	stopped := time.Now().Add(time.Minute)
	if f := h.check(connectors.Passed, "", "measure-loss", "snapshots", "$mark.snapshots", "stopped", stamp(stopped)); f.Facts["secondsAtMost"] == "" {
		t.Errorf("no bound: %v", f.Facts)
	}
}

// TestSI24NothingIsPromotedThatIsNotComplete: each proof that a planned promotion rests
// on is looked at again, at the last moment.
func TestSI24NothingIsPromotedThatIsNotComplete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(h *hand) []string
		state connectors.OutcomeState
		code  readiness.Code
	}{
		"a task was started again": {func(h *hand) []string {
			h.send(0, taskSQL(work{"WAREHOUSE_DB", "PUBLIC", "NIGHTLY"}, true))
			return promoting
		}, connectors.Failed, readiness.PrimaryAlive},
		"a run of a task goes on": {func(h *hand) []string {
			if err := h.pair.Busy("LAB_FRA", "WAREHOUSE_DB", "OLD_EXPORT", time.Hour); err != nil {
				h.t.Fatal(err)
			}
			return promoting
		}, connectors.Failed, readiness.PrimaryAlive},
		"something wrote after the snapshot": {func(h *hand) []string {
			table, err := parseWork(snowpair.HeartbeatTable)
			if err != nil {
				h.t.Fatal(err)
			}
			x, o := h.actor.(*actor).open(h.t.Context(), 0)
			if o != nil {
				h.t.Fatal(o.Message)
			}
			defer x.close()
			if err := x.wake(h.t.Context()); err != nil {
				h.t.Fatal(err)
			}
			if o := x.run(h.t.Context(), probeWriteSQL(table, "an application"), "app"); o != nil {
				h.t.Fatal(o.Message)
			}
			return promoting
		}, connectors.Failed, readiness.RPOUnproven},
		"the snapshot is older than the end of writing": {func(*hand) []string {
			return []string{"snapshots", "$refresh-wait.snapshots", "quiesced", stamp(time.Now().Add(time.Hour))}
		}, connectors.Failed, readiness.RPOUnproven},
		"the snapshot is not that of the last refresh": {func(*hand) []string {
			return []string{"snapshots", encode(moments{"WAREHOUSE_FG": time.Now().Add(time.Hour)}), "quiesced", "$quiesce.at"}
		}, connectors.Failed, readiness.RPOUnproven},
		"the source does not answer": {func(h *hand) []string {
			if err := h.pair.Break("source-down"); err != nil {
				h.t.Fatal(err)
			}
			return promoting
		}, connectors.NotDone, readiness.VisPrimary},
		"the last refresh failed": {func(h *hand) []string {
			if err := h.pair.Break("failing-refresh"); err != nil {
				h.t.Fatal(err)
			}
			return promoting
		}, connectors.Failed, readiness.RefreshFailing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHand(t, quickPair(t), "fra", "ams")
			h.quiesced()
			args := c.spoil(h)
			h.outcome(c.state, c.code, "promote", args...)
			h.probe(connectors.NotDone, "promote", args...)
			h.notPromoted()
		})
	}
}

// TestSI34RefreshIsNeverDoubled: one that runs is waited for, one of this run is found,
// and one that somebody else started is not taken for it.
func TestSI34RefreshIsNeverDoubled(t *testing.T) {
	t.Parallel()
	pair := quickPair(t)
	h := newHand(t, pair, "fra", "ams")
	h.pass("mark")
	if err := pair.Duration("LAB_AMS", "WAREHOUSE_FG", time.Second); err != nil {
		t.Fatal(err)
	}
	h.begins(refreshFG)
	start := []string{"mark", "drill", "schedules", "$mark.schedules"}
	h.probe(connectors.NotDone, "refresh-start", start...)
	h.do("refresh-start", start...)
	if n := pair.Refreshes("LAB_AMS", "WAREHOUSE_FG"); n != 2 {
		t.Errorf("%d refreshes", n)
	}
	h.open() // another process goes on
	if p := h.probe(connectors.Done, "refresh-start", start...); p.Facts["jobs"] != h.facts["refresh-start"]["jobs"] {
		t.Errorf("found %v, started %v", p.Facts, h.facts["refresh-start"])
	}
	h.check(connectors.Passed, "", "refresh-wait", "jobs", "$refresh-start.jobs")
	h.check(connectors.Passed, "", "snapshot-newer", "before", "$mark.snapshots")
	if n := pair.Refreshes("LAB_AMS", "WAREHOUSE_FG"); n != 2 || pair.Counts().Aborts+pair.Counts().Orphaned > 0 {
		t.Errorf("%d refreshes, %+v", n, pair.Counts())
	}
}

// begins starts a refresh as somebody else does, and does not wait for it.
func (h *hand) begins(sql string) {
	h.t.Helper()
	x, o := h.actor.(*actor).open(h.t.Context(), 1)
	if o != nil {
		h.t.Fatal(o.Message)
	}
	defer x.close()
	if _, err := x.visit.session.Send(h.t.Context(), sql, "somebody else"); err != nil {
		h.t.Fatal(err)
	}
}

// TestSI34RefreshOutlivesItsStep: a deadline of a step ends the waiting, and aborts
// nothing.
func TestSI34RefreshOutlivesItsStep(t *testing.T) {
	t.Parallel()
	pair := quickPair(t)
	h := newHand(t, pair, "fra", "ams")
	h.pass("mark")
	if err := pair.Duration("LAB_AMS", "WAREHOUSE_FG", 2*time.Second); err != nil {
		t.Fatal(err)
	}
	h.outcome(connectors.Done, "", "refresh-start", "schedules", "$mark.schedules")
	short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if f := h.actor.Check(short, h.call("refresh-wait", "jobs", "$refresh-start.jobs")); f.Result != connectors.Unknown {
		t.Errorf("waited: %+v", f)
	}
	h.check(connectors.Passed, "", "refresh-wait", "jobs", "$refresh-start.jobs")
	if c := pair.Counts(); c.Orphaned > 0 { // a query that reads may be given up at the deadline
		t.Errorf("ended with its session: %+v", c)
	}
}

// TestSI26CopyThatWasNotFollowing: a copy whose schedule was off may be a former
// primary. Neither a refresh nor a schedule is started there by the way.
func TestSI26CopyThatWasNotFollowing(t *testing.T) {
	t.Parallel()
	pair := quickPair(t)
	if err := pair.Break("suspend-schedule"); err != nil {
		t.Fatal(err)
	}
	h := newHand(t, pair, "fra", "ams")
	h.pass("mark")
	h.outcome(connectors.Failed, readiness.TailNotPreserved, "refresh-start", "schedules", "$mark.schedules")
	h.outcome(connectors.Failed, readiness.TailNotPreserved, "refresh-start")
	h.outcome(connectors.Done, "", "resume", "schedules", "$mark.schedules") // as it was when the run began
	if got := pair.StateOf("LAB_AMS", "WAREHOUSE_FG"); got != "SUSPENDED" {
		t.Errorf("the schedule is %s", got)
	}
	h.unchanged()
	h.do("resume", "tail", "attested")
}

// TestSI26OldSourceIsLeftAlone: only after a promotion of a complete copy is the old
// source made a copy without a person.
func TestSI26OldSourceIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := newHand(t, quickPair(t), "fra", "ams")
	h.quiesced()
	h.do("promote", promoting...)
	for _, complete := range []string{"", "false", "unknown"} {
		h.outcome(connectors.Failed, readiness.TailNotPreserved, "resume-others", "old", "resume", "complete", complete)
	}
	h.outcome(connectors.Done, "", "resume-others")
	h.check(connectors.Passed, "", "schedules")
	h.check(connectors.Refused, readiness.ScheduleSuspended, "schedules", "old", "resume")
	if got := h.pair.StateOf("LAB_FRA", "WAREHOUSE_FG"); got != "SUSPENDED" {
		t.Errorf("the old source is %s", got)
	}
	h.do("resume-others", "old", "resume", "complete", "$promote.complete")
	h.check(connectors.Refused, readiness.TailNotPreserved, "schedules")
	h.check(connectors.Passed, "", "schedules", "old", "resume")
	h.pass("one-primary", "old-source-quiet", "write-probe", "readable", "no-blocking-references", "integrity")
}

// TestSI26ThirdAccount: an account that was not being refreshed when the run began may be
// one that a failover left, with rows only it has. A later run between two others does
// not start its schedule, and does not demand it; one that was being refreshed follows.
func TestSI26ThirdAccount(t *testing.T) {
	t.Parallel()
	for name, following := range map[string]bool{"left by a failover": false, "a copy as any other": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pair := start(t, snowpair.Options{
				Accounts: []snowpair.Account{
					{Name: "LAB_FRA", Site: "fra", Locator: "LAB10001", Region: "AWS_EU_CENTRAL_1"},
					{Name: "LAB_AMS", Site: "ams", Locator: "LAB10002", Region: "AZURE_WESTEUROPE"},
					{Name: "LAB_PAR", Site: "par", Locator: "LAB10003", Region: "AWS_EU_WEST_3"},
				},
				Groups: []snowpair.Group{{Name: "WAREHOUSE_FG", Duration: quickRefresh}},
			})
			h := newHand(t, pair, "fra", "ams")
			if !following {
				third := newHand(t, pair, "fra", "par")
				third.do("suspend")
			}
			h.quiesced()
			h.do("promote", promoting...)
			if got := pair.StateOf("LAB_PAR", "WAREHOUSE_FG"); got != "SUSPENDED" {
				t.Fatalf("after the promotion the third account is %s", got)
			}
			decided := []string{"old", "resume", "schedules", "$mark.schedules"}
			h.do("resume-others", append(decided, "complete", "$promote.complete")...)
			f := h.check(connectors.Passed, "", "schedules", decided...)
			h.pass("one-primary")
			state := pair.StateOf("LAB_PAR", "WAREHOUSE_FG")
			if named := strings.Contains(f.Message, "WAREHOUSE_FG on lab-par is left alone"); named == following || (state == "STARTED") != following {
				t.Errorf("the third account is %s: %s", state, f.Message)
			}
			if got := pair.StateOf("LAB_FRA", "WAREHOUSE_FG"); got != "STARTED" {
				t.Errorf("the old source is %s", got)
			}
			// Without the record nothing is known, and nothing is started by it.
			h.outcome(connectors.Done, "", "resume-others", "old", "resume", "complete", "$promote.complete")
			h.outcome(connectors.Failed, "", "resume-others", "old", "leave", "schedules", "no list")
			if following {
				h.check(connectors.Refused, readiness.TailNotPreserved, "schedules", "old", "resume")
			} else {
				h.check(connectors.Refused, readiness.ScheduleSuspended, "schedules", "old", "resume", "schedules", `{"lab-par":{"WAREHOUSE_FG":"STARTED"}}`)
			}
		})
	}
}

// TestQuiesce: what is started is stopped, runs are waited for, and what nobody
// recorded is not stopped, because nobody would start it again.
func TestQuiesce(t *testing.T) {
	t.Parallel()
	pair := quickPair(t)
	h := newHand(t, pair, "fra", "ams")
	h.pass("record-work")
	if err := pair.Busy("LAB_FRA", "WAREHOUSE_DB", "NIGHTLY", 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	work := []string{"tasks", "$record-work.tasks", "pipes", "$record-work.pipes"}
	h.outcome(connectors.Failed, readiness.Conflict, "quiesce")
	h.unchanged()
	h.do("quiesce", work...)
	if got := pair.Working("LAB_FRA"); len(got) != 1 || !strings.Contains(got[0], "NIGHTLY_REPORT") { // does not run without its root
		t.Errorf("running: %v", got)
	}
	h.do("unquiesce", work...)
	if got := pair.Working("LAB_FRA"); len(got) != 3 {
		t.Errorf("running: %v", got)
	}
}

// TestGroupsPartlyPromoted: what was begun is named, and the same step goes on.
func TestGroupsPartlyPromoted(t *testing.T) {
	t.Parallel()
	pair := quickPair(t, "WAREHOUSE_FG", "WAREHOUSE_FG2")
	h := newHand(t, pair, "fra", "ams", func(s *connectors.ActorSpec) { s.Options = with(s.Options, "databases", "WAREHOUSE_DB, REPORTING_DB") })
	h.quiesced()
	pair.Cut("LAB_AMS", `"WAREHOUSE_FG2" PRIMARY`, false)
	h.outcome(connectors.InDoubt, readiness.GroupsSplit, "promote", promoting...)
	if p := h.probe(connectors.InDoubt, "promote", promoting...); p.Code != readiness.GroupsSplit {
		t.Errorf("probe: %+v", p)
	}
	h.check(connectors.Refused, readiness.RoleUnexpected, "one-primary")
	h.do("promote", promoting...)
	h.pass("one-primary")
}

// TestSI30PlanUsesTheMonitorAlone: a check that needs the execute role asks for its
// login, which a plan withholds, and cannot tell; nothing is changed without a run.
func TestSI30PlanUsesTheMonitorAlone(t *testing.T) {
	t.Parallel()
	pair := quickPair(t)
	asked := false
	h := newHand(t, pair, "fra", "ams", func(s *connectors.ActorSpec) {
		s.Run = ""
		whole := s.Credential
		s.Credential = func(ctx context.Context, p connectors.Purpose) (connectors.Credential, error) {
			if p != connectors.Monitor {
				asked = true
				return connectors.Credential{}, context.Canceled
			}
			return whole(ctx, p)
		}
	})
	needs := map[string]bool{"privileges": true, "writers-known": true}
	for _, check := range plannedChecks {
		asked = false
		f := h.actor.Check(t.Context(), h.call(check))
		if asked != needs[check] || needs[check] && f.Result != connectors.Unknown || !needs[check] && f.Result != connectors.Passed {
			t.Errorf("%s: %s, execute login asked for: %v: %s", check, f.Result, asked, f.Message)
		}
	}
	for _, a := range quick.Actions() {
		if o := h.actor.Do(t.Context(), connectors.Call{Action: a.Name}); a.Changes && o.State != connectors.Failed {
			t.Errorf("%s without a run: %+v", a.Name, o)
		}
	}
	h.unchanged()
}

// TestIntegrityReadsOnly: only what reads is sent.
func TestIntegrityReadsOnly(t *testing.T) {
	t.Parallel()
	h := newHand(t, quickPair(t), "fra", "ams")
	checks := func(query, expect string) []string {
		return []string{"checks", `{"invariants":[{"name":"one","query":"` + query + `","expect":"` + expect + `"}],"rowCounts":[{"name":"rows","database":"WAREHOUSE_DB","table":"PUBLIC.BCCTL_HEARTBEAT"}]}`}
	}
	f := h.check(connectors.Passed, "", "integrity", checks("SELECT 1 + 1 AS N", "2")...)
	if f.Facts["one"] != "2" || f.Facts["rows"] != "0" {
		t.Errorf("facts: %v", f.Facts)
	}
	h.check(connectors.Refused, readiness.IntegrityFailed, "integrity", checks("SELECT 1 + 1 AS N", "3")...)
	for _, query := range []string{"DELETE FROM T", "ALTER FAILOVER GROUP G PRIMARY", "SELECT SYSTEM$CANCEL_QUERY('x')", "SELECT 1; DROP TABLE T"} {
		h.check(connectors.Unknown, readiness.IntegrityFailed, "integrity", checks(query, "1")...)
	}
	h.unchanged()
}

func TestParseWork(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]work{
		"sales.bcctl.probe":         {"SALES", "BCCTL", "PROBE"},
		`"Sales"."b.c"."Probe"`:     {"Sales", "b.c", "Probe"},
		` SALES."bcctl".probe`:      {"SALES", "bcctl", "PROBE"},
		"sales.probe":               {},
		"a.b.c.d":                   {},
		`"a"."b"."c"; DROP TABLE x`: {},
		`"a.b.c`:                    {},
		"..":                        {},
	} {
		got, err := parseWork(text)
		if (err != nil) != (want == work{}) || err == nil && got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
