//go:build !unix

package journal

import (
	"errors"
	"os"
)

// exclusive refuses: without flock two processes could run one plan.
func exclusive(*os.File) error {
	return errors.New("this system has no flock; run bcctl execute on Linux or macOS")
}

func release(f *os.File) error { return f.Close() }

func syncDir(string) error { return nil }
