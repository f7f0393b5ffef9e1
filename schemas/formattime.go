package schemas

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	// Zone names must mean the same on machines without zone files: Windows and
	// images made from scratch.
	_ "time/tzdata"
)

const (
	timePattern       = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$`
	recurrencePattern = `^FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;[A-Z]+=[A-Z0-9,+-]+)*$`
)

var timeExpression = regexp.MustCompile(timePattern)

// checkTime wants UTC with a Z: two people in two zones must read the same
// moment in a review.
func checkTime(text string) error {
	_, err := time.Parse(time.RFC3339, text)
	if err != nil || !timeExpression.MatchString(text) {
		return &Mistake{fmt.Sprintf("%q is not a time in UTC", text), "write for example 2026-03-01T12:00:00Z"}
	}
	return nil
}

func checkDate(text string) error {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return &Mistake{fmt.Sprintf("%q is not a date", text), "write for example 2026-12-25"}
	}
	return nil
}

// checkTimeZone wants a name: an offset is wrong for half of the year.
func checkTimeZone(text string) error {
	if text == "UTC" {
		return nil
	}
	_, err := time.LoadLocation(text)
	if err != nil || !strings.Contains(text, "/") || strings.HasPrefix(text, "Etc/GMT") {
		return &Mistake{fmt.Sprintf("%q is not the name of a time zone", text), "write for example Europe/Berlin or UTC"}
	}
	return nil
}

var recurrenceExpression = regexp.MustCompile(recurrencePattern)

// recurrenceParts are the parts of RFC 5545 that make sense for days.
var recurrenceParts = []string{"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS", "WKST"}

func checkRecurrence(text string) error {
	const example = "write for example FREQ=MONTHLY;INTERVAL=3;BYDAY=2TU"
	if !recurrenceExpression.MatchString(text) {
		return &Mistake{fmt.Sprintf("%q is not a recurrence rule that repeats daily or less often", text), example}
	}
	var seen []string
	for part := range strings.SplitSeq(text, ";") {
		name, _, _ := strings.Cut(part, "=")
		if !slices.Contains(recurrenceParts, name) {
			return &Mistake{fmt.Sprintf("recurrence rule has the unknown part %s", name), example}
		}
		if slices.Contains(seen, name) {
			return &Mistake{fmt.Sprintf("recurrence rule has %s twice", name), example}
		}
		seen = append(seen, name)
	}
	if slices.Contains(seen, "COUNT") && slices.Contains(seen, "UNTIL") {
		return &Mistake{"recurrence rule has both COUNT and UNTIL", "keep one of them"}
	}
	return nil
}
