package audit

import (
	"fmt"
	"reflect"

	"github.com/bcctl/bcctl/internal/canonical"
)

// MaxLine is the longest an entry may be, in bytes without its line feed. A leaf
// of a tile log cannot be longer (C2SP tlog-tiles).
const MaxLine = 65535

// maxInteger is the largest integer every JSON reader keeps exact.
const maxInteger = 1<<53 - 1

// Encode returns an entry's line, without line feed, in canonical form (RFC 8785).
// What it returns is decoded once more: an entry that no reader would accept is an
// error here.
func Encode(e Entry) ([]byte, error) {
	line, err := canonical.Encode(e)
	if err != nil {
		return nil, fmt.Errorf("encode entry: %w", err)
	}
	if _, err := Decode(line); err != nil {
		return nil, fmt.Errorf("encode entry: %w", err)
	}
	return line, nil
}

// decodeStrict reads one of the package's documents. Unknown members, members
// twice or in the wrong case, and invalid UTF-8 are errors, and so is every other
// way to write the same document than the one this package writes: what is read is
// written once more and compared. V points to a zero value.
func decodeStrict(text []byte, v any) error {
	if new(reader).document(text, v) {
		return nil
	}
	reflect.ValueOf(v).Elem().SetZero()
	return canonical.Decode(text, v)
}

// Decode reads a line, without line feed, and checks that the entry has what its
// type needs and nothing that is out of range.
func Decode(line []byte) (Entry, error) {
	var e Entry
	if len(line) > MaxLine {
		return e, fmt.Errorf("the line has %d bytes, more than %d", len(line), MaxLine)
	}
	if err := decodeStrict(line, &e); err != nil {
		return e, err
	}
	return e, e.check()
}
