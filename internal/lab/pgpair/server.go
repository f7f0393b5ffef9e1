package pgpair

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// StartNode starts a stopped server and waits until it accepts connections. The
// error carries the end of the server's log.
func (l *Lab) StartNode(ctx context.Context, name string) error { return l.start(ctx, name, "") }

// start starts a server with further options, for this time only.
func (l *Lab) start(ctx context.Context, name, options string) error {
	n, err := l.Node(name)
	if err != nil {
		return err
	}
	return l.startServer(ctx, n, options)
}

func (l *Lab) startServer(ctx context.Context, n Node, options string) error {
	if err := l.forgetKilled(n); err != nil {
		return fmt.Errorf("start %s: %w", n.Name, err)
	}
	var logged int64
	if info, err := os.Stat(n.log()); err == nil {
		logged = info.Size()
	}
	err := l.run(ctx, "pg_ctl", "start", "--silent", "--wait", "--timeout=60", "-D", n.DataDir, "-l", n.log(), "-o", "-c config_file="+n.config()+" "+options)
	if err == nil {
		return nil
	}
	return fmt.Errorf("start %s: %w%s", n.Name, err, logSince(n.log(), logged))
}

// forgetKilled removes the lock files of a killed server. The process number in
// them may still be taken, by the dead process itself where nobody reaps it, as
// in many containers, or by a stranger; a new server would believe that the old
// one runs. That it does not is seen here from the processes themselves, and the
// server has another lock, in its shared memory, should this be wrong.
func (l *Lab) forgetKilled(n Node) error {
	locks := slices.DeleteFunc([]string{
		filepath.Join(n.DataDir, "postmaster.pid"),
		// A base backup empties the data directory and leaves this one.
		l.socketLock(n),
	}, func(path string) bool {
		_, err := os.Lstat(path)
		return errors.Is(err, fs.ErrNotExist)
	})
	if len(locks) == 0 {
		return nil
	}
	if found, err := serverProcesses(n.DataDir); err != nil || len(found) > 0 {
		return err
	}
	for _, lock := range locks {
		if err := os.Remove(lock); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (l *Lab) socketLock(n Node) string {
	return filepath.Join(l.state.SocketDir, fmt.Sprintf(".s.PGSQL.%d.lock", n.Port))
}

// logSince returns the end of what a server logged after an offset, for an error.
func logSince(path string, offset int64) string {
	f, err := os.Open(path)
	if err != nil {
		return "" // the server did not come as far as a log
	}
	defer func() { _ = f.Close() }() // only read
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return ""
	}
	text, err := io.ReadAll(f)
	if err != nil || len(text) == 0 {
		return ""
	}
	return "; its log ends:\n" + lastLines(string(text), 8)
}

// StopNode stops a server cleanly, as `pg_ctl stop -m fast` does, and waits until
// nothing of it is left. A server that does not stop before ctx ends, or within
// 30s and twice its WAL sender timeout, may still do so later. One that is not
// running is left so.
func (l *Lab) StopNode(ctx context.Context, name string) error {
	n, err := l.Node(name)
	if err != nil {
		return err
	}
	main, running, err := postmaster(n.DataDir)
	if err != nil {
		return err
	}
	if !running {
		return nil
	}
	if err := signal(main.PID, sigFast); err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	gone, err := awaitGone(ctx, n.DataDir, l.patience())
	if err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	if !gone {
		return errors.Join(fmt.Errorf("stop %s: it has not stopped yet", name), ctx.Err())
	}
	return nil
}

// KillNode kills every process of a server at once, as a power failure would.
// Like that, and unlike a mere kill, it leaves no shared memory behind.
func (l *Lab) KillNode(ctx context.Context, name string) error {
	n, err := l.Node(name)
	if err != nil {
		return err
	}
	segment := sharedMemory(n.DataDir)
	if err := crash(ctx, n.DataDir); err != nil {
		return fmt.Errorf("kill %s: %w", name, err)
	}
	if segment != "" {
		// Where ipcrm is missing 56 bytes stay until the next start of this server.
		_ = run(ctx, l.account, "ipcrm", "-m", segment)
	}
	return nil
}

// sharedMemory returns the id of the System V segment of a running server, from
// the seventh line of postmaster.pid: key and id. Of a stopped one it returns
// none, because the id may be somebody else's by now.
func sharedMemory(dataDir string) string {
	if _, running, err := postmaster(dataDir); err != nil || !running {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(dataDir, "postmaster.pid"))
	if err != nil {
		return ""
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 7 {
		return ""
	}
	fields := strings.Fields(lines[6])
	if len(fields) != 2 {
		return ""
	}
	return fields[1]
}
