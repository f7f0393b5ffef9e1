package pgpair

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// copyFromUpstream fills the data directory of a stopped node with a base backup
// of its upstream, and makes it a standby. The slot is made when it is missing.
func (l *Lab) copyFromUpstream(ctx context.Context, n Node) error {
	if err := l.ensureSlot(ctx, n.Upstream, n.Slot()); err != nil {
		return err
	}
	if err := os.RemoveAll(n.DataDir); err != nil {
		return fmt.Errorf("clear %s: %w", n.Name, err)
	}
	// A node without a port has no configuration yet, and so no password file.
	if err := l.writeNodeConfig(n); err != nil {
		return err
	}
	if err := l.run(ctx, "pg_basebackup", "-D", n.DataDir, "-d", l.conninfo(n, l.upstreamPort(n)),
		"--wal-method=stream", "--checkpoint=fast", "--slot="+n.Slot(), "--no-sync"); err != nil {
		return fmt.Errorf("copy %s from %s: %w", n.Name, n.Upstream, err)
	}
	return l.makeStandby(n)
}

// makeStandby makes the node start as a standby from now on.
func (l *Lab) makeStandby(n Node) error {
	if err := l.account.writeFile(filepath.Join(n.DataDir, "standby.signal"), nil); err != nil {
		return fmt.Errorf("make %s a standby: %w", n.Name, err)
	}
	return nil
}

// ensureSlot makes a physical replication slot unless it is there and usable.
func (l *Lab) ensureSlot(ctx context.Context, node, slot string) error {
	var usable, lost bool
	if err := l.QueryRow(ctx, node, fmt.Sprintf(
		`SELECT coalesce(bool_or(wal_status <> 'lost'), false), coalesce(bool_or(wal_status = 'lost'), false)
		 FROM pg_replication_slots WHERE slot_name = '%s'`, slot), &usable, &lost); err != nil {
		return err
	}
	if usable {
		return nil
	}
	create := fmt.Sprintf(`SELECT pg_create_physical_replication_slot('%s', true)`, slot)
	if lost {
		if err := l.dropSlot(ctx, node, slot); err != nil {
			return err
		}
	}
	return l.Exec(ctx, node, create)
}

// dropSlot removes a slot that nobody reads any more.
func (l *Lab) dropSlot(ctx context.Context, node, slot string) error {
	return l.Exec(ctx, node, fmt.Sprintf(`SELECT pg_drop_replication_slot('%s')`, slot))
}

// standbys returns the names of all nodes but the home primary, upstream first.
func (l *Lab) standbys() []string {
	var names []string
	for _, n := range l.state.Nodes[1:] {
		names = append(names, n.Name)
	}
	return names
}

// rebuild makes nodes fresh copies of their upstreams, in the order given.
func (l *Lab) rebuild(ctx context.Context, names ...string) error {
	for _, name := range names {
		if err := l.StopNode(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range names {
		n, err := l.Node(name)
		if err != nil {
			return err
		}
		if err := l.copyFromUpstream(ctx, n); err != nil {
			return err
		}
		if err := l.StartNode(ctx, name); err != nil {
			return err
		}
		if err := l.awaitCaughtUp(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
