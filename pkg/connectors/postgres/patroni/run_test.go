//go:build unix

package patroni_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/execute"
	"github.com/bcctl/bcctl/internal/lab/patroniset"
	"github.com/bcctl/bcctl/internal/lab/patroniset/patronisettest"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/postgres"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// planned compiles the runbook that bcctl brings along, for a direction. What needs an
// address of applications is left out.
func planned(t *testing.T, set *patroniset.Set, from, to string) *runbook.Plan {
	t.Helper()
	book, found := config.BuiltinRunbook("pg.patroni/switchover")
	if !found {
		t.Fatal("the runbook does not load")
	}
	member := runbook.Member{
		Name: "ledger", Platform: "postgresql", Environment: "lab", Primary: from, DR: to, Tier: 1,
		Identity: map[string]string{"systemIdentifier": set.SystemIdentifier()},
		Book:     &runbook.Book{Name: "pg.patroni/switchover", Source: runbook.BuiltinPrefix + "pg.patroni/switchover", Spec: book.Spec, Pin: runbook.FileDigest(nil)},
	}
	for _, n := range set.Nodes() {
		member.Endpoints = append(member.Endpoints, runbook.Endpoint{Name: n.Name, Site: n.Site, Address: n.Address})
	}
	offered := execute.Catalog(connectors.NewRegistry(postgres.Factory{}))
	plan, err := runbook.Compile(runbook.Scope{
		Wish: runbook.Wish{Type: runbook.Switchover, Target: "ledger"}, Members: map[string]runbook.Member{"ledger": member},
		Actions: func(_, name string) (runbook.ActionFacts, bool) {
			a, ok := offered(name)
			facts := runbook.ActionFacts{Summary: a.Summary, Changes: a.Changes, Lossy: a.Lossy, Outputs: a.Outputs}
			for _, p := range a.Parameters {
				facts.Parameters = append(facts.Parameters, p.Name)
			}
			return facts, ok
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	plan.Request, plan.Digest = "2026-001", runbook.FileDigest(nil)
	m := &plan.Waves[0].Members[0]
	m.Soak = ""
	m.Postchecks = slices.DeleteFunc(m.Postchecks, func(c runbook.Check) bool { return c.ID == "client-path" || c.ID == "integrity" })
	return &plan
}

// errKilled is what a machine that has ended says.
var errKilled = errors.New("the machine has ended")

// machine runs a plan with a journal that survives it, and ends where it is told to:
// before or after an event of a step is durable.
type machine struct {
	events []runbook.Event
	kind   runbook.EventKind
	step   string
	after  bool // the event is durable
	killed bool
}

func (m *machine) Events(context.Context) ([]runbook.Event, error) {
	return slices.Clone(m.events), nil
}
func (m *machine) Push(context.Context) error { return nil }

func (m *machine) Append(_ context.Context, e runbook.Event) error {
	if m.killed {
		return errKilled
	}
	m.killed = m.step != "" && e.Kind == m.kind && e.Step == m.step
	if m.killed && !m.after {
		return errKilled
	}
	m.events = append(m.events, e)
	if m.killed {
		return errKilled
	}
	return nil
}

func (m *machine) Ask(context.Context, runbook.Task) runbook.Answer { return runbook.Answer{} }
func (m *machine) Verify(context.Context, runbook.Circumstances) runbook.Ruling {
	return runbook.Ruling{Allowed: true}
}
func (m *machine) Confirm(context.Context, runbook.Circumstances) runbook.Ruling {
	return runbook.Ruling{Allowed: true, By: "olga"}
}
func (m *machine) Lock(context.Context, string, []string) (map[string]int64, error) {
	return map[string]int64{"resource/ledger": 1}, nil
}
func (m *machine) Claim(context.Context, string, int) error { return nil }
func (m *machine) Held(context.Context) error               { return nil }
func (m *machine) Release(context.Context) error            { return nil }

// start is one start of bcctl execute on the machine, with nothing in its memory.
func (m *machine) start(t *testing.T, set *patroniset.Set, run string, plan *runbook.Plan) (runbook.End, error) {
	t.Helper()
	doer := &execute.Doer{
		Registry: connectors.NewRegistry(postgres.Factory{}), Now: time.Now,
		Spec: func(string) (connectors.Spec, bool) { return specOf(t, set), true },
	}
	defer func() { ok(t, doer.Close()) }()
	r := runbook.Runner{Run: run, Request: plan.Request, Plan: plan, Terms: runbook.Terms{Type: plan.Type}, Tool: "test", Catalog: doer.Catalog,
		Journal: m, Doer: doer, People: m, Guard: m, Ledger: m}
	return r.Start(t.Context())
}

// TestSI03KilledAroundTheRequest: the runbook is carried out by the runner, there and
// back, and the machine ends around each of its changes. The next start comes to the
// end, and the leader's role has moved once.
func TestSI03KilledAroundTheRequest(t *testing.T) {
	t.Parallel()
	set := patronisettest.Start(t, patroniset.Options{})
	sites := []string{"fra", "ams"}
	leader := map[string]string{"fra": patroniset.First, "ams": patroniset.Second}
	timeline := 1
	for i, at := range []machine{
		{},
		{kind: runbook.StepIntent, step: "switch", after: true},   // Patroni was not asked
		{kind: runbook.StepOutcome, step: "switch", after: false}, // it was, and nobody knows
		{kind: runbook.StepOutcome, step: "switch", after: true},
		{kind: runbook.StepOutcome, step: "reign", after: false},
	} {
		run := fmt.Sprintf("run-%d", i)
		plan := planned(t, set, sites[0], sites[1])
		m := &at
		end, err := m.start(t, set, run, plan)
		for starts := 1; m.killed; starts++ {
			if !errors.Is(err, errKilled) || starts > 1 {
				t.Fatalf("%s: %v %v", run, end, err)
			}
			m.killed, m.step = false, ""
			end, err = m.start(t, set, run, plan)
		}
		if err != nil || end.Kind != runbook.EndSucceeded {
			for _, e := range m.events {
				t.Logf("%s %s %s %s %s", e.Kind, e.Step, e.State, e.Code, e.Message)
			}
			t.Fatalf("killed at %s of %s: %s %s/%s: %s, %v", at.kind, at.step, end.Kind, end.Member, end.Step, end.Message, err)
		}
		timeline++
		var now, reigns int
		ok(t, set.QueryRow(t.Context(), leader[sites[1]], `SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int`, &now))
		ok(t, set.QueryRow(t.Context(), leader[sites[1]], `SELECT count(*) FROM bcctl.reign`, &reigns))
		if now != timeline || reigns != i+1 {
			t.Errorf("%s: timeline %d and %d reigns, want %d and %d", run, now, reigns, timeline, i+1)
		}
		ok(t, set.AwaitHealthy(t.Context(), leader[sites[1]]))
		sites[0], sites[1] = sites[1], sites[0]
	}
}
