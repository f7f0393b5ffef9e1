// Package action is what the actors of all platforms have in common: a table of
// operations, and how a use of one is prepared, checked, carried out and probed.
package action

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
)

// Operation is one action with what carries it out on an actor of type A. What only
// reads has a Check alone, also where runbooks use it as a step.
type Operation[A any] struct {
	connectors.Action
	Check func(context.Context, A, Call) connectors.Finding
	Do    func(context.Context, A, Call) connectors.Outcome
	Probe func(context.Context, A, Call) connectors.Outcome
}

// Call is a use of an action with the defaults filled in.
type Call struct{ connectors.Call }

// Arg is an argument, without the blanks around it.
func (c Call) Arg(name string) string { return strings.TrimSpace(c.With[name]) }

// Limit is an argument that is a length of time.
func (c Call) Limit(name string, otherwise time.Duration) (time.Duration, error) {
	text := c.Arg(name)
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s: %q is no length of time; write 10s or 2m", name, text)
	}
	return d, nil
}

// Optional is an argument that may be left out.
func Optional(name, summary string) connectors.ActionParameter {
	return connectors.ActionParameter{Name: name, Summary: summary}
}

// Required is an argument that must be given.
func Required(name, summary string) connectors.ActionParameter {
	return connectors.ActionParameter{Name: name, Summary: summary, Required: true}
}

// List describes operations, in their order.
func List[A any](operations []Operation[A]) []connectors.Action {
	list := make([]connectors.Action, len(operations))
	for i, op := range operations {
		list[i] = op.Action
	}
	return list
}

// Table finds operations by name, for one actor and one run.
type Table[A any] struct {
	platform   string
	run        string
	now        func() time.Time
	operations map[string]Operation[A]
}

// NewTable makes the table of a platform's operations. Without a run, as while a plan
// is made, nothing is changed.
func NewTable[A any](platform, run string, now func() time.Time, operations []Operation[A]) *Table[A] {
	t := &Table[A]{platform: platform, run: run, now: now, operations: map[string]Operation[A]{}}
	for _, op := range operations {
		t.operations[op.Name] = op
	}
	return t
}

// prepare finds the operation and checks the names of its arguments.
func (t *Table[A]) prepare(given connectors.Call) (Operation[A], Call, error) {
	op, known := t.operations[given.Action]
	if !known {
		return op, Call{}, fmt.Errorf("there is no action %q; bcctl explain platform/%s lists them", given.Action, t.platform)
	}
	with := map[string]string{}
	for _, p := range op.Parameters {
		with[p.Name] = p.Default
		if value, ok := given.With[p.Name]; ok && value != "" {
			with[p.Name] = value
		}
		if p.Required && with[p.Name] == "" {
			return op, Call{}, fmt.Errorf("%s needs %q: %s", op.Name, p.Name, p.Summary)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given.With)) {
		if _, ok := with[name]; !ok {
			return op, Call{}, fmt.Errorf("%s takes no %q", op.Name, name)
		}
	}
	return op, Call{connectors.Call{Action: op.Name, With: with}}, nil
}

// Deadlines where the caller gives none. Every statement has one; a hung server
// costs its own time and no more.
const (
	CheckLimit  = 30 * time.Second
	changeLimit = 2 * time.Minute
)

// Bounded gives a context a deadline where it has none.
func Bounded(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

// Check answers a use of an action as a check.
func (t *Table[A]) Check(ctx context.Context, a A, given connectors.Call) connectors.Finding {
	ctx, cancel := Bounded(ctx, CheckLimit)
	defer cancel()
	f := t.answer(ctx, a, given)
	if f.Observed.IsZero() {
		f.Observed = t.now()
	}
	return f
}

func (t *Table[A]) answer(ctx context.Context, a A, given connectors.Call) connectors.Finding {
	op, c, err := t.prepare(given)
	if err != nil {
		return Unknown("", "%v", err)
	}
	if op.Check != nil {
		return op.Check(ctx, a, c)
	}
	return AsFinding(op.Probe(ctx, a, c))
}

// Do carries out a use of an action. One that only reads is answered.
func (t *Table[A]) Do(ctx context.Context, a A, given connectors.Call) connectors.Outcome {
	ctx, cancel := Bounded(ctx, changeLimit)
	defer cancel()
	op, c, err := t.prepare(given)
	switch {
	case err != nil:
		return Failed("", "%v", err)
	case op.Do == nil:
		return AsOutcome(op.Check(ctx, a, c))
	case t.run == "":
		return Failed("", "%s changes something, and there is no run", op.Name)
	}
	return op.Do(ctx, a, c)
}

// Probe tells whether the effect of a use of an action holds.
func (t *Table[A]) Probe(ctx context.Context, a A, given connectors.Call) connectors.Outcome {
	ctx, cancel := Bounded(ctx, CheckLimit)
	defer cancel()
	op, c, err := t.prepare(given)
	switch {
	case err != nil:
		return InDoubt("", "%v", err)
	case op.Probe == nil:
		return AsOutcome(op.Check(ctx, a, c))
	}
	return op.Probe(ctx, a, c)
}
