package pgpair

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options of a new laboratory. Only Dir is needed.
type Options struct {
	// Dir is where it is made: a directory that does not exist or is empty, below
	// one that does exist. When root makes a laboratory, the user that runs the
	// servers must be able to enter every directory above.
	Dir string

	// Cascade adds a third node that follows the standby.
	Cascade bool

	// Template is a directory made by MakeTemplate. It saves the time of initdb.
	// All laboratories made from one template have the same system identifier.
	Template string

	// WALSenderTimeout and WALReceiverTimeout are how long the primary and the
	// standby wait for a silent peer. Default 10s, while PostgreSQL's is 60s, so
	// that a hung server is noticed while somebody looks on.
	WALSenderTimeout   time.Duration
	WALReceiverTimeout time.Duration

	// MaxSlotWALKeepMB is max_slot_wal_keep_size in MiB; 0 means no limit.
	MaxSlotWALKeepMB int

	// Settings are further lines of postgresql.conf on every node. Values are
	// written as they are and may not contain quotes.
	Settings map[string]string

	// Program is the path of a bcctl, which the hook script runs. Without one there
	// is no script.
	Program string

	// Progress is told in a few words what happens now. It may be nil.
	Progress func(string)
}

const defaultTimeout = 10 * time.Second

// Up makes a laboratory and starts it. It returns when the standbys stream and
// the first WAL file is archived. When it fails nothing is left: no process and
// no directory.
func Up(ctx context.Context, o Options) (*Lab, error) {
	l, err := plan(o)
	if err != nil {
		return nil, err
	}
	if err := l.makeDir(); err != nil {
		return nil, fmt.Errorf("make laboratory: %w", err)
	}
	if err := l.build(ctx, o.Template); err != nil {
		// The caller's context may be what ended it; tidying up has its own time.
		return nil, errors.Join(fmt.Errorf("make laboratory %s: %w", l.dir, err), l.Destroy(context.WithoutCancel(ctx)))
	}
	return l, nil
}

// makeDir makes the laboratory's directory, or takes an empty one. It can be
// entered by the user that runs the servers and be listed by nobody else.
func (l *Lab) makeDir() error {
	mode := os.FileMode(0o700)
	if l.account.switched {
		mode = 0o711
	}
	if err := os.Mkdir(l.dir, mode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return os.Chmod(l.dir, mode)
}

// plan checks the options and decides everything that needs no change to disk.
func plan(o Options) (*Lab, error) {
	dir, err := resolve(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := checkDir(dir); err != nil {
		return nil, err
	}
	if err := checkEmpty(dir); err != nil {
		return nil, err
	}
	binaries, err := FindBinaries()
	if err != nil {
		return nil, err
	}
	for name, value := range o.Settings {
		if strings.ContainsAny(name+value, "'\n\\") {
			return nil, fmt.Errorf("setting %s: a value may contain no quote, backslash or line end", name)
		}
	}
	l := &Lab{dir: dir, progress: o.Progress}
	if l.progress == nil {
		l.progress = func(string) {}
	}
	if l.account, err = serverAccount(); err != nil {
		return nil, err
	}
	if err := l.account.canReach(filepath.Dir(dir)); err != nil {
		return nil, err
	}
	l.state = state{
		Version: stateVersion, CreatedAt: time.Now().UTC(), Account: l.account.Name, Binaries: binaries,
		SenderTimeout: o.WALSenderTimeout, ReceiverTimeout: o.WALReceiverTimeout,
		MaxSlotWALKeepMB: o.MaxSlotWALKeepMB, Settings: o.Settings, Nodes: layout(dir, o.Cascade), Program: o.Program,
	}
	if l.state.SenderTimeout <= 0 {
		l.state.SenderTimeout = defaultTimeout
	}
	if l.state.ReceiverTimeout <= 0 {
		l.state.ReceiverTimeout = defaultTimeout
	}
	return l, nil
}

// checkEmpty refuses a directory that holds something: Destroy removes all.
func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make laboratory: %w", err)
	}
	for _, e := range entries {
		if e.Name() == "lab.json" {
			return fmt.Errorf("there is a laboratory in %s already: destroy it or choose another directory", dir)
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("directory %s is not empty: choose another one for the laboratory", dir)
	}
	return nil
}

// build fills the directory and starts the servers.
func (l *Lab) build(ctx context.Context, template string) (err error) {
	if err := l.prepare(); err != nil {
		return err
	}
	first := l.state.Nodes[0]
	if template == "" {
		l.progress("create the database cluster of " + first.Name)
		if err := l.initdb(ctx, first.DataDir); err != nil {
			return err
		}
	} else if err := copyTree(filepath.Join(template, "data"), first.DataDir, l.account); err != nil {
		return fmt.Errorf("copy template %s: %w", template, err)
	}
	if err := l.startFirst(ctx, first.Name); err != nil {
		return err
	}
	l.progress("create roles and tables")
	if err := l.createSchema(ctx, first.Name); err != nil {
		return err
	}
	if l.state.ClientPort, err = freePort(); err != nil {
		return err
	}
	if first, err = l.Node(first.Name); err != nil { // it has a port by now
		return err
	}
	if err := errors.Join(l.pointTo(first), l.writeHook(), l.save()); err != nil {
		return err
	}
	for _, n := range l.state.Nodes[1:] {
		l.progress(fmt.Sprintf("copy %s from %s", n.Name, n.Upstream))
		if err := l.copyFromUpstream(ctx, n); err != nil {
			return err
		}
		if err := l.startFirst(ctx, n.Name); err != nil {
			return err
		}
		if err := l.awaitCaughtUp(ctx, n.Name); err != nil {
			return err
		}
	}
	if err := l.startRelay(ctx); err != nil {
		return err
	}
	return l.await(ctx, "the first WAL file to be archived", func(ctx context.Context) (done bool, err error) {
		err = l.QueryRow(ctx, first.Name, `SELECT archived_count > 0 FROM pg_stat_archiver`, &done)
		return done, err
	})
}
