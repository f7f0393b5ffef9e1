package execute

import (
	"context"
	"errors"
	"testing"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// step is a sink that writes down what it is asked for.
type step struct {
	name string
	err  error
	log  *[]string
}

func (s step) Put(context.Context, []runbook.Event) error {
	*s.log = append(*s.log, s.name)
	return s.err
}

// early is a sink that begins before it puts.
type early struct{ step }

func (s early) begin(ctx context.Context, events []runbook.Event) (func(context.Context) error, func()) {
	*s.log = append(*s.log, s.name+" begins")
	return func(ctx context.Context) error { return s.Put(ctx, events) }, func() { *s.log = append(*s.log, s.name+" is left") }
}

// A sink begins while the others take the events, and adds nothing where another machine
// has gone on with the run. One that does not answer keeps no other from taking them.
func TestSI02WhatBeginsEarlyPutsInTurn(t *testing.T) {
	t.Parallel()
	away := errors.New("no answer")
	for _, c := range []struct {
		err  error
		want []string
	}{
		{nil, []string{"log begins", "copy", "log", "log is left"}},
		{away, []string{"log begins", "copy", "log", "log is left"}},
		{ErrOvertaken, []string{"log begins", "copy", "log is left"}},
	} {
		var log []string
		err := Sinks{step{"copy", c.err, &log}, early{step{"log", nil, &log}}}.Put(t.Context(), nil)
		if !errors.Is(err, c.err) || len(log) != len(c.want) {
			t.Errorf("%v: %v, %v", c.err, log, err)
			continue
		}
		for i := range log {
			if log[i] != c.want[i] {
				t.Errorf("%v: %v, want %v", c.err, log, c.want)
				break
			}
		}
	}
}
