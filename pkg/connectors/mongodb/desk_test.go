package mongodb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// probeLimit is the deadline of one endpoint in these tests: long for servers on
// loopback, short for those that hang.
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

// startSet starts a laboratory for the time of a test.
func startSet(t testing.TB, o mongoset.Options) *mongoset.Set {
	t.Helper()
	set, err := mongoset.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := set.Close(); err != nil {
			t.Errorf("close the laboratory: %v", err)
		}
	})
	return set
}

// newDesk watches the members of a laboratory as its monitoring user.
func newDesk(t testing.TB, set *mongoset.Set, change ...func(*connectors.Spec)) *desk {
	t.Helper()
	d := &desk{known: map[readiness.Key]readiness.Observation{}, judge: judgeOf(t)}
	for _, s := range set.Secrets() {
		d.secrets = append(d.secrets, s)
	}
	d.spec = connectors.Spec{
		Target: "catalog", Home: connectors.Home{Primary: "fra", DR: "ams"}, TLS: connectors.TLS{CA: set.CA()},
		EndpointTimeout: probeLimit, Credential: labCredential(set, mongoset.UserMonitor),
		Previous: func(endpoint string, id readiness.ID) (readiness.Observation, bool) {
			o, ok := d.known[readiness.Key{Target: "catalog", Endpoint: endpoint, Indicator: id}]
			return o, ok
		},
	}
	for _, n := range set.Nodes() {
		d.spec.Endpoints = append(d.spec.Endpoints, connectors.Endpoint{Name: n.Name, Site: n.Site, Address: n.Address})
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

// labCredential logs in as the given user to monitor, and as the heartbeat's to
// write.
func labCredential(set *mongoset.Set, monitor string) func(context.Context, connectors.Purpose) (connectors.Credential, error) {
	return func(_ context.Context, p connectors.Purpose) (connectors.Credential, error) {
		user := monitor
		if p == connectors.HeartbeatWriter {
			user = mongoset.UserHeartbeat
		}
		return connectors.Credential{Username: user, Password: set.Secrets()[user]}, nil
	}
}

// judgeOf has the built-in rules alone.
func judgeOf(t testing.TB) *rules.Judge {
	t.Helper()
	set, err := rules.NewSet(nil, func(string) []readiness.Indicator { return catalog })
	if err != nil {
		t.Fatal(err)
	}
	judge, err := set.For(rules.Subject{Name: "catalog", Platform: "mongodb", Tier: 1,
		Objectives: rules.Objectives{RPO: time.Minute, RTO: 15 * time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	return judge
}

// verdict is what one sweep saw and what it was judged to mean.
type verdict struct {
	readiness.Result
	observations []readiness.Observation
	took         time.Duration
}

// sweep is one check of the resource.
func (d *desk) sweep(t testing.TB) verdict {
	t.Helper()
	c := d.kept
	if c == nil {
		var err error
		if c, err = (Factory{}).Open(d.spec); err != nil {
			t.Fatalf("open: %v", err)
		}
	}
	start := time.Now()
	observations, err := c.Collect(context.Background())
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

func (d *desk) now() time.Time {
	if d.spec.Now != nil {
		return d.spec.Now()
	}
	return time.Now()
}

// want asserts a status, which is never green here, and the codes that must be
// among the reasons.
func (v verdict) want(t testing.TB, status readiness.Status, codes ...readiness.Code) {
	t.Helper()
	if status == readiness.Green {
		t.Fatal("use wantGreen")
	}
	bad := v.Status != status
	if bad {
		t.Errorf("the verdict is %s, want %s", v.Status, status)
	}
	for _, c := range codes {
		if !v.has(c) {
			bad = true
			t.Errorf("%s is not among the reasons", c)
		}
	}
	if bad {
		t.Logf("verdict:\n%s", v)
	}
}

func (v verdict) wantGreen(t testing.TB) {
	t.Helper()
	if v.Status != readiness.Green || len(v.Reasons) > 0 {
		t.Errorf("want green without reasons, got\n%s", v)
	}
}

// without asserts that codes are not claimed.
func (v verdict) without(t testing.TB, codes ...readiness.Code) {
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

// message returns the text of the first reason with a code.
func (v verdict) message(t testing.TB, c readiness.Code) string {
	t.Helper()
	for _, r := range v.Reasons {
		if r.Code == c {
			return r.Message
		}
	}
	t.Fatalf("no reason %s:\n%s", c, v)
	return ""
}

// observation returns the successful reading of an indicator.
func (v verdict) observation(t testing.TB, endpoint string, id readiness.ID) readiness.Observation {
	t.Helper()
	for _, o := range v.observations {
		if o.Endpoint == endpoint && o.Indicator == id && o.Failure == nil {
			return o
		}
	}
	t.Fatalf("%s of %q was not read:\n%s", id, endpoint, v)
	return readiness.Observation{}
}

func (v verdict) number(t testing.TB, endpoint string, id readiness.ID) float64 {
	t.Helper()
	f, ok := v.observation(t, endpoint, id).Value.Number()
	if !ok {
		t.Fatalf("%s of %q is no number", id, endpoint)
	}
	return f
}

func (v verdict) text(t testing.TB, endpoint string, id readiness.ID) string {
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
