package audit

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// Overlay is an archive with further files, as if they had come last: what a log
// would be with them. Files that are there already are not replaced.
func Overlay(a Archive, more Memory) Archive {
	o := overlay{a, more}
	if h, ok := a.(Historian); ok {
		return overlayHistory{o, h}
	}
	return o
}

type overlay struct {
	Archive
	more Memory
}

type overlayHistory struct {
	overlay
	past Historian
}

// Files implements Archive.
func (o overlay) Files(ctx context.Context) ([]File, error) {
	files, err := o.Archive.Files(ctx)
	if err != nil {
		return nil, err
	}
	files = slices.Clone(files)
	for path, data := range o.more {
		at, there := slices.BinarySearchFunc(files, path, func(f File, path string) int { return strings.Compare(f.Path, path) })
		if !there {
			files = slices.Insert(files, at, File{path, int64(len(data)), true})
		}
	}
	return files, nil
}

// Read implements Archive.
func (o overlay) Read(ctx context.Context, path string) ([]byte, error) {
	if data, ok := o.more[path]; ok {
		return data, nil
	}
	return o.Archive.Read(ctx, path)
}

// History implements Historian.
func (o overlayHistory) History(ctx context.Context) (History, error) {
	h, err := o.past.History(ctx)
	if err != nil {
		return h, err
	}
	h.Added = append(slices.Clone(h.Added), slices.Sorted(maps.Keys(o.more))...)
	return h, nil
}
