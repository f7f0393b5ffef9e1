// Package gitlog keeps an audit log on a branch of a Git repository, which has
// nothing else: no common history with the configuration, no work tree.
//
// Appending makes a commit on top of the newest one and moves the branch to it if
// it has not moved meanwhile; otherwise it begins again from the new tip. With a
// remote, the branch is the remote's: what counts as appended is what the remote
// has. Before that, each segment is kept in a spool beside the repository, so that
// a remote that is away costs no record.
package gitlog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/pkg/audit"
)

// DefaultRef is the branch of a log unless told otherwise.
const DefaultRef = "refs/heads/bcctl-audit"

// Options of a log.
type Options struct {
	// Dir is a folder of the repository.
	Dir string
	// Ref is the branch in full; DefaultRef when empty.
	Ref string
	// Remote is the name or address of the remote that has the branch; empty for a
	// branch of this repository alone.
	Remote string
	// Timeout bounds how long an append may try; two minutes when zero.
	Timeout time.Duration
	// Pin is a checkpoint kept elsewhere, nil for none: a log that does not contain it
	// is not added to.
	Pin []byte
	// Now is the clock of commits; time.Now when nil.
	Now func() time.Time

	// Folder takes segments while the remote is not to be asked, beside the spool; empty:
	// it is asked. It lies on another medium or machine, so that a segment in it counts as
	// kept off this one. Recover brings what is there to the branch.
	Folder string
}

// Log is an audit log on a branch.
type Log struct {
	o     Options
	spool string

	mu     sync.Mutex
	whole  string // a commit of the branch that is here with all that is behind it
	viewed string // where the remote's branch was at the last View; used up by an append
	last   *state // what was read or written last
}

// state is the log as one commit has it.
type state struct {
	commit string
	log    audit.Sealable
	moved  time.Time // when we brought the branch there, and saw it there; zero: it was only read
}

// recalled is for how long a log that we moved ourselves is not read anew before the next
// append, which the remote does not take when anybody else has moved it since.
const recalled = time.Minute

// recall is the log as we left it a moment ago.
func (l *Log) recall() (audit.Sealable, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil || l.last.moved.IsZero() {
		return audit.Sealable{}, false
	}
	if age := l.o.Now().Sub(l.last.moved); age < 0 || age > recalled {
		return audit.Sealable{}, false
	}
	l.viewed = l.last.commit
	return l.last.log, true
}

// added notes that we moved the branch from tip to commit, by one segment where there is
// one, and that nobody else did.
func (l *Log) added(tip, commit string, s *audit.Signed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil || s == nil || l.last.commit != tip || l.o.Remote == "" {
		l.last = nil
		return
	}
	l.last = &state{commit, l.last.log.With(*s), l.o.Now()}
}

var _ audit.Store = (*Log)(nil)

const defaultTimeout = 2 * time.Minute

// Open returns the log on a branch. It makes no connection; there need not be a
// log yet.
func Open(ctx context.Context, o Options) (*Log, error) {
	if o.Ref == "" {
		o.Ref = DefaultRef
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	dir, err := git.CommonDir(ctx, o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	return &Log{o: o, spool: filepath.Join(dir, "bcctl-audit-spool")}, nil
}

// tip is the newest commit of the branch, where the branch is.
func (l *Log) tip(ctx context.Context) (string, error) {
	var commit string
	var err error
	switch {
	case l.o.Remote == "":
		commit, err = git.Tip(ctx, l.o.Dir, l.o.Ref)
	case l.o.Folder != "":
		commit, err = git.Tip(ctx, l.o.Dir, l.fetched())
	default:
		l.mu.Lock()
		whole := l.whole
		l.mu.Unlock()
		if commit, err = git.FetchNew(ctx, l.o.Dir, l.o.Remote, l.o.Ref, whole); err == nil {
			l.has(commit)
		}
	}
	if errors.Is(err, git.ErrNoBranch) {
		return "", fmt.Errorf("%w on %s", audit.ErrNoLog, l.o.Ref)
	}
	return commit, err
}

// has notes that a commit of the branch is here.
func (l *Log) has(commit string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.whole = commit
}

// known is the newest commit that can be had: where the remote does not answer,
// the one that was fetched last. A record then says what its writer had seen, and
// waits in the spool.
func (l *Log) known(ctx context.Context) (string, error) {
	commit, err := l.tip(ctx)
	if err == nil {
		return commit, nil
	}
	return l.fallback(ctx, err)
}

// fallback is the commit that was fetched last, where the remote did not answer.
func (l *Log) fallback(ctx context.Context, err error) (string, error) {
	if errors.Is(err, audit.ErrNoLog) || l.o.Remote == "" || ctx.Err() != nil {
		return "", err
	}
	last, missing := git.Tip(ctx, l.o.Dir, l.fetched())
	if missing != nil {
		return "", err
	}
	return last, nil
}

// fetched is where git keeps what it fetched last of the branch.
func (l *Log) fetched() string {
	return "refs/remotes/" + l.o.Remote + "/" + strings.TrimPrefix(l.o.Ref, "refs/heads/")
}

// Snapshot returns the log as it is now, for reading; where the remote does not
// answer, as it was fetched last. The caller closes it.
func (l *Log) Snapshot(ctx context.Context) (*Snapshot, error) {
	commit, err := l.known(ctx)
	if err != nil {
		return nil, err
	}
	return At(ctx, l.o.Dir, commit)
}

// Files implements audit.Archive, for the newest commit at each call. Use Snapshot
// to read one state of the log.
func (l *Log) Files(ctx context.Context) ([]audit.File, error) {
	s, err := l.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Files(ctx)
}

// Read implements audit.Archive, likewise.
func (l *Log) Read(ctx context.Context, path string) ([]byte, error) {
	s, err := l.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Read(ctx, path)
}

// View implements audit.Store. What this process itself has added a moment ago is known
// without reading the whole log once more.
func (l *Log) View(ctx context.Context) (audit.View, error) {
	if log, ok := l.recall(); ok {
		return log.View(), nil
	}
	commit, err := l.tip(ctx)
	asked := err == nil
	if err != nil {
		if commit, err = l.fallback(ctx, err); err != nil {
			return audit.View{}, err
		}
	}
	s, err := At(ctx, l.o.Dir, commit)
	if err != nil {
		return audit.View{}, err
	}
	defer s.Close()
	next, err := audit.Prepare(ctx, s, l.o.Pin)
	if err != nil {
		return audit.View{}, err
	}
	if asked && l.o.Remote != "" {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.viewed, l.last = commit, &state{commit: commit, log: next}
	}
	return next.View(), nil
}

// takeViewed is where the branch was at the last View, for the append that comes next:
// it is made on top of what was looked at. Should others have gone on since, the remote
// does not take it, and it is made anew.
func (l *Log) takeViewed() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	commit := l.viewed
	l.viewed = ""
	return commit
}

// Init implements audit.Store.
func (l *Log) Init(ctx context.Context, trust []byte, genesis audit.Signed) error {
	_, err := l.tip(ctx)
	if err == nil {
		return fmt.Errorf("begin an audit log on %s: %w", l.o.Ref, audit.ErrExists)
	}
	if !errors.Is(err, audit.ErrNoLog) {
		return err
	}
	files := segmentFiles(genesis)
	files[audit.TrustPath(1)] = trust
	files[".gitattributes"] = []byte("audit/** -text\n")
	commit, err := l.commit(ctx, "", files, "Begin the audit log")
	if err != nil {
		return err
	}
	if _, err := l.move(ctx, commit, "", nil); err != nil {
		return fmt.Errorf("begin an audit log on %s: %w", l.o.Ref, err)
	}
	return nil
}

// Append implements audit.Store. The error wraps ErrSpooled when the segment is
// kept in the spool and not yet on the branch.
func (l *Log) Append(ctx context.Context, s audit.Signed) error {
	return l.spooled(ctx, batch{ID: s.ID.String(), Files: segmentFiles(s)}, &s, nil)
}

// Beside reports whether the branch is in that clone's remote, so that AppendWith can
// move branches of it along.
func (l *Log) Beside(dir, remote string) bool {
	return l.o.Dir == dir && l.o.Remote == remote && remote != "" && l.o.Folder == ""
}

// AppendWith is Append in one push with other branches of the same remote: all of it gets
// there or nothing does. An error that wraps git.ErrMoved says that nothing was done, and
// that the segment is kept nowhere: this branch or one of the others is not where it was.
// Of any other error, ErrSpooled among them, it is not known what became of the others.
func (l *Log) AppendWith(ctx context.Context, s audit.Signed, others []git.RefChange) error {
	return l.spooled(ctx, batch{ID: s.ID.String(), Files: segmentFiles(s)}, &s, others)
}

// AddTrust implements audit.Store.
func (l *Log) AddTrust(ctx context.Context, trust []byte, update audit.Signed) error {
	t, err := audit.DecodeTrust(trust)
	if err != nil {
		return fmt.Errorf("add a version of the keys: %w", err)
	}
	files := segmentFiles(update)
	files[audit.TrustPath(t.Version)] = trust
	return l.spooled(ctx, batch{ID: update.ID.String(), Files: files}, nil, nil)
}

func segmentFiles(s audit.Signed) map[string][]byte {
	path := audit.SegmentPath(s.ID)
	return map[string][]byte{path: s.Raw, path + s.Sidecar.Ext: s.Sidecar.Data}
}

// AddCosignature implements audit.Store.
func (l *Log) AddCosignature(ctx context.Context, size int64, c audit.Cosignature) error {
	files := map[string][]byte{audit.CosignaturePath(size, c.ID): c.Line}
	return l.retry(ctx, "", nil, nil, func(tip string) (map[string][]byte, string, error) {
		s, err := some(ctx, l.o.Dir, tip, slices.Sorted(maps.Keys(files)))
		if err != nil {
			return nil, "", err
		}
		defer s.Close()
		there, err := exists(ctx, s, files)
		if err != nil || there {
			return nil, "", err
		}
		return files, fmt.Sprintf("Add the cosignature of %s under %d leaves", c.ID, size), nil
	})
}

// Seal implements audit.Store.
func (l *Log) Seal(ctx context.Context, key audit.LogKey) (audit.Sealing, error) {
	var sealing audit.Sealing
	err := l.retry(ctx, "", nil, nil, func(tip string) (map[string][]byte, string, error) {
		s, err := At(ctx, l.o.Dir, tip)
		if err != nil {
			return nil, "", err
		}
		defer s.Close()
		next, err := audit.Prepare(ctx, s, l.o.Pin)
		if err != nil {
			return nil, "", err
		}
		sealing, err = next.Next(key)
		if errors.Is(err, audit.ErrNothingToSeal) {
			sealing = audit.Sealing{Head: next.Head}
			return nil, "", nil
		}
		if err != nil {
			return nil, "", err
		}
		files := map[string][]byte{audit.SealPath(sealing.Head.Size): sealing.Seal, audit.NotePath(sealing.Head.Size): sealing.Note}
		return files, fmt.Sprintf("Seal %d leaves", sealing.Head.Size), nil
	})
	return sealing, err
}

// retry adds files to the branch by compare-and-swap. Make is asked anew for each
// tip; no files means that there is nothing to do. The first tip is the one that is
// given, or where the branch is now when none is. Added is the segment among the files,
// if there is one. With others, branches that are moved in the same push, it is tried
// once.
func (l *Log) retry(ctx context.Context, tip string, added *audit.Signed, others []git.RefChange, make func(tip string) (map[string][]byte, string, error)) error {
	ctx, cancel := context.WithTimeout(ctx, l.o.Timeout)
	defer cancel()
	for attempt := 0; ; attempt++ {
		if tip == "" {
			var err error
			if tip, err = l.tip(ctx); err != nil {
				return err
			}
		}
		files, message, err := make(tip)
		switch {
		case err != nil:
			return err
		case len(files) == 0 && len(others) > 0:
			return fmt.Errorf("it is there already, and what goes with it is not moved: %w", git.ErrMoved)
		case len(files) == 0:
			return nil
		}
		commit, err := l.commit(ctx, tip, files, message)
		if err != nil {
			return err
		}
		newest, err := l.move(ctx, commit, tip, others)
		if err == nil && newest {
			l.added(tip, commit, added)
			return nil
		}
		recalled := l.forget()
		if !errors.Is(err, git.ErrMoved) || len(others) > 0 {
			return err
		}
		tip = ""
		if err := pause(ctx, attempt); err != nil {
			return fmt.Errorf("append to %s: others were first, %d times: %w", l.o.Ref, attempt+1, err)
		}
		if recalled {
			// What has come since was not looked at yet: it may be no log that is added to.
			if _, err := l.View(ctx); err != nil {
				return err
			}
		}
	}
}

// forget gives up what is known of the log, and reports whether it was recalled instead of
// read.
func (l *Log) forget() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.last != nil && !l.last.moved.IsZero()
	l.last = nil
	return was
}

// pause waits a random time: longer after the first few attempts, and shorter again
// for who has waited long, so that old waiters win.
func pause(ctx context.Context, attempt int) error {
	limit := min(50*time.Millisecond<<min(attempt, 5), 2*time.Second)
	if attempt > 10 {
		limit = 50 * time.Millisecond
	}
	timer := time.NewTimer(rand.N(limit) + time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// commit makes a commit on top of tip that adds files.
func (l *Log) commit(ctx context.Context, tip string, files map[string][]byte, message string) (string, error) {
	return git.AddFiles(ctx, l.o.Dir, tip, files, git.Author{Name: "bcctl", Email: "bcctl@localhost"}, l.o.Now(), message)
}

// move moves the branch from tip to commit, and makes sure that it is there. It reports
// whether nobody has gone on from there already.
func (l *Log) move(ctx context.Context, commit, tip string, others []git.RefChange) (newest bool, err error) {
	if l.o.Folder != "" {
		return false, errors.New("the branch of the audit log is not added to while its remote is not asked")
	}
	if l.o.Remote == "" {
		return true, git.SwapRef(ctx, l.o.Dir, l.o.Ref, commit, tip)
	}
	if len(others) == 0 {
		err = git.Push(ctx, l.o.Dir, l.o.Remote, commit, l.o.Ref)
	} else {
		err = git.PushSwap(ctx, l.o.Dir, l.o.Remote, append(slices.Clip(others), git.RefChange{Ref: l.o.Ref, To: commit, Forward: true}))
	}
	if err != nil {
		return false, err
	}
	now, err := git.RemoteTip(ctx, l.o.Dir, l.o.Remote, l.o.Ref)
	if err != nil {
		return false, err
	}
	if now == commit {
		l.has(commit)
		return true, nil
	}
	// Others have gone on from here meanwhile, or the remote lost it.
	if now, err = git.Fetch(ctx, l.o.Dir, l.o.Remote, l.o.Ref); err != nil {
		return false, err
	}
	if there, err := git.Contains(ctx, l.o.Dir, now, commit); err != nil || !there {
		return false, errors.Join(err, fmt.Errorf("%s was pushed to %s, and the remote does not have it", commit, l.o.Ref))
	}
	return false, nil
}

// exists reports whether a path is there, and whether it has other bytes.
func exists(ctx context.Context, s *Snapshot, files map[string][]byte) (all bool, err error) {
	all = true
	for path, data := range files {
		have, there, err := s.lookup(ctx, path, nil)
		switch {
		case err != nil:
			return false, err
		case !there:
			all = false
		case string(have) != string(data):
			return false, fmt.Errorf("append %s: %w", path, audit.ErrExists)
		}
	}
	return all, nil
}

// Dir is the folder where segments wait that are not on the branch yet.
func (l *Log) Dir() string { return l.spool }
