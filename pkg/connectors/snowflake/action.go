package snowflake

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/failover"
)

var _ connectors.Operator = Factory{}

// operation is one action of this platform, and call a use of one.
type (
	operation = action.Operation[*actor]
	call      = action.Call
)

// Prefixes of actions: those on groups, and those on the connection that leads
// clients.
const (
	onGroup      = "snowflake.group/"
	onConnection = "snowflake.connection/"
)

func operations() []operation {
	return slices.Concat(groupChecks(), lossChecks(), refreshOperations(), scheduleOperations(), workOperations(), promotions(), postchecks(), connectionOperations())
}

// reads describes an action that only reads.
func reads(name, summary string, check func(context.Context, *actor, call) connectors.Finding, outputs []string, parameters ...connectors.ActionParameter) operation {
	return operation{
		Action: connectors.Action{Name: name, Summary: summary, Idempotent: true, Parameters: parameters, Outputs: outputs},
		Check:  check,
	}
}

// Actions implements connectors.Operator.
func (Factory) Actions() []connectors.Action { return action.List(operations()) }

// defaultPoll is how often something that goes on is looked at. Each look at the
// history of refreshes uses a warehouse, which would suspend after a minute.
const defaultPoll = 10 * time.Second

// OpenActor implements connectors.Operator.
func (f Factory) OpenActor(spec connectors.ActorSpec) (connectors.Actor, error) {
	if spec.From == "" || spec.To == "" {
		return nil, errors.New("the site that is left and the site that shall write are not given")
	}
	spec.KeepOpen, spec.Previous = false, nil
	c, err := f.Open(spec.Spec)
	if err != nil {
		return nil, err
	}
	a := &actor{spec: spec, c: c.(*Connector), poll: f.poll}
	if a.poll <= 0 {
		a.poll = defaultPoll
	}
	a.table = action.NewTable(f.Platform(), spec.Run, a.c.now, operations())
	return a, nil
}

// actor carries out the actions on the groups of one resource. What it decides by, it
// reads anew with the monitor credential, in every account; what it changes, it
// changes over a session of its own in one account, with the execute credential. It
// remembers nothing of a run: what became of a statement is asked of the account.
type actor struct {
	spec  connectors.ActorSpec
	c     *Connector
	table *action.Table[*actor]
	poll  time.Duration

	seen *sight // the last look while a plan is made; a run has none
}

var _ connectors.Actor = (*actor)(nil)

// Check implements connectors.Actor.
func (a *actor) Check(ctx context.Context, c connectors.Call) connectors.Finding {
	return a.table.Check(ctx, a, c)
}

// Do implements connectors.Actor.
func (a *actor) Do(ctx context.Context, c connectors.Call) connectors.Outcome {
	return a.table.Do(ctx, a, c)
}

// Probe implements connectors.Actor.
func (a *actor) Probe(ctx context.Context, c connectors.Call) connectors.Outcome {
	return a.table.Probe(ctx, a, c)
}

// Close implements connectors.Actor.
func (a *actor) Close() error { return a.c.Close() }

// groups are the declared groups, in the order in which they are promoted.
func (a *actor) groups() []string { return a.c.set.Groups }

// at is the account of a site: the first endpoint there that is not optional.
func (a *actor) at(site string) int {
	found := -1
	for i, ep := range a.spec.Endpoints {
		if ep.Site == site && (found < 0 || a.spec.Endpoints[found].Optional && !ep.Optional) {
			found = i
		}
	}
	return found
}

// tag marks the statements of one step, so that they are found again by whoever goes
// on with the run.
func (a *actor) tag(step string) string { return "bcctl:" + a.spec.Run + ":" + step }

// pause waits until the next look, or reports false when the time is over.
func (a *actor) pause(ctx context.Context) bool {
	timer := time.NewTimer(a.poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Markers implements connectors.Actor: newest snapshots, and for a primary its clock.
func (a *actor) Markers(ctx context.Context) []connectors.Marker {
	ctx, cancel := action.Bounded(ctx, action.CheckLimit)
	defer cancel()
	s := a.look(ctx, everyHistory)
	var list []connectors.Marker
	for _, acc := range s.accounts {
		m := connectors.Marker{Node: acc.Name, Site: acc.Site, Role: "unknown", Kind: "snapshot", ObservedAt: acc.CollectedAt}
		if m.ObservedAt.IsZero() {
			m.ObservedAt = a.c.now()
		}
		s.marker(acc, &m)
		list = append(list, m)
	}
	return list
}

func (s *sight) marker(acc *failover.Account, m *connectors.Marker) {
	if bad := s.proved(acc); bad != nil {
		m.Failure = bad.Message
		return
	}
	var oldest *time.Time
	for i := range s.a.groups() {
		row := s.Row(i, acc)
		switch {
		case row == nil || row.IsPrimary == nil:
			m.Role, m.Failure = "unknown", acc.Name+" does not show what it is for "+s.a.groups()[i]
			return
		case *row.IsPrimary:
			m.Role = "primary"
		case m.Role == "unknown":
			m.Role = "standby"
		}
		if *row.IsPrimary {
			continue
		}
		snapshot, bad := s.snapshot(i, acc)
		if bad != nil {
			m.Failure = bad.Message
			return
		}
		if oldest == nil || snapshot.Before(*oldest) {
			oldest = &snapshot
		}
	}
	switch {
	case oldest != nil:
		m.Position = stamp(*oldest)
		lag := max(acc.Self.Clock.Sub(*oldest), 0).Milliseconds()
		m.LagMillis = &lag
	case acc.Self.Clock.IsZero():
		m.Failure = acc.Name + " did not tell its time"
	default:
		m.Position = stamp(acc.Self.Clock)
	}
}

// stamp writes a moment as facts have it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
