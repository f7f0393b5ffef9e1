package runbook

import (
	"context"
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
)

// Resolution is what a person says about a step that nobody can tell about.
type Resolution struct {
	Member string // may be empty when only one member has such a step
	Step   string
	Done   bool
	By     string // the person, by the id of the roster
	Reason string
}

// Resolve settles a step that is in doubt. The next start of the run goes on from
// there. Whether the person may decide it is not this function's business.
func Resolve(ctx context.Context, j Journal, r Resolution, now time.Time) (State, error) {
	events, err := j.Events(ctx)
	if err != nil {
		return State{}, err
	}
	s, err := Fold(events)
	if err != nil {
		return State{}, err
	}
	d := s.Doubt()
	switch {
	case s.Finished != "":
		return s, fmt.Errorf("%w (it %s)", ErrFinished, s.Finished)
	case d == nil:
		return s, fmt.Errorf("no step of run %s is in doubt", s.Run)
	case d.Step != r.Step || r.Member != "" && d.Member != r.Member:
		return s, fmt.Errorf("step %s is not in doubt; %s/%s is", r.Step, d.Member, d.Step)
	}
	last, err := events[len(events)-1].Encode()
	if err != nil {
		return s, err
	}
	e := Event{
		V: EventVersion, Seq: s.next, Prev: HashLine(last), At: now.UTC(), Run: s.Run, Attempt: s.Attempt, Kind: StepResolved,
		Member: d.Member, Step: d.Step, Undo: d.Undo, Try: d.Try, State: string(connectors.NotDone), By: short(r.By), Message: short(r.Reason),
	}
	if r.Done {
		e.State = string(connectors.Done)
	}
	if err := s.Apply(e); err != nil {
		return s, err
	}
	return s, j.Append(ctx, e)
}
