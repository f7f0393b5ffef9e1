package pgpair

import (
	"context"
	"errors"
	"fmt"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// linkFaults are those of slots and connections between the nodes.
func linkFaults() []fault {
	return []fault{
		{
			Fault: Fault{Name: "cut-replication", Help: "point the standby at a port where nobody listens",
				Shows: codes(readiness.ReceiverDown, readiness.StandbyAbsent)},
			inject:  (*Lab).cutReplication,
			visible: (*Lab).bothSidesCut,
			repair:  resetting(Standby, "primary_conninfo"),
			mended:  (*Lab).allCaughtUp,
		},
		{
			Fault: Fault{Name: "lose-slot", Help: "stop the standby, let its slot lose WAL it needs, start it again",
				Shows: codes(readiness.SlotLost, readiness.ReceiverDown)},
			inject:  (*Lab).loseSlot,
			visible: (*Lab).slotLost,
			repair:  (*Lab).regainSlot,
			mended:  (*Lab).allCaughtUp,
		},
		{
			Fault: Fault{Name: "inactive-slot", Help: "create a slot on the primary that nobody reads",
				Shows: codes(readiness.SlotInactive)},
			inject: func(l *Lab, ctx context.Context) error { return l.ensureSlot(ctx, Primary, leftOverSlot) },
			repair: func(l *Lab, ctx context.Context) error { return l.dropSlot(ctx, Primary, leftOverSlot) },
		},
	}
}

const leftOverSlot = "left_over"

// closedPort is one where nobody listens; it is refused at once.
const closedPort = 1

func (l *Lab) cutReplication(ctx context.Context) error {
	n, err := l.Node(Standby)
	if err != nil {
		return err
	}
	return l.Exec(ctx, Standby,
		fmt.Sprintf(`ALTER SYSTEM SET primary_conninfo = '%s'`, l.conninfo(n, closedPort)), `SELECT pg_reload_conf()`)
}

func (l *Lab) bothSidesCut(ctx context.Context) (bool, error) {
	if gone, err := l.senderGone(ctx); err != nil || !gone {
		return false, err
	}
	return l.receiverGone(ctx)
}

// loseSlot lowers both limits that keep WAL, and writes beyond them until a
// checkpoint removes what the standby has not got.
func (l *Lab) loseSlot(ctx context.Context) error {
	if err := l.StopNode(ctx, Standby); err != nil {
		return err
	}
	var needed string // the newest file the standby can still ask for
	if err := l.QueryRow(ctx, Primary, `SELECT pg_walfile_name(pg_current_wal_flush_lsn())`, &needed); err != nil {
		return err
	}
	if err := l.Exec(ctx, Primary, `ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'`, `ALTER SYSTEM SET wal_keep_size = 0`,
		`SELECT pg_reload_conf()`); err != nil {
		return err
	}
	for range 50 {
		if err := l.loadOn(ctx, Primary, 1); err != nil {
			return err
		}
		if err := l.Exec(ctx, Primary, `SELECT pg_switch_wal()`, `CHECKPOINT`); err != nil {
			return err
		}
		lost, err := l.slotLost(ctx)
		if err != nil {
			return err
		}
		if lost {
			return l.startWithout(ctx, needed)
		}
	}
	return errors.New("the slot still has its WAL after fifty files")
}

// startWithout starts the standby once a WAL file is gone from the primary. While
// archiving is behind, the file stays although its slot is lost, and a standby that
// finds it takes the slot up again as if nothing had been.
func (l *Lab) startWithout(ctx context.Context, file string) error {
	err := l.await(ctx, "the WAL that the standby needs to be removed", func(ctx context.Context) (bool, error) {
		if err := l.Exec(ctx, Primary, `SELECT pg_switch_wal()`, `CHECKPOINT`); err != nil {
			return false, err
		}
		return l.holds(ctx, Primary, `SELECT NOT EXISTS (SELECT FROM pg_ls_waldir() WHERE name = '`+file+`')`)
	})
	if err != nil {
		return err
	}
	return l.StartNode(ctx, Standby)
}

func (l *Lab) slotLost(ctx context.Context) (bool, error) {
	n, err := l.Node(Standby)
	if err != nil {
		return false, err
	}
	return l.holds(ctx, Primary, `SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '`+n.Slot()+`' AND wal_status = 'lost')`)
}

// regainSlot also copies what follows the standby: it may need WAL the new copy
// no longer has.
func (l *Lab) regainSlot(ctx context.Context) error {
	if err := resetting(Primary, "max_slot_wal_keep_size", "wal_keep_size")(l, ctx); err != nil {
		return err
	}
	return l.rebuild(ctx, l.standbys()...)
}
