package audit

import (
	"context"
	"errors"
)

// Store keeps the files of a log and adds to them. Every file is written once.
// Package gitlog keeps them on a branch of a Git repository, dirlog in a
// directory. A Store may be used by several goroutines and processes at once.
type Store interface {
	Archive

	// Init begins the log: the first version of the keys and the genesis segment. It
	// fails with ErrExists where there is a log already.
	Init(ctx context.Context, trust []byte, genesis Signed) error

	// View is what a writer must know before it makes a segment: the newest seal, and
	// the segments that are not sealed. ErrNoLog where there is no log.
	View(ctx context.Context) (View, error)

	// Append adds a segment and its signature, and returns when they are durable.
	// Other writers may have added theirs since View; that is no conflict, because
	// every segment has a name of its own. Adding the same bytes once more is no
	// error; other bytes under a name that is taken are ErrExists.
	Append(ctx context.Context, s Signed) error

	// AddTrust adds a further version of the keys, together with the segment whose
	// trust.update entry puts it in force.
	AddTrust(ctx context.Context, trust []byte, update Signed) error

	// AddCosignature keeps a witness's line under the checkpoint of a size, once. One
	// that is there already with other bytes, made at another time, is ErrExists.
	AddCosignature(ctx context.Context, size int64, c Cosignature) error

	// Seal checks every segment that is not sealed, seals those that are valid, and
	// returns when the seal is durable. It returns the newest seal there is when
	// nothing is left to seal.
	Seal(ctx context.Context, key LogKey) (Sealing, error)
}

// Errors a caller may ask for.
var (
	ErrNoLog  = errors.New("there is no audit log")
	ErrExists = errors.New("it is there already, with other contents")

	// ErrTampered says that a log was tampered with, so that nothing is added to it.
	ErrTampered = errors.New("the audit log does not verify")
)
