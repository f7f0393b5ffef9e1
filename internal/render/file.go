package render

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bcctl/bcctl/internal/atomicfile"
)

// WriteFile replaces a file. A link is followed, and what is no regular file
// (/dev/stdout, a named pipe) is written to: replacing it would destroy it.
func WriteFile(path string, data []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("write %s: is a directory", path)
	case err == nil && !info.Mode().IsRegular():
		return writeDevice(path, data)
	default:
		return atomicfile.Write(path, data)
	}
}

func writeDevice(path string, data []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open output: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f, data)
}
