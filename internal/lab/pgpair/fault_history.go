package pgpair

import (
	"context"
	"errors"
	"fmt"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// historyFaults are those where two nodes wrote WAL the other has not.
func historyFaults() []fault {
	return []fault{
		{
			Fault:   Fault{Name: "split-brain", Help: "promote the standby while the primary runs, and write to both", Shows: codes(readiness.TwoWriters)},
			inject:  (*Lab).splitBrain,
			visible: (*Lab).bothWrite,
			repair:  func(l *Lab, ctx context.Context) error { return l.rebuild(ctx, l.standbys()...) },
			mended:  (*Lab).allCaughtUp,
		},
		{
			Fault: Fault{Name: "diverge", Help: "fail over with loss, then let the old primary follow without a rewind",
				Shows: codes(readiness.Diverged, readiness.PrimaryNotHome)},
			inject:  (*Lab).diverge,
			visible: (*Lab).refusedAsDiverged,
			repair:  (*Lab).failBack,
			mended:  (*Lab).allCaughtUp,
		},
	}
}

func (l *Lab) splitBrain(ctx context.Context) error {
	if err := l.promote(ctx, Standby); err != nil {
		return err
	}
	return errors.Join(l.loadOn(ctx, Primary, 10), l.loadOn(ctx, Standby, 10))
}

func (l *Lab) bothWrite(ctx context.Context) (bool, error) {
	for _, name := range []string{Primary, Standby} {
		if writable, err := l.holds(ctx, name, `SELECT NOT pg_is_in_recovery()`); err != nil || !writable {
			return false, err
		}
	}
	return true, nil
}

// diverge is a failover that goes wrong in the usual way: the standby had been
// cut off, the primary wrote on and died, the standby took over, and the old
// primary came back as its standby with what nobody else has. It writes more
// alone than its successor does after it, so that the successor's position minus
// its own is negative, which careless monitoring takes for no lag.
func (l *Lab) diverge(ctx context.Context) error {
	if err := l.Exec(ctx, Standby, `ALTER SYSTEM SET primary_conninfo = ''`, `SELECT pg_reload_conf()`); err != nil {
		return err
	}
	if err := l.await(ctx, "the standby to let go", l.receiverGone); err != nil {
		return err
	}
	if err := l.loadOn(ctx, Primary, 3000); err != nil {
		return err
	}
	if err := l.KillNode(ctx, Primary); err != nil {
		return err
	}
	if err := l.promote(ctx, Standby); err != nil {
		return err
	}
	if err := resetting(Standby, "primary_conninfo")(l, ctx); err != nil {
		return err
	}
	if err := l.recordReign(ctx, Standby); err != nil {
		return err
	}
	if err := l.loadOn(ctx, Standby, 10); err != nil {
		return err
	}
	old, err := l.Node(Primary)
	if err != nil {
		return err
	}
	if err := l.ensureSlot(ctx, Standby, old.Slot()); err != nil {
		return err
	}
	if err := l.makeStandby(old); err != nil {
		return err
	}
	return l.StartNode(ctx, Primary)
}

// refusedAsDiverged: the old primary is a standby past the point where its
// successor's history left its own, and the successor does not stream to it.
func (l *Lab) refusedAsDiverged(ctx context.Context) (bool, error) {
	fork, err := l.forkLSN(ctx, Standby)
	if err != nil {
		return false, err
	}
	past, err := l.holds(ctx, Primary, fmt.Sprintf(`SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() > '%s'::pg_lsn`, fork))
	if err != nil || !past {
		return false, err
	}
	return l.holds(ctx, Standby, `SELECT NOT EXISTS (
		SELECT FROM pg_stat_replication WHERE application_name = '`+Primary+`' AND state = 'streaming')`)
}

// failBack gives up what the old primary had alone: it becomes a copy of its
// successor and then takes over from it again by a switchover.
func (l *Lab) failBack(ctx context.Context) error {
	home, err := l.Node(Primary)
	if err != nil {
		return err
	}
	standby, err := l.Node(Standby)
	if err != nil {
		return err
	}
	if err := l.rebuild(ctx, Primary); err != nil {
		return err
	}
	if err := l.ensureSlot(ctx, Primary, standby.Slot()); err != nil {
		return err
	}
	if err := l.StopNode(ctx, Standby); err != nil { // waits until the other has it all
		return err
	}
	if err := l.promote(ctx, Primary); err != nil {
		return err
	}
	if err := l.recordReign(ctx, Primary); err != nil {
		return err
	}
	if err := l.makeStandby(standby); err != nil {
		return err
	}
	if err := l.StartNode(ctx, Standby); err != nil {
		return err
	}
	return l.dropSlot(ctx, Standby, home.Slot())
}
