// Package canonical writes and reads documents that are signed: JSON in the one form
// there is for a value (RFC 8785). Two readers of the same bytes can not see different
// values, and nobody can write the same in other bytes.
package canonical

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrForm says that the bytes mean something, but are not the only bytes that mean it.
var ErrForm = errors.New("not in canonical form (RFC 8785)")

// Encode returns the bytes of a value.
func Encode(v any) ([]byte, error) {
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

// Decode reads a value. Unknown members, members twice or in the wrong case, and
// invalid UTF-8 are errors, and so is every other way to write the same than Encode's:
// what is read is written once more and compared. V points to a zero value.
func Decode(text []byte, v any) error {
	if err := json.Unmarshal(text, v, json.RejectUnknownMembers(true)); err != nil {
		return err
	}
	again, err := Encode(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, text) {
		return ErrForm
	}
	return nil
}
