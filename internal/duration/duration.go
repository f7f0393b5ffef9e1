// Package duration is the one way bcctl reads and writes lengths of time:
// 30s, 15m, 4h, 90d, 1d12h. A bare number is refused, because nobody can tell
// seconds from minutes in a review.
package duration

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"
)

// Duration is a time.Duration with the text form of package duration.
type Duration time.Duration

// Parse reads the text form. The error says what to write instead.
func Parse(text string) (Duration, error) {
	d, err := model.ParseDuration(text)
	if err != nil || text == "0" { // the library takes a bare zero
		return 0, fmt.Errorf("%q is not a duration; write for example 30s, 15m, 4h, 90d or 1d12h", text)
	}
	return Duration(d), nil
}

// Std returns the standard library's form.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String returns the shortest text form that Parse reads back.
func (d Duration) String() string { return model.Duration(d).String() }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// Pattern is the JSON Schema pattern of the text form.
const Pattern = `^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$`
