package pgpair

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// process is one running process of the machine.
type process struct {
	PID, Parent int
	Paused      bool   // by SIGSTOP
	DataDir     string // when it is a PostgreSQL server process and this is known
}

// serverProcesses returns the processes of the server on dataDir and all their
// descendants, such as a running archive_command. It goes by what a process is,
// not by postmaster.pid alone: after a crash that file may name a process number
// that somebody else's program has now.
func serverProcesses(dataDir string) ([]process, error) {
	all, err := listProcesses()
	if err != nil {
		return nil, err
	}
	return descendants(all, dataDir), nil
}

// descendants returns the processes on dataDir, those with the numbers known to
// be of them, and the descendants of both.
func descendants(all []process, dataDir string, known ...int) []process {
	member := make(map[int]bool)
	for _, pid := range known {
		member[pid] = true
	}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if !member[p.PID] && (p.DataDir == dataDir || member[p.Parent]) {
				member[p.PID], grown = true, true
			}
		}
	}
	var found []process
	for _, p := range all {
		if member[p.PID] {
			found = append(found, p)
		}
	}
	return found
}

// postmaster returns the first process of a server, if it runs.
func postmaster(dataDir string) (process, bool, error) {
	found, err := serverProcesses(dataDir)
	if err != nil {
		return process{}, false, err
	}
	pid := postmasterPID(dataDir)
	for _, p := range found {
		if p.PID == pid {
			return p, true, nil
		}
	}
	return process{}, false, nil
}

// postmasterPID reads the first line of postmaster.pid; 0 when there is none.
func postmasterPID(dataDir string) int {
	text, err := os.ReadFile(filepath.Join(dataDir, "postmaster.pid"))
	if err != nil {
		return 0
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	pid, err := strconv.Atoi(string(bytes.TrimSpace(line)))
	if err != nil {
		return 0
	}
	return pid
}

// pause stops every process of a server where it stands, as if its host hung.
// The postmaster first, so that it starts no further ones.
func pause(dataDir string) error {
	main, running, err := postmaster(dataDir)
	if err != nil {
		return err
	}
	if !running {
		return fmt.Errorf("no server runs on %s", dataDir)
	}
	if err := signal(main.PID, sigPause); err != nil {
		return fmt.Errorf("pause process %d: %w", main.PID, err)
	}
	return signalAll(dataDir, sigPause)
}

// resume lets paused processes go on.
func resume(dataDir string) error { return signalAll(dataDir, sigContinue) }

// crash kills every process of a server at once.
func crash(ctx context.Context, dataDir string) error {
	if main, running, err := postmaster(dataDir); err == nil && running {
		// A postmaster that sees its children die would start new ones.
		if err := signal(main.PID, sigPause); err != nil {
			return fmt.Errorf("pause process %d: %w", main.PID, err)
		}
	}
	for {
		if err := signalAll(dataDir, sigKill); err != nil {
			return err
		}
		gone, err := awaitGone(ctx, dataDir, time.Second)
		if err != nil || gone {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("kill the server on %s: %w", dataDir, err)
		}
	}
}

func signalAll(dataDir string, sig syscall.Signal) error {
	found, err := serverProcesses(dataDir)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range found {
		if err := signal(p.PID, sig); err != nil {
			errs = append(errs, fmt.Errorf("signal process %d: %w", p.PID, err))
		}
	}
	return errors.Join(errs...)
}

// awaitGone waits until no process of the server is left, or for limit or ctx.
func awaitGone(ctx context.Context, dataDir string, limit time.Duration) (bool, error) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var known []int
	for {
		all, err := listProcesses()
		if err != nil {
			return false, err
		}
		// One that has given up its memory and directory, and is about to end, can no
		// longer be told from others but by its number.
		found := descendants(all, dataDir, known...)
		if len(found) == 0 {
			return true, nil
		}
		known = nil
		for _, p := range found {
			known = append(known, p.PID)
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-deadline.C:
			return false, nil
		case <-tick.C:
		}
	}
}
