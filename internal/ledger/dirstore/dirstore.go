//go:build unix

// Package dirstore keeps locks and records of a ledger in a directory of one host:
// what holds two executors of that host apart while the shared ledger is out of
// reach (OFF-05). It knows nothing of other hosts.
package dirstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/internal/ledger"
)

// Store is a ledger in a directory. The directory is made when first needed.
type Store struct{ Dir string }

var (
	_ ledger.Cells   = Store{}
	_ ledger.Records = Store{}
)

const (
	cellFolder   = "cells"
	recordFolder = "records"
	pending      = "pending.json"
	lockPoll     = 5 * time.Millisecond
)

// write is what is about to be done, kept so that a crash in the middle is
// finished by whoever comes next.
type write struct {
	Path string `json:"path"`
	Data []byte `json:"data"` // nil: remove
}

// locked does something while no other process uses the store. What a crashed
// process left half done is finished first.
func (s Store) locked(ctx context.Context, do func() error) error {
	for _, folder := range []string{cellFolder, recordFolder} {
		if err := os.MkdirAll(filepath.Join(s.Dir, folder), 0o700); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(filepath.Join(s.Dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return errors.Join(err, f.Close())
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), f.Close())
		case <-time.After(lockPoll):
		}
	}
	return errors.Join(s.finish(), do(), giveBack(f))
}

// ErrBusy says that another process of this host holds the store.
var ErrBusy = errors.New("another bcctl of this host is at work there")

// Hold keeps every other process of this host from holding the store, until release is
// called or this process ends. ErrBusy when another one has it: nobody waits.
func (s Store) Hold() (release func() error, err error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.Dir, "held"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(ErrBusy, f.Close())
	} else if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { return giveBack(f) }, nil
}

// giveBack gives a lock back. To close the file is not enough: a child that is just being
// started has it open too, until it becomes another program.
func giveBack(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

// finish does what a crashed process had decided to do.
func (s Store) finish() error {
	data, err := os.ReadFile(filepath.Join(s.Dir, pending))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var writes []write
	if err := json.Unmarshal(data, &writes); err != nil {
		return fmt.Errorf("read %s: %w", pending, err)
	}
	return s.apply(writes)
}

// commit makes all writes or none: once their list is on the disk they are made,
// by this process or the next one.
func (s Store) commit(writes []write) error {
	data, err := json.Marshal(writes)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteMode(filepath.Join(s.Dir, pending), data, 0o600); err != nil {
		return err
	}
	if err := flush(s.Dir); err != nil {
		return err
	}
	return s.apply(writes)
}

func (s Store) apply(writes []write) error {
	folders := map[string]bool{}
	for _, w := range writes {
		path := filepath.Join(s.Dir, filepath.FromSlash(w.Path))
		folders[filepath.Dir(path)] = true
		if w.Data == nil {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := atomicfile.WriteMode(path, w.Data, 0o600); err != nil {
			return err
		}
	}
	for folder := range folders {
		if err := flush(folder); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(s.Dir, pending)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return flush(s.Dir)
}

// flush makes names in a folder durable.
func flush(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // some file systems cannot
	}
	return errors.Join(err, f.Close())
}

// Read implements ledger.Cells.
func (s Store) Read(ctx context.Context, names ...string) (map[string]ledger.Cell, error) {
	cells := map[string]ledger.Cell{}
	err := s.locked(ctx, func() error {
		for _, name := range names {
			cell, ok, err := s.cell(name)
			if err != nil {
				return err
			}
			if ok {
				cells[name] = cell
			}
		}
		return nil
	})
	return cells, err
}

func (s Store) cell(name string) (ledger.Cell, bool, error) {
	data, err := os.ReadFile(filepath.Join(s.Dir, cellFolder, name+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.Cell{}, false, nil
	}
	return ledger.Cell{Version: version(data), Data: data}, err == nil, err
}

func version(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Swap implements ledger.Cells.
func (s Store) Swap(ctx context.Context, changes ...ledger.Change) (map[string]string, error) {
	versions := map[string]string{}
	err := s.locked(ctx, func() error {
		var writes []write
		for _, c := range changes {
			now, _, err := s.cell(c.Name)
			if err != nil {
				return err
			}
			if now.Version != c.From {
				return fmt.Errorf("%w: %s", ledger.ErrMoved, c.Name)
			}
			if c.Data != nil {
				versions[c.Name] = version(c.Data)
			}
			writes = append(writes, write{cellFolder + "/" + c.Name + ".json", c.Data})
		}
		return s.commit(writes)
	})
	if err != nil {
		return nil, err
	}
	return versions, nil
}

// Add implements ledger.Records.
func (s Store) Add(ctx context.Context, records ...ledger.Record) error {
	return s.locked(ctx, func() error {
		var writes []write
		for _, r := range records {
			name, data, err := r.Encode()
			if err != nil {
				return err
			}
			there, err := os.ReadFile(filepath.Join(s.Dir, recordFolder, filepath.FromSlash(name)))
			switch {
			case errors.Is(err, fs.ErrNotExist):
				writes = append(writes, write{recordFolder + "/" + name, data})
			case err != nil:
				return err
			case string(there) != string(data):
				return fmt.Errorf("%s: %w", name, ledger.ErrExists)
			}
		}
		if len(writes) == 0 {
			return nil
		}
		return s.commit(writes)
	})
}

// All implements ledger.Records.
func (s Store) All(ctx context.Context) ([]ledger.Record, error) {
	var records []ledger.Record
	err := s.locked(ctx, func() error {
		root := filepath.Join(s.Dir, recordFolder)
		var names []string
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), ".") {
				name, relErr := filepath.Rel(root, path)
				names, err = append(names, filepath.ToSlash(name)), relErr
			}
			return err
		})
		if err != nil {
			return err
		}
		slices.Sort(names)
		for _, name := range names {
			data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
			if err != nil {
				return err
			}
			r, err := ledger.Decode(name, data)
			if err != nil {
				return err
			}
			records = append(records, r)
		}
		return nil
	})
	return records, err
}
