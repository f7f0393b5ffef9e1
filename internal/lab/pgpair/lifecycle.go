package pgpair

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// Down stops every server: first cleanly, then as if it crashed, then for good.
// Paused ones are resumed for it. The end of ctx shortens the patience with each
// step, never the result. The data stays: Start brings the laboratory back.
func (l *Lab) Down(ctx context.Context) error {
	copies, err := l.clones()
	if err != nil {
		return err
	}
	for _, c := range copies {
		if err := l.destroyClone(context.WithoutCancel(ctx), c); err != nil {
			return fmt.Errorf("remove %s: %w", c.Name, err)
		}
	}
	for _, step := range []struct {
		sig   syscall.Signal
		limit time.Duration
	}{
		{sigFast, 10 * time.Second},
		{sigImmediate, 3 * time.Second},
	} {
		// All are told before any is waited for, or the primary would wait for its
		// standbys.
		for _, n := range l.state.Nodes {
			if err := endPostmaster(n.DataDir, step.sig); err != nil {
				return fmt.Errorf("stop %s: %w", n.Name, err)
			}
		}
		left := false
		for _, n := range l.state.Nodes {
			gone, err := awaitGone(ctx, n.DataDir, step.limit)
			if err != nil {
				return fmt.Errorf("stop %s: %w", n.Name, err)
			}
			left = left || !gone
		}
		if !left {
			return nil
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	for _, n := range l.state.Nodes {
		if err := l.KillNode(ctx, n.Name); err != nil {
			return err
		}
	}
	return nil
}

// endPostmaster sends a signal to a server's postmaster, which passes it on, and
// wakes whatever is paused so that it is heard.
func endPostmaster(dataDir string, sig syscall.Signal) error {
	main, running, err := postmaster(dataDir)
	if err != nil {
		return err
	}
	if running {
		if err := signal(main.PID, sig); err != nil {
			return err
		}
	}
	return resume(dataDir)
}

// Start starts every server that is not running.
func (l *Lab) Start(ctx context.Context) error {
	for _, n := range l.state.Nodes {
		_, running, err := postmaster(n.DataDir)
		if err != nil {
			return err
		}
		if running {
			continue
		}
		l.progress(fmt.Sprintf("start %s on %s", n.Name, n.Address()))
		if err := l.StartNode(ctx, n.Name); err != nil {
			return err
		}
	}
	return nil
}

// Destroy stops every server and removes the laboratory's directory.
func (l *Lab) Destroy(ctx context.Context) error {
	if err := l.Down(ctx); err != nil {
		return err
	}
	var sockets error
	if dir := l.state.SocketDir; strings.HasPrefix(dir, farSockets) {
		sockets = os.RemoveAll(dir)
	}
	return errors.Join(sockets, removeBusy(l.dir))
}

// removeBusy removes a directory in which a copy begun by archive_command may
// still be going on: it can outlive the server by a moment.
func removeBusy(dir string) error {
	for attempt := 1; ; attempt++ {
		err := os.RemoveAll(dir)
		if err == nil || attempt == 20 {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}
