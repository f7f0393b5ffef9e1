package gitlog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/pkg/audit"
)

// ErrSpooled says that a record is kept on this machine and is not on the branch
// yet. Publish brings it there.
var ErrSpooled = errors.New("the record is kept on this machine and not on the branch yet; run bcctl audit recover")

// batch is what belongs together, as the spool keeps it: one file, so that it is
// there whole or not at all.
type batch struct {
	ID    string            `json:"id"`
	Files map[string][]byte `json:"files"`
}

// Keep keeps a segment in the spool without trying the branch. Publish brings it
// there.
func (l *Log) Keep(s audit.Signed) error {
	if _, err := keep(l.spool, batch{ID: s.ID.String(), Files: segmentFiles(s)}); err != nil {
		return fmt.Errorf("keep the record: %w", err)
	}
	return nil
}

// spooled keeps a batch on this machine, then brings it to the branch, after
// earlier parts of its run that wait: a part without the ones before it looks like
// a gap. The segment is that of the batch, where it is all there is in it; others are
// branches that are moved in the same push.
func (l *Log) spooled(ctx context.Context, b batch, segment *audit.Signed, others []git.RefChange) error {
	if len(others) > 0 {
		return l.joined(ctx, b, segment, others)
	}
	name, err := keep(l.spool, b)
	if err != nil {
		return fmt.Errorf("keep the record: %w", err)
	}
	if l.o.Folder != "" {
		if _, err := keep(l.o.Folder, b); err != nil {
			return fmt.Errorf("%w: %w", ErrSpooled, err)
		}
		return nil
	}
	if err := l.earlier(ctx, b.ID); err != nil {
		return fmt.Errorf("%w: %w", ErrSpooled, err)
	}
	if err := l.publishOn(ctx, l.takeViewed(), b, segment, nil); err != nil {
		if errors.Is(err, audit.ErrExists) || errors.Is(err, audit.ErrNoLog) {
			return errors.Join(err, os.Remove(name)) // it can never get there
		}
		return fmt.Errorf("%w: %w", ErrSpooled, err)
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // a process that recovers may have been first
	}
	return nil
}

// joined brings a batch to the branch together with other branches. It is kept on this
// machine only where it is not known what became of it: a batch that was refused is signed
// anew, so nobody else may have found it here and brought it.
func (l *Log) joined(ctx context.Context, b batch, segment *audit.Signed, others []git.RefChange) error {
	if err := l.earlier(ctx, b.ID); err != nil {
		return err
	}
	err := l.publishOn(ctx, l.takeViewed(), b, segment, others)
	if err == nil || errors.Is(err, audit.ErrExists) || errors.Is(err, audit.ErrNoLog) || errors.Is(err, git.ErrMoved) {
		return err
	}
	if _, kept := keep(l.spool, b); kept != nil {
		return fmt.Errorf("keep the record: %w", errors.Join(kept, err))
	}
	return fmt.Errorf("%w: %w", ErrSpooled, err)
}

// earlier brings the parts of a run that wait, up to the one before a segment.
func (l *Log) earlier(ctx context.Context, id string) error {
	ids, err := l.Pending()
	if err != nil {
		return err
	}
	run := id[:len(id)-len("0001")]
	for _, other := range ids {
		if strings.HasPrefix(other, run) && other < id {
			if err := l.bring(ctx, other); err != nil {
				return err
			}
		}
	}
	return nil
}

// publish brings a batch to the branch. One that is there already is no error.
func (l *Log) publish(ctx context.Context, b batch) error { return l.publishOn(ctx, "", b, nil, nil) }

// publishOn is publish where the branch was seen at a commit a moment ago.
func (l *Log) publishOn(ctx context.Context, tip string, b batch, segment *audit.Signed, others []git.RefChange) error {
	return l.retry(ctx, tip, segment, others, func(tip string) (map[string][]byte, string, error) {
		s, err := some(ctx, l.o.Dir, tip, slices.Sorted(maps.Keys(b.Files)))
		if err != nil {
			return nil, "", err
		}
		defer s.Close()
		there, err := exists(ctx, s, b.Files)
		if err != nil || there {
			return nil, "", err
		}
		return b.Files, "Add segment " + b.ID, nil
	})
}

// keep writes a batch to a folder, flushed, and returns its file.
func keep(dir string, b batch) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	text, err := json.Marshal(b)
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, b.ID+".json")
	part, err := os.CreateTemp(dir, ".part-*")
	if err != nil {
		return "", err
	}
	_, err = part.Write(text)
	if err == nil {
		err = part.Sync()
	}
	if err := errors.Join(err, part.Close()); err != nil {
		return "", errors.Join(err, os.Remove(part.Name()))
	}
	if err := os.Rename(part.Name(), name); err != nil {
		return "", err
	}
	d, err := os.Open(dir)
	if err != nil {
		return "", err
	}
	return name, errors.Join(d.Sync(), d.Close())
}

// decodeBatch reads a file of the spool. It may add nothing but a segment of its
// name, its signature, and a version of the keys.
func decodeBatch(text []byte, id string) (batch, error) {
	var b batch
	if err := json.Unmarshal(text, &b); err != nil {
		return batch{}, ErrDamaged
	}
	segment, err := audit.ParseSegmentID(id)
	if err != nil || b.ID != id || len(b.Files) == 0 {
		return batch{}, ErrDamaged
	}
	if _, has := b.Files[audit.SegmentPath(segment)]; !has {
		return batch{}, ErrDamaged
	}
	for path, data := range b.Files {
		ext, isSegment := strings.CutPrefix(path, audit.SegmentPath(segment))
		if isSegment && slices.Contains([]string{"", ".dsse.json", ".sig"}, ext) {
			continue
		}
		if t, err := audit.DecodeTrust(data); err != nil || path != audit.TrustPath(t.Version) {
			return batch{}, ErrDamaged
		}
	}
	return b, nil
}

// ErrDamaged says that a file of the spool is not as it was written.
var ErrDamaged = errors.New("it is damaged")

// Pending lists the segments that wait in the spool.
func (l *Log) Pending() ([]string, error) { return waiting(l.spool) }

// Waiting lists the segments that Recover would bring.
func (l *Log) Waiting(dir string) ([]string, error) {
	if dir == "" {
		return l.Pending()
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	return waiting(dir)
}

// waiting lists the segments in a folder, in the order of their names, in which the
// parts of a run follow each other.
func waiting(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".json"); ok && !strings.HasPrefix(id, ".") {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Publish brings what waits in the spool to the branch, and returns how many
// segments it brought.
func (l *Log) Publish(ctx context.Context) (int, error) {
	brought, err := l.Recover(ctx, "")
	return len(brought), err
}

// Recover brings the segments that wait in a folder to the branch, byte for byte,
// and names those it brought. Empty is the spool of this repository, which is emptied
// on the way; another folder, as a CI job kept it, is left as it is. Everything there
// is read before the first is brought.
func (l *Log) Recover(ctx context.Context, dir string) ([]audit.Evidence, error) {
	own := dir == ""
	if own {
		dir = l.spool
	} else if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	ids, err := waiting(dir)
	if err != nil {
		return nil, err
	}
	var batches []batch
	for _, id := range ids {
		b, err := readBatch(dir, id)
		if own && errors.Is(err, fs.ErrNotExist) {
			continue // another process brought it
		}
		if err != nil {
			return nil, err
		}
		batches = append(batches, b)
	}
	var brought []audit.Evidence
	for _, b := range batches {
		if err := l.publish(ctx, b); err != nil {
			return brought, err
		}
		brought = append(brought, b.evidence())
		if !own {
			continue
		}
		if err := os.Remove(filepath.Join(dir, b.ID+".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return brought, err
		}
	}
	return brought, nil
}

// Bring brings the segments that wait in the spool and in a folder to the branch, byte
// for byte, and names those it brought. They stay where they are until done is called,
// once that they came late is on record: whoever is killed in between begins again, and
// what is there already is not added twice.
func (l *Log) Bring(ctx context.Context, dir string) (brought []audit.Evidence, done func() error, err error) {
	batches, files := map[string]batch{}, []string(nil)
	for _, place := range []string{l.spool, dir} {
		ids, err := waiting(place)
		if err != nil {
			return nil, nil, err
		}
		for _, id := range ids {
			b, err := readBatch(place, id)
			if err != nil {
				return nil, nil, err
			}
			if other, twice := batches[id]; twice && !maps.EqualFunc(other.Files, b.Files, bytes.Equal) {
				return nil, nil, fmt.Errorf("segment %s is in %s and in %s with other bytes: %w", id, l.spool, dir, ErrDamaged)
			}
			batches[id], files = b, append(files, filepath.Join(place, id+".json"))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(batches)) {
		if err := l.publish(ctx, batches[id]); err != nil {
			return nil, nil, err
		}
		brought = append(brought, batches[id].evidence())
	}
	return brought, func() error {
		for _, file := range files {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	}, nil
}

// evidence names the segment of a batch as a recovery.import entry does.
func (b batch) evidence() audit.Evidence {
	for path, data := range b.Files {
		if strings.HasSuffix(path, ".jsonl") {
			return audit.Evidence{Name: path, SHA256: audit.SHA256(data)}
		}
	}
	return audit.Evidence{Name: b.ID}
}

func readBatch(dir, id string) (batch, error) {
	name := filepath.Join(dir, id+".json")
	text, err := os.ReadFile(name)
	if err != nil {
		return batch{}, err
	}
	b, err := decodeBatch(text, id)
	if err != nil {
		return b, fmt.Errorf("read the spool's file %s: %w", name, err)
	}
	return b, nil
}

// Kept are the files of the segments in the folder that took them while the remote was
// not asked.
func (l *Log) Kept() (audit.Memory, error) {
	files := audit.Memory{}
	ids, err := waiting(l.o.Folder)
	for _, id := range ids {
		b, err := readBatch(l.o.Folder, id)
		if err != nil {
			return nil, err
		}
		maps.Copy(files, b.Files)
	}
	return files, err
}

// bring brings one file of the spool to the branch.
func (l *Log) bring(ctx context.Context, id string) error {
	b, err := readBatch(l.spool, id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another process brought it
	}
	if err != nil {
		return err
	}
	if err := l.publish(ctx, b); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(l.spool, id+".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
