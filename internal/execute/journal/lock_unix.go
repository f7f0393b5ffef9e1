//go:build unix

package journal

import (
	"errors"
	"os"
	"syscall"
)

// exclusive keeps other processes away for as long as the file is open; what a kill
// leaves is free.
func exclusive(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrBusy
	}
	return err
}

// release lets others have the file, and closes it. To close it is not enough: a child
// that is just being started has it open too, until it becomes another program.
func release(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
