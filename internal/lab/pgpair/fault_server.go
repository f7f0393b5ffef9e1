package pgpair

import (
	"context"
	"errors"
	"fmt"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// serverFaults are those of whole servers: stopped, killed, hung.
func serverFaults() []fault {
	return []fault{
		{
			Fault: Fault{Name: "stop-standby", Help: "stop the standby cleanly",
				Shows: codes(readiness.VisDR, readiness.StandbyAbsent)},
			inject:  func(l *Lab, ctx context.Context) error { return l.StopNode(ctx, Standby) },
			visible: (*Lab).senderGone,
			repair:  func(l *Lab, ctx context.Context) error { return l.StartNode(ctx, Standby) },
			mended:  (*Lab).allCaughtUp,
		},
		{
			Fault: Fault{Name: "hang-standby", Help: "pause every process of the standby: it accepts connections and never answers",
				Shows: codes(readiness.VisDR, readiness.StandbyAbsent)},
			inject:  func(l *Lab, _ context.Context) error { return l.pauseNode(Standby) },
			visible: (*Lab).senderGone, // after the primary's wal_sender_timeout
			repair:  func(l *Lab, _ context.Context) error { return l.resumeNode(Standby) },
			mended:  (*Lab).allCaughtUp,
		},
		{
			Fault: Fault{Name: "silent-standby", Help: "pause the standby's WAL receiver only: the standby answers and shows an old link as streaming",
				Shows: codes(readiness.TransportSilent)},
			inject:  (*Lab).pauseReceiver,
			visible: (*Lab).receiverSilent,
			repair:  func(l *Lab, _ context.Context) error { return l.resumeNode(Standby) },
			mended:  (*Lab).allCaughtUp,
		},
		{
			Fault: Fault{Name: "kill-primary", Help: "kill every process of the primary at once",
				Shows: codes(readiness.VisPrimary, readiness.PrimaryUnreachable)},
			inject:  func(l *Lab, ctx context.Context) error { return l.KillNode(ctx, Primary) },
			visible: (*Lab).receiverGone,
			repair:  func(l *Lab, ctx context.Context) error { return l.StartNode(ctx, Primary) },
			mended:  (*Lab).allCaughtUp,
		},
		{
			Fault: Fault{Name: "hang-primary", Help: "pause every process of the primary: it accepts connections and never answers",
				Shows: codes(readiness.VisPrimary, readiness.PrimaryUnreachable)},
			inject:  func(l *Lab, _ context.Context) error { return l.pauseNode(Primary) },
			visible: (*Lab).receiverGone, // after the standby's wal_receiver_timeout
			repair:  func(l *Lab, _ context.Context) error { return l.resumeNode(Primary) },
			mended:  (*Lab).allCaughtUp,
		},
	}
}

func (l *Lab) pauseNode(name string) error {
	n, err := l.Node(name)
	if err != nil {
		return err
	}
	return pause(n.DataDir)
}

func (l *Lab) resumeNode(name string) error {
	n, err := l.Node(name)
	if err != nil {
		return err
	}
	return resume(n.DataDir)
}

func (l *Lab) isStopped(name string) (bool, error) {
	n, err := l.Node(name)
	if err != nil {
		return false, err
	}
	found, err := serverProcesses(n.DataDir)
	return len(found) == 0, err
}

// senderGone: the primary no longer knows of a connected standby.
func (l *Lab) senderGone(ctx context.Context) (bool, error) {
	return l.holds(ctx, Primary, `SELECT NOT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = '`+Standby+`')`)
}

// receiverGone: the standby no longer believes to be connected.
func (l *Lab) receiverGone(ctx context.Context) (bool, error) {
	return l.holds(ctx, Standby, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`)
}

func (l *Lab) pauseReceiver(ctx context.Context) error {
	n, err := l.Node(Standby)
	if err != nil {
		return err
	}
	var pid int
	if err := l.QueryRow(ctx, Standby, `SELECT pid FROM pg_stat_wal_receiver`, &pid); err != nil {
		return fmt.Errorf("find the WAL receiver: %w", err)
	}
	found, err := serverProcesses(n.DataDir)
	if err != nil {
		return err
	}
	for _, p := range found {
		if p.PID == pid {
			return signal(pid, sigPause)
		}
	}
	return errors.New("the WAL receiver has just ended")
}

// receiverSilent: the primary has given the standby up, and the standby has
// waited longer for a message than a live primary lets it: half of
// wal_sender_timeout and some slack.
func (l *Lab) receiverSilent(ctx context.Context) (bool, error) {
	gone, err := l.senderGone(ctx)
	if err != nil || !gone {
		return false, err
	}
	return l.holds(ctx, Standby, fmt.Sprintf(
		`SELECT EXISTS (SELECT FROM pg_stat_wal_receiver
		   WHERE status = 'streaming' AND clock_timestamp() - last_msg_receipt_time > interval '%f s')`,
		l.state.SenderTimeout.Seconds()/2+5.5))
}
