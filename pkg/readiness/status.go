package readiness

import (
	"fmt"
	"strings"
)

// Status is a verdict. Its zero value is Unknown, so a verdict that nobody set
// is never mistaken for a healthy one.
type Status uint8

// The four verdicts. The numbers are not an order; use Worse or Worst.
const (
	Unknown Status = iota // not proved either way; never counts as healthy
	Green                 // proved healthy by fresh evidence
	Yellow                // works, but a person should look
	Red                   // not ready, or proved broken
)

var statusNames = [...]string{Unknown: "unknown", Green: "green", Yellow: "yellow", Red: "red"}

// severity gives the precedence red > unknown > yellow > green.
func (s Status) severity() int {
	switch s {
	case Red:
		return 3
	case Yellow:
		return 1
	case Green:
		return 0
	default: // Unknown, and any number this version does not know
		return 2
	}
}

// String returns "green", "yellow", "red" or "unknown".
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return statusNames[Unknown]
}

// Worse reports whether s needs attention before t, by the precedence
// red > unknown > yellow > green.
func (s Status) Worse(t Status) bool { return s.severity() > t.severity() }

// Worst returns the status that needs attention first. The worst of nothing is
// Unknown: an empty roll-up proves nothing.
func Worst(statuses ...Status) Status {
	if len(statuses) == 0 {
		return Unknown
	}
	worst := Green
	for _, s := range statuses {
		if s.Worse(worst) {
			worst = s
		}
	}
	return worst
}

// AtMost returns s, but never worse than limit. It softens the verdict of an
// optional part: AtMost(Yellow) keeps green and yellow, and turns unknown and
// red into yellow. It never improves anything to green, because no limit is
// allowed to be Green; AtMost(Green) returns s unchanged.
func (s Status) AtMost(limit Status) Status {
	if limit != Green && s.Worse(limit) {
		return limit
	}
	return s
}

// MarshalText implements encoding.TextMarshaler.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. A text it does not know
// becomes Unknown without an error: readers of a newer bcctl's output must treat
// an unfamiliar status as not healthy, not fail on it.
func (s *Status) UnmarshalText(text []byte) error {
	*s, _ = ParseStatus(string(text))
	return nil
}

// ParseStatus reads a status name in any letter case. The error names the four
// accepted words.
func ParseStatus(text string) (Status, error) {
	for i, name := range statusNames {
		if strings.EqualFold(text, name) {
			return Status(i), nil
		}
	}
	return Unknown, fmt.Errorf("status %q is not one of green, yellow, red, unknown", text)
}
