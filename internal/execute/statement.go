package execute

import (
	"context"
	"slices"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// speaker returns the actor of a member, where its platform takes statements.
func (d *Doer) speaker(t runbook.Task) (connectors.SQLActor, *connectors.Outcome) {
	a, err := d.actor(t)
	if err != nil {
		out := failed("%s", err)
		return nil, &out
	}
	s, ok := a.(connectors.SQLActor)
	if !ok {
		out := failed("bcctl sends no statements to %s; use an action of the platform, or a command", t.Member.Platform)
		return nil, &out
	}
	return s, nil
}

func side(s runbook.Side) connectors.Side {
	if s == runbook.Old {
		return connectors.SideFrom
	}
	return connectors.SideTo
}

func statement(s runbook.SQL) connectors.Statement {
	return connectors.Statement{Side: side(s.Side), Database: s.Database, Text: s.Statement, Expect: s.Expect}
}

// says carries out a statement. One of a step that changes nothing is a question, and
// asked with the login that can change nothing.
func (d *Doer) says(ctx context.Context, t runbook.Task) connectors.Outcome {
	s, bad := d.speaker(t)
	if bad != nil {
		return *bad
	}
	i := slices.IndexFunc(t.Member.Steps, func(step runbook.Step) bool { return step.ID == t.ID })
	if i < 0 || t.Undo || t.Member.Steps[i].Mutates == nil || *t.Member.Steps[i].Mutates {
		return s.DoStatement(ctx, statement(*t.Operation.SQL))
	}
	return answered(s.AskStatement(ctx, statement(*t.Operation.SQL)))
}

// asks answers a statement as a check.
func (d *Doer) asks(ctx context.Context, t runbook.Task) connectors.Finding {
	s, bad := d.speaker(t)
	if bad != nil {
		return connectors.Finding{Result: connectors.Unknown, Message: bad.Message, Observed: d.Now()}
	}
	return s.AskStatement(ctx, statement(*t.Operation.SQL))
}

// settled reports why a statement may still be under way at a server that did not
// answer it: until it is over, that its effect is not there says nothing.
func (d *Doer) settled(ctx context.Context, t runbook.Task) (why string) {
	s, bad := d.speaker(t)
	if bad != nil {
		return bad.Message
	}
	if f := s.SettledStatement(ctx, side(t.Operation.SQL.Side)); f.Result != connectors.Passed {
		return f.Message
	}
	return ""
}

// answered words what a step that only looks found.
func answered(f connectors.Finding) connectors.Outcome {
	out := connectors.Outcome{State: connectors.NotDone, Code: f.Code, Message: f.Message, Facts: f.Facts}
	switch f.Result {
	case connectors.Passed:
		out.State = connectors.Done
	case connectors.Refused, connectors.Warned:
		out.State = connectors.Failed
	}
	return out
}
