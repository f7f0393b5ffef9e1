//go:build unix

package dirlog

import (
	"os"
	"syscall"
)

// openItself opens a file for reading, and not what a link points to. A pipe is not
// waited for.
func openItself(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}
