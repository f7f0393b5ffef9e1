package ledger

import (
	"context"
	"errors"
)

// Cells are named values that are changed together or not at all. An
// implementation keeps them where all runners see them.
type Cells interface {
	// Read returns the cells that exist, by name. A cell that cannot be read whole
	// is an error, never a missing cell.
	Read(ctx context.Context, names ...string) (map[string]Cell, error)

	// Swap makes every change or none, and returns the new versions by name.
	// ErrMoved says that none was made, because a cell was not as expected. Any
	// other error leaves open whether they were: read before doing it again.
	Swap(ctx context.Context, changes ...Change) (map[string]string, error)
}

// Versioner are cells that can tell versions without values, which is less to fetch:
// the locks of a run are looked at before each of its changes.
type Versioner interface {
	// Versions returns the version of each cell that exists, by name.
	Versions(ctx context.Context, names ...string) (map[string]string, error)
}

// Cell is the value of a cell, and what it is called for comparing.
type Cell struct {
	Version string
	Data    []byte
}

// Change gives a cell a value. From is the version it must have, empty for a cell
// that must not exist; nil Data removes the cell.
type Change struct {
	Name string
	From string
	Data []byte
}

// ErrMoved says that a cell was not at the expected version.
var ErrMoved = errors.New("somebody else was first")
