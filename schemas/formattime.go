package schemas

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	// Zone names must mean the same on machines without zone files: Windows and
	// images made from scratch.
	_ "time/tzdata"

	"github.com/bcctl/bcctl/internal/recurrence"
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

func checkRecurrence(text string) error {
	var wrong *recurrence.Mistake
	if _, err := recurrence.Parse(text); errors.As(err, &wrong) {
		return &Mistake{wrong.What, wrong.Instead}
	}
	if !recurrenceExpression.MatchString(text) {
		return &Mistake{fmt.Sprintf("%q does not begin with FREQ", text), "write for example FREQ=MONTHLY;INTERVAL=3;BYDAY=2TU"}
	}
	return nil
}
