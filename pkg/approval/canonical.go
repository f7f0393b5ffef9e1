package approval

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxDocument is the longest signed document that is read, in bytes.
const maxDocument = 256 << 10

// errNotCanonical says that the bytes mean something, but are not the only bytes that
// mean it: who signed them and who reads them could see different values.
var errNotCanonical = errors.New("not in canonical form (RFC 8785)")

// canonical writes a signed document in the only form it has.
func canonical(v any) ([]byte, error) {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(text)
	if err := value.Canonicalize(); err != nil {
		return nil, err
	}
	return value, nil
}

// decodeCanonical reads a signed document. Unknown or repeated members, and any other
// way to write the same, are errors.
func decodeCanonical(text []byte, v any) error {
	if len(text) > maxDocument {
		return errors.New("the document is too long")
	}
	if err := json.Unmarshal(text, v, json.RejectUnknownMembers(true)); err != nil {
		return err
	}
	again, err := canonical(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, text) {
		return errNotCanonical
	}
	return nil
}
