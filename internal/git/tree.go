package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// Limits of a tree that is read into memory.
const (
	MaxFile  = 1 << 20   // larger files are listed but cannot be read
	MaxTree  = 256 << 20 // all files together
	MaxFiles = 200_000
)

// Tree reads what a commit holds below dir into memory, and returns it with the
// full id of the commit. The bytes are those that were committed: no line ending
// is converted, no filter is run. Symbolic links are listed and cannot be opened;
// submodules are left out.
//
// dir may be a folder inside the work tree; then the tree begins there. Errors
// are ErrNotRepository, ErrUnknownRevision, ErrTooLarge, and fs.ErrNotExist when
// the commit has no such folder.
func Tree(ctx context.Context, dir, revision string) (tree fs.FS, sha string, err error) {
	sha, err = Resolve(ctx, dir, revision)
	if err != nil {
		return nil, "", err
	}
	prefix, err := run(ctx, dir, nil, "rev-parse", "--show-prefix")
	if err != nil {
		return nil, "", fmt.Errorf("find the folder in the repository: %w", err)
	}
	tree, err = treeAt(ctx, dir, sha, strings.TrimSuffix(strings.TrimSuffix(string(prefix), "\n"), "/"))
	return tree, sha, err
}

// TreeOf is Tree of a commit that is named by its full id, in a bare repository.
func TreeOf(ctx context.Context, dir, commit string) (fs.FS, error) {
	return treeAt(ctx, dir, commit, "")
}

func treeAt(ctx context.Context, dir, sha, folder string) (fs.FS, error) {
	list, err := run(ctx, dir, nil, "ls-tree", "-r", "-z", "--long", "--full-tree", sha+":"+folder)
	var failed *Error
	if errors.As(err, &failed) {
		return nil, fmt.Errorf("commit %s has no folder %q: %w", sha, folder, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("list commit %s: %w", sha, err)
	}
	entries, err := parseTree(list)
	if err != nil {
		return nil, fmt.Errorf("list commit %s: %w", sha, err)
	}
	m, err := contents(ctx, dir, entries)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", sha, err)
	}
	return m, nil
}

// entry is one line of ls-tree.
type entry struct {
	mode string
	id   string
	size int64
	name string
}

// Modes of entries that are not ordinary files.
const (
	modeLink      = "120000"
	modeSubmodule = "160000"
)

// parseTree reads "mode type id size<TAB>name<NUL>".
func parseTree(list []byte) ([]entry, error) {
	var entries []entry
	for _, line := range split(list) {
		head, name, ok := strings.Cut(line, "\t")
		fields := strings.Fields(head)
		if !ok || len(fields) != 4 {
			return nil, fmt.Errorf("unexpected line %q of git ls-tree", line)
		}
		if fields[0] == modeSubmodule {
			continue
		}
		size, err := strconv.ParseInt(fields[3], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("unexpected size in %q of git ls-tree", line)
		}
		if !fs.ValidPath(name) {
			return nil, fmt.Errorf("the commit holds %q, which is not a path", name)
		}
		entries = append(entries, entry{fields[0], fields[2], size, name})
	}
	if len(entries) > MaxFiles {
		return nil, fmt.Errorf("%d files, more than %d: %w", len(entries), MaxFiles, ErrTooLarge)
	}
	return entries, nil
}

// contents reads the files of a tree with one process.
func contents(ctx context.Context, dir string, entries []entry) (*memory, error) {
	m := newMemory()
	var ids bytes.Buffer
	var wanted []entry
	var total int64
	for _, e := range entries {
		switch {
		case e.mode == modeLink:
			m.add(e.name, &file{mode: fs.ModeSymlink | 0o777, size: e.size})
		case e.size > MaxFile:
			m.add(e.name, &file{mode: 0o444, size: e.size, absent: fmt.Errorf("file has %d bytes: %w", e.size, ErrTooLarge)})
		default:
			total += e.size
			wanted = append(wanted, e)
			fmt.Fprintln(&ids, e.id)
		}
	}
	if total > MaxTree {
		return nil, fmt.Errorf("files have %d bytes together, more than %d: %w", total, MaxTree, ErrTooLarge)
	}
	if len(wanted) == 0 {
		return m, nil
	}
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := stream(ctx, dir, &ids, w, "cat-file", "--batch")
		w.CloseWithError(err)
		done <- err
	}()
	err := readBatch(bufio.NewReader(r), wanted, m)
	r.CloseWithError(err) // ends git if reading stopped early
	if runErr := <-done; err == nil {
		err = runErr
	}
	return m, err
}

// readBatch reads "id type size<LF>content<LF>" for each entry.
func readBatch(r *bufio.Reader, entries []entry, m *memory) error {
	for _, e := range entries {
		head, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("read %s: %w", e.name, err)
		}
		if want := fmt.Sprintf("%s blob %d\n", e.id, e.size); head != want {
			return fmt.Errorf("read %s: git answered %q", e.name, strings.TrimSpace(head))
		}
		data := make([]byte, e.size+1)
		if _, err := io.ReadFull(r, data); err != nil {
			return fmt.Errorf("read %s: %w", e.name, err)
		}
		m.add(e.name, &file{mode: 0o444, size: e.size, data: data[:e.size:e.size], committed: e.mode})
	}
	return nil
}

// Committed returns a file of a tree that TreeOf or Tree read, with its mode as git has
// it. It is not ok where the file is not there, and where it was not read.
func Committed(tree fs.FS, path string) (mode string, data []byte, ok bool) {
	m, ok := tree.(*memory)
	if !ok {
		return "", nil, false
	}
	f, ok := m.files[path]
	if !ok || f.committed == "" || f.absent != nil {
		return "", nil, false
	}
	return f.committed, f.data, true
}
