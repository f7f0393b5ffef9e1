package pgpair

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// patience is how long the laboratory waits for something a server does by
// itself: half a minute for a slow machine, and the time servers take to notice
// a silent peer.
func (l *Lab) patience() time.Duration {
	return 30*time.Second + 2*max(l.state.SenderTimeout, l.state.ReceiverTimeout)
}

// await asks a condition again and again until it holds, ctx ends or patience
// runs out. A condition that cannot be asked does not hold yet.
func (l *Lab) await(ctx context.Context, what string, condition func(context.Context) (bool, error)) error {
	limit := l.patience()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not so within %s", limit))
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		ok, err := ask(ctx, condition)
		if ok && err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, errors.Join(context.Cause(ctx), last))
		case <-tick.C:
		}
	}
}

// ask bounds one question: a hung server never answers.
func ask(ctx context.Context, condition func(context.Context) (bool, error)) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return condition(ctx)
}

// awaitCaughtUp waits until a standby streams and has replayed all its upstream
// has.
func (l *Lab) awaitCaughtUp(ctx context.Context, standby string) error {
	return l.await(ctx, standby+" to stream and catch up", func(ctx context.Context) (bool, error) {
		return l.caughtUp(ctx, standby)
	})
}

// allCaughtUp is the healthy state of the laboratory's replication.
func (l *Lab) allCaughtUp(ctx context.Context) (bool, error) {
	for _, standby := range l.standbys() {
		if ok, err := l.caughtUp(ctx, standby); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func (l *Lab) caughtUp(ctx context.Context, standby string) (bool, error) {
	n, err := l.Node(standby)
	if err != nil {
		return false, err
	}
	var upstream string
	if err := l.QueryRow(ctx, n.Upstream, `SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END)::text`, &upstream); err != nil {
		return false, err
	}
	return l.holds(ctx, standby, fmt.Sprintf(
		`SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') AND pg_last_wal_replay_lsn() >= '%s'::pg_lsn`, upstream))
}
