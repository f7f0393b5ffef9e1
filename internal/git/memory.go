package git

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

var (
	errLink  = errors.New("is a symbolic link, which is not followed in a commit")
	errDir   = errors.New("is a folder")
	errNoDir = errors.New("is not a folder")
)

// memory is a tree of files in memory.
type memory struct {
	files map[string]*file
	dirs  map[string][]string // names of the children
}

// file is a file, or a folder when it has fs.ModeDir.
type file struct {
	mode   fs.FileMode
	size   int64
	data   []byte
	absent error // why the content is not there

	committed string // mode as git has it; empty where the content is not there
}

func newMemory() *memory {
	m := &memory{files: make(map[string]*file), dirs: make(map[string][]string)}
	m.files["."] = &file{mode: fs.ModeDir | 0o555}
	return m
}

// add puts a file in, with the folders above it.
func (m *memory) add(name string, f *file) {
	m.files[name] = f
	for {
		parent := path.Dir(name)
		m.dirs[parent] = append(m.dirs[parent], path.Base(name))
		if _, exists := m.files[parent]; exists {
			return
		}
		m.files[parent] = &file{mode: fs.ModeDir | 0o555}
		name = parent
	}
}

// info is fs.FileInfo and fs.DirEntry of a file.
type info struct {
	name string
	f    *file
}

func (i info) Name() string               { return i.name }
func (i info) Size() int64                { return i.f.size }
func (i info) Mode() fs.FileMode          { return i.f.mode }
func (i info) ModTime() time.Time         { return time.Time{} } // a commit has no times of files
func (i info) IsDir() bool                { return i.f.mode.IsDir() }
func (i info) Sys() any                   { return nil }
func (i info) Type() fs.FileMode          { return i.f.mode.Type() }
func (i info) Info() (fs.FileInfo, error) { return i, nil }
func (i info) String() string             { return fs.FormatFileInfo(i) }

func (m *memory) find(op, name string) (*file, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	f, ok := m.files[name]
	if !ok {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return f, nil
}

// Stat implements fs.StatFS. It does not follow links.
func (m *memory) Stat(name string) (fs.FileInfo, error) {
	f, err := m.find("stat", name)
	if err != nil {
		return nil, err
	}
	return info{path.Base(name), f}, nil
}

// Open implements fs.FS.
func (m *memory) Open(name string) (fs.File, error) {
	f, err := m.find("open", name)
	switch {
	case err != nil:
		return nil, err
	case f.mode&fs.ModeSymlink != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: errLink}
	case f.absent != nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: f.absent}
	case f.mode.IsDir():
		return &openDir{info: info{path.Base(name), f}, path: name, entries: m.list(name)}, nil
	}
	return &openFile{info: info{path.Base(name), f}, Reader: bytes.NewReader(f.data)}, nil
}

// ReadFile implements fs.ReadFileFS. The bytes are a copy.
func (m *memory) ReadFile(name string) ([]byte, error) {
	opened, err := m.Open(name)
	if err != nil {
		return nil, err
	}
	f, ok := opened.(*openFile)
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errDir}
	}
	return append([]byte{}, f.info.f.data...), nil
}

// ReadDir implements fs.ReadDirFS.
func (m *memory) ReadDir(name string) ([]fs.DirEntry, error) {
	f, err := m.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !f.mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errNoDir}
	}
	return m.list(name), nil
}

func (m *memory) list(name string) []fs.DirEntry {
	var entries []fs.DirEntry
	for _, child := range m.dirs[name] {
		entries = append(entries, info{child, m.files[path.Join(name, child)]})
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries
}

type openFile struct {
	info info
	*bytes.Reader
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	info    info
	path    string
	entries []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.path, Err: errDir}
}

// ReadDir implements fs.ReadDirFile.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		all := d.entries
		d.entries = nil
		return all, nil
	}
	if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	some := d.entries[:n]
	d.entries = d.entries[n:]
	return some, nil
}
