package plan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// platform is a database platform that answers as it is told and counts.
type platform struct {
	answer func(ctx context.Context, s connectors.ActorSpec, call connectors.Call) connectors.Finding
	wait   func(target string) time.Duration // how long reading a target takes

	mu                         sync.Mutex
	reading, most, did, probed int
	asked                      map[string]int
	credentials                []connectors.Purpose
	heartbeats                 int
	opened, closed             int
	runs                       []string
	actions                    []connectors.Action
}

func (*platform) Platform() string                              { return "postgresql" }
func (*platform) Capabilities() []connectors.Capability         { return nil }
func (*platform) Validate(connectors.Spec) []connectors.Problem { return nil }
func (*platform) Indicators() []readiness.Indicator {
	return []readiness.Indicator{
		{ID: "node.role", Required: true, Help: "role"},
		{ID: "replication.exposure_bytes", Unit: readiness.Bytes, Help: "exposure"},
		{ID: "replication.exposure_seconds", Unit: readiness.Seconds, Help: "exposure"},
		{ID: "replay.position_bytes", Unit: readiness.Bytes, Help: "applied"},
		{ID: "replay.backlog_bytes", Unit: readiness.Bytes, Help: "to be applied"},
		{ID: "wal.position_bytes", Unit: readiness.Bytes, Help: "position"},
	}
}

func (p *platform) Open(s connectors.Spec) (connectors.Connector, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Heartbeat != nil && s.Heartbeat.Write {
		p.heartbeats++
	}
	return &reader{p, s}, nil
}

type reader struct {
	p *platform
	s connectors.Spec
}

func (r *reader) Collect(ctx context.Context) ([]readiness.Observation, error) {
	r.p.mu.Lock()
	r.p.reading++
	r.p.most = max(r.p.most, r.p.reading)
	r.p.mu.Unlock()
	if r.p.wait != nil {
		select {
		case <-time.After(r.p.wait(r.s.Target)):
		case <-ctx.Done():
		}
	}
	r.p.mu.Lock()
	r.p.reading--
	r.p.mu.Unlock()
	at := r.s.Now()
	var out []readiness.Observation
	for i, e := range r.s.Endpoints {
		role := "primary"
		if i > 0 {
			role = "standby"
		}
		out = append(out, readiness.Observation{Target: r.s.Target, Endpoint: e.Name, Indicator: "node.role", Value: readiness.Str(role), ObservedAt: at, CollectedAt: at})
	}
	out = append(out, readiness.Observation{Target: r.s.Target, Indicator: "replication.exposure_bytes", Value: readiness.Num(2048), ObservedAt: at, CollectedAt: at},
		readiness.Observation{Target: r.s.Target, Indicator: "replication.exposure_seconds", Value: readiness.Num(12), ObservedAt: at, CollectedAt: at})
	return out, nil
}
func (*reader) Close() error { return nil }

func (p *platform) Actions() []connectors.Action { return p.actions }

func (p *platform) OpenActor(s connectors.ActorSpec) (connectors.Actor, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened++
	p.runs = append(p.runs, s.Run)
	return &actor{p, s}, nil
}

type actor struct {
	p *platform
	s connectors.ActorSpec
}

func (a *actor) Check(ctx context.Context, call connectors.Call) connectors.Finding {
	a.p.mu.Lock()
	a.p.asked[call.Action]++
	answer := a.p.answer
	a.p.mu.Unlock()
	if answer == nil {
		return connectors.Finding{Result: connectors.Passed, Message: "fine", Observed: a.s.Now()}
	}
	return answer(ctx, a.s, call)
}

func (a *actor) Do(context.Context, connectors.Call) connectors.Outcome {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.p.did++
	return connectors.Outcome{}
}

func (a *actor) Probe(context.Context, connectors.Call) connectors.Outcome {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.p.probed++
	return connectors.Outcome{}
}
func (*actor) Markers(context.Context) []connectors.Marker { return nil }
func (a *actor) Close() error {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.p.closed++
	return nil
}

// offerAll lists every action of the runbooks of the platform, as its actor would.
func offerAll() []connectors.Action {
	changes := map[string]bool{}
	with := map[string][]connectors.ActionParameter{}
	for _, name := range runbook.BuiltinNames() {
		book, _ := config.BuiltinRunbook(name)
		m := runbook.MemberPlan{Prechecks: book.Spec.Prechecks, Steps: book.Spec.Steps, Postchecks: book.Spec.Postchecks, Rollback: book.Spec.Rollback}
		reads := map[string]bool{}
		for _, use := range m.Operations() {
			if use.Uses == "" {
				continue
			}
			if _, known := changes[use.Uses]; !known {
				changes[use.Uses] = true
			}
			reads[use.Uses] = reads[use.Uses] || use.ReadOnly
			for key := range use.With {
				if !slices.ContainsFunc(with[use.Uses], func(p connectors.ActionParameter) bool { return p.Name == key }) {
					with[use.Uses] = append(with[use.Uses], connectors.ActionParameter{Name: key})
				}
			}
		}
		for action := range reads {
			if reads[action] {
				changes[action] = false
			}
		}
	}
	var out []connectors.Action
	for name, c := range changes {
		out = append(out, connectors.Action{Name: name, Changes: c, Parameters: with[name]})
	}
	return out
}

const siteFile = `apiVersion: bcctl/v1
kind: SiteList
metadata: {name: sites}
spec: {sites: [{name: fra}, {name: ams}]}
`

func resourceFile(name, extra string) string {
	return fmt.Sprintf(`apiVersion: bcctl/v1
kind: Resource
metadata: {name: %s}
spec:
  platform: postgresql
  tier: 1
  environment: production
  owner: dba
  home: {primary: fra, dr: ams}
  endpoints:
    - {name: a, site: fra, address: "%s-a.example.net:5432"}
    - {name: b, site: ams, address: "%s-b.example.net:5432"}
  credentials:
    monitor: {username: bcctl_monitor, password: "env:M"}
    execute: {username: bcctl_execute, password: "env:E"}
    heartbeat: {username: bcctl_heartbeat, password: "env:H"}
  heartbeat: {interval: 10s, write: true}
  procedures: {switchover: {name: pg.native}, failover: {name: pg.native}}
%s`, name, name, name, extra)
}

const approvalFiles = `apiVersion: bcctl/v1
kind: Roster
metadata: {name: people}
spec:
  people:
    - {id: ada, github: [{id: 1}], roles: [approver-it]}
    - {id: eve, github: [{id: 2}], roles: [approver-it]}
    - {id: ian, github: [{id: 3}], roles: [approver-business]}
    - {id: late, github: [{id: 4}], roles: [approver-it], activeFrom: 2100-01-01T00:00:00Z}
---
apiVersion: bcctl/v1
kind: ApprovalPolicy
metadata: {name: approvals}
spec:
  entries:
    - {tier: 1, action: switchover, slots: [{role: it}, {role: business}]}
    - {tier: 1, action: failover, slots: [{role: it}, {role: business}]}
`

// secrets counts who was asked for.
type secrets struct{ p *platform }

func (s secrets) Credential(_ context.Context, c *config.Credential) (connectors.Credential, error) {
	return connectors.Credential{Username: string(c.Username), Password: "canary-secret"}, nil
}

func maker(p *platform) *Maker {
	p.asked = map[string]int{}
	return &Maker{Registry: connectors.NewRegistry(p), Secrets: secrets{p}, Version: "test", Parallel: 64, TargetTimeout: 10 * time.Second, Now: time.Now}
}

func source(t *testing.T, files map[string]string) Source {
	t.Helper()
	fsys := fstest.MapFS{"sites.yaml": {Data: []byte(siteFile)}, "people.yaml": {Data: []byte(approvalFiles)}}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	repo, problems := config.Load(fsys, config.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	set, err := check.Rules(repo, connectors.NewRegistry(&platform{}))
	if err != nil {
		t.Fatal(err)
	}
	return Source{Repo: repo, Rules: set, FS: fsys, Commit: "c0ffee"}
}

var oneResource = map[string]string{"resources/ledger.yaml": resourceFile("ledger", "")}

// SI-30: nothing is changed, no heartbeat is written, no login but the monitoring one
// is used, and no actor believes that it is in a run.
func TestSI30PlanChangesNothing(t *testing.T) {
	t.Parallel()
	p := &platform{actions: offerAll()}
	var refused []error
	p.answer = func(ctx context.Context, s connectors.ActorSpec, _ connectors.Call) connectors.Finding {
		_, err := s.Credential(ctx, connectors.Execute)
		_, also := s.Credential(ctx, connectors.HeartbeatWriter)
		_, monitor := s.Credential(ctx, connectors.Monitor)
		p.mu.Lock()
		refused = append(refused, err, also)
		p.mu.Unlock()
		if monitor != nil {
			t.Error(monitor)
		}
		return connectors.Finding{Result: connectors.Passed, Message: "fine"}
	}
	saved := &store{}
	m := maker(p)
	m.Store = saved
	plan, err := m.Make(context.Background(), source(t, oneResource), runbook.Wish{Type: runbook.Switchover, Target: "ledger"}, By{})
	if err != nil {
		t.Fatal(err)
	}
	if p.did != 0 || p.probed != 0 || p.heartbeats != 0 || saved.saves != 0 {
		t.Errorf("%d changes, %d probes of changes, %d heartbeats, %d runs recorded", p.did, p.probed, p.heartbeats, saved.saves)
	}
	if len(refused) == 0 || slices.Contains(refused, nil) {
		t.Errorf("another login than the monitoring one was given: %v", refused)
	}
	for _, run := range p.runs {
		if run != "" {
			t.Errorf("an actor was told of run %q", run)
		}
	}
	if p.opened != p.closed || p.opened == 0 {
		t.Errorf("%d actors opened, %d closed", p.opened, p.closed)
	}
	if Refused(plan) {
		t.Errorf("refused: %+v", plan.Live)
	}
	text, err := json.Marshal(plan)
	if err != nil || strings.Contains(string(text), "canary") {
		t.Errorf("SI-5: a secret is in the plan, or %v", err)
	}
}

type store struct {
	saves  int
	memory map[string]check.Memory
}

func (s *store) Load(context.Context, []string) (map[string]check.Memory, error) {
	return s.memory, nil
}
func (s *store) Save(context.Context, check.Report, map[string]check.Memory) error {
	s.saves++
	return nil
}

// SI-39: every precheck is either among the results or among what was not checked,
// whatever the platform can do.
func TestSI39EveryPrecheckIsSomewhere(t *testing.T) {
	t.Parallel()
	all := offerAll()
	for name, actions := range map[string][]connectors.Action{"everything": all, "nothing": nil, "half": all[:len(all)/2]} {
		p := &platform{actions: actions}
		plan, err := maker(p).Make(context.Background(), source(t, oneResource), runbook.Wish{Type: runbook.Switchover, Target: "ledger"}, By{})
		if err != nil {
			t.Fatal(err)
		}
		member, live := plan.Members()[0], plan.Live.Members[0]
		for _, c := range member.Prechecks {
			seen := slices.ContainsFunc(live.Prechecks, func(s runbook.CheckSeen) bool { return s.ID == c.ID })
			unchecked := slices.ContainsFunc(plan.Live.Unchecked, func(u runbook.Unchecked) bool {
				return strings.HasPrefix(u.What+":", "precheck "+c.ID+":")
			})
			if seen == unchecked {
				t.Errorf("%s: precheck %s: result %v, not checked %v", name, c.ID, seen, unchecked)
			}
		}
		// What cannot run is said of every step, too.
		for _, use := range member.Operations() {
			if use.Uses == "" || slices.ContainsFunc(actions, func(a connectors.Action) bool { return a.Name == use.Uses }) {
				continue
			}
			if !slices.ContainsFunc(plan.Live.Unchecked, func(u runbook.Unchecked) bool { return strings.HasPrefix(u.Why, use.Uses+" cannot run") }) {
				t.Errorf("%s: nothing says that %s cannot run", name, use.Uses)
			}
		}
	}
}

// A check that refuses, that cannot tell, that panics or that never comes back is in
// the plan as what it is, and costs no other check its answer.
func TestSI38PrechecksThatGoWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{actions: offerAll()}
		over := make(chan struct{})
		p.answer = func(_ context.Context, _ connectors.ActorSpec, call connectors.Call) connectors.Finding {
			switch call.Action {
			case "pg.native/gap":
				return connectors.Finding{Result: connectors.Refused, Code: readiness.ReplicationLagHigh, Message: "17 MiB"}
			case "pg.native/clocks": // the runbook takes it for a warning
				return connectors.Finding{Result: connectors.Refused, Code: readiness.ClockSkew, Message: "3 s"}
			case "pg.native/slots":
				panic("connection string with a secret")
			case "pg.native/archiving":
				return connectors.Finding{} // says nothing
			case "pg.native/streaming":
				<-over
			}
			return connectors.Finding{Result: connectors.Passed, Message: "fine"}
		}
		plan, err := maker(p).Make(context.Background(), source(t, oneResource), runbook.Wish{Type: runbook.Switchover, Target: "ledger"}, By{})
		close(over)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, s := range plan.Live.Members[0].Prechecks {
			got[s.ID] = s.Result
			if strings.Contains(s.Message, "secret") {
				t.Errorf("SI-5: %s", s.Message)
			}
		}
		for id, want := range map[string]string{"p07-gap": "refused", "p24-clocks": "warned", "p14-slots": "unknown", "p15-archive": "warned", "p06-transport": "unknown", "p02-target": "passed", "p23-privileges": "passed"} {
			if got[id] != want {
				t.Errorf("%s is %s, want %s", id, got[id], want)
			}
		}
		if !Refused(plan) {
			t.Error("the plan is not refused")
		}
	})
}

// Fifty resources in five waves are read together: a plan takes no longer than the
// slowest of them and its prechecks.
func TestPlanOfManyReadsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := map[string]string{}
		var members []string
		for i := range 50 {
			name, extra := fmt.Sprintf("db-%02d", i), ""
			if i >= 10 {
				extra = fmt.Sprintf("  dependsOn: [db-%02d]\n", i-10)
			}
			files["resources/"+name+".yaml"] = resourceFile(name, extra)
			members = append(members, "{name: "+name+"}")
		}
		files["groups/all.yaml"] = "apiVersion: bcctl/v1\nkind: Group\nmetadata: {name: all}\nspec: {members: [" + strings.Join(members, ", ") + "]}\n"
		p := &platform{actions: offerAll(), wait: func(target string) time.Duration {
			if target == "db-49" {
				return 8 * time.Second
			}
			return time.Second
		}}
		p.answer = func(context.Context, connectors.ActorSpec, connectors.Call) connectors.Finding {
			time.Sleep(100 * time.Millisecond)
			return connectors.Finding{Result: connectors.Passed}
		}
		src := source(t, files)
		start := time.Now()
		plan, err := maker(p).Make(context.Background(), src, runbook.Wish{Type: runbook.Switchover, Target: "all"}, By{})
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(start)
		if len(plan.Waves) != 5 || len(plan.Members()) != 50 || len(plan.Live.Members) != 50 {
			t.Errorf("%d waves, %d members", len(plan.Waves), len(plan.Members()))
		}
		if p.most != 50 {
			t.Errorf("%d resources were read together, of 50", p.most)
		}
		if took > 13*time.Second {
			t.Errorf("it took %s; the slowest answers after 8s", took)
		}
	})
}

// Loss is a bound with its method, and never zero because nothing is known.
func TestSI25LossIsBoundedAndNeverZero(t *testing.T) {
	t.Parallel()
	minute, short := time.Minute, 5*time.Second
	for name, c := range map[string]struct {
		wish   runbook.Wish
		rule   string
		atMost string
	}{
		"planned":    {runbook.Wish{Type: runbook.Switchover}, "", ""},
		"no ceiling": {runbook.Wish{Type: runbook.Failover}, "no ceiling", "12s"},
		"under it":   {runbook.Wish{Type: runbook.Failover, MaxLoss: &minute}, "", "12s"},
		"over it":    {runbook.Wish{Type: runbook.Failover, MaxLoss: &short}, "up to 12s", "12s"},
	} {
		c.wish.Target = "ledger"
		plan, err := maker(&platform{}).Make(context.Background(), source(t, oneResource), c.wish, By{})
		if err != nil {
			t.Fatal(err)
		}
		l := plan.Live.Members[0].Loss
		if l.AtMost != c.atMost || l.Method == "" || l.AtLeast == "0 B" {
			t.Errorf("%s: %+v", name, l)
		}
		for _, phrase := range []string{"no data loss", "zero loss", "no loss", "guaranteed"} {
			if strings.Contains(strings.ToLower(l.Method), phrase) {
				t.Errorf("%s: says %q", name, phrase)
			}
		}
		got := fmt.Sprint(plan.Live.Refusals)
		if (c.rule == "") != (len(plan.Live.Refusals) == 0) || !strings.Contains(got, c.rule) {
			t.Errorf("%s: refusals %s, want %q", name, got, c.rule)
		}
	}
}

// Nothing missing at one moment is not "at most nothing".
func TestSI25NothingMissingIsNoBound(t *testing.T) {
	t.Parallel()
	r := readiness.Result{Indicators: []readiness.IndicatorResult{
		{Observation: readiness.Observation{Indicator: "replication.exposure_seconds", Value: readiness.Num(0)}},
		{Observation: readiness.Observation{Indicator: "replication.exposure_bytes", Value: readiness.Num(0)}},
	}}
	if l := loss(runbook.Failover, runbook.MemberPlan{}, r, check.Memory{}); l.AtMost != "" || l.AtLeast != "" || !strings.Contains(l.Method, "grows until the old primary is proved fenced") {
		t.Errorf("%+v", l)
	}
}

// A lower bound comes from positions read earlier, and says so.
func TestLowerBoundOfLossFromEarlierChecks(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	result := readiness.Result{Indicators: []readiness.IndicatorResult{
		{Observation: readiness.Observation{Endpoint: "b", Indicator: "replay.position_bytes", Value: readiness.Num(1000)}},
		{Observation: readiness.Observation{Endpoint: "b", Indicator: "replay.backlog_bytes", Value: readiness.Num(24)}},
	}}
	m := runbook.MemberPlan{Topology: map[string]string{"a": "unknown", "b": "standby"}}
	before := func(position float64) check.Memory {
		return check.Memory{Observations: []readiness.Observation{{Endpoint: "a", Indicator: "wal.position_bytes", Value: readiness.Num(position), ObservedAt: at}}}
	}
	l := loss(runbook.Failover, m, result, before(3072))
	if l.AtLeast != "2.0 KiB of WAL" || l.AtMost != "" || !strings.Contains(l.Method, "2026-01-01T00:00:00Z") {
		t.Errorf("%+v", l)
	}
	for name, memory := range map[string]check.Memory{"behind": before(500), "nothing": {}} {
		if l := loss(runbook.Failover, m, result, memory); l.AtLeast != "" || l.AtMost != "" || !strings.HasPrefix(l.Method, "not known") {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

func TestPOL02ApproversWithoutTheRequester(t *testing.T) {
	t.Parallel()
	src := source(t, oneResource)
	p := runbook.Plan{Type: runbook.Switchover, Tier: 1}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	needs, refusals := approvers(src.Repo, p, By{Person: "ada"}, now)
	if got := fmt.Sprint(needs, refusals); got != "[{it [eve] } {business [ian] }] []" {
		t.Error(got)
	}
	if _, refusals = approvers(src.Repo, p, By{Person: "ian"}, now); len(refusals) != 1 || refusals[0].Rule != "ID-04" {
		t.Errorf("nobody can approve, and the plan says %v", refusals)
	}
	if _, refusals = approvers(src.Repo, runbook.Plan{Type: runbook.Drill, Tier: 1}, By{}, now); len(refusals) != 1 || refusals[0].Rule != "POL-02" {
		t.Errorf("no entry, and the plan says %v", refusals)
	}
}

// An emergency is planned by the break-glass entry: fewer people may be enough, and
// without such an entry there is no emergency, whatever the ordinary one says.
func TestBG01ApproversOfAnEmergency(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := runbook.Plan{Type: runbook.Switchover, Tier: 1}
	glass := map[string]string{"glass.yaml": "apiVersion: bcctl/v1\nkind: ApprovalPolicy\nmetadata: {name: glass}\nspec:\n  entries:\n    - {tier: 2, action: switchover, slots: [{role: it}]}\n" +
		"  breakGlass:\n    - {tier: 1, action: switchover, slots: [{role: it}], incidentPattern: 'INC-[0-9]+'}\n"}
	needs, refusals := approvers(source(t, glass).Repo, p, By{Person: "ada", Emergency: true}, now)
	if got := fmt.Sprint(needs, refusals); got != "[{it [eve] }] []" {
		t.Error(got)
	}
	p.AcceptUnprovenWriter = true // one more person (SI-22)
	if needs, _ = approvers(source(t, glass).Repo, p, By{Person: "ada", Emergency: true}, now); len(needs) != 2 {
		t.Error(needs)
	}
	if _, refusals = approvers(source(t, oneResource).Repo, p, By{Person: "ada", Emergency: true}, now); len(refusals) != 1 || refusals[0].Rule != "BG-01" {
		t.Errorf("no break-glass entry, and the plan says %v", refusals)
	}
}

// A plan says which freezes are for it while it could begin, those that come, and who may
// begin all the same. One of an emergency is not kept from it.
func TestSI33PlanShowsFreezes(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"c.yaml": "apiVersion: bcctl/v1\nkind: Calendar\nmetadata: {name: bank}\nspec:\n  freezes:\n" +
			"    - {name: now, from: 2026-01-01T00:00:00Z, lasts: 2h}\n    - {name: nightly, from: 2026-01-01T20:00:00Z, lasts: 1h, repeat: FREQ=DAILY}\n" +
			"    - {name: far, from: 2026-02-01T00:00:00Z, lasts: 2h}\n    - {name: other, from: 2026-01-01T00:00:00Z, lasts: 2h, actions: [drill]}\n",
		"glass.yaml": "apiVersion: bcctl/v1\nkind: ApprovalPolicy\nmetadata: {name: glass}\nspec:\n  entries:\n    - {tier: 2, action: switchover, slots: [{role: it}]}\n" +
			"  breakGlass:\n    - {tier: 1, action: switchover, slots: [{role: it}], incidentPattern: 'INC-[0-9]+'}\n",
		"resources/ledger.yaml": resourceFile("ledger", ""),
	}
	repo := source(t, files).Repo
	now := time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		by     By
		want   string
		frozen bool
	}{
		"now":          {By{Person: "ada"}, "now holds, nightly", true},
		"an emergency": {By{Person: "ada", Emergency: true}, "now holds overridden, nightly overridden", false},
		"later":        {By{Person: "ada", From: now.Add(time.Hour), Until: now.Add(2 * time.Hour)}, "", false},
		"in the night": {By{Person: "ada", From: now.Add(19*time.Hour + time.Minute), Until: now.Add(24 * time.Hour)}, "nightly holds", true},
		"far ahead":    {By{Person: "ada", Until: now.AddDate(0, 2, 0)}, "now holds, nightly, far", true},
	} {
		p := runbook.Plan{Type: runbook.Switchover, Target: "ledger", Tier: 1, Live: runbook.Live{At: now}}
		Freeze(&p, repo, c.by)
		var got []string
		for _, f := range p.Live.Freezes {
			text := f.Name
			if f.Holds {
				text += " holds"
			}
			if f.Overridden {
				text += " overridden"
			}
			if f.Until == nil || f.Resource != "ledger" || f.Calendar != "bank" || !strings.HasPrefix(f.Place, "c.yaml:") {
				t.Errorf("%s: %+v", name, f)
			}
			got = append(got, text)
		}
		if strings.Join(got, ", ") != c.want || Frozen(p) != c.frozen {
			t.Errorf("%s: %q, frozen %v; want %q, %v", name, got, Frozen(p), c.want, c.frozen)
		}
		if p.Live.FreezesUntil == nil || (len(got) > 0) != (fmt.Sprint(p.Live.Override) == "[{it [eve] }]") {
			t.Errorf("%s: up to %v, override %v", name, p.Live.FreezesUntil, p.Live.Override)
		}
	}
	none := runbook.Plan{Type: runbook.Switchover, Target: "ledger", Tier: 1, Live: runbook.Live{At: now}}
	if Freeze(&none, source(t, oneResource).Repo, By{}); none.Live.FreezesUntil != nil {
		t.Error("without a calendar something is said of freezes")
	}
}

// SI-30: a check that only the login for changes could answer was not made; it is not
// a check that failed.
func TestSI30WithheldLoginIsNotChecked(t *testing.T) {
	t.Parallel()
	p := &platform{actions: offerAll()}
	p.answer = func(ctx context.Context, s connectors.ActorSpec, call connectors.Call) connectors.Finding {
		if call.Action != "pg.native/privileges" {
			return connectors.Finding{Result: connectors.Passed, Message: "fine"}
		}
		_, err := s.Credential(ctx, connectors.Execute)
		return connectors.Finding{Result: connectors.Unknown, Message: err.Error()}
	}
	plan, err := maker(p).Make(context.Background(), source(t, oneResource), runbook.Wish{Type: runbook.Switchover, Target: "ledger"}, By{})
	if err != nil {
		t.Fatal(err)
	}
	unchecked := slices.ContainsFunc(plan.Live.Unchecked, func(u runbook.Unchecked) bool {
		return strings.HasPrefix(u.What, "precheck p23-privileges") && strings.Contains(u.Why, "monitoring only")
	})
	if !unchecked || Refused(plan) {
		t.Errorf("not among what was not checked: %v; refused %v", !unchecked, Refused(plan))
	}
}

// A wish that cannot be a plan costs no server anything.
func TestWishIsRefusedBeforeAnybodyIsAsked(t *testing.T) {
	t.Parallel()
	p := &platform{actions: offerAll()}
	_, err := maker(p).Make(context.Background(), source(t, oneResource), runbook.Wish{Type: runbook.Drill, Target: "ledger"}, By{})
	if !errors.Is(err, ErrWish) || p.most != 0 {
		t.Errorf("%v, %d read", err, p.most)
	}
}

func TestRequestFile(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	limit := 90 * time.Second
	w := runbook.Wish{Type: runbook.Failover, Target: "ledger", MaxLoss: &limit, Request: NewID(now, "pg/ledger", runbook.Failover)}
	if !strings.HasPrefix(w.Request, "20261126-pg-ledger-failover-") || len(w.Request) != len("20261126-pg-ledger-failover-xxxx") {
		t.Errorf("id %q", w.Request)
	}
	if long := NewID(now, strings.Repeat("a", 63), runbook.Switchover); len(long) != 63 {
		t.Errorf("id %q has %d characters", long, len(long))
	}
	plan, err := maker(&platform{}).Make(context.Background(), source(t, oneResource), w, By{Person: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	plan.Commit = strings.Repeat("0", 40)
	r := Request(plan, w, Ask{Reason: "it is: lost #1", Requester: "ada", NotBefore: now, ExpiresAt: now.Add(time.Hour)})
	file, err := Marshal(w.Request, r)
	if err != nil {
		t.Fatal(err)
	}
	back, problems := config.ReadRequest(RequestPath(w.Request), file)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got, want := back.Spec.Wish(w.Request), w; got.Target != want.Target || *got.MaxLoss != limit || got.To != "ams" || back.Spec.Reason != "it is: lost #1" {
		t.Errorf("read back %+v", back.Spec)
	}
	if back.Spec.Plan != plan.Digest || len(runbook.DriftOf(back.Spec, plan)) != 0 {
		t.Errorf("read back, it differs: %v", runbook.DriftOf(back.Spec, plan))
	}
	for _, comment := range []string{"# The most that may be lost", "# Every file", "# Who was what"} {
		if !strings.Contains(string(file), comment) {
			t.Errorf("comment %q is missing", comment)
		}
	}
}
