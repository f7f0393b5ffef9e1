package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Ledger holds the locks of one run and writes what happens to its request. It
// implements runbook.Ledger.
type Ledger struct {
	Locks   *ledger.Locks
	Records ledger.Records
	Holder  ledger.Holder // Attempt and Person are filled in
	Path    string        // of the request's file

	// Offline says that the locks and records are those of this host alone. Each claim
	// then says which keys wait to be reconciled (OFF-06).
	Offline bool

	// Emergency is what the use of break-glass is recorded as, with the first claim, and
	// Used is called right after that; nil: there is none (BG-02 to BG-04).
	Emergency func() *approval.Emergency
	Used      func(ctx context.Context, due time.Time)

	// Claiming is called right before a claim is written; nil for nothing. Its error keeps
	// the attempt from being claimed.
	Claiming func(attempt int) error

	Now func() time.Time

	// Current reports, once the keys are held, that what was read before still stands; nil:
	// nothing was.
	Current func(context.Context) error

	// Person and Comment are who confirmed, and by which comment; zero: typed.
	Person  func() string
	Comment int64

	mu       sync.Mutex
	held     ledger.Held
	renewed  time.Time
	attempt  int
	finished runbook.Ending
	moved    []string
}

var _ runbook.Ledger = (*Ledger)(nil)

// renewAfter is how long a lock is held before its lease begins anew.
const renewAfter = time.Minute

// Attempting says which attempt the next lock is for.
func (l *Ledger) Attempting(n int) { l.attempt = n }

// Ended says that the run is over for good, and which members have another writer since.
// The record of it is written before the keys are given back, so that nobody can start it
// again, and that they are not protected yet is known to all (SI-37).
func (l *Ledger) Ended(how runbook.Ending, moved []string) { l.finished, l.moved = how, moved }

// Lock implements runbook.Ledger.
func (l *Ledger) Lock(ctx context.Context, run string, keys []string) (map[string]int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.Holder
	h.Run, h.Attempt, h.Person = run, l.attempt, l.Person()
	held, err := l.Locks.Take(ctx, keys, h)
	if errors.Is(err, ledger.ErrBusy) {
		return nil, fmt.Errorf("%w: %w", runbook.ErrLocked, err)
	}
	if err != nil {
		return nil, err
	}
	if l.Current != nil {
		if err := l.Current(ctx); err != nil {
			return nil, errors.Join(err, l.Locks.Release(ctx, held))
		}
	}
	l.held, l.renewed = held, l.Now()
	fences := map[string]int64{}
	for _, key := range held.Keys() {
		fences[key] = held.Fence(key)
	}
	return fences, nil
}

// Claim implements runbook.Ledger. The same run may find its own claim, written
// just before it was killed.
func (l *Ledger) Claim(ctx context.Context, run string, attempt int) error {
	if l.Claiming != nil {
		if err := l.Claiming(attempt); err != nil {
			return err
		}
	}
	if r, ok := l.Records.(ledger.Recaller); ok {
		// The verification just made has read it. What others have added since then may only
		// refuse the claim; whether it does is looked up.
		if all, ok := r.Recall(); ok {
			if err := l.claim(ctx, all, run, attempt); !errors.Is(err, runbook.ErrClaimed) {
				return err
			}
		}
	}
	all, err := l.Records.All(ctx)
	if err != nil {
		return err
	}
	return l.claim(ctx, all, run, attempt)
}

// claim writes what is not among all records yet.
func (l *Ledger) claim(ctx context.Context, all []ledger.Record, run string, attempt int) error {
	now := l.Now().UTC()
	h := ledger.Of(all, l.Holder.Request)
	var records []ledger.Record
	if len(h.Seen) == 0 {
		records = append(records, ledger.Record{Kind: ledger.Seen, Request: l.Holder.Request, Path: l.Path, Digest: l.Holder.Digest, At: now})
	}
	if !slices.ContainsFunc(h.Claims, func(c ledger.Record) bool { return c.Attempt == attempt && c.Run == run && c.Digest == l.Holder.Digest }) {
		records = append(records, ledger.Record{Kind: ledger.Claimed, Request: l.Holder.Request, Digest: l.Holder.Digest, Attempt: attempt, Run: run, At: now})
	}
	if l.Comment != 0 {
		records = append(records, ledger.Record{Kind: ledger.Confirmed, Request: l.Holder.Request, Comment: l.Comment, Attempt: attempt, At: now})
	}
	if l.Offline && !slices.ContainsFunc(all, func(r ledger.Record) bool { return r.Kind == ledger.Offline && r.Run == run && r.Attempt == attempt }) {
		records = append(records, ledger.Record{Kind: ledger.Offline, Request: l.Holder.Request, Digest: l.Holder.Digest, Attempt: attempt, Run: run, Keys: l.held.Keys(), Persons: []string{l.Person()}, At: now})
	}
	used, due := l.emergency(all, now)
	if used != nil {
		records = append(records, *used)
	}
	if len(records) == 0 {
		return nil
	}
	err := l.Records.Add(ctx, records...)
	if errors.Is(err, ledger.ErrExists) {
		return fmt.Errorf("%w: %w", runbook.ErrClaimed, err)
	}
	if err == nil && used != nil && l.Used != nil {
		l.Used(ctx, due)
	}
	return err
}

// emergency is the record of a use of break-glass, unless it is there: with the claim
// itself, so that none is without it.
func (l *Ledger) emergency(all []ledger.Record, now time.Time) (*ledger.Record, time.Time) {
	if l.Emergency == nil {
		return nil, time.Time{}
	}
	e := l.Emergency()
	if e == nil || slices.ContainsFunc(all, func(r ledger.Record) bool { return r.Kind == ledger.Emergency && r.Request == l.Holder.Request }) {
		return nil, time.Time{}
	}
	due := e.ReviewDue(now)
	return &ledger.Record{Kind: ledger.Emergency, Request: l.Holder.Request, Digest: l.Holder.Digest, Run: l.Holder.Run, Persons: []string{e.Requester}, Reason: e.Incident, Due: due, At: now}, due
}

// Held implements runbook.Ledger. It also renews the lease.
func (l *Ledger) Held(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.Locks.Verify(ctx, l.held)
	if err == nil && l.Now().Sub(l.renewed) >= renewAfter {
		var held ledger.Held
		if held, err = l.Locks.Renew(ctx, l.held); err == nil {
			l.held, l.renewed = held, l.Now()
		}
	}
	if errors.Is(err, ledger.ErrLost) {
		return fmt.Errorf("%w: %w", runbook.ErrLockLost, err)
	}
	return err
}

// Release implements runbook.Ledger.
func (l *Ledger) Release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.finished == "" {
		return l.Locks.Release(ctx, l.held)
	}
	end := ledger.Record{Kind: ledger.Finished, Request: l.Holder.Request, Digest: l.Holder.Digest, Run: l.Holder.Run, Result: string(l.finished), Moved: l.moved, At: l.Now().UTC()}
	// Where both are in one place the record and the keys go in one step. Whatever keeps that
	// from being so, they go one after the other, each as it is there by then.
	unclear := false
	both, joined := l.Records.(ledger.Joiner)
	if cells, ok := l.Locks.Cells.(ledger.Joiner); ok && joined && cells == both {
		err := l.Locks.ReleaseWith(ctx, both, l.held, end)
		if err == nil {
			return nil
		}
		unclear = !errors.Is(err, ledger.ErrMoved) && !errors.Is(err, ledger.ErrExists)
	}
	if err := l.Records.Add(ctx, end); err != nil && !errors.Is(err, ledger.ErrExists) {
		return err
	}
	err := l.Locks.Release(ctx, l.held)
	if unclear && errors.Is(err, ledger.ErrLost) {
		// The answer of the one step was lost: the keys are gone because it was made.
		if left, lookErr := l.Locks.Look(ctx, l.held.Keys()...); lookErr == nil && len(left) == 0 {
			return nil
		}
	}
	return err
}
