//go:build !windows

package secret

import "io/fs"

func othersMayRead(info fs.FileInfo) bool { return info.Mode().Perm()&0o007 != 0 }
