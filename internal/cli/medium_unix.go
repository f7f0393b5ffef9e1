//go:build unix

package cli

import (
	"fmt"
	"os"
	"syscall"
)

// mediumOf is the number of the file system that a folder lies on.
func mediumOf(dir string) (string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", fmt.Errorf("the system does not say what %s lies on", dir)
	}
	return fmt.Sprint(s.Dev), nil
}
