package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var _ connectors.Operator = Factory{}

// operation is one action of this platform, and call a use of one.
type (
	operation = action.Operation[*actor]
	call      = action.Call
)

// operations lists everything there is.
func operations() []operation {
	return slices.Concat(prechecks(), failoverChecks(), postchecks(), planned(), takeover(), afterwards(), drills(), patroniActions())
}

// Actions implements connectors.Operator.
func (Factory) Actions() []connectors.Action { return action.List(operations()) }

// OpenActor implements connectors.Operator.
func (f Factory) OpenActor(spec connectors.ActorSpec) (connectors.Actor, error) {
	if spec.From == "" || spec.To == "" {
		return nil, errors.New("the site that is left and the site that shall write are not given")
	}
	spec.KeepOpen = false
	spec.Previous = positionsOnly(spec.Previous)
	c, err := f.Open(spec.Spec)
	if err != nil {
		return nil, err
	}
	a := &actor{spec: spec, c: c.(*Connector), started: map[time.Time]string{}}
	a.table = action.NewTable(f.Platform(), spec.Run, a.c.now, operations())
	return a, nil
}

// positionsOnly leaves of what earlier checks recorded how far a server had come. It
// bounds a loss from below; nothing a run decides may come from there (SI-8).
func positionsOnly(recorded func(string, readiness.ID) (readiness.Observation, bool)) func(string, readiness.ID) (readiness.Observation, bool) {
	if recorded == nil {
		return nil
	}
	return func(endpoint string, id readiness.ID) (readiness.Observation, bool) {
		if id != positionID {
			return readiness.Observation{}, false
		}
		return recorded(endpoint, id)
	}
}

// actor carries out the actions of one resource. What it decides by, it reads
// anew with the monitor credential; what it changes, it changes over a connection
// of its own with the execute credential.
type actor struct {
	spec  connectors.ActorSpec
	c     *Connector
	table *action.Table[*actor]

	seen    *view                // the last look, for checks that follow each other at once
	sharing bool                 // such a check is under way
	silent  map[int]silence      // endpoints that let their whole deadline pass, and have not answered since
	anew    time.Time            // when was last asked to see everything anew
	started map[time.Time]string // which endpoint answered as which server, by the moment it started
	primary settings             // of the last primary that was seen in this run
	asked   bool                 // this process has asked for the promotion
}

var _ connectors.Actor = (*actor)(nil)

// Check implements connectors.Actor.
func (a *actor) Check(ctx context.Context, given connectors.Call) connectors.Finding {
	if given.Anew {
		a.forget()
	}
	a.sharing = !given.Anew
	defer func() { a.sharing = false }()
	return a.table.Check(ctx, a, given)
}

// Do implements connectors.Actor.
func (a *actor) Do(ctx context.Context, given connectors.Call) connectors.Outcome {
	a.forget()
	defer a.forget()
	return a.table.Do(ctx, a, given)
}

// Probe implements connectors.Actor.
func (a *actor) Probe(ctx context.Context, given connectors.Call) connectors.Outcome {
	a.forget()
	return a.table.Probe(ctx, a, given)
}

// Close implements connectors.Actor.
func (a *actor) Close() error { return a.c.Close() }
