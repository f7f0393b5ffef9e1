package mongodb

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
)

var _ connectors.Operator = Factory{}

// prefix of all actions: the procedures of the platform share them.
const prefix = "mongodb.set/"

// operation is one action of this platform, and call a use of one.
type (
	operation = action.Operation[*actor]
	call      = action.Call
)

func operations() []operation {
	return slices.Concat(membershipChecks(), readinessChecks(), lossChecks(), changes(), postchecks(), measures())
}

// reads describes an action that only reads.
func reads(name, summary string, check func(context.Context, *actor, call) connectors.Finding, outputs []string, parameters ...connectors.ActionParameter) operation {
	return operation{
		Action: connectors.Action{Name: prefix + name, Summary: summary, Idempotent: true, Parameters: parameters, Outputs: outputs},
		Check:  check,
	}
}

// Actions implements connectors.Operator.
func (Factory) Actions() []connectors.Action { return action.List(operations()) }

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
	a := &actor{spec: spec, c: c.(*Connector), frozen: map[string]time.Time{}, thawed: map[string]bool{}}
	a.table = action.NewTable(f.Platform(), spec.Run, a.c.now, operations())
	return a, nil
}

// actor carries out the actions on one set. What it decides by, it reads anew with
// the monitor credential, member by member; what it changes, it changes over a
// connection of its own to one member, with the execute credential.
type actor struct {
	spec  connectors.ActorSpec
	c     *Connector
	table *action.Table[*actor]

	frozen map[string]time.Time // what this process froze, and until when at most
	thawed map[string]bool      // what it gave back
	sent   time.Time            // until when a step-down that was sent may be under way
}

var _ connectors.Actor = (*actor)(nil)

// Check implements connectors.Actor.
func (a *actor) Check(ctx context.Context, given connectors.Call) connectors.Finding {
	return a.table.Check(ctx, a, given)
}

// Do implements connectors.Actor.
func (a *actor) Do(ctx context.Context, given connectors.Call) connectors.Outcome {
	return a.table.Do(ctx, a, given)
}

// Probe implements connectors.Actor.
func (a *actor) Probe(ctx context.Context, given connectors.Call) connectors.Outcome {
	return a.table.Probe(ctx, a, given)
}

// Close implements connectors.Actor.
func (a *actor) Close() error { return a.c.Close() }
