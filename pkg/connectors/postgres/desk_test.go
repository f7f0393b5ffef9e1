package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"context"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// probeLimit is the deadline of one endpoint in these tests: long for servers on
// loopback, short for those that are paused.
const probeLimit = 1500 * time.Millisecond

// desk is somebody who watches a resource: a connector, the rules of a tier 1
// resource with an RPO of one minute and an RTO of 15 minutes, and what a store
// would remember from check to check. Every sweep of every desk is also searched
// for secrets and for words that claim more than evidence.
type desk struct {
	spec    connectors.Spec
	known   map[readiness.Key]readiness.Observation
	state   rules.State
	judge   *rules.Judge
	kept    connectors.Connector // with spec.KeepOpen
	secrets []string
}

// newDesk watches the nodes of a laboratory as its monitoring role.
func newDesk(t *testing.T, lab *pgpair.Lab, change ...func(*connectors.Spec)) *desk {
	t.Helper()
	ca, err := lab.CA()
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{known: map[readiness.Key]readiness.Observation{}, judge: judgeOf(t)}
	for _, role := range []string{pgpair.RoleMonitor, pgpair.RoleLimited, pgpair.RoleHeartbeat, pgpair.RoleReplication} {
		d.secrets = append(d.secrets, lab.Password(role))
	}
	d.spec = connectors.Spec{
		Target:          "ledger",
		Home:            connectors.Home{Primary: "fra", DR: "ams"},
		Identity:        map[string]string{"systemIdentifier": lab.SystemIdentifier()},
		TLS:             connectors.TLS{CA: ca},
		EndpointTimeout: probeLimit,
		Credential:      labCredential(lab, pgpair.RoleMonitor),
		Previous: func(endpoint string, id readiness.ID) (readiness.Observation, bool) {
			o, ok := d.known[readiness.Key{Target: "ledger", Endpoint: endpoint, Indicator: id}]
			return o, ok
		},
	}
	for _, n := range lab.Nodes() {
		d.spec.Endpoints = append(d.spec.Endpoints, connectors.Endpoint{Name: n.Name, Site: n.Site, Address: n.Address()})
	}
	for _, f := range change {
		f(&d.spec)
	}
	t.Cleanup(func() {
		if d.kept != nil {
			if err := d.kept.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	})
	return d
}

// labCredential logs in as the given role to monitor, and as the heartbeat role to write.
func labCredential(lab *pgpair.Lab, monitor string) func(context.Context, connectors.Purpose) (connectors.Credential, error) {
	return func(_ context.Context, p connectors.Purpose) (connectors.Credential, error) {
		role := monitor
		if p == connectors.HeartbeatWriter {
			role = pgpair.RoleHeartbeat
		}
		return connectors.Credential{Username: role, Password: lab.Password(role)}, nil
	}
}

// judgeOf has the built-in rules alone.
func judgeOf(t testing.TB) *rules.Judge {
	t.Helper()
	set, err := rules.NewSet(nil, func(string) []readiness.Indicator { return catalog })
	if err != nil {
		t.Fatal(err)
	}
	judge, err := set.For(rules.Subject{Name: "ledger", Platform: "postgresql", Tier: 1,
		Objectives: rules.Objectives{RPO: time.Minute, RTO: 15 * time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	return judge
}

func (d *desk) now() time.Time {
	if d.spec.Now != nil {
		return d.spec.Now()
	}
	return time.Now()
}

// verdict is what one sweep saw and what it was judged to mean.
type verdict struct {
	readiness.Result
	observations []readiness.Observation
	took         time.Duration
}

// sweep is one check of the resource.
func (d *desk) sweep(t *testing.T) verdict {
	t.Helper()
	c := d.kept
	if c == nil {
		var err error
		if c, err = (Factory{}).Open(d.spec); err != nil {
			t.Fatalf("open: %v", err)
		}
	}
	start := time.Now()
	observations, err := c.Collect(t.Context())
	took := time.Since(start)
	if err != nil {
		t.Fatalf("collect: %v", err)
	}
	if d.spec.KeepOpen {
		d.kept = c
	} else if err := c.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	v := verdict{observations: observations, took: took}
	v.Result, d.state = d.judge.Evaluate(d.now(), observations, d.state)
	for _, o := range observations {
		if o.Failure == nil && !o.Value.IsAbsent() && !o.ObservedAt.IsZero() {
			d.known[o.Key()] = o
		}
	}
	assertDiscreet(t, v, d.secrets)
	assertModest(t, v)
	return v
}

// await sweeps until a verdict is as wanted. Servers take a moment to start,
// stop, reconnect and forget; nothing here waits for a verdict to be wrong.
func (d *desk) await(t *testing.T, what string, limit time.Duration, wanted func(verdict) bool) verdict {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(limit)
	for {
		v := d.sweep(t)
		if wanted(v) {
			return v
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s; the last verdict is\n%s", limit, what, v)
		}
		<-tick.C
	}
}

func (d *desk) awaitGreen(t *testing.T) verdict {
	t.Helper()
	return d.await(t, "green", 20*time.Second, func(v verdict) bool { return v.Status == readiness.Green })
}

// want asserts a status, which is never green here, and the codes that must be
// among the reasons.
func (v verdict) want(t *testing.T, status readiness.Status, codes ...readiness.Code) {
	t.Helper()
	if status == readiness.Green {
		t.Fatal("use wantGreen")
	}
	if v.Status != status {
		t.Errorf("the verdict is %s, want %s", v.Status, status)
	}
	for _, c := range codes {
		if !v.has(c) {
			t.Errorf("%s is not among the reasons", c)
		}
	}
	if t.Failed() {
		t.Logf("verdict:\n%s", v)
	}
}

func (v verdict) wantGreen(t *testing.T) {
	t.Helper()
	if v.Status != readiness.Green || len(v.Reasons) > 0 {
		t.Errorf("want green without reasons, got\n%s", v)
	}
}

// without asserts that codes are not claimed.
func (v verdict) without(t *testing.T, codes ...readiness.Code) {
	t.Helper()
	for _, c := range codes {
		if v.has(c) {
			t.Errorf("%s is claimed:\n%s", c, v)
		}
	}
}

func (v verdict) has(c readiness.Code) bool {
	return slices.ContainsFunc(v.Reasons, func(r readiness.Reason) bool { return r.Code == c })
}

// reason returns the first reason with a code and, unless empty, an endpoint.
func (v verdict) reason(t *testing.T, c readiness.Code, endpoint string) readiness.Reason {
	t.Helper()
	for _, r := range v.Reasons {
		if r.Code == c && (endpoint == "" || r.Endpoint == endpoint) {
			return r
		}
	}
	t.Fatalf("no reason %s of %q:\n%s", c, endpoint, v)
	return readiness.Reason{}
}

// observation returns the successful reading of an indicator.
func (v verdict) observation(t *testing.T, endpoint string, id readiness.ID) readiness.Observation {
	t.Helper()
	for _, o := range v.observations {
		if o.Endpoint == endpoint && o.Indicator == id && o.Failure == nil {
			return o
		}
	}
	t.Fatalf("%s of %q was not read:\n%s", id, endpoint, v)
	return readiness.Observation{}
}

func (v verdict) number(t *testing.T, endpoint string, id readiness.ID) float64 {
	t.Helper()
	f, ok := v.observation(t, endpoint, id).Value.Number()
	if !ok {
		t.Fatalf("%s of %q is no number", id, endpoint)
	}
	return f
}

func (v verdict) text(t *testing.T, endpoint string, id readiness.ID) string {
	t.Helper()
	s, ok := v.observation(t, endpoint, id).Value.Text()
	if !ok {
		t.Fatalf("%s of %q is no text", id, endpoint)
	}
	return s
}

// String lists the verdict as a person would read it.
func (v verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s after %s\n", v.Status, v.took.Round(time.Millisecond))
	for _, r := range v.Reasons {
		fmt.Fprintf(&b, "  %-7s %-22s %-9s %s\n", r.Status, r.Code, r.Endpoint, r.Message)
	}
	return b.String()
}

// assertDiscreet: no secret is in anything a sweep returns, in any form it is
// written in.
func assertDiscreet(t testing.TB, v verdict, secrets []string) {
	t.Helper()
	text, err := json.Marshal(v.observations)
	if err != nil {
		t.Fatalf("encode the observations: %v", err)
	}
	verdict, err := json.Marshal(v.Result)
	if err != nil {
		t.Fatalf("encode the verdict: %v", err)
	}
	for _, s := range secrets {
		if s != "" && (strings.Contains(string(text), s) || strings.Contains(string(verdict), s)) {
			t.Errorf("a secret is in what the sweep returned:\n%s", strings.ReplaceAll(string(text), s, "[SECRET]"))
		}
	}
}
