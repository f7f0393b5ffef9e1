package dirlog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/bcctl/bcctl/pkg/audit"
)

// add writes files that belong together, whole or not at all. The caller has the
// lock. Files that are there with the same bytes stay; with others they are
// audit.ErrExists, and nothing is written.
func (l *Log) add(files map[string][]byte) error {
	missing, err := l.missing(files)
	if err != nil || len(missing) == 0 {
		return err
	}
	begun := filepath.Join(l.dir, own, "begun")
	ready := filepath.Join(l.dir, own, "ready")
	// What a killed writer left here never counted.
	if err := os.RemoveAll(begun); err != nil {
		return err
	}
	if err := os.MkdirAll(begun, 0o700); err != nil {
		return err
	}
	for _, name := range missing {
		if err := writeSynced(filepath.Join(begun, url.PathEscape(name)), files[name]); err != nil {
			return err
		}
	}
	if err := syncDir(begun); err != nil {
		return err
	}
	if err := os.Rename(begun, ready); err != nil { // from here on it counts
		return err
	}
	if err := syncDir(filepath.Dir(ready)); err != nil {
		return err
	}
	return l.complete()
}

// missing lists the files that are not there yet.
func (l *Log) missing(files map[string][]byte) ([]string, error) {
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		place, err := l.place(name)
		if err != nil {
			return nil, err
		}
		have, err := os.ReadFile(place)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
		case err != nil:
			return nil, err
		case !bytes.Equal(have, files[name]):
			return nil, fmt.Errorf("add %s to the audit log in %s: %w", name, l.dir, audit.ErrExists)
		}
	}
	return missing, nil
}

// complete brings what is ready to its places. It can be interrupted anywhere and
// begun again.
func (l *Log) complete() error {
	ready := filepath.Join(l.dir, own, "ready")
	entries, err := os.ReadDir(ready)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	folders := map[string]bool{}
	for _, e := range entries {
		name, err := url.PathUnescape(e.Name())
		if err != nil {
			return fmt.Errorf("complete the audit log in %s: %q is no path", l.dir, e.Name())
		}
		place, err := l.place(name)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			return err
		}
		// Every folder up to the log's own: the one who made it may have been killed
		// before it was flushed.
		for folder := filepath.Dir(place); !folders[folder]; folder = filepath.Dir(folder) {
			folders[folder] = true
			if folder == filepath.Clean(l.dir) {
				break
			}
		}
		// A link never replaces a file: what is there stays.
		if err := os.Link(filepath.Join(ready, e.Name()), place); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	for folder := range folders {
		if err := syncDir(folder); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(ready); err != nil {
		return err
	}
	return syncDir(filepath.Dir(ready))
}

func writeSynced(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(ignoreUnsupported(d.Sync()), d.Close())
}
