package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/execute"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// terminalPeople asks who sits at the terminal. Where nobody does, the run is held.
type terminalPeople struct {
	a        *app
	guard    *execute.Guard
	progress *runProgress
	catalog  runbook.Catalog
}

// has reports whether who confirmed has a role as well.
func (t terminalPeople) has(role string) bool {
	return slices.ContainsFunc(t.guard.Case.Roster.Spec.People, func(p approval.Person) bool {
		return p.ID == t.guard.Person && slices.Contains(p.Roles, approval.Role(role))
	})
}

// Ask implements runbook.People.
func (t terminalPeople) Ask(ctx context.Context, task runbook.Task) runbook.Answer {
	if !t.a.typedBy() {
		return runbook.Answer{Message: "nobody is at a terminal: run bcctl execute at one"}
	}
	role, text, ask := "operator", "", ""
	if m := task.Operation.Manual; m != nil {
		role, text, ask = m.Role, m.Instructions, m.Attest
	}
	if g := task.Operation.Approval; g != nil {
		role, ask = g.Role, g.Question
	}
	if role != "" && role != "operator" && !t.has(role) {
		return runbook.Answer{Message: "it is for a person in role " + role + ", who is not the one at this terminal"}
	}
	defer t.progress.asks()()
	term.Discard(t.a.Stdin) // a yes that was typed before is none to this
	looks := t.explain(ctx, task, text)
	fmt.Fprintf(t.a.Stderr, "Type yes if this is so, no if it is not: %s\n> ", term.Sanitize(ask))
	for range 3 {
		said, err := t.a.readLine(ctx)
		if err != nil || ctx.Err() != nil { // what is said too late is not said
			fmt.Fprintln(t.a.Stderr)
			return runbook.Answer{Message: "nobody answered in time"}
		}
		switch said {
		case "yes":
			if looks {
				fmt.Fprintln(t.a.Stderr, "bcctl looks whether it is so ...")
			}
			return runbook.Answer{Given: true, Yes: true, By: t.guard.Person, Message: "attested at the terminal"}
		case "no":
			return runbook.Answer{Given: true, By: t.guard.Person, Message: "answered no at the terminal"}
		}
		fmt.Fprint(t.a.Stderr, "yes or no\n> ")
	}
	return runbook.Answer{Message: "nobody answered yes or no"}
}

// explain says what is to be done, until when, and how bcctl will look whether it is so;
// it reports whether bcctl will.
func (t terminalPeople) explain(ctx context.Context, task runbook.Task, text string) bool {
	out := t.a.Stderr
	what, done := task.Member.Resource+"/"+task.ID, task.Done
	if i := slices.IndexFunc(task.Member.Steps, func(s runbook.Step) bool { return s.ID == task.ID }); i >= 0 {
		if what = task.Member.Resource + "/" + stepName(task.Member.Steps[i]); done == nil {
			done = task.Member.Steps[i].Done
		}
	}
	if task.Undo {
		what = "taking back " + what
	}
	limit := ""
	if at, ok := ctx.Deadline(); ok {
		// The context has the machine's clock, and people read the one of this process.
		left := time.Until(at).Round(time.Second)
		limit = fmt.Sprintf(", by %s (in %s)", t.a.Now().Add(left).Local().Format("15:04:05"), left)
	}
	fmt.Fprintf(out, "\n%s\nfor %s%s; %s\n\n", term.Sanitize(what), t.guard.Person, limit, t.progress.times())
	for line := range strings.Lines(text) {
		fmt.Fprintln(out, strings.TrimRight("  "+term.Sanitize(strings.TrimRight(line, "\r\n")), " "))
	}
	if text != "" {
		fmt.Fprintln(out)
	}
	if done == nil {
		return false
	}
	seen := render.Operation(*done)
	if a, ok := t.catalog(done.Uses); ok && done.Uses != "" {
		seen = a.Summary
	}
	if task.Undo {
		seen = "that this does not hold any more: " + seen
	}
	fmt.Fprintf(out, "After a yes bcctl looks itself: %s.\n", term.Sanitize(seen))
	return true
}
