package cli

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/internal/execute"
	"github.com/bcctl/bcctl/internal/execute/journal"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// planFile keeps the plan a run began with, beside its journal.
func planFile(dir, run string) string { return filepath.Join(dir, run+".plan.json") }

// store is where the locks and the records of this run are, and the copy of its journal.
func (x *running) store() interface {
	ledger.Cells
	ledger.Records
} {
	if x.offline != "" {
		return hostLedger(x.offline)
	}
	return x.a.ledgerStore(x.r)
}

// gather brings the journal of this machine up to what other machines have said of the
// run, and folds it. What comes from a machine that was at work when it was heard of
// last may not be all that it did.
func (x *running) gather(ctx context.Context, dir string, j *journal.File) (*execute.Copy, error) {
	c := &execute.Copy{
		Cells: x.store(), Run: x.run, Plan: func() *runbook.Plan { return &x.plan },
		Whole: func() ([]runbook.Event, error) { return j.Events(ctx) },
	}
	lines, plan, err := c.Load(ctx)
	if err != nil {
		return nil, fail(exitNoAnswer, errors.Join(err, errors.New("whether another machine has gone on with the run is not known; nothing was started")), x.again+", once it answers")
	}
	if lines != nil {
		taken, err := j.Adopt(lines)
		if err != nil {
			return nil, fail(exitStopped, err, "look at "+journal.Path(dir, x.run))
		}
		if taken {
			if err := atomicfile.WriteMode(planFile(dir, x.run), plan, 0o600); err != nil {
				return nil, err
			}
			x.a.remark("the run is known from another machine; it goes on from what that one has said")
		}
	}
	events, err := j.Events(ctx)
	if err != nil {
		return nil, err
	}
	if x.state, err = runbook.Fold(events); err != nil {
		return nil, fail(exitStopped, err, "bcctl audit show, and look at "+journal.Path(dir, x.run))
	}
	if x.brought = j.Brought && x.state.Active; x.brought {
		x.state.Brought = x.state.NextAttempt()
		x.a.remark("the machine that ran it stopped in the middle: what it may have done is asked of the servers before it is done again")
	}
	return c, nil
}
