package snowflake

import (
	"strconv"
	"strings"
	"time"
)

// Forms in which a time comes as a text: those that TIMESTAMP_OUTPUT_FORMAT has by
// default and those that SHOW was seen to use.
var timeForms = []string{
	"2006-01-02 15:04:05.999999999 -0700",
	"2006-01-02 15:04:05.999999999 -07:00",
	"2006-01-02 15:04:05.999999999Z07:00",
	time.RFC3339Nano,
	"Mon, 02 Jan 2006 15:04:05 -0700",
}

// parseTime reads a time with its offset; nil when it has none. One without an
// offset could be of any zone.
func parseTime(text string) *time.Time {
	text = strings.TrimSpace(text)
	for _, form := range timeForms {
		if t, err := time.Parse(form, text); err == nil {
			return &t
		}
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 1e9 && seconds < 1e10 {
		t := time.Unix(0, int64(seconds*1e9))
		return &t
	}
	return nil
}
