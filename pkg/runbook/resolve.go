package runbook

import (
	"context"
	"errors"
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

	// Sign lets the person sign it: about this step, after the line of the journal with
	// this hash. Nil: nobody signs.
	Sign func(about StepRef, after string) (Said, error)
}

// Resolve settles a step that is in doubt. The next start of the run goes on from
// there. Whether the person may decide it is not this function's business.
func Resolve(ctx context.Context, j Journal, r Resolution, now func() time.Time) (State, error) {
	events, s, err := folded(ctx, j)
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
	e, err := s.following(events, *d, StepResolved)
	if err != nil {
		return s, err
	}
	e.State, e.By, e.Message = string(connectors.NotDone), short(r.By), short(r.Reason)
	if r.Done {
		e.State = string(connectors.Done)
	}
	if r.Sign != nil {
		said, err := r.Sign(*d, e.Prev)
		if err != nil {
			return s, err
		}
		e.Said = &said
	}
	e.At = now().UTC()
	if err := s.Apply(e); err != nil {
		return s, err
	}
	return s, j.Append(ctx, e)
}

// Dispute says that an answer (step.resolved) does not count: the step is in doubt again.
func Dispute(ctx context.Context, j Journal, answer Event, why string, now time.Time) error {
	events, s, err := folded(ctx, j)
	if err != nil {
		return err
	}
	e, err := s.following(events, StepRef{Member: answer.Member, Step: answer.Step, Undo: answer.Undo, Try: answer.Try}, StepDisputed)
	if err != nil {
		return err
	}
	e.At, e.State, e.Message = now.UTC(), string(connectors.InDoubt), short(why)
	if err := s.Apply(e); err != nil {
		return err
	}
	return j.Append(ctx, e)
}

func folded(ctx context.Context, j Journal) ([]Event, State, error) {
	events, err := j.Events(ctx)
	if err != nil {
		return nil, State{}, err
	}
	s, err := Fold(events)
	return events, s, err
}

// following is an event about a step that comes after all that there are.
func (s *State) following(events []Event, about StepRef, kind EventKind) (Event, error) {
	if len(events) == 0 {
		return Event{}, errors.New("there is no run")
	}
	last, err := events[len(events)-1].Encode()
	return Event{V: EventVersion, Seq: s.next, Prev: HashLine(last), Run: s.Run, Attempt: s.Attempt, Kind: kind, Member: about.Member, Step: about.Step, Undo: about.Undo, Try: about.Try}, err
}

// Answers returns what was said of steps by persons, and what of that does not count, that no
// start has acted upon yet: each start that does claims its attempt first.
func Answers(events []Event) []Event {
	var list []Event
	for _, e := range events {
		switch e.Kind {
		case Claimed:
			list = nil
		case StepResolved, StepDisputed:
			list = append(list, e)
		}
	}
	return list
}

// Standing returns those answers of a list that are not disputed in it.
func Standing(answers []Event) []Event {
	var list []Event
	for i, e := range answers {
		disputed := false
		for _, later := range answers[i+1:] {
			if later.Member == e.Member && later.Step == e.Step && later.Undo == e.Undo {
				disputed = later.Kind == StepDisputed
				break
			}
		}
		if e.Kind == StepResolved && !disputed {
			list = append(list, e)
		}
	}
	return list
}
