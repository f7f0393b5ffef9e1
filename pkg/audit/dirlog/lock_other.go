//go:build !unix

package dirlog

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// lockPoll is how often a lock that somebody else has is tried again.
const lockPoll = 5 * time.Millisecond

// lock takes the log for this process alone, by a file that is there meanwhile. A
// process that was killed leaves it behind; a person has to remove it.
func (l *Log) lock(ctx context.Context) (unlock func(), err error) {
	if _, err := os.Stat(l.dir); err != nil {
		return nil, err
	}
	folder := filepath.Join(l.dir, own)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(folder, "lock")
	for {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			return func() { _ = f.Close(); _ = os.Remove(name) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), errors.New("remove "+name+" if no bcctl is running"))
		case <-time.After(lockPoll):
		}
	}
}

// ignoreUnsupported: a directory cannot be flushed here.
func ignoreUnsupported(error) error { return nil }
