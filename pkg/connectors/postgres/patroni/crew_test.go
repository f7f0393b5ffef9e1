//go:build unix

package patroni_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/labtest"
	"github.com/bcctl/bcctl/internal/lab/patroniset"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/postgres"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// crew is somebody who carries actions out on a real Patroni cluster, step by step.
type crew struct {
	t     *testing.T
	set   *patroniset.Set
	spec  connectors.ActorSpec
	actor connectors.Actor
	facts map[string]connectors.Facts
}

// specOf describes a set as its resource document does, with the logins of a run.
func specOf(t testing.TB, set *patroniset.Set) connectors.Spec {
	t.Helper()
	spec, _ := labtest.Read(t, set, set.CA(), postgres.Factory{})
	spec.EndpointTimeout = 3 * time.Second
	spec.Credential = func(_ context.Context, p connectors.Purpose) (connectors.Credential, error) {
		login := map[connectors.Purpose]string{connectors.Monitor: patroniset.RoleMonitor, connectors.Execute: patroniset.RoleExecute, connectors.Manager: patroniset.UserAPI}[p]
		if login == "" {
			return connectors.Credential{}, fmt.Errorf("no login to %s", p)
		}
		return connectors.Credential{Username: login, Password: set.Password(login)}, nil
	}
	return spec
}

func newCrew(t *testing.T, set *patroniset.Set, run, from, to string, change ...func(*connectors.ActorSpec)) *crew {
	t.Helper()
	c := &crew{t: t, set: set, facts: map[string]connectors.Facts{}}
	c.spec = connectors.ActorSpec{Spec: specOf(t, set), Run: run, From: from, To: to, Fence: 1}
	for _, f := range change {
		f(&c.spec)
	}
	actor, err := postgres.Factory{}.OpenActor(c.spec)
	if err != nil {
		t.Fatal(err)
	}
	c.actor = actor
	t.Cleanup(func() {
		if err := actor.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

// atEndpoint changes one endpoint of a spec.
func atEndpoint(name string, change func(*connectors.Endpoint)) func(*connectors.ActorSpec) {
	return func(s *connectors.ActorSpec) {
		i := slices.IndexFunc(s.Endpoints, func(e connectors.Endpoint) bool { return e.Name == name })
		change(&s.Endpoints[i])
	}
}

func option(name, key, value string) func(*connectors.ActorSpec) {
	return atEndpoint(name, func(e *connectors.Endpoint) {
		options := map[string]string{}
		for k, v := range e.Options {
			options[k] = v
		}
		options[key] = value
		e.Options = options
	})
}

// call fills in facts of earlier steps, written as $id.name.
func (c *crew) call(action string, with ...string) connectors.Call {
	c.t.Helper()
	call := connectors.Call{Action: action, With: map[string]string{}}
	for i := 0; i < len(with); i += 2 {
		value := with[i+1]
		if ref, ok := strings.CutPrefix(value, "$"); ok {
			id, name, _ := strings.Cut(ref, ".")
			value = c.facts[id][name]
		}
		call.With[with[i]] = value
	}
	return call
}

// clean fails when a text shows a secret.
func (c *crew) clean(text string) {
	c.t.Helper()
	for _, secret := range c.set.Secrets() {
		if strings.Contains(text, secret) {
			c.t.Errorf("a message shows a secret")
		}
	}
}

func (c *crew) check(result connectors.FindingResult, code readiness.Code, action string, with ...string) connectors.Finding {
	c.t.Helper()
	f := c.actor.Check(c.t.Context(), c.call(action, with...))
	c.t.Logf("%-28s %-8s %s %s", action, f.Result, f.Code, f.Message)
	c.clean(f.Message)
	if f.Result != result || f.Code != code {
		c.t.Fatalf("%s: %s %q: %s; want %s %q", action, f.Result, f.Code, f.Message, result, code)
	}
	return f
}

func (c *crew) outcome(state connectors.OutcomeState, code readiness.Code, action string, with ...string) connectors.Outcome {
	c.t.Helper()
	start := time.Now()
	o := c.actor.Do(c.t.Context(), c.call(action, with...))
	c.t.Logf("%-28s %-8s %6.0f ms %s %s", action, o.State, float64(time.Since(start).Microseconds())/1000, o.Code, o.Message)
	c.clean(o.Message)
	if o.State != state || o.Code != code {
		c.t.Fatalf("%s: %s %q: %s; want %s %q", action, o.State, o.Code, o.Message, state, code)
	}
	_, short, _ := strings.Cut(action, "/")
	c.facts[short] = o.Facts
	return o
}

// do carries an action out, and then asks whether its effect holds.
func (c *crew) do(action string, with ...string) {
	c.t.Helper()
	c.outcome(connectors.Done, "", action, with...)
	if p := c.actor.Probe(c.t.Context(), c.call(action, with...)); p.State != connectors.Done {
		c.t.Fatalf("probe of %s: %s %s: %s", action, p.State, p.Code, p.Message)
	}
}

// plannedChecks are the prechecks of a switchover.
var plannedChecks = []string{"pg.patroni/cluster", "pg.patroni/not-paused", "pg.patroni/nothing-scheduled", "pg.patroni/candidate",
	"pg.native/target-is-standby", "pg.native/single-primary", "pg.native/same-lineage", "pg.native/not-diverged", "pg.native/streaming",
	"pg.native/gap", "pg.native/replay-running", "pg.native/parameters"}

// switchOver is the whole of pg.patroni/switchover.
func (c *crew) switchOver() {
	c.t.Helper()
	for _, check := range plannedChecks {
		c.check(connectors.Passed, "", check)
	}
	c.do("pg.native/mark")
	c.do("pg.patroni/switchover")
	c.do("pg.native/reign")
	c.after("$mark.oldFlush")
}

// after are the postchecks.
func (c *crew) after(kept string) {
	c.t.Helper()
	c.check(connectors.Passed, "", "pg.native/standby-follows", "within", "1m")
	c.check(connectors.Passed, "", "pg.native/one-primary", "timeline", "$mark.oldTimeline")
	c.check(connectors.Passed, "", "pg.native/fork-point", "replay", kept)
	c.check(connectors.Passed, "", "pg.native/write-probe")
	c.check(connectors.Passed, "", "pg.patroni/settled")
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// entries counts what the pretended application has written.
func entries(t *testing.T, set *patroniset.Set, member string) (n int) {
	t.Helper()
	ok(t, set.QueryRow(t.Context(), member, `SELECT count(*) FROM app.entries`, &n))
	return n
}

func load(t *testing.T, set *patroniset.Set, member string, rows int) {
	t.Helper()
	ok(t, set.Exec(t.Context(), member, fmt.Sprintf(`INSERT INTO app.entries(note) SELECT repeat(md5(i::text), 8) FROM generate_series(1, %d) i`, rows)))
}
