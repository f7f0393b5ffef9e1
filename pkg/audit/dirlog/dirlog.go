package dirlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/bcctl/bcctl/pkg/audit"
)

// Log is an audit log in a directory.
type Log struct {
	dir string
	pin []byte
}

var (
	_ audit.Store    = (*Log)(nil)
	_ audit.Rereader = (*Log)(nil)
)

// Open returns the log in a directory. The directory need not exist: Init makes it.
// Pin is a checkpoint kept elsewhere, nil for none: a log that does not contain it
// is not added to.
func Open(dir string, pin []byte) *Log { return &Log{dir, pin} }

// own is the folder for what is under way. No log has a file below it.
const own = ".bcctl"

// Files implements audit.Archive. What was begun by a writer that was killed is
// completed first.
func (l *Log) Files(ctx context.Context) ([]audit.File, error) {
	unlock, err := l.still(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock() // files that belong together must not come in between
	var files []audit.File
	err = fs.WalkDir(os.DirFS(l.dir), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == ".":
			return nil
		case err != nil:
			return err
		case d.IsDir() && name == own:
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files = append(files, audit.File{Path: name, Size: info.Size(), Plain: info.Mode().IsRegular() && info.Mode().Perm()&0o111 == 0})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the audit log in %s: %w", l.dir, err)
	}
	return files, nil
}

// still completes what was begun and keeps others from adding until unlock is
// called. A directory that nobody adds to, a copy or one that may only be read, is
// left as it is.
func (l *Log) still(ctx context.Context) (unlock func(), err error) {
	nothing := func() {}
	if _, err := os.Stat(filepath.Join(l.dir, own)); errors.Is(err, fs.ErrNotExist) {
		return nothing, nil
	}
	unlock, err = l.lock(ctx)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return nothing, nil
	}
	if err != nil {
		return nil, err
	}
	if err := l.complete(); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// Read implements audit.Archive. Symbolic links are not followed.
func (l *Log) Read(ctx context.Context, name string) ([]byte, error) {
	return l.ReadInto(ctx, name, nil)
}

// ReadInto implements audit.Rereader.
func (l *Log) ReadInto(_ context.Context, name string, buffer []byte) ([]byte, error) {
	file, err := l.place(name)
	if err != nil {
		return nil, err
	}
	f, err := openItself(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not an ordinary file", name)
	}
	data := slices.Grow(buffer[:0], int(info.Size()))[:info.Size()]
	_, err = io.ReadFull(f, data)
	return data, err
}

// place is where a file of the log is on disk. Paths that lead elsewhere are
// refused.
func (l *Log) place(name string) (string, error) {
	if !fs.ValidPath(name) || strings.HasPrefix(name, own+"/") {
		return "", fmt.Errorf("%q is no path of a log", name)
	}
	return filepath.Join(l.dir, filepath.FromSlash(name)), nil
}

// Init implements audit.Store.
func (l *Log) Init(ctx context.Context, trust []byte, genesis audit.Signed) error {
	if _, err := os.Stat(l.dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(l.dir, 0o755); err != nil {
			return err
		}
		if err := syncDir(filepath.Dir(filepath.Clean(l.dir))); err != nil {
			return err
		}
	}
	return l.locked(ctx, func() error {
		files, err := os.ReadDir(filepath.Join(l.dir, "audit"))
		if err == nil && len(files) > 0 {
			return fmt.Errorf("begin an audit log in %s: %w", l.dir, audit.ErrExists)
		}
		return l.add(withSegment(map[string][]byte{audit.TrustPath(1): trust, ".gitattributes": []byte("audit/** -text\n")}, genesis))
	})
}

func withSegment(files map[string][]byte, s audit.Signed) map[string][]byte {
	if files == nil {
		files = map[string][]byte{}
	}
	name := audit.SegmentPath(s.ID)
	files[name], files[name+s.Sidecar.Ext] = s.Raw, s.Sidecar.Data
	return files
}

// View implements audit.Store.
func (l *Log) View(ctx context.Context) (audit.View, error) {
	next, err := audit.Prepare(ctx, l, l.pin)
	if err != nil {
		return audit.View{}, err
	}
	return next.View(), nil
}

// Append implements audit.Store.
func (l *Log) Append(ctx context.Context, s audit.Signed) error {
	return l.existing(ctx, func() error { return l.add(withSegment(nil, s)) })
}

// AddTrust implements audit.Store.
func (l *Log) AddTrust(ctx context.Context, trust []byte, update audit.Signed) error {
	t, err := audit.DecodeTrust(trust)
	if err != nil {
		return fmt.Errorf("add a version of the keys: %w", err)
	}
	return l.existing(ctx, func() error {
		return l.add(withSegment(map[string][]byte{audit.TrustPath(t.Version): trust}, update))
	})
}

// AddCosignature implements audit.Store.
func (l *Log) AddCosignature(ctx context.Context, size int64, c audit.Cosignature) error {
	return l.existing(ctx, func() error { return l.add(map[string][]byte{audit.CosignaturePath(size, c.ID): c.Line}) })
}

// Seal implements audit.Store.
func (l *Log) Seal(ctx context.Context, key audit.LogKey) (audit.Sealing, error) {
	var sealing audit.Sealing
	// Files takes the lock too, so what is there is read before; two sealers at once
	// are told apart by the second look below.
	for {
		next, err := audit.Prepare(ctx, l, l.pin)
		if err != nil {
			return sealing, err
		}
		sealing, err = next.Next(key)
		if errors.Is(err, audit.ErrNothingToSeal) {
			return audit.Sealing{Head: next.Head}, nil
		}
		if err != nil {
			return sealing, err
		}
		done := false
		err = l.existing(ctx, func() error {
			if newest, err := l.newestSeal(); err != nil || newest != next.Head.Size {
				return err // somebody sealed meanwhile: look again
			}
			done = true
			return l.add(map[string][]byte{audit.SealPath(sealing.Head.Size): sealing.Seal, audit.NotePath(sealing.Head.Size): sealing.Note})
		})
		if err != nil || done {
			return sealing, err
		}
	}
}

// newestSeal is the size of the newest seal; 0 when there is none.
func (l *Log) newestSeal() (int64, error) {
	entries, err := os.ReadDir(filepath.Join(l.dir, "audit", "seals"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	newest := int64(0)
	for _, e := range entries {
		var size int64
		if stem, isSeal := strings.CutSuffix(e.Name(), ".json"); isSeal {
			if _, err := fmt.Sscanf(stem, "%d", &size); err == nil && path.Base(audit.SealPath(size)) == e.Name() {
				newest = max(newest, size)
			}
		}
	}
	return newest, nil
}

// existing does something to a log that is there, alone.
func (l *Log) existing(ctx context.Context, do func() error) error {
	if _, err := os.Stat(filepath.Join(l.dir, filepath.FromSlash(audit.TrustPath(1)))); errors.Is(err, fs.ErrNotExist) {
		if ready, _ := os.ReadDir(filepath.Join(l.dir, own, "ready")); len(ready) == 0 {
			return fmt.Errorf("%w in %s", audit.ErrNoLog, l.dir)
		}
	} else if err != nil {
		return err
	}
	return l.locked(ctx, do)
}

// locked does something while nobody else does, after what was begun is completed.
func (l *Log) locked(ctx context.Context, do func() error) error {
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := l.complete(); err != nil {
		return err
	}
	return do()
}
