package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Reasons why a file cannot be used. The error that wraps one of them names the
// file and says what may be done about it.
var (
	// ErrDamaged: the file is not a database, or no longer a whole one.
	ErrDamaged = errors.New("file is damaged")
	// ErrNewer: the file was written by a newer bcctl.
	ErrNewer = errors.New("file is from a newer bcctl")
	// ErrForeign: the file is a database of another program.
	ErrForeign = errors.New("file belongs to another program")
)

// explain says what was being done to which file, and what its reader may do
// where that is not plain. A nil error stays nil.
func (db *DB) explain(doing string, err error) error {
	switch code := resultCode(err); {
	case err == nil:
		return nil
	case code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s %q: %w: %w; it may be deleted, which loses history only", doing, db.path, ErrDamaged, err)
	case errors.Is(err, ErrNewer):
		return fmt.Errorf("%s %q: %w; upgrade bcctl, or name another file", doing, db.path, err)
	case errors.Is(err, ErrForeign):
		return fmt.Errorf("%s %q: %w; name another file", doing, db.path, err)
	case isBusy(err):
		return fmt.Errorf("%s %q: another process kept it locked: %w", doing, db.path, err)
	default:
		return fmt.Errorf("%s %q: %w", doing, db.path, err)
	}
}

// resultCode returns SQLite's primary result code of err, and SQLITE_OK for an
// error that is not SQLite's.
func resultCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return sqlite3.SQLITE_OK
	}
	return e.Code() & 0xff
}

func isBusy(err error) bool {
	code := resultCode(err)
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
}

// attempts bounds retry; SQLite itself has waited up to its busy timeout in each
// of them, save for the few locks it does not wait for.
const attempts = 4

// retry repeats fn while other processes are in its way, for a bounded number of
// times with growing random pauses.
func retry(ctx context.Context, fn func() error) error {
	pause := 10 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err := fn()
		if !isBusy(err) || attempt == attempts {
			return err
		}
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(ctx.Err(), err)
		case <-timer.C:
		}
		pause *= 2
	}
}
