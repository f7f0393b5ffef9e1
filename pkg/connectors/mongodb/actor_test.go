package mongodb

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// hand carries a runbook out step by step, as the runner does.
type hand struct {
	t     *testing.T
	set   *mongoset.Set
	spec  connectors.ActorSpec
	actor connectors.Actor
	facts map[string]connectors.Facts
}

func newHand(t *testing.T, set *mongoset.Set, from, to string, change ...func(*connectors.ActorSpec)) *hand {
	t.Helper()
	h := &hand{t: t, set: set, facts: map[string]connectors.Facts{}}
	h.spec = connectors.ActorSpec{Spec: newDesk(t, set).spec, Run: "run-1", From: from, To: to, Fence: 1}
	answer := helloOf(t, set)
	h.spec.Identity = map[string]string{"setName": "catalog", "replicaSetId": answer}
	h.spec.Credential = func(_ context.Context, p connectors.Purpose) (connectors.Credential, error) {
		user := map[connectors.Purpose]string{connectors.Monitor: mongoset.UserMonitor, connectors.Execute: mongoset.UserExecute}[p]
		return connectors.Credential{Username: user, Password: set.Secrets()[user]}, nil
	}
	for _, f := range change {
		f(&h.spec)
	}
	h.open()
	return h
}

// helloOf reads the set's identity as somebody does who declares it.
func helloOf(t *testing.T, set *mongoset.Set) string {
	t.Helper()
	v := newDesk(t, set).sweep(t)
	return v.text(t, "catalog-a", identityID)
}

// open begins with a new actor, as a process does that goes on with a run.
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

func (h *hand) call(action string, with ...string) connectors.Call {
	h.t.Helper()
	c := connectors.Call{Action: prefix + action, With: map[string]string{}}
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

// do carries out, and asks whether the effect holds.
func (h *hand) do(action string, with ...string) {
	h.t.Helper()
	h.outcome(connectors.Done, "", action, with...)
	if p := h.actor.Probe(h.t.Context(), h.call(action, with...)); p.State != connectors.Done {
		h.t.Fatalf("probe of %s: %s %s: %s", action, p.State, p.Code, p.Message)
	}
}

func (h *hand) probe(state connectors.OutcomeState, action string, with ...string) {
	h.t.Helper()
	if p := h.actor.Probe(h.t.Context(), h.call(action, with...)); p.State != state {
		h.t.Fatalf("probe of %s: %s %s: %s; want %s", action, p.State, p.Code, p.Message, state)
	}
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
	return f
}

func (h *hand) pass(actions ...string) {
	h.t.Helper()
	for _, action := range actions {
		h.check(connectors.Passed, "", action)
	}
}

// await asks again until a check passes, as the runner does with a step that waits.
func (h *hand) await(action string, with ...string) {
	h.t.Helper()
	end := time.Now().Add(30 * time.Second)
	for {
		f := h.actor.Check(h.t.Context(), h.call(action, with...))
		if f.Result == connectors.Passed {
			h.facts[action] = f.Facts
			return
		}
		if time.Now().After(end) {
			h.t.Fatalf("%s: %s %s: %s", action, f.Result, f.Code, f.Message)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (h *hand) changed(want map[string]int) {
	h.t.Helper()
	if got := h.set.Changes(); !maps.Equal(got, want) {
		h.t.Fatalf("changes %v, want %v", got, want)
	}
}

var plannedChecks = []string{"right-set", "single-primary", "generation", "electable", "caught-up", "vote-majority", "write-majority", "no-bad-states",
	"no-conflicting-work", "oplog-headroom", "config-committed", "flow-control-idle", "version-parity", "privileges", "balancer-quiet"}

func (h *hand) mark() {
	h.t.Helper()
	h.facts["mark"] = h.check(connectors.Passed, "", "mark").Facts
}

var leaving = []string{"term", "$mark.term", "frozenUntil", "$freeze.until", "catchUp", "5s"}

func (h *hand) afterwards() {
	h.t.Helper()
	h.pass("one-primary", "write-probe", "write-majority", "config-committed", "nobody-frozen", "priorities", "no-rollback", "integrity")
	h.check(connectors.Passed, "", "term-grew", "term", "$mark.term")
	h.check(connectors.Passed, "", "client-path", "address", h.spec.Endpoints[2].Address)
}

// TestSI24SwitchoverByStepDown walks the built-in runbook, and back by priorities.
func TestSI24SwitchoverByStepDown(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	h := newHand(t, set, "fra", "ams")
	h.pass(plannedChecks...)
	h.check(connectors.Refused, readiness.PriorityUnexpected, "priorities-hold")
	h.check(connectors.Passed, "", "priorities-hold", "changes", "true")
	h.mark()
	h.changed(map[string]int{}) // SI-30
	h.do("freeze")
	h.do("step-down", leaving...)
	h.await("wait-primary")
	h.do("unfreeze", "old", "$mark.primary")
	// The boomerang: until priorities are changed, the old primary is to take the role.
	h.check(connectors.Refused, readiness.PriorityUnexpected, "priorities")
	h.do("set-priorities")
	h.afterwards()
	h.check(connectors.Passed, "", "measure-loss", "term", "$mark.term", "observed", "$mark.observed", "fencedAt", "$step-down.at")
	f := h.check(connectors.Passed, "", "measure-loss", "term", "$mark.term", "observed", "$mark.observed", "clean", "true")
	if f.Facts["exact"] != "true" || f.Facts["secondsAtMost"] != "0" {
		t.Errorf("loss: %v", f.Facts)
	}
	h.changed(map[string]int{"replSetFreeze": 2, "replSetStepDown": 1, "replSetReconfig": 1, "update": 1})
	if set.Primary() != "catalog-b" {
		t.Fatalf("%s is primary", set.Primary())
	}

	back := newHand(t, set, "ams", "fra")
	back.mark()
	back.pass(plannedChecks...)
	back.do("set-priorities")
}

// TestSI34StepDownIsNotSentTwice: no answer is no answer, and the state is read.
func TestSI34StepDownIsNotSentTwice(t *testing.T) {
	t.Parallel()
	for name, applied := range map[string]bool{"answer lost": true, "command lost": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := startSet(t, mongoset.Options{})
			h := newHand(t, set, "fra", "ams")
			h.mark()
			h.do("freeze")
			cut := set.Lose
			want, sent := connectors.NotDone, 0
			if applied {
				cut, want, sent = set.Drop, connectors.Done, 1
			}
			if err := cut("catalog-a", "replSetStepDown", true); err != nil {
				t.Fatal(err)
			}
			h.outcome(connectors.InDoubt, "", "step-down", leaving...)
			h.open() // another process goes on
			h.probe(want, "step-down", leaving...)
			if got := set.Calls()["replSetStepDown"]; got != 1 {
				t.Errorf("sent %d times", got)
			}
			if got := set.Changes()["replSetStepDown"]; got != sent {
				t.Errorf("carried out %d times", got)
			}
		})
	}
}

// TestSI24NobodyCaughtUp: the server refuses, and nothing has changed.
func TestSI24NobodyCaughtUp(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	h := newHand(t, set, "fra", "ams")
	h.mark()
	h.do("freeze")
	if err := set.Rewrite("catalog-a", "replSetStepDown", func(bson.D) bson.D {
		return bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: int32(262)}, {Key: "codeName", Value: "ExceededTimeLimit"}, {Key: "errmsg", Value: "No electable secondaries caught up"}}
	}); err != nil {
		t.Fatal(err)
	}
	h.outcome(connectors.NotDone, readiness.ReplicationLagHigh, "step-down", leaving...)
	h.outcome(connectors.Failed, "", "step-down", "term", "$mark.term", "for", "10s", "catchUp", "10s")
}

// TestSI24LagStopsBeforeTheServerIsAsked: a target that is behind.
func TestSI24LagStopsBeforeTheServerIsAsked(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	h := newHand(t, set, "fra", "ams")
	h.mark()
	broken(t, set, "lag")
	h.check(connectors.Refused, readiness.ReplicationLagHigh, "caught-up")
	h.outcome(connectors.Failed, readiness.ReplicationLagHigh, "step-down", "term", "$mark.term", "catchUp", "5s")
	h.changed(map[string]int{})
}

func broken(t *testing.T, set *mongoset.Set, fault string) {
	t.Helper()
	if err := set.Break(fault); err != nil {
		t.Fatal(err)
	}
}

// TestSI21WrongSetIsRefused: nothing is sent to a server that is not the one that
// is meant, whatever it is called.
func TestSI21WrongSetIsRefused(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	for name, c := range map[string]struct {
		change func(*connectors.ActorSpec)
		code   readiness.Code
	}{
		"another set declared":    {func(s *connectors.ActorSpec) { s.Identity["replicaSetId"] = "5f00000000000000000000aa" }, readiness.IdentityMismatch},
		"another name declared":   {func(s *connectors.ActorSpec) { s.Identity["setName"] = "orders" }, ""},
		"nothing declared":        {func(s *connectors.ActorSpec) { s.Identity = nil }, readiness.IdentityUnproven},
		"addresses of one server": {func(s *connectors.ActorSpec) { s.Endpoints[1].Address = s.Endpoints[0].Address }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHand(t, set, "fra", "ams", c.change)
			if f := h.actor.Check(t.Context(), h.call("right-set")); f.Result != connectors.Refused {
				t.Errorf("right-set: %+v", f)
			}
			for _, call := range []connectors.Call{h.call("freeze"), h.call("unfreeze"), h.call("set-priorities"), h.call("step-down", "term", "1", "catchUp", "5s")} {
				if o := h.actor.Do(t.Context(), call); o.State == connectors.Done || o.State == connectors.InDoubt {
					t.Errorf("%s: %+v", call.Action, o)
				}
			}
			h.changed(map[string]int{})
		})
	}
}

// TestSI21DiskLost: the member at the target site was initiated anew under the name.
func TestSI21DiskLost(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	h := newHand(t, set, "fra", "ams")
	h.mark()
	broken(t, set, "wrong-set")
	h.check(connectors.Refused, readiness.IdentityMismatch, "right-set")
	for _, call := range []connectors.Call{h.call("freeze"), h.call("set-priorities"), h.call("step-down", "term", "$mark.term", "catchUp", "5s")} {
		if o := h.actor.Do(t.Context(), call); o.State != connectors.Failed {
			t.Errorf("%s: %+v", call.Action, o)
		}
	}
	h.changed(map[string]int{})
}

// TestSI22TwoPrimaries: nothing is changed while two members say that they write.
func TestSI22TwoPrimaries(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	h := newHand(t, set, "fra", "ams")
	broken(t, set, "split-brain")
	for _, check := range []string{"single-primary", "generation", "mark", "one-primary", "wait-primary"} {
		h.check(connectors.Refused, readiness.TwoWriters, check)
	}
	for _, change := range []string{"freeze", "set-priorities"} {
		h.outcome(connectors.Failed, readiness.TwoWriters, change)
	}
	h.outcome(connectors.Failed, readiness.TwoWriters, "step-down", "term", "1", "catchUp", "5s")
	h.check(connectors.Refused, readiness.PrimaryAlive, "majority-lost")
	h.changed(map[string]int{})
}

// TestSI24TargetThatCannotBeElected: hidden, delayed, or an arbiter.
func TestSI24TargetThatCannotBeElected(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"hidden-member", "delayed-member", "initial-sync", "recovering"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			set := startSet(t, mongoset.Options{})
			h := newHand(t, set, "fra", "ams")
			broken(t, set, fault)
			h.check(connectors.Refused, readiness.NotElectable, "electable")
			for _, change := range []string{"freeze", "set-priorities"} {
				h.outcome(connectors.Failed, readiness.NotElectable, change)
			}
			h.changed(map[string]int{})
		})
	}
	t.Run("arbiter", func(t *testing.T) {
		t.Parallel()
		set := startSet(t, mongoset.Options{Members: mongoset.WithArbiter("catalog")})
		h := newHand(t, set, "fra", "par")
		h.check(connectors.Refused, readiness.NotElectable, "electable")
		away := newHand(t, set, "fra", "ams")
		away.pass("right-set", "single-primary", "electable", "vote-majority", "write-majority")
		if err := set.Stop("catalog-b"); err != nil {
			t.Fatal(err)
		}
		away.check(connectors.Refused, readiness.WriteMajorityLost, "write-majority") // a primary stays, and acknowledges no majority
	})
}

// TestSI21ReconfigConflict: somebody else's change is never overwritten.
func TestSI21ReconfigConflict(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	h := newHand(t, set, "fra", "ams")
	if err := set.Rewrite("catalog-a", "replSetReconfig", func(bson.D) bson.D {
		return bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: int32(103)}, {Key: "codeName", Value: "NewReplicaSetConfigurationIncompatible"}, {Key: "errmsg", Value: "version"}}
	}); err != nil {
		t.Fatal(err)
	}
	h.outcome(connectors.NotDone, readiness.Conflict, "set-priorities")
}

// TestSI34ReconfigAnswerLost: applied, and seen to be so.
func TestSI34ReconfigAnswerLost(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	h := newHand(t, set, "fra", "ams")
	if err := set.Drop("catalog-a", "replSetReconfig", true); err != nil {
		t.Fatal(err)
	}
	h.outcome(connectors.InDoubt, "", "set-priorities")
	h.probe(connectors.Done, "set-priorities")
	h.do("set-priorities")
	h.changed(map[string]int{"replSetReconfig": 1})
}

// TestSI22StaleTerm: there was an election since the term was recorded.
func TestSI22StaleTerm(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	h := newHand(t, set, "fra", "ams")
	h.mark()
	broken(t, set, "term-grew")
	h.outcome(connectors.Failed, readiness.Conflict, "step-down", "term", "$mark.term", "catchUp", "5s")
	h.check(connectors.Refused, readiness.Conflict, "generation", "term", "$mark.term")
	h.changed(map[string]int{})
}

// TestSI23ElectionAfterTheLossOfThePrimary: the set elects by itself, and what is
// forced is refused as long as it can.
func TestSI23ElectionAfterTheLossOfThePrimary(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	h := newHand(t, set, "fra", "ams")
	h.mark()
	broken(t, set, "kill-primary")
	h.pass("right-set", "vote-majority", "electable")
	h.check(connectors.Refused, readiness.PrimaryAlive, "majority-lost") // SI-25
	h.check(connectors.Refused, readiness.PrimaryAlive, "primary-gone")
	h.await("wait-primary")
	h.check(connectors.Passed, "", "measure-loss", "term", "$mark.term", "observed", "$mark.observed")
	h.pass("one-primary", "write-probe", "write-majority", "nobody-frozen", "no-rollback")
	h.check(connectors.Passed, "", "term-grew", "term", "$mark.term")
	h.check(connectors.Passed, "", "client-path", "address", h.spec.Endpoints[2].Address)
	h.changed(map[string]int{"update": 1})
}

// TestSI25ForceOnlyWithoutMajority: checks alone, and people do it.
func TestSI25ForceOnlyWithoutMajority(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{Members: mongoset.TwoSites("catalog")})
	h := newHand(t, set, "fra", "ams")
	h.mark()
	h.check(connectors.Refused, readiness.PrimaryAlive, "primary-gone")
	h.check(connectors.Refused, readiness.PrimaryAlive, "majority-lost")
	if err := set.Hang("catalog-b"); err != nil {
		t.Fatal(err)
	}
	if err := set.Stop("catalog-a"); err != nil {
		t.Fatal(err)
	}
	set.Settle()
	h.check(connectors.Unknown, readiness.WriterUnproven, "primary-gone")
	h.check(connectors.Unknown, readiness.WriterUnproven, "writer-fenced")
	if err := set.Stop("catalog-b"); err != nil {
		t.Fatal(err)
	}
	h.pass("right-set", "primary-gone", "majority-lost", "newest-survivor", "writer-fenced")
	h.check(connectors.Unknown, readiness.RPOUnproven, "loss-bound") // a stopped member shows no position in any view
	h.mark()
	if h.facts["mark"]["configuration"] == "" {
		t.Error("the configuration was not recorded")
	}
	h.changed(map[string]int{})
	// People have forced a configuration with one voter, and no other member has what it takes.
	h.check(connectors.Refused, readiness.ConfigDrift, "forced", "configVersion", "$mark.configVersion")
	if err := set.Survive("catalog-c"); err != nil {
		t.Fatal(err)
	}
	h.check(connectors.Passed, "", "forced", "configVersion", "$mark.configVersion")
	h.await("wait-primary")
	h.pass("one-primary", "write-probe", "write-majority", "config-committed")
	h.changed(map[string]int{"replSetReconfig": 1, "update": 1})
}

// TestSI30PlanReadsOnly: without a run no login but the monitor's is there, one check
// alone asks for another, and nothing is written.
func TestSI30PlanReadsOnly(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	var checking string
	asked := map[string]bool{}
	h := newHand(t, set, "fra", "ams", func(s *connectors.ActorSpec) {
		s.Run = ""
		with := s.Credential
		s.Credential = func(ctx context.Context, p connectors.Purpose) (connectors.Credential, error) {
			if p != connectors.Monitor {
				asked[checking] = true
				return connectors.Credential{}, errors.New("a plan uses the monitoring login only")
			}
			return with(ctx, p)
		}
	})
	for _, action := range (Factory{}).Actions() {
		c := connectors.Call{Action: action.Name, With: map[string]string{}}
		for _, p := range action.Parameters {
			if p.Required {
				c.With[p.Name] = "1"
			}
		}
		checking = action.Name
		f := h.actor.Check(t.Context(), c)
		t.Logf("%-34s %-8s %s %s", action.Name, f.Result, f.Code, f.Message)
		if action.Changes {
			if o := h.actor.Do(t.Context(), c); o.State != connectors.Failed {
				t.Errorf("%s without a run: %+v", action.Name, o)
			}
		}
	}
	checking = prefix + "privileges"
	h.check(connectors.Unknown, readiness.SecretUnresolved, "privileges")
	if len(asked) != 1 || !asked[prefix+"privileges"] {
		t.Errorf("other credentials were asked for by %v", asked)
	}
	for _, m := range h.actor.Markers(t.Context()) {
		if m.Kind != "optime" || m.Position == "" || m.Failure != "" {
			t.Errorf("marker %+v", m)
		}
	}
	h.changed(map[string]int{})
}

// TestSI24SafeStopAfterFreeze: what was frozen is given back, also by another process.
func TestSI24SafeStopAfterFreeze(t *testing.T) {
	t.Parallel()
	set := startSet(t, mongoset.Options{})
	h := newHand(t, set, "fra", "ams")
	h.mark()
	h.do("freeze")
	h.check(connectors.Refused, readiness.Conflict, "nobody-frozen")
	h.open()
	h.probe(connectors.NotDone, "freeze")
	h.do("unfreeze")
	h.pass("nobody-frozen")
	h.outcome(connectors.Failed, readiness.Conflict, "step-down", "term", "$mark.term", "catchUp", "5s", "frozenUntil", "2020-01-01T00:00:00Z")
}
