package logbook

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
)

// Run is what one run of this program writes to the log: batches of entries, one
// segment each, that nobody can take apart or put into another order later. What
// happens outside may go on only when the receipt of the batch before says that it
// is kept.
type Run struct {
	book *Book

	mu   sync.Mutex
	run  audit.Run
	view *audit.View // of the last batch; nil before the first
}

// NewRun begins a run. Nothing is written before its first batch.
func (b *Book) NewRun() *Run {
	return &Run{book: b, run: *audit.NewRun(b.Origin, b.now(), b.Tool)}
}

// ID is the run's id, as its entries have it.
func (r *Run) ID() string { return r.run.ID() }

// Kept says how safe a batch is.
type Kept uint8

// How safe a batch is, each better than the one before.
const (
	// Nowhere is the zero value: it is not kept, as if it had never been.
	Nowhere Kept = iota

	// Spooled is signed, and flushed to the disk of this machine: it survives a kill
	// and a reboot. bcctl audit recover brings it to the log with the same bytes.
	Spooled

	// Durable is in the log itself, on its remote where it has one, and read back.
	Durable
)

// Receipt is what became of a batch.
type Receipt struct {
	Segment string // its id
	SHA256  string // of its file
	Kept    Kept
	Trouble error // why it is not Durable
}

// keeper is a store that can keep a segment on this machine alone.
type keeper interface {
	Keep(audit.Signed) error
}

// Publish brings what is kept on this machine alone to the log.
func (r *Run) Publish(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	spool, ok := r.book.Store.(interface {
		Publish(context.Context) (int, error)
	})
	if !ok {
		return nil // a folder has no other place
	}
	_, err := spool.Publish(ctx)
	return err
}

// Append signs entries as the next segment of the run and appends it. The error is
// for a batch that is kept nowhere (an entry that says too little, a signer that
// does not sign, a full disk): what it would have announced must not be done. A
// batch that is kept on this machine alone is no error; Kept says so, and the caller
// decides whether that is enough.
//
// The first batch needs a log that verifies. Later ones are kept whatever became of
// the log meanwhile: who may write there must not be able to keep the end of a run
// out of the record.
//
// A canceled context cancels the append. What tells of the cancellation is appended
// with context.WithoutCancel and a deadline of its own.
func (r *Run) Append(ctx context.Context, entries ...audit.Entry) (Receipt, error) {
	return r.AppendAfter(ctx, r.Look(ctx), entries...)
}

// Look is a look at the log that goes on while something else is done.
type Look struct {
	done chan struct{}
	view audit.View
	err  error
}

// Look begins to look at the log, for the append that comes next. It ends with ctx.
func (r *Run) Look(ctx context.Context) *Look {
	l := &Look{done: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.view, l.err = r.book.Store.View(ctx)
	}()
	return l
}

// Wait returns when the look has ended.
func (l *Look) Wait() { <-l.done }

// AppendAfter is Append after a look that was begun already.
func (r *Run) AppendAfter(ctx context.Context, look *Look, entries ...audit.Entry) (Receipt, error) {
	look.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.book
	view, unseen := look.view, look.err
	if unseen != nil && r.view == nil {
		return Receipt{}, unseen
	}
	spool, ok := b.Store.(keeper)
	if unseen == nil || !ok {
		if unseen != nil {
			view = *r.view
		}
		return r.add(ctx, view, b.Store.Append, entries)
	}
	return r.add(ctx, *r.view, func(_ context.Context, s audit.Signed) error {
		if err := spool.Keep(s); err != nil {
			return errors.Join(err, unseen)
		}
		return fmt.Errorf("%w: %w", gitlog.ErrSpooled, unseen)
	}, entries)
}

// Others are branches of a clone's remote that are moved together with an append.
type Others struct {
	Dir, Remote string
	Moves       []git.RefChange
}

// ErrApart says that an append and what is to go with it cannot be one step, or were not:
// nothing of it was done.
var ErrApart = errors.New("the audit log is added to by a step of its own")

// AppendWith is AppendAfter where other branches are moved in the same step, all of it or
// nothing. With a receipt that is not Durable it is not known what became of the others.
func (r *Run) AppendWith(ctx context.Context, look *Look, others Others, entries ...audit.Entry) (Receipt, error) {
	look.Wait()
	log, ok := r.book.Store.(*gitlog.Log)
	if !ok || look.err != nil || !log.Beside(others.Dir, others.Remote) {
		return Receipt{}, ErrApart
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	receipt, err := r.add(ctx, look.view, func(ctx context.Context, s audit.Signed) error {
		return log.AppendWith(ctx, s, others.Moves)
	}, entries)
	if errors.Is(err, git.ErrMoved) {
		err = fmt.Errorf("%w: %w", ErrApart, err)
	}
	return receipt, err
}

// add signs entries by a view of the log, and appends them. The caller holds the lock.
func (r *Run) add(ctx context.Context, view audit.View, appendTo func(context.Context, audit.Signed) error, entries []audit.Entry) (Receipt, error) {
	if len(entries) == 0 {
		return Receipt{}, errors.New("append to the audit log: there is no entry")
	}
	b := r.book
	if err := view.Allows(b.Signer.ID()); err != nil {
		return Receipt{}, err
	}
	next := r.run // a batch that is kept nowhere leaves no gap
	segment, err := next.Open(b.now(), view, b.Signer.ID(), entries...)
	if err != nil {
		return Receipt{}, err
	}
	sidecar, err := b.Signer.Sign(ctx, b.Origin, segment)
	if err != nil {
		return Receipt{}, err
	}
	receipt := Receipt{Segment: segment.ID.String(), SHA256: segment.SHA256(), Kept: Durable}
	if err := appendTo(ctx, audit.Signed{Segment: segment, Sidecar: sidecar}); errors.Is(err, gitlog.ErrSpooled) {
		receipt.Kept, receipt.Trouble = Spooled, err
	} else if err != nil {
		return Receipt{}, err
	}
	r.run, r.view = next, &view
	return receipt, nil
}
