package cli

import (
	"path"
	"strings"
)

// requestID is the id of the request in a file.
func requestID(file string) string { return strings.TrimSuffix(path.Base(file), ".yaml") }
