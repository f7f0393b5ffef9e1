package execute

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/verdict"
	"github.com/bcctl/bcctl/pkg/approval"
)

// counting is a Reader that numbers its readings.
type counting struct {
	readings int
	err      error
	until    <-chan struct{}
}

func (r *counting) Read(ctx context.Context, q verdict.Query) (verdict.Case, error) {
	if r.until != nil {
		select {
		case <-r.until:
		case <-ctx.Done():
			return verdict.Case{}, ctx.Err()
		}
	}
	r.readings++
	return verdict.Case{Case: approval.Case{Mode: q.Mode, Attempt: q.Attempt + 100*r.readings}}, r.err
}

// RUN-03: a reading that was begun early serves the first verification and none after it,
// and not even that one when it is old or of something else.
func TestRUN03AnEarlyReadingServesOnce(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	asked := verdict.Query{Pull: 7, Path: "requests/2026/r.yaml", Confirmation: 9}
	other := asked
	other.Checkout = "another commit"
	for name, c := range map[string]struct {
		first  verdict.Query
		later  time.Duration
		before int // readings after the first Read
	}{
		"taken":            {asked, youngReading, 1},
		"old":              {asked, youngReading + 1, 2},
		"from the future":  {asked, -1, 2},
		"something else":   {other, 0, 2},
		"taken right away": {asked, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, at := &counting{}, now
			e := Begin(t.Context(), r, asked, func() time.Time { return at })
			<-e.done
			at = now.Add(c.later)
			q := c.first
			q.Mode, q.Attempt = approval.ModeConfirm, 3
			k, err := e.Read(t.Context(), q)
			if err != nil || r.readings != c.before || k.Mode != approval.ModeConfirm || c.before == 1 && k.Attempt != 3 {
				t.Errorf("first: %d readings, mode %s, attempt %d, %v", r.readings, k.Mode, k.Attempt, err)
			}
			if k, err := e.Read(t.Context(), asked); err != nil || r.readings != c.before+1 || k.Attempt != 100*r.readings {
				t.Errorf("second: %d readings, attempt %d, %v", r.readings, k.Attempt, err)
			}
			e.Leave()
		})
	}
}

// What the early reading failed with is what the first verification says, and a reading
// that nobody takes ends when it is left.
func TestAnEarlyReadingThatFailsOrIsLeft(t *testing.T) {
	t.Parallel()
	away := errors.New("no answer")
	e := Begin(t.Context(), &counting{err: away}, verdict.Query{}, time.Now)
	if _, err := e.Read(t.Context(), verdict.Query{}); !errors.Is(err, away) {
		t.Errorf("it failed: %v", err)
	}
	e.Leave()
	e = Begin(t.Context(), &counting{until: make(chan struct{})}, verdict.Query{}, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Read(ctx, verdict.Query{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	e.Leave()
	if !errors.Is(e.err, context.Canceled) {
		t.Errorf("left: %v", e.err)
	}
}

// What was read first is as old as the reading: a slow one is not young because it has just
// ended.
func TestRUN03ASlowEarlyReadingIsOld(t *testing.T) {
	t.Parallel()
	asked := verdict.Query{Pull: 7, Path: "requests/2026/r.yaml", Confirmation: 9}
	for took, readings := range map[time.Duration]int{youngReading: 1, youngReading + 1: 2} {
		at, answered := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), make(chan struct{})
		r := &counting{until: answered}
		e := Begin(t.Context(), r, asked, func() time.Time { return at })
		at = at.Add(took)
		close(answered)
		if _, err := e.Read(t.Context(), asked); err != nil || r.readings != readings {
			t.Errorf("after %s: %d readings, want %d; %v", took, r.readings, readings, err)
		}
		e.Leave()
	}
}
