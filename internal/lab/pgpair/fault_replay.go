package pgpair

import (
	"context"
	"fmt"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// replayFaults are those of a standby that receives and does not apply.
func replayFaults() []fault {
	return []fault{
		{
			Fault:   Fault{Name: "pause-replay", Help: "pause replay on the standby and write to the primary", Shows: codes(readiness.ReplayPaused)},
			inject:  (*Lab).pauseReplay,
			visible: (*Lab).replayPaused,
			repair: func(l *Lab, ctx context.Context) error {
				return l.Exec(ctx, Standby, `SELECT pg_wal_replay_resume()`)
			},
			mended: (*Lab).allCaughtUp,
		},
		{
			Fault:   Fault{Name: "apply-delay", Help: "let the standby apply what it receives an hour late", Shows: codes(readiness.ApplyDelay)},
			inject:  (*Lab).delayApply,
			visible: (*Lab).backlogWithoutPause,
			repair:  resetting(Standby, "recovery_min_apply_delay"),
			mended:  (*Lab).allCaughtUp,
		},
		{
			Fault: Fault{Name: "low-parameter", Help: "raise max_connections on the primary above the standby's, which stops replay",
				Shows: codes(readiness.ParameterTooLow, readiness.ReplayPaused)},
			inject:  (*Lab).raiseOnPrimary,
			visible: (*Lab).stoppedByParameter,
			repair:  (*Lab).lowerOnPrimary,
			mended:  (*Lab).allCaughtUp,
		},
	}
}

const hasBacklog = `pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()`

func (l *Lab) pauseReplay(ctx context.Context) error {
	if err := l.Exec(ctx, Standby, `SELECT pg_wal_replay_pause()`); err != nil {
		return err
	}
	return l.loadOn(ctx, Primary, 100)
}

func (l *Lab) replayPaused(ctx context.Context) (bool, error) {
	return l.holds(ctx, Standby, `SELECT `+l.pausedSQL()+` AND `+hasBacklog)
}

func (l *Lab) delayApply(ctx context.Context) error {
	if err := l.Exec(ctx, Standby, `ALTER SYSTEM SET recovery_min_apply_delay = '1h'`, `SELECT pg_reload_conf()`); err != nil {
		return err
	}
	return l.loadOn(ctx, Primary, 100) // only commits are delayed
}

func (l *Lab) backlogWithoutPause(ctx context.Context) (bool, error) {
	return l.holds(ctx, Standby,
		`SELECT current_setting('recovery_min_apply_delay') = '1h' AND NOT `+l.pausedSQL()+` AND `+hasBacklog)
}

// raiseOnPrimary needs a restart of the primary: the standby learns of the new
// value from the WAL of the start.
func (l *Lab) raiseOnPrimary(ctx context.Context) error {
	if err := l.Exec(ctx, Primary, fmt.Sprintf(`ALTER SYSTEM SET max_connections = %d`, maxConnections+40)); err != nil {
		return err
	}
	return l.restart(ctx, Primary)
}

// stoppedByParameter: before version 14 the standby does not pause but exits.
func (l *Lab) stoppedByParameter(ctx context.Context) (bool, error) {
	if l.state.Binaries.Major < 14 {
		return l.isStopped(Standby)
	}
	return l.holds(ctx, Standby, `SELECT `+l.pausedSQL())
}

// lowerOnPrimary goes back in the order that never leaves a standby with less
// than the WAL asks for: resuming instead would shut it down.
func (l *Lab) lowerOnPrimary(ctx context.Context) error {
	for _, standby := range l.standbys() {
		if err := l.restartWith(ctx, standby, fmt.Sprintf("-c max_connections=%d", maxConnections+40)); err != nil {
			return err
		}
	}
	if err := l.await(ctx, "the standbys to catch up", l.allCaughtUp); err != nil {
		return err
	}
	if err := l.Exec(ctx, Primary, `ALTER SYSTEM RESET max_connections`); err != nil {
		return err
	}
	if err := l.restart(ctx, Primary); err != nil {
		return err
	}
	if err := l.await(ctx, "the standbys to catch up", l.allCaughtUp); err != nil {
		return err
	}
	for _, standby := range l.standbys() {
		if err := l.restart(ctx, standby); err != nil {
			return err
		}
	}
	return nil
}

// restartWith restarts a node with further options that are gone with the next
// start.
func (l *Lab) restartWith(ctx context.Context, node, options string) error {
	if err := l.StopNode(ctx, node); err != nil {
		return err
	}
	return l.start(ctx, node, options)
}

func (l *Lab) restart(ctx context.Context, node string) error { return l.restartWith(ctx, node, "") }

// resetting returns a repair that takes settings back and reloads.
func resetting(node string, names ...string) func(*Lab, context.Context) error {
	return func(l *Lab, ctx context.Context) error {
		var statements []string
		for _, name := range names {
			statements = append(statements, `ALTER SYSTEM RESET `+name)
		}
		return l.Exec(ctx, node, append(statements, `SELECT pg_reload_conf()`)...)
	}
}
