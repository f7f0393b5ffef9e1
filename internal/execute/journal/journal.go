// Package journal keeps the events of a run in a file: every line is flushed to
// the disk before Append returns, lines are only ever added, and each names the one
// before. It knows neither databases nor where journals go from here.
package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// Sink is a place off this machine.
type Sink interface {
	// Put brings events there and returns when they are durable. Events follow those
	// of the call before; putting the same ones again is no error.
	Put(ctx context.Context, events []runbook.Event) error
}

// File is the journal of one run in one file. One process has it at a time.
type File struct {
	file *os.File
	lock *os.File
	sink Sink

	mu     sync.Mutex // of events, pushed and broken, beside a push
	events []runbook.Event
	prev   string
	size   int64 // up to the end of the last whole line
	pushed int
	broken error

	// Brought says that all there is was brought from another machine (Adopt), and nothing
	// was added here since.
	Brought bool

	// Torn is what a crash left of a line that was never whole; it was cut off.
	Torn []byte
}

var (
	_ runbook.Journal = (*File)(nil)
	_ runbook.Besider = (*File)(nil)

	// ErrBusy says that another process of this machine has the journal.
	ErrBusy = errors.New("another bcctl on this machine runs it")

	// ErrNoSink says that there is no place off this machine.
	ErrNoSink = errors.New("no place off this machine is configured")
)

// maxJournal is far above what any run writes, in bytes.
const maxJournal = 256 << 20

var safeRun = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,127}$`)

// Path is where the journal of a run is.
func Path(dir, run string) string { return filepath.Join(dir, run+".jsonl") }

// Open opens the journal of a run, or begins one, and keeps other processes of this
// machine away from it. A line that a crash left unfinished is cut off: what it would
// have announced was not begun, because Append had not returned. Everything else that
// is not as it was written is an error. A nil sink takes nothing.
func Open(dir, run string, sink Sink) (*File, error) {
	if !safeRun.MatchString(run) {
		return nil, fmt.Errorf("%q is no id of a run", run)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	lock, err := os.OpenFile(Path(dir, run)+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	if err := exclusive(lock); err != nil {
		return nil, errors.Join(fmt.Errorf("journal of run %s: %w", run, err), lock.Close())
	}
	j := &File{lock: lock, sink: sink}
	if err := j.open(Path(dir, run)); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

func (j *File) open(path string) error {
	_, err := os.Lstat(path)
	created := errors.Is(err, fs.ErrNotExist)
	if j.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	if created {
		// The name must survive a loss of power as well.
		if err := syncDir(filepath.Dir(path)); err != nil {
			return fmt.Errorf("open the journal: %w", err)
		}
	}
	data, err := io.ReadAll(io.LimitReader(j.file, maxJournal+1))
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	if len(data) > maxJournal {
		return fmt.Errorf("the journal %s is larger than %d bytes", path, maxJournal)
	}
	whole := bytes.LastIndexByte(data, '\n') + 1
	if j.events, err = runbook.DecodeJournal(data[:whole]); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, e := range j.events {
		line, err := e.Encode()
		if err != nil {
			return err
		}
		j.prev = runbook.HashLine(line)
	}
	j.size = int64(whole)
	if was, err := os.ReadFile(path + ".brought"); err == nil {
		j.Brought = bytes.Equal(was, mark(data[:whole]))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the journal: %w", err)
	}
	if n, err := os.ReadFile(path + ".pushed"); err == nil {
		// Only a hint: what is put twice does no harm.
		if count, err := strconv.Atoi(strings.TrimSpace(string(n))); err == nil && count >= 0 && count <= len(j.events) {
			j.pushed = count
		}
	}
	if rest := data[whole:]; len(rest) > 0 {
		if e, err := runbook.DecodeEvent(rest); err == nil && e.Seq == int64(len(j.events)) && e.Prev == j.prev {
			// Whole but for its line break: the text was written, and may have been seen.
			return j.write(e, []byte("\n"), rest)
		}
		j.Torn = bytes.Clone(rest)
		if err := j.file.Truncate(j.size); err != nil {
			return fmt.Errorf("cut off what a crash left: %w", err)
		}
		if err := j.file.Sync(); err != nil {
			return fmt.Errorf("cut off what a crash left: %w", err)
		}
	}
	return nil
}

// Events returns what is there, in order.
func (j *File) Events(context.Context) ([]runbook.Event, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.events), j.broken
}

// Append adds an event and returns when it is on the disk. After an error the file
// takes nothing more: whether the line is there is not known, and opening it again
// finds out.
func (j *File) Append(_ context.Context, e runbook.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return j.broken
	}
	if e.Seq != int64(len(j.events)) || e.Prev != j.prev {
		return fmt.Errorf("event %d does not follow the last one of the journal", e.Seq)
	}
	line, err := e.Encode()
	if err != nil {
		return err
	}
	return j.write(e, append(bytes.Clone(line), '\n'), line)
}

// write adds bytes at the end, after which the last line is whole.
func (j *File) write(e runbook.Event, data, line []byte) error {
	at := j.size + int64(len(line)+1-len(data))
	_, err := j.file.WriteAt(data, at)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		j.broken = fmt.Errorf("write the journal: %w", err)
		return j.broken
	}
	j.events, j.prev, j.size, j.Brought = append(j.events, e), runbook.HashLine(line), at+int64(len(data)), false
	return nil
}

// Push brings what was not there yet to the sink.
func (j *File) Push(ctx context.Context) error {
	if j.sink == nil {
		return ErrNoSink
	}
	j.mu.Lock()
	all := len(j.events)
	events := slices.Clone(j.events[j.pushed:all])
	j.mu.Unlock()
	return j.put(ctx, events, all)
}

// Beside implements runbook.Besider.
func (j *File) Beside(ctx context.Context) <-chan error {
	ended := make(chan error, 1)
	if j.sink == nil {
		ended <- ErrNoSink
		return ended
	}
	j.mu.Lock()
	all := len(j.events)
	events := slices.Clone(j.events[j.pushed:all])
	j.mu.Unlock()
	go func() { ended <- j.put(ctx, events, all) }()
	return ended
}

// put brings the newest events, up to a number, to the sink.
func (j *File) put(ctx context.Context, events []runbook.Event, all int) error {
	if err := j.sink.Put(ctx, events); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pushed = all
	// Where this cannot be kept, the same events are put again later.
	_ = os.WriteFile(j.file.Name()+".pushed", []byte(strconv.Itoa(all)+"\n"), 0o600)
	return nil
}

// Close lets another process have the journal.
func (j *File) Close() error {
	var err error
	if j.file != nil {
		err = j.file.Close()
	}
	return errors.Join(err, release(j.lock))
}
