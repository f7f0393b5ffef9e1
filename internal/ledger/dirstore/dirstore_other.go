//go:build !unix

// Package dirstore keeps locks and records of a ledger in a directory of one host.
// It is not available on this system.
package dirstore

import (
	"context"
	"errors"

	"github.com/bcctl/bcctl/internal/ledger"
)

// Store refuses everything on this system: its locks need flock.
type Store struct{ Dir string }

var errUnsupported = errors.New("locks in a directory are not available on this system")

// ErrBusy says that another process of this host holds the store.
var ErrBusy = errors.New("another bcctl of this host is at work there")

// Hold keeps every other process of this host from holding the store.
func (Store) Hold() (release func() error, err error) { return nil, errUnsupported }

// Read implements ledger.Cells.
func (Store) Read(context.Context, ...string) (map[string]ledger.Cell, error) {
	return nil, errUnsupported
}

// Swap implements ledger.Cells.
func (Store) Swap(context.Context, ...ledger.Change) (map[string]string, error) {
	return nil, errUnsupported
}

// Add implements ledger.Records.
func (Store) Add(context.Context, ...ledger.Record) error { return errUnsupported }

// All implements ledger.Records.
func (Store) All(context.Context) ([]ledger.Record, error) { return nil, errUnsupported }
