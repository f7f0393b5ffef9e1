package postgres

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

// operation is one action with what carries it out. A check has check alone; what
// a step may use has do and probe, even where it only reads.
type operation struct {
	connectors.Action
	check func(context.Context, *actor, call) connectors.Finding
	do    func(context.Context, *actor, call) connectors.Outcome
	probe func(context.Context, *actor, call) connectors.Outcome
}

// operations lists everything there is.
func operations() []operation {
	return slices.Concat(prechecks(), failoverChecks(), postchecks(), planned(), takeover(), afterwards(), drills())
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
	spec.KeepOpen = false
	c, err := f.Open(spec.Spec)
	if err != nil {
		return nil, err
	}
	a := &actor{spec: spec, c: c.(*Connector), operations: map[string]operation{}, started: map[time.Time]string{}}
	for _, op := range operations() {
		a.operations[op.Name] = op
	}
	return a, nil
}

// actor carries out the actions of one resource. What it decides by, it reads
// anew with the monitor credential; what it changes, it changes over a connection
// of its own with the execute credential.
type actor struct {
	spec       connectors.ActorSpec
	c          *Connector
	operations map[string]operation

	seen    *view                // the last look, for checks that follow each other at once
	started map[time.Time]string // which endpoint answered as which server, by the moment it started
	primary settings             // of the last primary that was seen in this run
	asked   bool                 // this process has asked for the promotion
}

var _ connectors.Actor = (*actor)(nil)

// call is a use of an action with the defaults filled in.
type call struct {
	connectors.Call
	op operation
}

// arg is an argument, without the blanks around it.
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

// prepare finds the operation and checks the names of its arguments.
func (a *actor) prepare(given connectors.Call) (call, error) {
	op, known := a.operations[given.Action]
	if !known {
		return call{}, fmt.Errorf("there is no action %q; bcctl explain platform/postgresql lists them", given.Action)
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

// Deadlines where the caller gives none. Every statement has one; a hung server
// costs its own time and no more.
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
	found := a.answer(ctx, given)
	if found.Observed.IsZero() {
		found.Observed = a.c.now()
	}
	return found
}

func (a *actor) answer(ctx context.Context, given connectors.Call) connectors.Finding {
	c, err := a.prepare(given)
	if err != nil {
		return unknown("", "%v", err)
	}
	if c.op.check == nil {
		o := c.op.probe(ctx, a, c)
		return connectors.Finding{Result: ofState[o.State], Code: o.Code, Message: o.Message, Facts: o.Facts}
	}
	return c.op.check(ctx, a, c)
}

// ofState words an effect that is asked for as a check.
var ofState = map[connectors.OutcomeState]connectors.FindingResult{
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
		return failed("", "%s is a check; it does nothing", c.op.Name)
	}
	a.seen = nil
	defer func() { a.seen = nil }()
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
		f := c.op.check(ctx, a, c)
		return connectors.Outcome{State: ofResult[f.Result], Code: f.Code, Message: f.Message, Facts: f.Facts}
	}
	a.seen = nil
	return c.op.probe(ctx, a, c)
}

var ofResult = map[connectors.FindingResult]connectors.OutcomeState{
	connectors.Passed: connectors.Done, connectors.Warned: connectors.NotDone,
	connectors.Refused: connectors.NotDone, connectors.Unknown: connectors.InDoubt,
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

// because turns a finding that is not a pass into the outcome of a change that
// was not begun.
func because(f connectors.Finding) connectors.Outcome {
	return connectors.Outcome{State: connectors.Failed, Code: f.Code, Message: f.Message, Facts: f.Facts}
}
