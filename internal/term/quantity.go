package term

import (
	"strconv"
	"strings"
	"time"
)

// Count prints a number of things with its thousands apart: "4,800".
func Count(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, groups...), ",")
}

// Age prints a length of time for a column, in its two largest units: "4s",
// "14m", "2h5m", "3d4h". A negative one is printed as "0s".
func Age(d time.Duration) string { return age(d, "") }

// Span prints a length of time for a sentence: "9 s", "14 m", "2 h 5 m".
func Span(d time.Duration) string { return age(d, " ") }

// Ago prints how long before now a time was, or how long after: "4s ago",
// "in 3s". A zero time is "never".
func Ago(now, at time.Time) string {
	switch d := now.Sub(at); {
	case at.IsZero():
		return "never"
	case d <= -time.Second:
		return "in " + Age(-d)
	default:
		return Age(d) + " ago"
	}
}

func age(d time.Duration, space string) string {
	seconds := max(int64(d/time.Second), 0)
	parts := []struct {
		n    int64
		unit string
	}{
		{seconds / 86400, "d"}, {seconds / 3600 % 24, "h"}, {seconds / 60 % 60, "m"}, {seconds % 60, "s"},
	}
	for i, part := range parts {
		if part.n == 0 && i < len(parts)-1 {
			continue
		}
		text := strconv.FormatInt(part.n, 10) + space + part.unit
		// Beside minutes seconds say nothing; below a minute there is nothing else.
		if i < 2 && parts[i+1].n > 0 {
			text += space + strconv.FormatInt(parts[i+1].n, 10) + space + parts[i+1].unit
		}
		return text
	}
	return "" // not reached: the last part is always printed
}
