package pgpair

import (
	"context"
	"fmt"
	"strings"
)

// promote makes a standby a primary and waits until it is one.
func (l *Lab) promote(ctx context.Context, node string) error {
	if err := l.Exec(ctx, node, `SELECT pg_promote(false)`); err != nil {
		return err
	}
	return l.await(ctx, node+" to become primary", func(ctx context.Context) (bool, error) {
		return l.holds(ctx, node, `SELECT NOT pg_is_in_recovery()`)
	})
}

// forkLSN returns where the present timeline of a primary left the one before.
func (l *Lab) forkLSN(ctx context.Context, node string) (string, error) {
	var history string
	if err := l.QueryRow(ctx, node,
		`SELECT pg_read_file('pg_wal/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '.history')`, &history); err != nil {
		return "", err
	}
	return lastFork(history)
}

// lastFork reads a timeline history file: a line per ancestor, oldest first, of
// timeline, LSN of the switch and reason.
func lastFork(history string) (string, error) {
	lines := strings.Split(strings.TrimSpace(history), "\n")
	fields := strings.Split(lines[len(lines)-1], "\t")
	if len(fields) < 2 {
		return "", fmt.Errorf("%q is not a timeline history", history)
	}
	return fields[1], nil
}

// recordReign is the first write after a promotion.
func (l *Lab) recordReign(ctx context.Context, node string) error {
	fork, err := l.forkLSN(ctx, node)
	if err != nil {
		return err
	}
	return l.Exec(ctx, node, fmt.Sprintf(
		`INSERT INTO bcctl.reign SELECT gen_random_uuid(), ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int,
		   '%s', clock_timestamp(), NULL, '%s'`, fork, node), `CHECKPOINT`)
}
