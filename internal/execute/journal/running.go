package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Running reports whether a process of this machine has the journal of a run open.
// known is false where the run never was on this machine: then it says nothing.
func Running(dir, run string) (running, known bool, err error) {
	lock, err := os.OpenFile(Path(dir, run)+".lock", os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("look at the journal: %w", err)
	}
	err = exclusive(lock)
	if closed := lock.Close(); err == nil {
		err = closed
	}
	if errors.Is(err, ErrBusy) {
		return true, true, nil
	}
	return false, err == nil, err
}
