package snowflake

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/snowpair"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// quick is a factory that does not wait long between looks.
var quick = Factory{poll: 20 * time.Millisecond}

// quickRefresh is how long a refresh takes in these tests.
const quickRefresh = 250 * time.Millisecond

func quickPair(t *testing.T, groups ...string) *snowpair.Pair {
	t.Helper()
	if len(groups) == 0 {
		groups = []string{"WAREHOUSE_FG"}
	}
	var o snowpair.Options
	for _, name := range groups {
		o.Groups = append(o.Groups, snowpair.Group{Name: name, Duration: quickRefresh})
	}
	return start(t, o)
}

// actorSpec describes a run on a pair.
func actorSpec(t testing.TB, pair *snowpair.Pair, from, to string) connectors.ActorSpec {
	t.Helper()
	tt, ok := t.(*testing.T)
	if !ok {
		t.Fatal("not a test")
	}
	spec := connectors.ActorSpec{Spec: newDesk(tt, pair).spec, Run: "run-1", From: from, To: to, Fence: 1}
	spec.EndpointTimeout, spec.Previous = 10*time.Second, nil
	spec.Options = with(spec.Options, "probeTables", snowpair.HeartbeatTable)
	spec.Credential = func(_ context.Context, p connectors.Purpose) (connectors.Credential, error) {
		user := map[connectors.Purpose]string{connectors.Monitor: snowpair.UserMonitor, connectors.Execute: snowpair.UserExecute}[p]
		return connectors.Credential{Username: user, PrivateKey: pair.Secrets()[snowpair.SecretKey(user)]}, nil
	}
	return spec
}

// hand carries actions out one by one, as the runner does.
type hand struct {
	t     *testing.T
	pair  *snowpair.Pair
	spec  connectors.ActorSpec
	actor connectors.Actor
	facts map[string]connectors.Facts
}

func newHand(t *testing.T, pair *snowpair.Pair, from, to string, change ...func(*connectors.ActorSpec)) *hand {
	t.Helper()
	h := &hand{t: t, pair: pair, spec: actorSpec(t, pair, from, to), facts: map[string]connectors.Facts{}}
	for _, f := range change {
		f(&h.spec)
	}
	h.open()
	return h
}

// open begins with a new actor, as a process does that goes on with a run.
func (h *hand) open() {
	h.t.Helper()
	actor, err := quick.OpenActor(h.spec)
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

func (h *hand) call(action string, with ...string) connectors.Call {
	h.t.Helper()
	c := connectors.Call{Action: action, With: map[string]string{}}
	if !strings.Contains(action, "/") {
		c.Action = onGroup + action
	}
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

func (h *hand) outcome(state connectors.OutcomeState, code readiness.Code, action string, with ...string) connectors.Outcome {
	h.t.Helper()
	o := h.actor.Do(h.t.Context(), h.call(action, with...))
	h.t.Logf("%-20s %-8s %s %s", action, o.State, o.Code, o.Message)
	if o.State != state || o.Code != code {
		h.t.Fatalf("%s: %s %q: %s; want %s %q", action, o.State, o.Code, o.Message, state, code)
	}
	h.facts[action] = maps.Clone(o.Facts)
	return o
}

// do carries out, asks whether the effect holds, and does it again without an effect.
func (h *hand) do(action string, with ...string) {
	h.t.Helper()
	h.outcome(connectors.Done, "", action, with...)
	first := h.facts[action]
	h.probe(connectors.Done, action, with...)
	before := h.changes()
	h.outcome(connectors.Done, "", action, with...)
	if after := h.changes(); after != before {
		h.t.Fatalf("%s done twice: changes %s, then %s", action, before, after)
	}
	h.facts[action] = first
}

func (h *hand) probe(state connectors.OutcomeState, action string, with ...string) connectors.Outcome {
	h.t.Helper()
	p := h.actor.Probe(h.t.Context(), h.call(action, with...))
	if p.State != state {
		h.t.Fatalf("probe of %s: %s %s: %s; want %s", action, p.State, p.Code, p.Message, state)
	}
	return p
}

func (h *hand) check(result connectors.FindingResult, code readiness.Code, action string, with ...string) connectors.Finding {
	h.t.Helper()
	f := h.actor.Check(h.t.Context(), h.call(action, with...))
	h.t.Logf("%-20s %-8s %s %s", action, f.Result, f.Code, f.Message)
	if f.Result != result || f.Code != code {
		h.t.Fatalf("%s: %s %q: %s; want %s %q", action, f.Result, f.Code, f.Message, result, code)
	}
	if f.Observed.IsZero() {
		h.t.Fatalf("%s: when it was seen is missing", action)
	}
	h.facts[action] = maps.Clone(f.Facts)
	return f
}

func (h *hand) pass(actions ...string) {
	h.t.Helper()
	for _, action := range actions {
		h.check(connectors.Passed, "", action)
	}
}

// changes is everything that statements changed.
func (h *hand) changes() string { return fmt.Sprint(h.pair.Changed()) }

func (h *hand) unchanged() {
	h.t.Helper()
	if got := h.pair.Changed(); len(got) > 0 {
		h.t.Fatalf("changed: %v", got)
	}
}

var plannedChecks = []string{"right-account", "is-secondary", "expected-source", "privileges", "lag", "no-refresh", "last-refresh-clean", "no-blocking-references",
	"schedule-known", "membership", "all-groups", "usable", "edition", "writers-known", onConnection + "may-promote", onConnection + "private-link", onConnection + "right-account"}

// TestSI30OperatorConformance holds the actions to the contract of all platforms that
// can be changed.
func TestSI30OperatorConformance(t *testing.T) {
	t.Parallel()
	pair := quickPair(t)
	var secrets []string
	for _, secret := range pair.Secrets() {
		secrets = append(secrets, secret)
	}
	at := time.Now().UTC().Format(time.RFC3339Nano)
	snapshots := encode(moments{"WAREHOUSE_FG": time.Now()})
	connectortest.RunOperator(t, connectortest.Operated{
		Operator: quick,
		Spec:     func(t testing.TB) connectors.ActorSpec { return actorSpec(t, pair, "fra", "ams") },
		Arguments: map[string]map[string]string{
			onGroup + "refresh-wait":   {"jobs": `{"WAREHOUSE_FG":"01bb0000-0000-1000-0000-000000000001"}`},
			onGroup + "snapshot-newer": {"before": snapshots},
			onGroup + "promote":        {"snapshots": snapshots, "quiesced": at},
			onGroup + "force-promote":  {"snapshots": snapshots, "ceiling": "1h"},
			onGroup + "measure-loss":   {"snapshots": snapshots},
		},
		Secrets: secrets,
		Changes: func(*testing.T) string {
			c := pair.Counts()
			return fmt.Sprint(c.Changes, c.Aborts, c.Orphaned, pair.Changed())
		},
		Traces: map[string]string{onGroup + "write-probe": "one row of bcctl's own: a write is proved by writing"},
	})
}
