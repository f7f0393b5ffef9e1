package gitlog

import (
	"context"
	"fmt"
	"sort"
	"sync"

	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/pkg/audit"
)

// maxFiles bounds what is read of one commit.
const maxFiles = 4_000_000

// Snapshot is a log as one commit has it. What it reads are Git's objects: no line
// ending is converted and no filter is run.
type Snapshot struct {
	dir    string
	commit string
	blobs  []git.Blob

	mu     sync.Mutex
	reader *git.Reader
}

var (
	_ audit.Rereader  = (*Snapshot)(nil)
	_ audit.Archive   = (*Snapshot)(nil)
	_ audit.Historian = (*Snapshot)(nil)
)

// At returns the log as a commit has it. The caller closes it.
func At(ctx context.Context, dir, commit string) (*Snapshot, error) {
	blobs, err := git.Blobs(ctx, dir, commit, maxFiles)
	if err != nil {
		return nil, fmt.Errorf("list commit %s: %w", commit, err)
	}
	return &Snapshot{dir: dir, commit: commit, blobs: blobs}, nil
}

// some returns what a commit has of some files.
func some(ctx context.Context, dir, commit string, paths []string) (*Snapshot, error) {
	blobs, err := git.Blobs(ctx, dir, commit, maxFiles, paths...)
	if err != nil {
		return nil, fmt.Errorf("look for files in commit %s: %w", commit, err)
	}
	return &Snapshot{dir: dir, commit: commit, blobs: blobs}, nil
}

// Commit is the commit's id.
func (s *Snapshot) Commit() string { return s.commit }

// Files implements audit.Archive.
func (s *Snapshot) Files(context.Context) ([]audit.File, error) {
	files := make([]audit.File, len(s.blobs))
	for i, b := range s.blobs {
		files[i] = audit.File{Path: b.Path, Size: b.Size, Plain: b.Plain()}
	}
	return files, nil
}

// Read implements audit.Archive.
func (s *Snapshot) Read(ctx context.Context, path string) ([]byte, error) {
	return s.ReadInto(ctx, path, nil)
}

// ReadInto implements audit.Rereader.
func (s *Snapshot) ReadInto(ctx context.Context, path string, buffer []byte) ([]byte, error) {
	data, there, err := s.lookup(ctx, path, buffer)
	if err == nil && !there {
		err = fmt.Errorf("commit %s has no file %s", s.commit, path)
	}
	return data, err
}

func (s *Snapshot) lookup(ctx context.Context, path string, buffer []byte) (data []byte, there bool, err error) {
	i := sort.Search(len(s.blobs), func(i int) bool { return s.blobs[i].Path >= path })
	if i == len(s.blobs) || s.blobs[i].Path != path {
		return nil, false, nil
	}
	if !s.blobs[i].Plain() {
		return nil, false, fmt.Errorf("%s is not an ordinary file", path)
	}
	s.mu.Lock()
	if s.reader == nil {
		// The process lives as long as the snapshot, not as long as one call.
		s.reader, err = git.NewReader(context.WithoutCancel(ctx), s.dir)
	}
	reader := s.reader
	s.mu.Unlock()
	if err != nil {
		return nil, false, err
	}
	data, err = reader.ReadInto(s.blobs[i].ID, s.blobs[i].Size, buffer)
	return data, err == nil, err
}

// Close ends the process that reads objects.
func (s *Snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reader == nil {
		return nil
	}
	err := s.reader.Close()
	s.reader = nil
	return err
}

// History implements audit.Historian: in which order the files came, and every
// commit that did something else than add files on top of one other.
func (s *Snapshot) History(ctx context.Context) (audit.History, error) {
	steps, err := git.Log(ctx, s.dir, s.commit)
	if err != nil {
		return audit.History{}, err
	}
	var h audit.History
	for i, step := range steps {
		if step.Parents > 1 {
			h.Odd = append(h.Odd, audit.OddEvent{What: fmt.Sprintf("commit %s is a merge", step.Commit)})
		}
		if step.Parents == 0 && i > 0 {
			h.Odd = append(h.Odd, audit.OddEvent{What: fmt.Sprintf("commit %s begins another history", step.Commit)})
		}
		for _, c := range step.Changes {
			if c.Kind == "A" {
				h.Added = append(h.Added, c.Path)
				continue
			}
			h.Odd = append(h.Odd, audit.OddEvent{Path: c.Path, What: fmt.Sprintf("commit %s %s it", step.Commit, verbOf(c.Kind))})
		}
	}
	return h, nil
}

func verbOf(kind string) string {
	switch kind {
	case "M":
		return "changed"
	case "D":
		return "removed"
	case "T":
		return "changed the kind of"
	default:
		return "did something other than add (" + kind + ") to"
	}
}
