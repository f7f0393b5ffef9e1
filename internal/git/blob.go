package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Blob is a file that a commit holds.
type Blob struct {
	Path string
	ID   string
	Size int64
	Mode string // 100644 for an ordinary file
}

// Plain reports whether a blob is an ordinary file: no link, nothing executable.
func (b Blob) Plain() bool { return b.Mode == "100644" }

// Blobs lists the files of a commit, whatever they are, in the order of their
// paths. Unlike Tree it reads no contents and has no limit but max. Paths are those
// to look for; without, it lists all.
func Blobs(ctx context.Context, dir, commit string, max int, paths ...string) ([]Blob, error) {
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := stream(ctx, dir, nil, w, slices.Concat([]string{"ls-tree", "-r", "-z", "--long", "--full-tree", commit, "--"}, paths)...)
		w.CloseWithError(err)
		done <- err
	}()
	blobs, err := parseBlobs(bufio.NewReader(r), max)
	r.CloseWithError(err) // ends git if reading stopped early
	if runErr := <-done; err == nil {
		err = runErr
	}
	return blobs, err
}

func parseBlobs(r *bufio.Reader, max int) ([]Blob, error) {
	var blobs []Blob
	for {
		line, err := r.ReadString(0)
		if errors.Is(err, io.EOF) && line == "" {
			break
		}
		if err != nil {
			return nil, err
		}
		head, name, ok := strings.Cut(strings.TrimSuffix(line, "\x00"), "\t")
		fields := strings.Fields(head)
		if !ok || len(fields) != 4 {
			return nil, fmt.Errorf("unexpected line %q of git ls-tree", line)
		}
		size, _ := strconv.ParseInt(fields[3], 10, 64) // "-" for a submodule
		blobs = append(blobs, Blob{Path: name, ID: fields[2], Size: size, Mode: fields[0]})
		if len(blobs) > max {
			return nil, fmt.Errorf("more than %d files: %w", max, ErrTooLarge)
		}
	}
	slices.SortFunc(blobs, func(a, b Blob) int { return strings.Compare(a.Path, b.Path) })
	return blobs, nil
}

// Reader reads many objects through one git process. It may be used by several
// goroutines.
type Reader struct {
	mu     sync.Mutex
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	broken error
}

// NewReader starts the process. It ends with ctx, or with Close.
func NewReader(ctx context.Context, dir string) (*Reader, error) {
	cmd := exec.CommandContext(ctx, "git", slices.Concat(fixed, []string{"cat-file", "--batch"})...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, environment(), 5*time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, ErrNoGit
		}
		return nil, fmt.Errorf("run git cat-file: %w", err)
	}
	return &Reader{cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<16)}, nil
}

// Read returns the contents of a blob of known size.
func (r *Reader) Read(id string, size int64) ([]byte, error) { return r.ReadInto(id, size, nil) }

// ReadInto is Read. The contents may be in the buffer, which grows as is needed.
func (r *Reader) ReadInto(id string, size int64, buffer []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken != nil {
		return nil, r.broken
	}
	data, err := r.read(id, size, buffer)
	if err != nil {
		r.broken = fmt.Errorf("read object %s: %w", id, err)
		return nil, r.broken
	}
	return data, nil
}

func (r *Reader) read(id string, size int64, buffer []byte) ([]byte, error) {
	if _, err := io.WriteString(r.in, id+"\n"); err != nil {
		return nil, err
	}
	head, err := r.out.ReadString('\n')
	if err != nil {
		return nil, err
	}
	if want := fmt.Sprintf("%s blob %d\n", id, size); head != want {
		return nil, fmt.Errorf("git answered %q", strings.TrimSpace(head))
	}
	data := slices.Grow(buffer[:0], int(size)+1)[:size+1]
	if _, err := io.ReadFull(r.out, data); err != nil {
		return nil, err
	}
	return data[:size], nil
}

// Close ends the process.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken == nil {
		r.broken = errors.New("the reader is closed")
	}
	return errors.Join(r.in.Close(), r.cmd.Wait())
}
