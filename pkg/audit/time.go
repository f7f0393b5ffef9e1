package audit

import (
	"fmt"
	"time"
)

// TimeForm is how times are written: UTC with milliseconds, always of one length.
const TimeForm = "2006-01-02T15:04:05.000Z"

// Time is a moment with the precision of a millisecond. The zero Time is not
// written.
type Time struct{ time.Time }

// At makes a Time of a moment.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Millisecond)} }

// MarshalText implements encoding.TextMarshaler.
func (t Time) MarshalText() ([]byte, error) {
	return []byte(t.UTC().Format(TimeForm)), nil
}

// UnmarshalText accepts the one form in which times are written, and no other.
func (t *Time) UnmarshalText(text []byte) error {
	parsed, err := time.Parse(TimeForm, string(text))
	if err != nil || parsed.Format(TimeForm) != string(text) {
		return fmt.Errorf("time %q is not of the form %s", text, TimeForm)
	}
	t.Time = parsed
	return nil
}

// MarshalJSON writes the form of MarshalText; without it, that of time.Time would
// be used, which leaves zeros out.
func (t Time) MarshalJSON() ([]byte, error) {
	text, err := t.MarshalText()
	return append(append([]byte{'"'}, text...), '"'), err
}

// UnmarshalJSON accepts what MarshalJSON writes, and no other.
func (t *Time) UnmarshalJSON(text []byte) error {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return fmt.Errorf("%s is no time", text)
	}
	return t.UnmarshalText(text[1 : len(text)-1])
}
