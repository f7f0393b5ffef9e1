package connectortest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Operated is a platform that can be changed, with servers to ask. The suite
// changes nothing on them but what Traces names.
type Operated struct {
	Operator connectors.Operator

	// Spec returns a new description of a healthy resource and a run on it.
	Spec func(t testing.TB) connectors.ActorSpec

	// Arguments are those an action cannot do without, well-formed, by its name.
	Arguments map[string]map[string]string

	// Secrets are values that may appear nowhere.
	Secrets []string

	// Changes describes everything a client could have changed on the servers. It
	// differs whenever something was. Nil is for servers that change by themselves.
	Changes func(t *testing.T) string

	// Traces are checks that leave something on the servers, each with what that is
	// and why they must.
	Traces map[string]string

	// Reroute replaces where an endpoint is found by another host:port. Nil is for
	// addresses that are host:port.
	Reroute func(e *connectors.Endpoint, hostport string)

	// Patience is how long one call may take with servers that answer. Zero is 30 s.
	Patience time.Duration
}

// RunOperator holds a platform to the contract of those that can be changed.
func RunOperator(t *testing.T, o Operated) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Operated)
	}{
		{"actions are described", describedActions},
		{"sites must be given", sitesGiven},
		{"unknown actions and arguments", unknownCalls},
		{"a check or probe changes nothing", checksChangeNothing},
		{"markers", markers},
		{"no server answers", nobodyAnswers},
		{"unresolved secret", unresolvedForActions},
		{"cancelled before", cancelledCalls},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, o) })
	}
}

func (o Operated) open(t *testing.T, change ...func(*connectors.ActorSpec)) connectors.Actor {
	t.Helper()
	spec := o.Spec(t)
	for _, f := range change {
		f(&spec)
	}
	actor, err := o.Operator.OpenActor(spec)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := actor.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return actor
}

func (o Operated) call(action string) connectors.Call {
	return connectors.Call{Action: action, With: maps.Clone(o.Arguments[action])}
}

func (o Operated) context(t *testing.T) context.Context {
	limit := o.Patience
	if limit == 0 {
		limit = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// finding and outcome check the form of an answer, whatever it says.
func (o Operated) finding(t *testing.T, what string, f connectors.Finding) {
	t.Helper()
	if !slices.Contains([]connectors.FindingResult{connectors.Passed, connectors.Warned, connectors.Refused, connectors.Unknown}, f.Result) {
		t.Errorf("%s: result %q is none", what, f.Result)
	}
	if f.Observed.IsZero() {
		t.Errorf("%s: when it was seen is missing", what)
	}
	if f.Result == connectors.Warned && f.Code == "" {
		t.Errorf("%s: a warning without a code cannot be accepted: %s", what, f.Message)
	}
	o.words(t, what, f.Code, f.Message, f.Facts)
}

func (o Operated) outcome(t *testing.T, what string, x connectors.Outcome) {
	t.Helper()
	if !slices.Contains([]connectors.OutcomeState{connectors.Done, connectors.NotDone, connectors.InDoubt, connectors.Failed}, x.State) {
		t.Errorf("%s: state %q is none", what, x.State)
	}
	o.words(t, what, x.Code, x.Message, x.Facts)
}

func (o Operated) words(t *testing.T, what string, code readiness.Code, message string, facts connectors.Facts) {
	t.Helper()
	if strings.TrimSpace(message) == "" {
		t.Errorf("%s: says nothing", what)
	}
	if _, known := code.Info(); code != "" && !known {
		t.Errorf("%s: code %s is not registered", what, code)
	}
	text := message + fmt.Sprint(facts)
	for _, secret := range o.Secrets {
		for _, form := range written(secret) {
			if strings.Contains(text, form) {
				t.Errorf("%s: shows a secret", what)
			}
		}
	}
}

func describedActions(t *testing.T, o Operated) {
	seen := map[string]bool{}
	for _, a := range o.Operator.Actions() {
		platform, name, _ := strings.Cut(a.Name, "/")
		if seen[a.Name] || platform == "" || name == "" || strings.ToLower(a.Name) != a.Name {
			t.Errorf("%q is no name of an action, or is given twice", a.Name)
		}
		seen[a.Name] = true
		if a.Summary == "" || a.Lossy && !a.Changes {
			t.Errorf("%s: summary %q, lossy %v, changes %v", a.Name, a.Summary, a.Lossy, a.Changes)
		}
		if a.TakesBackParts && !(a.Changes && a.Idempotent) {
			t.Errorf("%s takes back parts, changes %v, idempotent %v", a.Name, a.Changes, a.Idempotent)
		}
		var names []string
		for _, p := range a.Parameters {
			names = append(names, p.Name)
			if p.Summary == "" || p.Name == "" || p.Required && p.Default != "" {
				t.Errorf("%s: parameter %+v", a.Name, p)
			}
			if _, given := o.Arguments[a.Name][p.Name]; p.Required && !given {
				t.Errorf("%s needs %q; the subject gives none", a.Name, p.Name)
			}
		}
		for _, list := range [][]string{names, a.Outputs} {
			if slices.Sort(list); len(slices.Compact(slices.Clone(list))) != len(list) {
				t.Errorf("%s: something is given twice in %v", a.Name, list)
			}
		}
	}
	if len(seen) == 0 {
		t.Error("there are no actions")
	}
	for action := range o.Arguments {
		if !seen[action] {
			t.Errorf("the subject has arguments of %q, which is no action", action)
		}
	}
}

func sitesGiven(t *testing.T, o Operated) {
	for _, change := range []func(*connectors.ActorSpec){
		func(s *connectors.ActorSpec) { s.From = "" },
		func(s *connectors.ActorSpec) { s.To = "" },
	} {
		spec := o.Spec(t)
		change(&spec)
		if actor, err := o.Operator.OpenActor(spec); err == nil {
			_ = actor.Close() // it should not be there
			t.Error("an actor without a direction was opened")
		}
	}
}

func unknownCalls(t *testing.T, o Operated) {
	actor := o.open(t)
	ctx := o.context(t)
	calls := []connectors.Call{{Action: "no.such/action"}, {Action: ""}}
	for _, a := range o.Operator.Actions() {
		with := maps.Clone(o.Arguments[a.Name])
		if with == nil {
			with = map[string]string{}
		}
		with["no-such-argument"] = "x"
		calls = append(calls, connectors.Call{Action: a.Name, With: with})
		for _, p := range a.Parameters {
			if p.Required {
				without := maps.Clone(o.Arguments[a.Name])
				delete(without, p.Name)
				calls = append(calls, connectors.Call{Action: a.Name, With: without})
			}
		}
	}
	for _, c := range calls {
		what := fmt.Sprintf("%s%v", c.Action, c.With)
		f, x, p := actor.Check(ctx, c), actor.Do(ctx, c), actor.Probe(ctx, c)
		o.finding(t, what, f)
		o.outcome(t, what, x)
		o.outcome(t, what, p)
		if f.Result == connectors.Passed || f.Result == connectors.Warned || x.State != connectors.Failed || p.State == connectors.Done {
			t.Errorf("%s: check %s, do %s, probe %s", what, f.Result, x.State, p.State)
		}
	}
}

func checksChangeNothing(t *testing.T, o Operated) {
	actor := o.open(t)
	outputs := map[string][]string{}
	before := ""
	for _, a := range o.Operator.Actions() {
		outputs[a.Name] = a.Outputs
		if o.Changes != nil {
			before = o.Changes(t)
		}
		start := time.Now()
		f, p := actor.Check(o.context(t), o.call(a.Name)), actor.Probe(o.context(t), o.call(a.Name))
		o.finding(t, "check of "+a.Name, f)
		o.outcome(t, "probe of "+a.Name, p)
		t.Logf("%-40s %-8s %-9s %5d ms  %s", a.Name, f.Result, p.State, time.Since(start).Milliseconds(), f.Message)
		if a.Changes && p.State == connectors.Done {
			for name := range p.Facts {
				if !slices.Contains(a.Outputs, name) {
					t.Errorf("%s gives the fact %q, which is not among its outputs", a.Name, name)
				}
			}
		}
		if o.Changes == nil || o.Traces[a.Name] != "" {
			continue
		}
		if after := o.Changes(t); after != before {
			t.Errorf("check or probe of %s changed something:\nbefore %s\nafter  %s", a.Name, before, after)
		}
	}
}

func markers(t *testing.T, o Operated) {
	spec := o.Spec(t)
	list := o.open(t).Markers(o.context(t))
	for _, ep := range spec.Endpoints {
		i := slices.IndexFunc(list, func(m connectors.Marker) bool { return m.Node == ep.Name })
		if i < 0 {
			t.Errorf("%s has no marker", ep.Name)
			continue
		}
		m := list[i]
		if m.Site != ep.Site || m.Role == "" || m.Kind == "" || m.ObservedAt.IsZero() || (m.Position == "") == (m.Failure == "") {
			t.Errorf("marker: %+v", m)
		}
	}
}

// nobodyAnswers: what cannot be asked is not proved, and nothing can be done.
func nobodyAnswers(t *testing.T, o Operated) {
	o.allFail(t, nil, o.open(t, func(s *connectors.ActorSpec) {
		for i := range s.Endpoints {
			if o.Reroute != nil {
				o.Reroute(&s.Endpoints[i], nobody(t))
				continue
			}
			s.Endpoints[i].Address = nobody(t)
		}
	}))
}

// unresolvedForActions: without a login nothing is asked and nothing is done.
func unresolvedForActions(t *testing.T, o Operated) {
	o.allFail(t, nil, o.open(t, func(s *connectors.ActorSpec) {
		s.Credential = func(context.Context, connectors.Purpose) (connectors.Credential, error) {
			return connectors.Credential{}, errors.New("the reference cannot be resolved")
		}
	}))
}

func cancelledCalls(t *testing.T, o Operated) {
	actor := o.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.allFail(t, ctx, actor)
}

// allFail carries every action out where none can succeed, under the given context
// or, without one, with a short time for each call.
func (o Operated) allFail(t *testing.T, given context.Context, actor connectors.Actor) {
	t.Helper()
	for _, a := range o.Operator.Actions() {
		for _, way := range []string{"check", "do", "probe"} {
			ctx := given
			if ctx == nil {
				timed, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				ctx = timed
				t.Cleanup(cancel)
			}
			what := way + " of " + a.Name
			start := time.Now()
			switch way {
			case "check":
				f := actor.Check(ctx, o.call(a.Name))
				o.finding(t, what, f)
				if f.Result == connectors.Passed {
					t.Errorf("%s passed with no server: %s", what, f.Message)
				}
			case "do":
				x := actor.Do(ctx, o.call(a.Name))
				o.outcome(t, what, x)
				if x.State == connectors.Done {
					t.Errorf("%s is done with no server: %s", what, x.Message)
				}
			case "probe":
				x := actor.Probe(ctx, o.call(a.Name))
				o.outcome(t, what, x)
				if x.State == connectors.Done {
					t.Errorf("%s is done with no server: %s", what, x.Message)
				}
			}
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("%s took %s", what, took)
			}
		}
	}
	for _, m := range actor.Markers(t.Context()) {
		if m.Position != "" && given == nil || m.Position == "" && m.Failure == "" {
			t.Errorf("marker with no server: %+v", m)
		}
	}
}
