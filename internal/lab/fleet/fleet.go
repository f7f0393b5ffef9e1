package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bcctl/bcctl/internal/lab/background"
	"github.com/bcctl/bcctl/internal/lab/pgpair"
)

// Fleet is a laboratory of several systems.
type Fleet struct {
	dir  string
	pair *pgpair.Lab
}

// Options of a new fleet.
type Options struct {
	// Dir is where it is made: a directory that does not exist or is empty.
	Dir string

	// Host makes the command that runs Host for the directory in a process of its
	// own. The process prints a line when it is ready.
	Host func(dir string) *exec.Cmd

	// Program is the path of a bcctl, for the hook of the pair and its clients'
	// address.
	Program string

	// Progress is told in a few words what happens now. It may be nil.
	Progress func(string)
}

// ErrNoFleet is returned by Open for a directory that holds no fleet.
var ErrNoFleet = errors.New("no fleet here")

// marker tells a fleet's directory from others.
const marker = "fleet.json"

// Up makes a fleet, starts it, puts in the faults it is shown with and writes its
// configuration. When it fails nothing is left.
func Up(ctx context.Context, o Options) (*Fleet, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("directory %s is not empty", dir)
	}
	// The user that runs PostgreSQL must get through, and list nothing.
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, err
	}
	f := &Fleet{dir: dir}
	if err := f.start(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("make fleet %s: %w", dir, err), f.Destroy(context.WithoutCancel(ctx)))
	}
	return f, nil
}

func (f *Fleet) start(ctx context.Context, o Options) error {
	if err := os.WriteFile(filepath.Join(f.dir, marker), []byte("{\"version\": 1}\n"), 0o644); err != nil {
		return err
	}
	o.Progress("start MongoDB, SQL Server and Snowflake systems on loopback")
	if err := background.Start(o.Host(f.dir), filepath.Join(f.dir, "host.log")); err != nil {
		return err
	}
	var err error
	if f.pair, err = pgpair.Up(ctx, pgpair.Options{Dir: f.pairDir(), Program: o.Program, Progress: o.Progress}); err != nil {
		return err
	}
	for _, b := range shown {
		if err := f.Break(ctx, b.System, b.Fault); err != nil {
			return fmt.Errorf("break %s/%s: %w", b.System, b.Fault, err)
		}
	}
	return f.WriteConfig(ctx)
}

// Open finds a fleet that Up made, in this process or another. It starts nothing.
func Open(dir string) (*Fleet, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, marker)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open fleet %s: %w", dir, ErrNoFleet)
	} else if err != nil {
		return nil, err
	}
	f := &Fleet{dir: dir}
	if f.pair, err = pgpair.Open(f.pairDir()); err != nil && !errors.Is(err, pgpair.ErrNoLab) {
		return nil, err
	}
	return f, nil
}

// Dir is the absolute path of the fleet.
func (f *Fleet) Dir() string { return f.dir }

// Pair is the fleet's real PostgreSQL pair; nil when its making was interrupted.
func (f *Fleet) Pair() *pgpair.Lab { return f.pair }

func (f *Fleet) pairDir() string { return filepath.Join(f.dir, "ledger") }

// ConfigDir is where the configuration repository of the fleet is.
func (f *Fleet) ConfigDir() string { return filepath.Join(f.dir, "config") }

// Systems returns the systems beside the PostgreSQL pair, as they are now.
func (f *Fleet) Systems(ctx context.Context) ([]SystemStatus, error) {
	var all []SystemStatus
	return all, ask(ctx, f.dir, "GET", "/systems", nil, &all)
}

// Break puts a fault into a system.
func (f *Fleet) Break(ctx context.Context, system, fault string) error {
	return ask(ctx, f.dir, "POST", "/break", order{system, fault}, nil)
}

// Repair takes a fault out again.
func (f *Fleet) Repair(ctx context.Context, system, fault string) error {
	return ask(ctx, f.dir, "POST", "/repair", order{system, fault}, nil)
}

// Destroy stops everything and removes the fleet's directory.
func (f *Fleet) Destroy(ctx context.Context) error {
	err := ask(ctx, f.dir, "POST", "/stop", nil, nil)
	if errors.Is(err, ErrNoHost) {
		err = nil
	}
	if f.pair != nil {
		err = errors.Join(err, f.pair.Destroy(ctx))
	}
	return errors.Join(err, os.RemoveAll(f.dir))
}
