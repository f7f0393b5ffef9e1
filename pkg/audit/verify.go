package audit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/canonical"
)

// Options of Verify.
type Options struct {
	// Now is the verifier's time.
	Now time.Time

	// LogID is the log that is expected; empty accepts the one that is there.
	LogID string

	// Pin is a checkpoint that was kept elsewhere; nil is none, and then nobody can
	// tell whether the newest entries are missing.
	Pin []byte

	// Others are further checkpoints of the log, from other clones or witnesses.
	Others [][]byte

	// MaxAge is how old the newest entry may be; zero is twice the heartbeat of the
	// log, negative any age.
	MaxAge time.Duration

	// Parallel is how many segments are checked at once; zero is one for each
	// processor.
	Parallel int

	// Progress is told how many segments of how many are done. It may be nil.
	Progress func(done, total int)

	// Each is called for every entry of a valid segment, in the order of the log. It
	// may be nil. An error ends the verification. Entries share what is the same in
	// them, such as their actor; it is not to be changed.
	Each func(Recorded) error

	// Answer judges what a person is said to have answered about a step, and returns the
	// commit of the roster it was held against; empty: none was at hand. Nil judges only
	// what the log alone can tell. An error is what is wrong with it.
	Answer func(Answer) (roster string, err error)
}

// Answer is what the log has of an answer of a person about a step in doubt.
type Answer struct {
	Resolution
	Request string    // digest of the request
	Step    string    // as the plan names it
	Status  string    // of the step, by the answer
	At      time.Time // of the entry
	Since   time.Time // when the start of the run before this one began; zero: there is none
	Offline bool      // the run went on without GitHub
}

// Recorded is an entry with its place in the log.
type Recorded struct {
	Entry
	Leaf   int64
	Path   string
	Line   int // from 1
	KeyID  string
	Sealed bool
}

// Verify checks a whole log. It makes no connection and trusts nothing but the
// options. The error is for an archive that cannot be read; whatever is wrong with
// the log is in the report.
func Verify(ctx context.Context, a Archive, o Options) (Report, error) {
	v := &verifier{ctx: ctx, archive: a, options: o, report: Report{Findings: []Finding{}}}
	if v.options.Parallel <= 0 {
		v.options.Parallel = runtime.GOMAXPROCS(0)
	}
	if err := v.index(); err != nil {
		return Report{}, err
	}
	if err := v.readTrust(); err != nil {
		return Report{}, err
	}
	if err := v.walk(); err != nil {
		return Report{}, err
	}
	if err := v.finish(); err != nil {
		return Report{}, err
	}
	v.report.conclude()
	return v.report, nil
}

// verifier is one verification.
type verifier struct {
	ctx     context.Context
	archive Archive
	options Options
	report  Report

	keyFiles   []File  // versions of the keys
	segments   []file  // in the order of their paths
	seals      []int64 // sizes
	notes      map[int64]bool
	versions   []Trust
	trusted    []string // SHA-256 of each version
	known      []publicKey
	notesOfLog notes
	used       sync.Pool // of *checked, to be used again
	pinned     int64     // signatures of leaves below are not made sure of; 0 for Verify
	order      map[string]int

	cosignatures []cosigned

	state   state
	planned planned
}

// file is a segment's file.
type file struct {
	path     string
	id       SegmentID
	sidecars int    // how many there are: one, or it is damaged
	ext      string // of the sidecar
}

// find finds a segment by its path.
func (v *verifier) find(path string) (at int, there bool) {
	return slices.BinarySearchFunc(v.segments, path, func(f file, path string) int { return strings.Compare(f.path, path) })
}

// cosigned is the file of a cosignature under the checkpoint of a size.
type cosigned struct {
	path string
	size int64
}

// index sorts the files by what they are.
func (v *verifier) index() error {
	files, err := v.archive.Files(v.ctx)
	if err != nil {
		return fmt.Errorf("list the log: %w", err)
	}
	v.notes = map[int64]bool{}
	var apart []string
	sealed := map[int64]bool{}
	for _, f := range files {
		p := placeOf(f.Path)
		switch {
		case f.Path == ".gitattributes":
			continue
		case p.kind == notOurs:
			v.report.find("AUD-02", f.Path, 0, -1, "no log has a file of this name here")
			continue
		case !f.Plain:
			v.report.find("AUD-02", f.Path, 0, -1, "it is not an ordinary file")
			continue
		case f.Size > maxFile:
			v.report.find("AUD-02", f.Path, 0, -1, "it has %d bytes, more than %d", f.Size, maxFile)
			continue
		}
		switch p.kind {
		case segmentFile:
			v.segments = append(v.segments, file{path: f.Path, id: p.segment})
		case sidecarFile:
			of, ext := cutSidecar(f.Path)
			if last := len(v.segments) - 1; last >= 0 && v.segments[last].path == of {
				v.segments[last].sidecars++
				v.segments[last].ext = ext
				continue
			}
			apart = append(apart, f.Path)
		case sealFile:
			v.seals = append(v.seals, p.size)
			sealed[p.size] = true
		case noteFile:
			v.notes[p.size] = true
		case trustFile:
			v.keyFiles = append(v.keyFiles, f)
		case cosignatureFile:
			v.cosignatures = append(v.cosignatures, cosigned{f.Path, p.size})
		}
	}
	slices.Sort(v.seals)
	for _, path := range apart { // a sidecar comes after its segment
		v.report.find("AUD-04", path, 0, -1, "the segment it signs is not there")
	}
	for _, s := range v.segments {
		if s.sidecars != 1 {
			v.report.find("AUD-04", s.path, 0, -1, "it has %d signature files", s.sidecars)
		}
	}
	for size := range v.notes {
		if !sealed[size] {
			v.report.find("AUD-11", NotePath(size), 0, -1, "the list of its seal is not there")
		}
	}
	return v.history()
}

// history reads in which order the files came, where that is known.
func (v *verifier) history() error {
	h, ok := v.archive.(Historian)
	if !ok {
		return nil
	}
	past, err := h.History(v.ctx)
	if err != nil {
		return fmt.Errorf("read the history of the log: %w", err)
	}
	for _, odd := range past.Odd {
		v.report.find("AUD-40", odd.Path, 0, -1, "%s", odd.What)
	}
	v.order = make(map[string]int, len(past.Added))
	for i, path := range past.Added {
		if _, twice := v.order[path]; !twice {
			v.order[path] = i
		}
	}
	return nil
}

// read returns a file; a file that cannot be read is an error of the archive.
func (v *verifier) read(path string) ([]byte, error) {
	data, err := v.archive.Read(v.ctx, path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return data, nil
}

// readTrust reads every version of the keys. Which of them counts where is found
// out on the way.
func (v *verifier) readTrust() error {
	next := int64(1)
	for _, f := range v.keyFiles {
		p := placeOf(f.Path)
		text, err := v.read(f.Path)
		if err != nil {
			return err
		}
		t, err := DecodeTrust(text)
		switch {
		case errors.Is(err, canonical.ErrForm):
			v.report.find("AUD-03", f.Path, 0, -1, "%v", err)
			return nil
		case err != nil:
			v.report.find("AUD-22", f.Path, 0, -1, "it is no trust document: %v", err)
			return nil
		case t.Version != p.size || p.size != next:
			v.report.find("AUD-22", f.Path, 0, -1, "versions of the keys are to follow each other from 1; this is %d", t.Version)
			return nil
		}
		if len(v.versions) > 0 && t.Log != v.versions[0].Log {
			v.report.find("AUD-22", f.Path, 0, -1, "it is for log %s", t.Log)
			return nil
		}
		next++
		v.versions = append(v.versions, t)
		v.trusted = append(v.trusted, digest(text))
		v.know(t.Keys)
	}
	if len(v.versions) == 0 {
		v.report.find("AUD-22", "", 0, -1, "there is no version of the keys")
	}
	return nil
}

// know reads the keys that may sign segments, each once. One id is one key: the
// id is made of it, and Trust.check holds them together.
func (v *verifier) know(keys []Key) {
	for _, k := range keys {
		known := slices.ContainsFunc(v.known, func(p publicKey) bool { return p.id == k.ID && p.alg == k.Alg })
		if p, ok := k.public(); ok && !known {
			v.known = append(v.known, p)
		}
	}
}
