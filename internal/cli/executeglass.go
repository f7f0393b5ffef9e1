package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/execute"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// glassNotice is how long telling of an emergency may take before the run goes on without
// it (BG-03).
const glassNotice = 20 * time.Second

// glass tells of the use of break-glass, and keeps its review: one comment on the pull
// request.
type glass struct {
	x     *running
	guard *execute.Guard
	due   time.Time
	told  bool
}

// glass connects a run with what the use of break-glass obliges to.
func (x *running) glass(g *execute.Guard, record *execute.Record, keeper *execute.Ledger) *glass {
	t := &glass{x: x, guard: g}
	keeper.Emergency = func() *approval.Emergency { return g.Verdict.Emergency }
	keeper.Used = func(ctx context.Context, due time.Time) {
		t.due = due
		err := t.tell(ctx, "It is about to begin.")
		t.told = err == nil
		record.Due, record.Untold = due, err != nil || len(g.Verdict.Emergency.Notify) > 0
		if err != nil {
			x.a.remark("break-glass: nobody could be told before the first change; it is recorded and tried again at the end (BG-03): %v", err)
		}
		if channels := g.Verdict.Emergency.Notify; len(channels) > 0 {
			x.a.remark("break-glass: this version tells nobody through %s; tell them yourself (BG-03)", strings.Join(channels, ", "))
		}
	}
	return t
}

// again says at the end what became of it; also where it could not be said before.
func (t *glass) again(ctx context.Context, end runbook.End) {
	if t.due.IsZero() {
		return
	}
	if err := t.tell(ctx, fmt.Sprintf("It ended: %s.", end.Kind)); err != nil {
		t.x.a.remark("break-glass: its review is not on the pull request: %v", err)
		return
	}
	fmt.Fprintf(t.x.a.Stderr, "break-glass was used: its review is due by %s. Next: bcctl review %s --result TEXT\n", t.due.Format(time.RFC3339), t.x.request.Name())
}

// tell makes the comment say how things are.
func (t *glass) tell(ctx context.Context, state string) error {
	ctx, cancel := context.WithTimeout(ctx, glassNotice)
	defer cancel()
	v := t.guard.Verdict
	e := v.Emergency
	if e == nil || t.x.forge == nil || t.x.found == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "## Break-glass: please review by %s\n\n%s %s of %s to %s, attempt confirmed by %s.\n\n", t.due.Format(time.RFC3339), state, v.Action, md(v.Target), md(v.Site), md(t.guard.Person))
	fmt.Fprintf(&b, "- Incident: %s\n- Reason: %s\n- Asked by: %s\n", md(e.Incident), md(e.Reason), md(e.Requester))
	for _, s := range v.Slots {
		fmt.Fprintf(&b, "- Approved as %s by %s\n", s.Role, md(s.Person))
	}
	if !e.Until.IsZero() {
		fmt.Fprintf(&b, "- Good until: %s\n", e.Until.Format(time.RFC3339))
	}
	for _, f := range v.Relaxed {
		fmt.Fprintf(&b, "- Lifted: %s %s %s\n", f.Rule, md(f.Subject), md(f.Message))
	}
	fmt.Fprintf(&b, "\nThe review is done by somebody else than who asked and who ran it: `bcctl review %s --result TEXT`. While it is overdue %s gets no other emergency.\n", t.x.request.Name(), md(e.Requester))
	_, err := t.x.forge.KeepComment(ctx, t.x.found, "break-glass", b.String())
	return err
}
