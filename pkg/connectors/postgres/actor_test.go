package postgres

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// hand is somebody who carries a runbook out by hand, step by step, as the runner
// does: an actor for what SQL can do and the laboratory's hook for the rest.
type hand struct {
	t     *testing.T
	lab   *pgpair.Lab
	spec  connectors.ActorSpec
	actor connectors.Actor
	facts map[string]connectors.Facts
}

// execute logs in as each purpose has its own role.
func executeCredential(lab *pgpair.Lab) func(context.Context, connectors.Purpose) (connectors.Credential, error) {
	return func(_ context.Context, p connectors.Purpose) (connectors.Credential, error) {
		role := map[connectors.Purpose]string{connectors.Monitor: pgpair.RoleMonitor, connectors.Execute: pgpair.RoleExecute}[p]
		return connectors.Credential{Username: role, Password: lab.Password(role)}, nil
	}
}

func newHand(t *testing.T, lab *pgpair.Lab, run, from, to string, change ...func(*connectors.ActorSpec)) *hand {
	t.Helper()
	desk := newDesk(t, lab)
	h := &hand{t: t, lab: lab, facts: map[string]connectors.Facts{}}
	h.spec = connectors.ActorSpec{Spec: desk.spec, Run: run, From: from, To: to, Fence: 1}
	h.spec.Previous = nil
	h.spec.Credential = executeCredential(lab)
	for _, f := range change {
		f(&h.spec)
	}
	h.open()
	return h
}

// open starts with a new actor, as a process does that goes on with a run.
func (h *hand) open() {
	h.t.Helper()
	actor, err := Factory{}.OpenActor(h.spec)
	if err != nil {
		h.t.Fatal(err)
	}
	h.actor = actor
	h.t.Cleanup(func() {
		if err := actor.Close(); err != nil {
			h.t.Errorf("close: %v", err)
		}
	})
}

// call fills in facts of earlier steps, written as ${id.name}.
func (h *hand) call(action string, with ...string) connectors.Call {
	h.t.Helper()
	c := connectors.Call{Action: "pg.native/" + action, With: map[string]string{}}
	for i := 0; i < len(with); i += 2 {
		value := with[i+1]
		if ref, ok := strings.CutPrefix(value, "$"); ok {
			id, name, _ := strings.Cut(ref, ".")
			found, there := h.facts[id][name]
			if !there {
				h.t.Fatalf("%s: step %s gave no %s: %v", action, id, name, h.facts[id])
			}
			value = found
		}
		c.With[with[i]] = value
	}
	return c
}

// do carries an action out, and then asks whether its effect holds.
func (h *hand) do(action string, with ...string) {
	h.t.Helper()
	c := h.call(action, with...)
	start := time.Now()
	o := h.actor.Do(h.t.Context(), c)
	h.t.Logf("%-28s %-8s %6.0f ms  %s", action, o.State, float64(time.Since(start).Microseconds())/1000, o.Message)
	if o.State != connectors.Done {
		h.t.Fatalf("%s: %s %s: %s", action, o.State, o.Code, o.Message)
	}
	h.facts[action] = o.Facts
	if p := h.actor.Probe(h.t.Context(), c); p.State != connectors.Done {
		h.t.Fatalf("probe of %s: %s %s: %s", action, p.State, p.Code, p.Message)
	}
}

// outcome carries an action out and requires how it ends.
func (h *hand) outcome(state connectors.OutcomeState, code readiness.Code, action string, with ...string) connectors.Outcome {
	h.t.Helper()
	o := h.actor.Do(h.t.Context(), h.call(action, with...))
	h.t.Logf("%-28s %-8s %s %s", action, o.State, o.Code, o.Message)
	if o.State != state || o.Code != code {
		h.t.Fatalf("%s: %s %q: %s; want %s %q", action, o.State, o.Code, o.Message, state, code)
	}
	return o
}

// check requires what a check finds.
func (h *hand) check(result connectors.FindingResult, code readiness.Code, action string, with ...string) connectors.Finding {
	h.t.Helper()
	f := h.actor.Check(h.t.Context(), h.call(action, with...))
	h.t.Logf("%-28s %-8s %s %s", action, f.Result, f.Code, f.Message)
	if f.Result != result || f.Code != code {
		h.t.Fatalf("%s: %s %q: %s; want %s %q", action, f.Result, f.Code, f.Message, result, code)
	}
	if f.Observed.IsZero() {
		h.t.Fatalf("%s: when it was seen is missing", action)
	}
	return f
}

func (h *hand) pass(actions ...string) {
	h.t.Helper()
	for _, action := range actions {
		h.check(connectors.Passed, "", action)
	}
}

// hook asks the host.
func (h *hand) hook(verb, endpoint string, more ...func(*pgpair.HookCall)) {
	h.t.Helper()
	c := pgpair.HookCall{Verb: verb, Endpoint: endpoint, Run: "run-1"}
	for _, f := range more {
		f(&c)
	}
	start := time.Now()
	facts, err := h.lab.Hook(h.t.Context(), c)
	h.t.Logf("hook %-23s %6.0f ms  %v", verb, float64(time.Since(start).Microseconds())/1000, facts)
	if err != nil {
		h.t.Fatalf("hook %s %s: %v", verb, endpoint, err)
	}
	h.facts[verb] = maps.Clone(facts)
}

func of(name string) func(*pgpair.HookCall) { return func(c *pgpair.HookCall) { c.Of = name } }
func is(what string) func(*pgpair.HookCall) { return func(c *pgpair.HookCall) { c.Is = what } }

// plannedChecks are the prechecks of a switchover, in a healthy pair.
var plannedChecks = []string{"target-is-standby", "single-primary", "same-lineage", "not-diverged", "streaming", "gap", "replay-running", "parameters",
	"no-apply-delay", "rto-realistic", "synchronous-standbys", "not-fenced", "slots", "archiving", "can-rewind", "can-serve-standbys",
	"nothing-in-doubt", "logical-slots", "binary-parity", "no-ha-manager", "privileges", "clocks", "most-advanced"}

// switchOver is the whole planned switchover from old to next.
func (h *hand) switchOver(old, next string) {
	h.t.Helper()
	h.pass(plannedChecks...)
	h.hook("check", old, of(next))
	h.do("mark")
	h.do("checkpoint-old")
	h.do("soft-fence")
	h.do("drain")
	h.hook("stop", old)
	h.hook("status", old, is("stopped"))
	h.hook("controldata", old)
	h.do("prove-shutdown-checkpoint", "checkpoint", "$controldata.checkpoint", "state", "$controldata.state", "drained", "$drain.lsn")
	h.do("promote", "evidence", "$prove-shutdown-checkpoint.proof", "parameters", "$mark.parameters")
	h.do("reign")
	h.do("checkpoint-new")
	h.do("create-slot", "endpoint", old)
	h.do("repoint-siblings")
	h.hook("make-standby", old, of(next))
	h.hook("status", old, is("standby"))
	h.do("drop-stale-slots")
	h.do("lift-soft-fence")
	h.after(old)
	h.check(connectors.Passed, "", "fork-point", "expected", "$prove-shutdown-checkpoint.replayed", "checkpoint", "$controldata.checkpoint")
}

// after are the postchecks of every run.
func (h *hand) after(old string) {
	h.t.Helper()
	h.check(connectors.Passed, "", "one-primary", "timeline", "$mark.oldTimeline")
	h.pass("write-probe", "standby-follows", "no-fence-remnants")
	h.check(connectors.Passed, "", "client-path", "address", h.lab.ClientAddress())
	h.check(connectors.Passed, "", "integrity", "query", "SELECT count(*) >= 0 FROM bcctl.reign", "expect", "t")
}

// relayed runs the laboratory's client path for a test.
func relayed(t *testing.T, lab *pgpair.Lab) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- lab.Relay(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("relay: %v", err)
		}
	})
}

// entries counts what the pretended application has written.
func entries(t *testing.T, lab *pgpair.Lab, node string) int {
	t.Helper()
	return ask[int](t, lab, node, `SELECT count(*) FROM app.entries`)
}

func load(t *testing.T, lab *pgpair.Lab, n int) {
	t.Helper()
	if err := lab.Load(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

// pgpairtestStart is a laboratory whose servers notice a silent peer soon.
func pgpairtestStart(t *testing.T, change ...func(*pgpair.Options)) *pgpair.Lab {
	t.Helper()
	o := pgpair.Options{WALSenderTimeout: patienceOfServers, WALReceiverTimeout: patienceOfServers}
	for _, f := range change {
		f(&o)
	}
	return pgpairtest.Start(t, o)
}
