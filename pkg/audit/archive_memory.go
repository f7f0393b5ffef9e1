package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Memory is an archive in memory: contents by path. All files are plain.
type Memory map[string][]byte

// Files implements Archive.
func (m Memory) Files(context.Context) ([]File, error) {
	var files []File
	for _, path := range slices.Sorted(maps.Keys(m)) {
		files = append(files, File{path, int64(len(m[path])), true})
	}
	return files, nil
}

// Read implements Archive.
func (m Memory) Read(_ context.Context, path string) ([]byte, error) {
	data, ok := m[path]
	if !ok {
		return nil, fmt.Errorf("no file %s", path)
	}
	return data, nil
}
