//go:build !unix

package dirlog

import (
	"fmt"
	"os"
)

// openItself opens a file for reading, and not what a link points to.
func openItself(name string) (*os.File, error) {
	info, err := os.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not an ordinary file", name)
	}
	return os.Open(name)
}
