// Package execute does what a plan says: it is the hands of runbook.Runner. It calls
// the actions of platforms, runs programs, makes requests, asks resolvers, and waits;
// it connects the runner with locks, approvals and the audit log.
//
// It decides nothing about what may be done next: that is pkg/runbook.
package execute

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/config/secretref"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Secrets resolves references, as late as possible.
type Secrets interface {
	Value(ctx context.Context, ref secretref.Ref) (string, error)
}

// Doer carries out operations. It implements runbook.Doer for one run; Close ends
// it.
type Doer struct {
	Registry connectors.Registry

	// Spec says how a resource is reached, with the credentials that a run may use.
	Spec func(resource string) (connectors.Spec, bool)

	Commands Commands
	Secrets  Secrets
	Now      func() time.Time

	actors map[string]connectors.Actor
}

var _ runbook.Doer = (*Doer)(nil)

// Catalog finds actions by name, over all platforms of this build.
func (d *Doer) Catalog(name string) (connectors.Action, bool) { return Catalog(d.Registry)(name) }

// Catalog lists what runbooks may use with the platforms of a registry.
func Catalog(registry connectors.Registry) runbook.Catalog {
	actions := map[string]connectors.Action{}
	for _, f := range registry {
		if o, ok := f.(connectors.Operator); ok {
			for _, a := range o.Actions() {
				actions[a.Name] = a
			}
		}
	}
	return func(name string) (connectors.Action, bool) {
		a, ok := actions[name]
		return a, ok
	}
}

// actor returns the actor of a member for this run.
func (d *Doer) actor(t runbook.Task) (connectors.Actor, error) {
	if a, ok := d.actors[t.Member.Resource]; ok {
		return a, nil
	}
	o, ok := d.Registry[t.Member.Platform].(connectors.Operator)
	if !ok {
		return nil, fmt.Errorf("this bcctl cannot change %s", t.Member.Platform)
	}
	spec, ok := d.Spec(t.Member.Resource)
	if !ok {
		return nil, fmt.Errorf("there is no resource %q", t.Member.Resource)
	}
	a, err := o.OpenActor(connectors.ActorSpec{Spec: spec, Run: t.Run, From: t.Member.From, To: t.Member.To, Fence: t.Fence})
	if err != nil {
		return nil, err
	}
	if d.actors == nil {
		d.actors = map[string]connectors.Actor{}
	}
	d.actors[t.Member.Resource] = a
	return a, nil
}

// Close releases every connection.
func (d *Doer) Close() error {
	var errs []error
	for _, a := range d.actors {
		errs = append(errs, a.Close())
	}
	d.actors = nil
	return errors.Join(errs...)
}

// Check implements runbook.Doer.
func (d *Doer) Check(ctx context.Context, t runbook.Task) connectors.Finding {
	return d.check(ctx, t, false)
}

// check answers a check; anew, by nothing that was seen before.
func (d *Doer) check(ctx context.Context, t runbook.Task, anew bool) connectors.Finding {
	if t.Operation.Uses != "" {
		a, err := d.actor(t)
		if err != nil {
			return connectors.Finding{Result: connectors.Unknown, Message: err.Error(), Observed: d.Now()}
		}
		return a.Check(ctx, connectors.Call{Action: t.Operation.Uses, With: t.Operation.With, Anew: anew})
	}
	if t.Operation.SQL != nil {
		return d.asks(ctx, t)
	}
	out := d.look(ctx, t.Operation)
	f := connectors.Finding{Result: connectors.Unknown, Code: out.Code, Message: out.Message, Facts: out.Facts, Observed: d.Now()}
	switch out.State {
	case connectors.Done:
		f.Result = connectors.Passed
	case connectors.NotDone:
		f.Result = connectors.Refused
	}
	return f
}

// Do implements runbook.Doer.
func (d *Doer) Do(ctx context.Context, t runbook.Task) connectors.Outcome {
	op := t.Operation
	switch {
	case op.Uses != "":
		return d.uses(ctx, t)
	case op.Command != nil:
		return d.Commands.do(ctx, d.Secrets, *op.Command)
	case op.HTTP != nil:
		return d.request(ctx, *op.HTTP, true)
	case op.DNSVerify != nil:
		return d.resolves(ctx, *op.DNSVerify, true)
	case op.Wait != nil:
		return d.wait(ctx, t, *op.Wait)
	case op.SQL != nil:
		return d.says(ctx, t)
	default:
		return failed("nothing is known of this operation")
	}
}

func failed(text string, args ...any) connectors.Outcome {
	return connectors.Outcome{State: connectors.Failed, Message: fmt.Sprintf(text, args...)}
}

func doubt(text string, args ...any) connectors.Outcome {
	return connectors.Outcome{State: connectors.InDoubt, Message: fmt.Sprintf(text, args...)}
}

// uses calls an action of the platform. One that only reads is a check: the step is
// done when it passes.
func (d *Doer) uses(ctx context.Context, t runbook.Task) connectors.Outcome {
	a, err := d.actor(t)
	if err != nil {
		return failed("%s", err)
	}
	call := connectors.Call{Action: t.Operation.Uses, With: t.Operation.With, Anew: true}
	if action, ok := d.Catalog(call.Action); !ok || action.Changes {
		return a.Do(ctx, call)
	}
	f := a.Check(ctx, call)
	if f.Result != connectors.Passed {
		// As a step it may wait for what is not so yet, such as a drain.
		if out := a.Do(ctx, call); out.State == connectors.Done {
			return out
		}
	}
	return answered(f)
}

// Probe implements runbook.Doer.
func (d *Doer) Probe(ctx context.Context, t runbook.Task) connectors.Outcome {
	switch {
	case t.Operation.Uses != "" && (t.Undo || t.Done == nil):
		a, err := d.actor(t)
		if err != nil {
			return doubt("%s", err)
		}
		return a.Probe(ctx, connectors.Call{Action: t.Operation.Uses, With: t.Operation.With})
	case t.Done == nil:
		return doubt(runbook.NoProbe)
	}
	out := d.probe(ctx, t)
	if out.State != connectors.NotDone || t.Operation.SQL == nil {
		return out
	}
	// A statement whose answer was lost may still be under way: that its effect is not
	// there counts once it is over.
	why := d.settled(ctx, t)
	if out = d.probe(ctx, t); out.State == connectors.NotDone && why != "" {
		return doubt("%s; %s", out.Message, why)
	}
	return out
}

// probe asks by the probe of the runbook.
func (d *Doer) probe(ctx context.Context, t runbook.Task) connectors.Outcome {
	probe := t
	probe.Operation = *t.Done
	f := d.check(ctx, probe, true)
	out := connectors.Outcome{State: connectors.InDoubt, Code: f.Code, Message: f.Message}
	switch f.Result {
	case connectors.Passed:
		out.State = connectors.Done
	case connectors.Refused:
		out.State = connectors.NotDone
	}
	if t.Undo {
		// It is taken back when the step's own effect does not hold any more.
		switch out.State {
		case connectors.Done:
			out.State = connectors.NotDone
		case connectors.NotDone:
			out.State = connectors.Done
		}
	}
	return out
}

// look answers an operation that changes nothing.
func (d *Doer) look(ctx context.Context, op runbook.Operation) connectors.Outcome {
	switch {
	case op.Command != nil:
		return d.Commands.ask(ctx, d.Secrets, *op.Command)
	case op.HTTP != nil:
		return d.request(ctx, *op.HTTP, false)
	case op.DNSVerify != nil:
		return d.resolves(ctx, *op.DNSVerify, false)
	default:
		return doubt(runbook.CannotBeAsked, strings.Join(op.Kinds(), ", "))
	}
}

// Markers implements runbook.Doer.
func (d *Doer) Markers(ctx context.Context, m runbook.MemberPlan) []connectors.Marker {
	a, ok := d.actors[m.Resource]
	if !ok {
		return nil // nothing has asked the platform yet, so nothing is known
	}
	return a.Markers(ctx)
}

// wait waits for a time, or until an indicator is on the good side of its limit.
func (d *Doer) wait(ctx context.Context, t runbook.Task, w runbook.Wait) connectors.Outcome {
	if w.For != nil {
		timer := time.NewTimer(w.For.Std())
		defer timer.Stop()
		select {
		case <-timer.C:
			return connectors.Outcome{State: connectors.Done, Message: "waited " + w.For.String()}
		case <-ctx.Done():
			return connectors.Outcome{State: connectors.NotDone, Message: fmt.Sprintf(runbook.TooShort, w.For)}
		}
	}
	last := "it was not read"
	for {
		value, err := d.indicator(ctx, t, w)
		switch {
		case err != nil:
			last = err.Error()
		case w.AtMost != nil && value.number <= value.limit, w.AtLeast != nil && value.number >= value.limit:
			return connectors.Outcome{State: connectors.Done, Message: fmt.Sprintf("%s is %g", w.Indicator, value.number)}
		default:
			last = fmt.Sprintf("%s is %g, and the limit %g", w.Indicator, value.number, value.limit)
		}
		timer := time.NewTimer(2 * time.Second)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return connectors.Outcome{State: connectors.Failed, Message: last}
		}
	}
}

type measured struct{ number, limit float64 }

// indicator reads one indicator now, from the servers; of several nodes the worst
// counts.
func (d *Doer) indicator(ctx context.Context, t runbook.Task, w runbook.Wait) (measured, error) {
	f, ok := d.Registry[t.Member.Platform]
	spec, known := d.Spec(t.Member.Resource)
	if !ok || !known {
		return measured{}, fmt.Errorf("%s cannot be read", t.Member.Resource)
	}
	limit := w.AtMost
	if limit == nil {
		limit = w.AtLeast
	}
	var m measured
	found := false
	for _, i := range f.Indicators() {
		if i.ID == w.Indicator {
			var err error
			if m.limit, err = limit.In(i.Unit); err != nil {
				return m, err
			}
			found = true
		}
	}
	if !found {
		return m, fmt.Errorf("there is no indicator %s", w.Indicator)
	}
	c, err := f.Open(spec)
	if err != nil {
		return m, err
	}
	defer c.Close()
	observations, err := c.Collect(ctx)
	if err != nil {
		return m, err
	}
	seen := false
	for _, o := range observations {
		if o.Indicator != w.Indicator {
			continue
		}
		n, isNumber := o.Value.Number()
		if o.Failure != nil || !isNumber {
			return m, fmt.Errorf("%s could not be read everywhere", w.Indicator)
		}
		if !seen || w.AtMost != nil && n > m.number || w.AtLeast != nil && n < m.number {
			m.number = n
		}
		seen = true
	}
	if !seen {
		return m, fmt.Errorf("%s was not read", w.Indicator)
	}
	return m, nil
}
