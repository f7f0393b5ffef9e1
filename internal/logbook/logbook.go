// Package logbook writes the audit log of a configuration repository: it knows
// where the log is and which keys sign, and turns what happened into entries.
//
// It decides nothing about what happened, and prints nothing.
package logbook

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/pkg/audit"
)

// Book writes to one log.
type Book struct {
	Store  audit.Store
	Origin string
	Signer audit.Signer

	// Key is the key of the log, nil where another job seals.
	Key *audit.LogKey

	// Tool is name and version of the program.
	Tool string

	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// PinFile keeps the newest checkpoint that this machine has seen; empty for none.
	PinFile string
}

func (b *Book) now() time.Time {
	if b.Now != nil {
		return b.Now()
	}
	return time.Now()
}

// Record appends entries as one segment of a run of its own, and seals the log
// where the book has its key. It returns when the segment is durable. An error that
// wraps ErrUnsealed means that the entries are there and the seal is not: the next
// one covers them.
func (b *Book) Record(ctx context.Context, entries ...audit.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	receipt, err := b.NewRun().Append(ctx, entries...)
	switch {
	case err != nil:
		return err
	case receipt.Kept != Durable:
		return receipt.Trouble
	case b.Key == nil:
		return nil
	}
	if _, err := b.Seal(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsealed, err)
	}
	return nil
}

// ErrUnsealed says that entries are recorded and not sealed yet.
var ErrUnsealed = errors.New("the record is kept and not sealed yet")

// Seal seals what is not sealed, and notes the checkpoint as this machine's pin.
func (b *Book) Seal(ctx context.Context) (audit.TreeHead, error) {
	if b.Key == nil {
		return audit.TreeHead{}, errors.New("the key of the log is not configured")
	}
	sealing, err := b.Store.Seal(ctx, *b.Key)
	if err != nil {
		return audit.TreeHead{}, err
	}
	if sealing.Note != nil {
		err = WritePin(b.PinFile, sealing.Note)
	}
	return sealing.Head, err
}

// ReadPin reads a checkpoint that was kept; nil when there is none.
func ReadPin(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// WritePin keeps a checkpoint.
func WritePin(file string, note []byte) error {
	if file == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("keep the checkpoint: %w", err)
	}
	return atomicfile.Write(file, note)
}

// Begin begins a log with keys and limits, and seals its first entry.
func Begin(ctx context.Context, b *Book, trust audit.Trust) error {
	text, err := audit.EncodeTrust(trust)
	if err != nil {
		return err
	}
	now := b.now()
	segment, err := audit.NewRun(b.Origin, now, b.Tool).Genesis(now, audit.SHA256(text), b.Signer.ID())
	if err != nil {
		return err
	}
	sidecar, err := b.Signer.Sign(ctx, b.Origin, segment)
	if err != nil {
		return err
	}
	if err := b.Store.Init(ctx, text, audit.Signed{Segment: segment, Sidecar: sidecar}); err != nil {
		return err
	}
	if b.Key == nil {
		return nil
	}
	_, err = b.Seal(ctx)
	return err
}
