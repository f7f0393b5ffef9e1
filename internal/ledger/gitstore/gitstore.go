// Package gitstore keeps locks and records of a ledger in a Git repository: each
// lock is a branch, all records are files of one branch. With a remote they are
// the remote's, and a push of several branches is one step there (git push
// --atomic, with the expected place of each).
package gitstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/internal/ledger"
)

// RecordsBranch has the records.
const RecordsBranch = "bcctl-ledger"

const (
	cellPrefix = "refs/heads/bcctl-"
	recordsRef = "refs/heads/" + RecordsBranch
	maxRecords = 200_000
	tries      = 40
)

var author = git.Author{Name: "bcctl", Email: "bcctl@localhost"}

// Store is a ledger in a Git repository.
type Store struct {
	// Dir is a folder of the repository.
	Dir string
	// Remote is the name or address of the remote that has the branches; empty for
	// branches of this repository alone.
	Remote string
	// Now is the clock of commits; time.Now when nil.
	Now func() time.Time

	mu   sync.Mutex
	last read
}

// read is what was read or written last of the records: where their branch was, and what
// it has there.
type read struct {
	tip     string
	records []ledger.Record
	listed  bool // records is what the tip has
}

var (
	_ ledger.Cells     = (*Store)(nil)
	_ ledger.Versioner = (*Store)(nil)
	_ ledger.Records   = (*Store)(nil)
	_ ledger.Recaller  = (*Store)(nil)
	_ ledger.Joiner    = (*Store)(nil)
)

// Read implements ledger.Cells.
func (s *Store) Read(ctx context.Context, names ...string) (map[string]ledger.Cell, error) {
	patterns := make([]string, len(names))
	for i, name := range names {
		patterns[i] = cellPrefix + name
	}
	var err error
	for range 3 { // a branch may go away between listing and fetching
		var cells map[string]ledger.Cell
		if cells, err = s.read(ctx, patterns); err == nil {
			return cells, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// Versions implements ledger.Versioner: it lists branches and fetches nothing.
func (s *Store) Versions(ctx context.Context, names ...string) (map[string]string, error) {
	patterns := make([]string, len(names))
	for i, name := range names {
		patterns[i] = cellPrefix + name
	}
	refs, err := git.Refs(ctx, s.Dir, s.Remote, patterns...)
	versions := map[string]string{}
	for ref, commit := range refs {
		versions[strings.TrimPrefix(ref, cellPrefix)] = commit
	}
	return versions, err
}

func (s *Store) read(ctx context.Context, patterns []string) (map[string]ledger.Cell, error) {
	refs, err := git.Refs(ctx, s.Dir, s.Remote, patterns...)
	if err != nil {
		return nil, err
	}
	if s.Remote != "" && len(refs) > 0 {
		if err := git.FetchAll(ctx, s.Dir, s.Remote, slices.Sorted(maps.Keys(refs))...); err != nil {
			return nil, err
		}
	}
	cells := map[string]ledger.Cell{}
	for ref, commit := range refs {
		name := strings.TrimPrefix(ref, cellPrefix)
		data, err := git.Show(ctx, s.Dir, commit, name+".json")
		var failed *git.Error
		if errors.As(err, &failed) && s.has(ctx, commit) {
			data, err = nil, nil // a branch without the file: it is there, and cannot be read
		}
		if err != nil {
			return nil, err
		}
		cells[name] = ledger.Cell{Version: commit, Data: data}
	}
	return cells, nil
}

func (s *Store) has(ctx context.Context, commit string) bool {
	_, err := git.Resolve(ctx, s.Dir, commit)
	return err == nil
}

// Swap implements ledger.Cells. All cells that get a value point to one commit.
func (s *Store) Swap(ctx context.Context, changes ...ledger.Change) (map[string]string, error) {
	moves, versions, err := s.Moves(ctx, changes...)
	if err != nil {
		return nil, err
	}
	if s.Remote == "" {
		err = git.SwapRefs(ctx, s.Dir, moves)
	} else {
		err = git.PushSwap(ctx, s.Dir, s.Remote, moves)
	}
	if errors.Is(err, git.ErrMoved) {
		return nil, fmt.Errorf("%w: %w", ledger.ErrMoved, err)
	}
	return versions, err
}

// Place is the clone, and the remote that has its branches; none where they are the
// clone's own.
func (s *Store) Place() (dir, remote string) { return s.Dir, s.Remote }

// Moves are what Swap would do to branches, and the versions that the cells would have
// then. It moves none: that is for who moves other branches in the same push.
func (s *Store) Moves(ctx context.Context, changes ...ledger.Change) ([]git.RefChange, map[string]string, error) {
	files := map[string][]byte{}
	for _, c := range changes {
		if c.Data != nil {
			files[c.Name+".json"] = c.Data
		}
	}
	commit := ""
	if len(files) > 0 {
		var err error
		// The text makes the commit, and so the version of the cells, unlike any other.
		if commit, err = git.AddFiles(ctx, s.Dir, "", files, author, s.now(), "bcctl locks "+rand.Text()); err != nil {
			return nil, nil, err
		}
	}
	versions := map[string]string{}
	var moves []git.RefChange
	for _, c := range changes {
		move := git.RefChange{Ref: cellPrefix + c.Name, From: c.From}
		if c.Data != nil {
			move.To, versions[c.Name] = commit, commit
		}
		moves = append(moves, move)
	}
	return moves, versions, nil
}

// AddAndSwap implements ledger.Joiner: one push has all of it.
func (s *Store) AddAndSwap(ctx context.Context, changes []ledger.Change, records ...ledger.Record) error {
	files, err := filesOf(records)
	if err != nil {
		return err
	}
	moves, _, err := s.Moves(ctx, changes...)
	if err != nil {
		return err
	}
	s.mu.Lock()
	tip := s.last.tip
	s.mu.Unlock()
	if err = s.add(ctx, tip, files, moves); errors.Is(err, git.ErrMoved) {
		return fmt.Errorf("%w: %w", ledger.ErrMoved, err)
	}
	return err
}

// Add implements ledger.Records.
func (s *Store) Add(ctx context.Context, records ...ledger.Record) error {
	files, err := filesOf(records)
	if err != nil {
		return err
	}
	// Where the branch was last is tried first: when it is somewhere else now, nothing is
	// added there, and it is asked for.
	s.mu.Lock()
	tip := s.last.tip
	s.mu.Unlock()
	for try := range tries {
		if err = s.add(ctx, tip, files, nil); !errors.Is(err, git.ErrMoved) {
			return err
		}
		tip = ""
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(mathrand.IntN(20*(1+min(try, 20)))) * time.Millisecond):
		}
	}
	return err
}

// filesOf are the files of records.
func filesOf(records []ledger.Record) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, r := range records {
		name, data, err := r.Encode()
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	return files, nil
}

// add adds the files that are not there yet, and moves other branches in the same step.
func (s *Store) add(ctx context.Context, tip string, files map[string][]byte, others []git.RefChange) (err error) {
	if tip == "" {
		if tip, err = s.tip(ctx); err != nil {
			return err
		}
	}
	fresh := maps.Clone(files)
	if tip != "" {
		there, err := git.Blobs(ctx, s.Dir, tip, maxRecords, slices.Sorted(maps.Keys(files))...)
		if err != nil {
			return err
		}
		for _, blob := range there {
			data, err := git.Show(ctx, s.Dir, tip, blob.Path)
			if err != nil {
				return err
			}
			if string(data) != string(files[blob.Path]) {
				return fmt.Errorf("%s: %w", blob.Path, ledger.ErrExists)
			}
			delete(fresh, blob.Path)
		}
	}
	moves, commit := others, tip
	if len(fresh) > 0 {
		message := "bcctl: " + strings.Join(slices.Sorted(maps.Keys(fresh)), ", ")
		if commit, err = git.AddFiles(ctx, s.Dir, tip, fresh, author, s.now(), message); err != nil {
			return err
		}
		moves = append(slices.Clip(others), git.RefChange{Ref: recordsRef, From: tip, To: commit})
	}
	switch {
	case len(moves) == 0:
		return nil
	case s.Remote == "" && len(others) == 0:
		err = git.SwapRef(ctx, s.Dir, recordsRef, commit, tip)
	case s.Remote == "":
		err = git.SwapRefs(ctx, s.Dir, moves)
	default:
		err = git.PushSwap(ctx, s.Dir, s.Remote, moves)
	}
	if err == nil && commit != tip {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last = read{tip: commit}
	}
	return err
}

// tip is the newest commit of the records, empty when there are none.
func (s *Store) tip(ctx context.Context) (commit string, err error) {
	if s.Remote == "" {
		commit, err = git.Tip(ctx, s.Dir, recordsRef)
	} else {
		s.mu.Lock()
		known := s.last.tip
		s.mu.Unlock()
		commit, err = git.FetchNew(ctx, s.Dir, s.Remote, recordsRef, known)
	}
	if errors.Is(err, git.ErrNoBranch) {
		return "", nil
	}
	return commit, err
}

// All implements ledger.Records.
func (s *Store) All(ctx context.Context) ([]ledger.Record, error) {
	tip, err := s.tip(ctx)
	if err != nil || tip == "" {
		return nil, err
	}
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	if last.listed && last.tip == tip {
		return slices.Clone(last.records), nil // a commit has the same for ever
	}
	records, err := s.recordsOf(ctx, tip)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last = read{tip, slices.Clone(records), true}
	}
	return records, err
}

// Recall implements ledger.Recaller.
func (s *Store) Recall() ([]ledger.Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.last.records), s.last.listed
}

// Fetched returns the records of the remote as git fetch brought them last, without a
// connection. What has happened since is not among them.
func (s *Store) Fetched(ctx context.Context) ([]ledger.Record, error) {
	tip, err := git.Tip(ctx, s.Dir, "refs/remotes/"+s.Remote+"/"+strings.TrimPrefix(recordsRef, "refs/heads/"))
	if errors.Is(err, git.ErrNoBranch) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.recordsOf(ctx, tip)
}

func (s *Store) recordsOf(ctx context.Context, tip string) ([]ledger.Record, error) {
	blobs, err := git.Blobs(ctx, s.Dir, tip, maxRecords)
	if err != nil {
		return nil, err
	}
	reader, err := git.NewReader(ctx, s.Dir)
	if err != nil {
		return nil, err
	}
	records := make([]ledger.Record, 0, len(blobs))
	for _, blob := range blobs {
		data, err := reader.Read(blob.ID, blob.Size)
		if err != nil {
			return nil, errors.Join(err, reader.Close())
		}
		r, err := ledger.Decode(blob.Path, data)
		if err != nil {
			return nil, errors.Join(err, reader.Close())
		}
		records = append(records, r)
	}
	return records, reader.Close()
}

func (s *Store) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}
