package execute

import (
	"context"
	"errors"

	"github.com/bcctl/bcctl/internal/execute/journal"
	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Sinks are several places off this machine that all must have the journal. Where one
// does not take it the others are asked all the same, and all of them again the next
// time, each for what it may have.
type Sinks []journal.Sink

// beginner is a sink that can begin with what changes nothing while others take the same
// events. Either put or leave follows; leave gives up what was begun.
type beginner interface {
	begin(ctx context.Context, events []runbook.Event) (put func(context.Context) error, leave func())
}

// Put implements journal.Sink.
func (s Sinks) Put(ctx context.Context, events []runbook.Event) error {
	if s.together(ctx, events) {
		return nil
	}
	puts := make([]func(context.Context) error, len(s))
	for i, sink := range s {
		puts[i] = func(ctx context.Context) error { return sink.Put(ctx, events) }
		if b, ok := sink.(beginner); ok {
			var leave func()
			puts[i], leave = b.begin(ctx, events)
			defer leave()
		}
	}
	var errs []error
	for _, put := range puts {
		err := put(ctx)
		if errors.Is(err, ErrOvertaken) {
			return err // somebody else has the run, and keeps its record
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// rider is a sink whose part is the move of a branch, which can go in another one's push.
type rider interface {
	// ride prepares the move; arrived is to be called when it was made. An error keeps it
	// from going along, and is met again where it goes alone.
	ride(ctx context.Context) (others logbook.Others, arrived func(), err error)
}

// carrier is a sink that can take what rides along to where it pushes.
type carrier interface {
	// carry begins with what changes nothing. Push reports whether all of it got there;
	// where it does not, nothing of it was done, or what was is found when each goes alone.
	// Nil: there is nothing to bring, or not in this way.
	carry(ctx context.Context, events []runbook.Event) (push func(context.Context, logbook.Others) bool, leave func())
}

// together brings events to both sinks in one push: all of it or nothing, as is known when
// the branch of the second was read back. Where that is not possible each goes alone, in
// turn, and says what is wrong.
func (s Sinks) together(ctx context.Context, events []runbook.Event) bool {
	if len(s) != 2 {
		return false
	}
	first, rides := s[0].(rider)
	second, carries := s[1].(carrier)
	if !rides || !carries {
		return false
	}
	push, leave := second.carry(ctx, events)
	if push == nil {
		return false
	}
	defer leave()
	others, arrived, err := first.ride(ctx)
	if err != nil || !push(ctx, others) {
		return false
	}
	arrived()
	return true
}

// branches are cells that are branches of a clone's remote.
type branches interface {
	ledger.Cells
	Place() (dir, remote string)
	Moves(ctx context.Context, changes ...ledger.Change) ([]git.RefChange, map[string]string, error)
}

var (
	_ rider   = (*Copy)(nil)
	_ carrier = (*Record)(nil)
)

// errNoBranch says that the copy is in a place that has no branches.
var errNoBranch = errors.New("it is no branch")

// ride implements rider.
func (c *Copy) ride(ctx context.Context) (logbook.Others, func(), error) {
	cells, ok := c.Cells.(branches)
	if !ok {
		return logbook.Others{}, nil, errNoBranch
	}
	data, err := c.content()
	if err != nil {
		return logbook.Others{}, nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	moves, versions, err := cells.Moves(ctx, ledger.Change{Name: c.cell(), From: c.version, Data: data})
	if err != nil {
		return logbook.Others{}, nil, err
	}
	if c.tried == nil {
		c.tried = map[string]bool{}
	}
	version := versions[c.cell()]
	c.tried[version] = true
	dir, remote := cells.Place()
	return logbook.Others{Dir: dir, Remote: remote, Moves: moves}, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.version = version
		delete(c.tried, version)
	}, nil
}

// carry implements carrier. What waits signed on this machine goes first, and alone.
func (r *Record) carry(ctx context.Context, events []runbook.Event) (push func(context.Context, logbook.Others) bool, leave func()) {
	r.take(events)
	if len(r.waiting) == 0 || r.only != nil {
		return nil, nil
	}
	looking, cancel := context.WithCancel(ctx)
	look := r.Log.Look(looking)
	return func(ctx context.Context, others logbook.Others) bool {
			receipt, err := r.Log.AppendWith(ctx, look, others, r.waiting...)
			if err != nil {
				return false // it is kept nowhere
			}
			r.waiting, r.only = nil, receipt.Trouble
			return receipt.Kept == logbook.Durable
		}, func() {
			cancel()
			look.Wait()
		}
}
