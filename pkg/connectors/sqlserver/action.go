package sqlserver

import (
	"context"
	"errors"
	"slices"
	"strings"
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
	judgement = func(context.Context, *actor, call) connectors.Finding
)

// Prefixes of actions: of an availability group, and of a distributed one.
const (
	plain       = "mssql.ag/"
	distributed = "mssql.dag/"
)

func operations() []operation {
	return slices.Concat(prechecks(), surroundings(), lossChecks(), waits(), modes(), roles(), distributedRoles(), resuming(), postchecks())
}

// reads describes an action that only reads, for one kind of group.
func reads(prefix, name, summary string, check judgement, outputs []string, parameters ...connectors.ActionParameter) []operation {
	return []operation{{
		Action: connectors.Action{Name: prefix + name, Summary: summary, Idempotent: true, Parameters: parameters, Outputs: outputs},
		Check: func(ctx context.Context, a *actor, c call) connectors.Finding {
			if bad := a.begin(ctx, prefix); bad != nil {
				return *bad
			}
			defer a.end()
			return check(ctx, a, c)
		},
	}}
}

// readsBoth is reads for both kinds.
func readsBoth(name, summary string, check judgement, outputs []string, parameters ...connectors.ActionParameter) []operation {
	return slices.Concat(reads(plain, name, summary, check, outputs, parameters...), reads(distributed, name, summary, check, outputs, parameters...))
}

// changes describes an action that changes something. What is of one kind of group
// does nothing to the other.
func changes(description connectors.Action, do, probe func(context.Context, *actor, call) connectors.Outcome) operation {
	description.Changes = true
	prefix, _, _ := strings.Cut(description.Name, "/")
	return operation{
		Action: description,
		Do: func(ctx context.Context, a *actor, c call) connectors.Outcome {
			if bad := a.begin(ctx, prefix+"/"); bad != nil {
				return action.NotBegun(*bad)
			}
			defer a.end()
			return do(ctx, a, c)
		},
		Probe: func(ctx context.Context, a *actor, c call) connectors.Outcome {
			if bad := a.begin(ctx, prefix+"/"); bad != nil {
				return action.InDoubt(bad.Code, "%s", bad.Message)
			}
			defer a.end()
			return probe(ctx, a, c)
		},
	}
}

// begin looks, and says that the actions of one kind of group were asked of the other.
// The call that follows begins with the same look.
func (a *actor) begin(ctx context.Context, prefix string) *connectors.Finding {
	p := a.look(ctx)
	if bad := p.unfit(prefix); bad != nil {
		return bad
	}
	a.first = p
	return nil
}

func (a *actor) end() { a.first = nil }

// unfit says that the actions of one kind of group were asked of the other.
func (p *picture) unfit(prefix string) *connectors.Finding {
	if p.group.distributed == (prefix == distributed) || !p.seen() {
		return nil
	}
	f := action.Refused(readiness.Conflict, "%s is an availability group, not a distributed one: use the procedures mssql.ag-…", p.groupName())
	if p.group.distributed {
		f = action.Refused(readiness.Conflict, "%s is a distributed availability group: use the procedures mssql.dag-…", p.groupName())
	}
	return &f
}

// seen reports whether any instance proved to belong to the resource.
func (p *picture) seen() bool { return slices.ContainsFunc(p.nodes, p.member) }

// Actions implements connectors.Operator.
func (Factory) Actions() []connectors.Action { return action.List(operations()) }

// OpenActor implements connectors.Operator.
func (f Factory) OpenActor(spec connectors.ActorSpec) (connectors.Actor, error) {
	if spec.From == "" || spec.To == "" {
		return nil, errors.New("the site that is left and the site that shall write are not given")
	}
	if form(spec.Spec) == formShipping {
		return nil, errors.New("bcctl changes availability groups; of log shipping it changes nothing in this version (mssql.manual guides people)")
	}
	spec.KeepOpen, spec.Previous = false, nil
	c, err := f.Open(spec.Spec)
	if err != nil {
		return nil, err
	}
	a := &actor{spec: spec, c: c.(*Connector)}
	a.table = action.NewTable(f.Platform(), spec.Run, a.c.now, operations())
	return a, nil
}

// actor carries out the actions on one group. What it decides by, it reads anew with
// the monitor credential, instance by instance; what it changes, it changes over a
// connection of its own to one instance, with the execute credential.
type actor struct {
	spec  connectors.ActorSpec
	c     *Connector
	table *action.Table[*actor]

	first  *picture // of the look with which a call begins
	last   *picture // of the last look, while a plan is made
	lastAt time.Time
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
