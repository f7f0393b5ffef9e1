package secret

import "io/fs"

// othersMayRead cannot tell on Windows: access is not in the file mode there.
func othersMayRead(fs.FileInfo) bool { return false }
