package approval

import (
	"errors"

	"github.com/bcctl/bcctl/internal/canonical"
)

// maxDocument is the longest signed document that is read, in bytes.
const maxDocument = 256 << 10

// decodeCanonical reads a signed document: who signed it and who reads it see the same
// values.
func decodeCanonical(text []byte, v any) error {
	if len(text) > maxDocument {
		return errors.New("the document is too long")
	}
	return canonical.Decode(text, v)
}
