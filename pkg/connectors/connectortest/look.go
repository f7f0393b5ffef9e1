package connectortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// suite is a subject while its contract is tested.
type suite struct {
	Subject
	indicators map[readiness.ID]readiness.Indicator
	judge      *rules.Judge
}

const (
	// patience is the deadline of an endpoint where all of them answer.
	patience = 10 * time.Second
	// slack is what a call may take beyond a deadline, on a machine that does other
	// things as well.
	slack = time.Second
	// recovery bounds how long servers may take until they are healthy again.
	recovery = 20 * time.Second
	// tier is that of the resource: the stricter one.
	tier = 1
)

func newSuite(t *testing.T, subject Subject) *suite {
	t.Helper()
	s := &suite{Subject: subject, indicators: map[readiness.ID]readiness.Indicator{}}
	for _, i := range subject.Factory.Indicators() {
		s.indicators[i.ID] = i
	}
	spec := subject.Spec(t)
	set, err := rules.NewSet(nil, func(string) []readiness.Indicator { return subject.Factory.Indicators() })
	if err != nil {
		t.Fatalf("compile the built-in rules: %v", err)
	}
	s.judge, err = set.For(rules.Subject{Name: spec.Target, Platform: subject.Factory.Platform(), Tier: tier, Objectives: subject.Objectives})
	if err != nil {
		t.Fatalf("apply the built-in rules: %v", err)
	}
	credential, err := spec.Credential(t.Context(), connectors.Monitor)
	if err != nil {
		t.Fatalf("the subject's credential: %v", err)
	}
	s.hide(credential.Password, credential.PrivateKey)
	return s
}

// hide adds values to those that may appear nowhere.
func (s *suite) hide(secrets ...string) {
	for _, secret := range secrets {
		if secret != "" && !slices.Contains(s.Secrets, secret) {
			s.Secrets = append(slices.Clone(s.Secrets), secret)
		}
	}
}

// spec is a new healthy resource, changed.
func (s *suite) spec(t testing.TB, changes ...func(*connectors.Spec)) connectors.Spec {
	t.Helper()
	spec := s.Subject.Spec(t)
	spec.Endpoints = slices.Clone(spec.Endpoints)
	spec.EndpointTimeout = patience
	if len(spec.Endpoints) == 0 || spec.Target == "" {
		t.Fatal("the subject's spec has no endpoint or no target")
	}
	for _, change := range changes {
		change(&spec)
	}
	return spec
}

// open opens a connector that is closed in the end.
func (s *suite) open(t testing.TB, spec connectors.Spec) connectors.Connector {
	t.Helper()
	c, err := s.Factory.Open(spec)
	if err != nil {
		s.discreet(t, "the error of Open", err.Error())
		t.Fatalf("open: %v", err)
	}
	for _, form := range []string{"%v", "%+v", "%#v"} {
		s.discreet(t, "a connector printed as "+form, fmt.Sprintf(form, c))
	}
	t.Cleanup(func() {
		start := time.Now()
		if err := c.Close(); err != nil {
			s.discreet(t, "the error of Close", err.Error())
		}
		if took := time.Since(start); took > 2*time.Second+slack {
			t.Errorf("Close took %s: it must not wait for servers", took)
		}
	})
	return c
}

// view is what one call of Collect gave, and what it was judged to mean.
type view struct {
	readiness.Result
	spec         connectors.Spec
	observations []readiness.Observation
	err          error
	start, end   time.Time
}

func (v view) took() time.Duration { return v.end.Sub(v.start) }

// look opens a connector, collects once and closes it.
func (s *suite) look(t testing.TB, spec connectors.Spec) view {
	t.Helper()
	return s.collect(t, t.Context(), spec, s.open(t, spec))
}

// collect is one call of Collect, as a check makes it. Whatever it is about, what
// comes back is well-formed and holds no secret.
func (s *suite) collect(t testing.TB, ctx context.Context, spec connectors.Spec, c connectors.Connector) view {
	t.Helper()
	v := view{spec: spec, start: time.Now()}
	v.observations, v.err = c.Collect(ctx)
	v.end = time.Now()
	judged := v.observations
	if v.err != nil { // as internal/check has it
		judged = append(slices.Clone(judged), readiness.Observation{Target: spec.Target, Indicator: "topology", CollectedAt: v.end,
			Failure: &readiness.Finding{Code: readiness.VisCollector, Message: v.err.Error()}})
	}
	v.Result, _ = s.judge.Evaluate(v.end, judged, rules.State{})
	s.wellFormed(t, v)
	s.searchView(t, v)
	return v
}

// wellFormed: the rules and every output rely on it.
func (s *suite) wellFormed(t testing.TB, v view) {
	t.Helper()
	failed := false
	wrong := func(format string, args ...any) {
		t.Helper()
		failed = true
		t.Errorf(format, args...)
	}
	seen := map[readiness.Key]bool{}
	mentioned := map[string]bool{}
	for _, o := range v.observations {
		at := fmt.Sprintf("%s of %q", o.Indicator, o.Endpoint)
		mentioned[o.Endpoint] = true
		indicator, known := s.indicators[o.Indicator]
		if !known {
			wrong("%s: the catalog has no such indicator", at)
		}
		if o.Target != v.spec.Target {
			wrong("%s is a reading of %q", at, o.Target)
		}
		i := slices.IndexFunc(v.spec.Endpoints, func(e connectors.Endpoint) bool { return e.Name == o.Endpoint })
		switch {
		case o.Endpoint == "":
		case i < 0:
			wrong("%s: there is no such endpoint", at)
		case o.Optional != v.spec.Endpoints[i].Optional:
			wrong("%s: optional is %t, of its endpoint %t", at, o.Optional, v.spec.Endpoints[i].Optional)
		}
		if seen[o.Key()] {
			wrong("%s was observed twice: one of two readings would be lost", at)
		}
		seen[o.Key()] = true
		if o.CollectedAt.Before(v.start.Add(-time.Millisecond)) || o.CollectedAt.After(v.end.Add(time.Millisecond)) {
			wrong("%s was collected at %s, the call lasted from %s to %s", at, o.CollectedAt.Format(clock), v.start.Format(clock), v.end.Format(clock))
		}
		findings := o.Findings
		if o.Failure != nil {
			findings = append(slices.Clone(findings), *o.Failure)
			if !o.Value.IsAbsent() {
				wrong("%s failed and has a value", at)
			}
		}
		for _, f := range findings {
			if _, registered := f.Code.Info(); !registered {
				wrong("%s: code %q is not registered", at, f.Code)
			}
			if strings.TrimSpace(f.Message) == "" {
				wrong("%s: %s says nothing", at, f.Code)
			}
		}
		if number, isNumber := o.Value.Number(); isNumber && number < 0 && !indicator.Signed && indicator.Unit != readiness.None {
			wrong("%s is %v: a negative reading is no measurement", at, number)
		}
	}
	if v.err == nil {
		for _, e := range v.spec.Endpoints {
			if !mentioned[e.Name] {
				wrong("nothing was said about endpoint %q", e.Name)
			}
		}
	}
	if failed {
		t.Logf("what was seen:\n%s", v)
	}
}

const clock = "15:04:05.000"

// searchView looks for secrets in everything a check would print or keep.
func (s *suite) searchView(t testing.TB, v view) {
	t.Helper()
	if v.err != nil {
		for err := v.err; err != nil; err = errors.Unwrap(err) {
			s.discreet(t, "the error of Collect", fmt.Sprintf("%v %+v %#v", err, err, err))
		}
	}
	for _, value := range []any{v.observations, v.Result} {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatalf("encode what was seen: %v", err)
		}
		s.discreet(t, "what was seen, as JSON", string(text))
		s.discreet(t, "what was seen, printed", fmt.Sprintf("%+v", value))
	}
}

// discreet: no secret is in a text, in any form somebody would write it in.
func (s *suite) discreet(t testing.TB, what, text string) {
	t.Helper()
	for _, secret := range s.Secrets {
		for _, form := range written(secret) {
			if strings.Contains(text, form) {
				t.Errorf("a secret is in %s: %s", what, strings.ReplaceAll(text, form, "[SECRET]"))
				return
			}
		}
	}
}

// healthy reports whether a verdict is the one of the resource when nothing is
// wrong.
func (s *suite) healthy(v view) bool {
	if len(s.Tolerated) == 0 {
		return v.Status == readiness.Green
	}
	for _, r := range v.Reasons {
		if !slices.Contains(s.Tolerated, r.Code) {
			return false
		}
	}
	return v.err == nil
}

func (s *suite) wantHealthy(t testing.TB, v view) {
	t.Helper()
	if !s.healthy(v) {
		t.Errorf("not healthy:\n%s", v)
	}
}

// wantUnhealthy asserts a verdict that is not the healthy one, with one of some
// codes when there are any.
func (s *suite) wantUnhealthy(t testing.TB, v view, anyOf ...readiness.Code) {
	t.Helper()
	if s.healthy(v) || v.Status == readiness.Green {
		t.Errorf("healthy:\n%s", v)
	}
	if len(anyOf) > 0 && !v.has(anyOf...) {
		t.Errorf("none of %v is among the reasons:\n%s", anyOf, v)
	}
}

// recover waits until servers are healthy again after something was undone.
func (s *suite) recover(t testing.TB) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(recovery); ; <-tick.C {
		v := s.look(t, s.spec(t))
		if s.healthy(v) {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("not healthy again within %s:\n%s", recovery, v)
		}
	}
}

func (v view) has(codes ...readiness.Code) bool {
	return slices.ContainsFunc(v.Reasons, func(r readiness.Reason) bool { return slices.Contains(codes, r.Code) })
}

// read reports whether a series has a value.
func (v view) read(key readiness.Key) bool {
	return slices.ContainsFunc(v.observations, func(o readiness.Observation) bool {
		return o.Key() == key && o.Failure == nil && !o.Value.IsAbsent()
	})
}

// String lists the verdict as a person would read it.
func (v view) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s after %s, %d observations\n", v.Status, v.took().Round(time.Millisecond), len(v.observations))
	if v.err != nil {
		fmt.Fprintf(&b, "  error: %v\n", v.err)
	}
	for _, r := range v.Reasons {
		fmt.Fprintf(&b, "  %-7s %-24s %-10s %-28s %s\n", r.Status, r.Code, r.Endpoint, r.Indicator, r.Message)
	}
	return b.String()
}
