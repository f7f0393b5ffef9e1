package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var _ connectors.Operator = Factory{}

// prefix of all actions: the procedures of the platform share them.
const prefix = "mongodb.set/"

// operation is one action with what carries it out. What only reads has a check
// alone, also where runbooks use it as a step.
type operation struct {
	connectors.Action
	check func(context.Context, *actor, call) connectors.Finding
	do    func(context.Context, *actor, call) connectors.Outcome
	probe func(context.Context, *actor, call) connectors.Outcome
}

func operations() []operation {
	return slices.Concat(membershipChecks(), readinessChecks(), lossChecks(), changes(), postchecks(), measures())
}

// reads describes an action that only reads.
func reads(name, summary string, check func(context.Context, *actor, call) connectors.Finding, outputs []string, parameters ...connectors.ActionParameter) operation {
	return operation{
		Action: connectors.Action{Name: prefix + name, Summary: summary, Idempotent: true, Parameters: parameters, Outputs: outputs},
		check:  check,
	}
}

func optional(name, summary string) connectors.ActionParameter {
	return connectors.ActionParameter{Name: name, Summary: summary}
}

func required(name, summary string) connectors.ActionParameter {
	return connectors.ActionParameter{Name: name, Summary: summary, Required: true}
}

// Actions implements connectors.Operator.
func (Factory) Actions() []connectors.Action {
	var list []connectors.Action
	for _, op := range operations() {
		list = append(list, op.Action)
	}
	return list
}

// OpenActor implements connectors.Operator.
func (f Factory) OpenActor(spec connectors.ActorSpec) (connectors.Actor, error) {
	if spec.From == "" || spec.To == "" {
		return nil, errors.New("the site that is left and the site that shall write are not given")
	}
	if sharded(spec.Spec) {
		return nil, errors.New("bcctl changes replica sets; of a sharded cluster it changes nothing in this version")
	}
	spec.KeepOpen, spec.Previous = false, nil
	c, err := f.Open(spec.Spec)
	if err != nil {
		return nil, err
	}
	a := &actor{spec: spec, c: c.(*Connector), operations: map[string]operation{}, frozen: map[string]time.Time{}, thawed: map[string]bool{}}
	for _, op := range operations() {
		a.operations[op.Name] = op
	}
	return a, nil
}

// actor carries out the actions on one set. What it decides by, it reads anew with
// the monitor credential, member by member; what it changes, it changes over a
// connection of its own to one member, with the execute credential.
type actor struct {
	spec       connectors.ActorSpec
	c          *Connector
	operations map[string]operation

	frozen map[string]time.Time // what this process froze, and until when at most
	thawed map[string]bool      // what it gave back
	sent   time.Time            // until when a step-down that was sent may be under way
}

var _ connectors.Actor = (*actor)(nil)

// call is a use of an action with the defaults filled in.
type call struct {
	connectors.Call
	op operation
}

func (c call) arg(name string) string { return strings.TrimSpace(c.With[name]) }

// limit is an argument that is a length of time.
func (c call) limit(name string, otherwise time.Duration) (time.Duration, error) {
	text := c.arg(name)
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s: %q is no length of time; write 10s or 2m", name, text)
	}
	return d, nil
}

func (a *actor) prepare(given connectors.Call) (call, error) {
	op, known := a.operations[given.Action]
	if !known {
		return call{}, fmt.Errorf("there is no action %q; bcctl explain platform/mongodb lists them", given.Action)
	}
	with := map[string]string{}
	for _, p := range op.Parameters {
		with[p.Name] = p.Default
		if value, ok := given.With[p.Name]; ok && value != "" {
			with[p.Name] = value
		}
		if p.Required && with[p.Name] == "" {
			return call{}, fmt.Errorf("%s needs %q: %s", op.Name, p.Name, p.Summary)
		}
	}
	for name := range given.With {
		if _, ok := with[name]; !ok {
			return call{}, fmt.Errorf("%s takes no %q", op.Name, name)
		}
	}
	return call{connectors.Call{Action: op.Name, With: with}, op}, nil
}

// Deadlines where the caller gives none.
const (
	checkLimit  = 30 * time.Second
	changeLimit = 2 * time.Minute
)

func bounded(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

// Check implements connectors.Actor.
func (a *actor) Check(ctx context.Context, given connectors.Call) connectors.Finding {
	ctx, cancel := bounded(ctx, checkLimit)
	defer cancel()
	f := a.answer(ctx, given)
	if f.Observed.IsZero() {
		f.Observed = a.c.now()
	}
	return f
}

func (a *actor) answer(ctx context.Context, given connectors.Call) connectors.Finding {
	c, err := a.prepare(given)
	if err != nil {
		return unknown("", "%v", err)
	}
	if c.op.check != nil {
		return c.op.check(ctx, a, c)
	}
	o := c.op.probe(ctx, a, c)
	return connectors.Finding{Result: asFinding[o.State], Code: o.Code, Message: o.Message, Facts: o.Facts}
}

// asFinding words an effect that is asked for as a check.
var asFinding = map[connectors.OutcomeState]connectors.FindingResult{
	connectors.Done: connectors.Passed, connectors.NotDone: connectors.Refused,
	connectors.InDoubt: connectors.Unknown, connectors.Failed: connectors.Refused,
}

// Do implements connectors.Actor.
func (a *actor) Do(ctx context.Context, given connectors.Call) connectors.Outcome {
	ctx, cancel := bounded(ctx, changeLimit)
	defer cancel()
	c, err := a.prepare(given)
	if err != nil {
		return failed("", "%v", err)
	}
	if c.op.do == nil {
		return asOutcome(c.op.check(ctx, a, c))
	}
	if a.spec.Run == "" {
		return failed("", "%s changes something, and there is no run", c.op.Name)
	}
	return c.op.do(ctx, a, c)
}

// Probe implements connectors.Actor.
func (a *actor) Probe(ctx context.Context, given connectors.Call) connectors.Outcome {
	ctx, cancel := bounded(ctx, checkLimit)
	defer cancel()
	c, err := a.prepare(given)
	if err != nil {
		return inDoubt("", "%v", err)
	}
	if c.op.probe == nil {
		return asOutcome(c.op.check(ctx, a, c))
	}
	return c.op.probe(ctx, a, c)
}

func asOutcome(f connectors.Finding) connectors.Outcome {
	state := map[connectors.FindingResult]connectors.OutcomeState{
		connectors.Passed: connectors.Done, connectors.Warned: connectors.NotDone,
		connectors.Refused: connectors.NotDone, connectors.Unknown: connectors.InDoubt,
	}[f.Result]
	return connectors.Outcome{State: state, Code: f.Code, Message: f.Message, Facts: f.Facts}
}

// Close implements connectors.Actor.
func (a *actor) Close() error { return a.c.Close() }

func passed(format string, args ...any) connectors.Finding {
	return connectors.Finding{Result: connectors.Passed, Message: fmt.Sprintf(format, args...)}
}

func refused(code readiness.Code, format string, args ...any) connectors.Finding {
	return connectors.Finding{Result: connectors.Refused, Code: code, Message: fmt.Sprintf(format, args...)}
}

func warned(code readiness.Code, format string, args ...any) connectors.Finding {
	return connectors.Finding{Result: connectors.Warned, Code: code, Message: fmt.Sprintf(format, args...)}
}

func unknown(code readiness.Code, format string, args ...any) connectors.Finding {
	return connectors.Finding{Result: connectors.Unknown, Code: code, Message: fmt.Sprintf(format, args...)}
}

func done(facts connectors.Facts, format string, args ...any) connectors.Outcome {
	return connectors.Outcome{State: connectors.Done, Message: fmt.Sprintf(format, args...), Facts: facts}
}

func notDone(code readiness.Code, format string, args ...any) connectors.Outcome {
	return connectors.Outcome{State: connectors.NotDone, Code: code, Message: fmt.Sprintf(format, args...)}
}

func failed(code readiness.Code, format string, args ...any) connectors.Outcome {
	return connectors.Outcome{State: connectors.Failed, Code: code, Message: fmt.Sprintf(format, args...)}
}

func inDoubt(code readiness.Code, format string, args ...any) connectors.Outcome {
	return connectors.Outcome{State: connectors.InDoubt, Code: code, Message: fmt.Sprintf(format, args...)}
}

// notBegun turns a finding that is not a pass into the outcome of a change that was
// not begun.
func notBegun(f connectors.Finding) *connectors.Outcome {
	return &connectors.Outcome{State: connectors.Failed, Code: f.Code, Message: f.Message}
}
