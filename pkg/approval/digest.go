package approval

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// digestOf is the SHA-256 of the raw bytes, as pins write it.
func digestOf(data []byte) runbook.Digest {
	sum := sha256.Sum256(data)
	return runbook.Digest("sha256:" + hex.EncodeToString(sum[:]))
}
