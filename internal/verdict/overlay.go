package verdict

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// with is a file system with one file more, or another one in its place.
func with(base fs.FS, name string, data []byte) fs.FS { return overlay{base, name, data} }

type overlay struct {
	base fs.FS
	name string
	data []byte
}

var (
	_ fs.ReadDirFS  = overlay{}
	_ fs.ReadFileFS = overlay{}
	_ fs.StatFS     = overlay{}
)

// Open implements fs.FS.
func (o overlay) Open(name string) (fs.File, error) {
	if name == o.name {
		return &memFile{o.info(name), bytes.NewReader(o.data)}, nil
	}
	f, err := o.base.Open(name)
	if err != nil && o.above(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid} // a folder: ReadDir lists it
	}
	return f, err
}

// ReadFile implements fs.ReadFileFS.
func (o overlay) ReadFile(name string) ([]byte, error) {
	if name == o.name {
		return slices.Clone(o.data), nil
	}
	return fs.ReadFile(o.base, name)
}

// Stat implements fs.StatFS.
func (o overlay) Stat(name string) (fs.FileInfo, error) {
	if name == o.name {
		return o.info(name), nil
	}
	info, err := fs.Stat(o.base, name)
	if err != nil && o.above(name) {
		return memInfo{path.Base(name), 0, fs.ModeDir | 0o555}, nil
	}
	return info, err
}

// ReadDir implements fs.ReadDirFS.
func (o overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(o.base, name)
	if name != "." && !o.above(name) {
		return entries, err
	}
	if name == "." && err != nil {
		return nil, err
	}
	rest := o.name
	if name != "." {
		rest = strings.TrimPrefix(o.name, name+"/")
	}
	first, _, deeper := strings.Cut(rest, "/")
	if deeper && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == first }) {
		return entries, nil
	}
	entries = slices.DeleteFunc(slices.Clone(entries), func(e fs.DirEntry) bool { return e.Name() == first })
	info := memInfo{first, int64(len(o.data)), 0o444}
	if deeper {
		info = memInfo{first, 0, fs.ModeDir | 0o555}
	}
	entries = append(entries, fs.FileInfoToDirEntry(info))
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// above tells whether a name is a folder that the file lies in.
func (o overlay) above(name string) bool { return strings.HasPrefix(o.name, name+"/") }

func (o overlay) info(name string) memInfo {
	return memInfo{path.Base(name), int64(len(o.data)), 0o444}
}

type memInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return i.mode }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memInfo) Sys() any           { return nil }

type memFile struct {
	info memInfo
	*bytes.Reader
}

func (f *memFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *memFile) Close() error               { return nil }
