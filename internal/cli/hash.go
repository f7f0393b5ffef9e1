package cli

import (
	"crypto/sha256"
	"encoding/hex"
)

// shortHash tells two paths with the same last part apart.
func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}
