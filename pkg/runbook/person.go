package runbook

import (
	"context"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
)

// byPerson reports whether an operation is done, or decided, by a person.
func byPerson(op Operation) bool { return op.Manual != nil || op.Approval != nil }

// asked asks a person who does a step, and looks whether what the person says is so: a
// yes that live state does not bear out is none. nobody says that there was no answer.
//
// What a person was asked to do may have been done without a word, or be done a minute
// later. So a point of no return that nobody answered about is in doubt, never not done.
func (f *flow) asked(l *leg, i int, task Task, mutates bool) (out connectors.Outcome, by string, nobody bool) {
	step := l.Steps[i]
	ctx := f.ctx
	if l.inside(i) {
		ctx = f.work // a section is not left, whoever asks for it
	}
	ctx, cancel := context.WithTimeout(ctx, timeout(step.Timeout, f.limits.Person))
	defer cancel()
	a := f.People.Ask(ctx, task)
	switch {
	case !a.Given:
		out := connectors.Outcome{State: connectors.NotDone, Code: CodeNobodyThere, Message: a.Message}
		if mutates && !task.Undo && i == l.noReturn {
			out.State = connectors.InDoubt
		}
		return out, "", true
	case !a.Yes:
		return connectors.Outcome{State: connectors.Failed, Code: CodeStepFailed, Message: "answered no: " + a.Message}, a.By, false
	}
	// What was attested, by whom and when is what later steps rest on.
	facts := connectors.Facts{"evidence": strings.TrimSpace(a.By + " " + a.Message), "at": f.now().UTC().Format(time.RFC3339Nano)}
	out = connectors.Outcome{State: connectors.Done, Message: a.Message, Facts: facts}
	if step.Done == nil {
		return out, a.By, false
	}
	done, err := f.values(l, map[string]connectors.Facts{step.ID: facts}).fill(*step.Done)
	if err != nil {
		return connectors.Outcome{State: connectors.NotDone, Code: CodePlaceholder, Message: err.Error()}, a.By, false
	}
	task.Done = &done
	seen := f.shown(task, looksAtWord)
	if seen.State == connectors.Done {
		out.Message = strings.TrimSuffix(a.Message+"; live state agrees: "+seen.Message, ": ")
		return out, a.By, false
	}
	if seen.State != connectors.NotDone || mutates && !task.Undo && i == l.noReturn {
		seen.State = connectors.InDoubt // or it may show a moment later, like what nobody answered about
	}
	return connectors.Outcome{State: seen.State, Code: CodeProbeDisagrees, Message: "answered yes, and live state does not show it: " + seen.Message}, a.By, false
}

// looksAtWord is how often is looked whether what a person says is so: who is waiting for
// an answer is better told soon.
const looksAtWord = 2

// shown looks by a probe until it shows what was done, which may take a moment.
func (f *flow) shown(task Task, looks int) connectors.Outcome {
	for look := 1; ; look++ {
		seen := f.call(f.limits.Check, func(ctx context.Context) connectors.Outcome { return f.Doer.Probe(ctx, task) })
		if seen.State == connectors.Done || f.abandoned || look >= looks {
			return seen
		}
		time.Sleep(f.limits.Between)
	}
}

// askAgain finds out what can be told of a step that a person was asked to do when the
// run stopped; then the person is asked again. What live state shows is not attested by
// that, so it stays in doubt until somebody does.
func (f *flow) askAgain(l *leg, i int, about StepRef) error {
	step := l.Steps[i]
	e := Event{Kind: StepProbe, Member: about.Member, Step: about.Step, Try: about.Try, State: string(connectors.NotDone), Message: "it changes nothing and is done again"}
	if step.Manual == nil || !f.c.mutates(step) || i != l.noReturn {
		if f.c.mutates(step) {
			e.Message = "the person is asked again"
		}
		return f.record(e)
	}
	e.State, e.Code, e.Message = string(connectors.InDoubt), CodeNobodyThere, "nobody has attested it; the person is asked again"
	if task, err := f.task(l, step, false); err == nil && task.Done != nil {
		switch seen := f.call(f.limits.Check, func(ctx context.Context) connectors.Outcome { return f.Doer.Probe(ctx, task) }); seen.State {
		case connectors.Done:
			e.Message = "live state shows it, and nobody has attested it; the person is asked again. " + seen.Message
		case connectors.NotDone:
			e.State, e.Code, e.Message = string(connectors.NotDone), "", "the person is asked again. "+seen.Message
		default:
			e.Message = "live state cannot tell, and the person is asked again. " + seen.Message
		}
	}
	if f.broken != nil {
		return f.broken
	}
	return f.record(e)
}
