package snowpair

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// neverRuns is the interval above which the documentation says of
// REPLICATION_SCHEDULE that nothing is refreshed: eight days, in minutes.
const neverRuns = 11520

// schedule is a REPLICATION_SCHEDULE: an interval or a cron expression.
type schedule struct {
	interval time.Duration
	cron     *cron
}

// parseSchedule reads "n MINUTE" and "USING CRON m h dom mon dow zone".
func parseSchedule(text string) (schedule, error) {
	fields := strings.Fields(text)
	if len(fields) >= 2 && strings.EqualFold(fields[0], "USING") && strings.EqualFold(fields[1], "CRON") {
		c, err := parseCron(fields[2:])
		if err != nil {
			return schedule{}, fmt.Errorf("schedule %q: %w", text, err)
		}
		return schedule{cron: &c}, nil
	}
	if len(fields) != 2 {
		return schedule{}, fmt.Errorf("schedule %q: want n MINUTE or USING CRON", text)
	}
	n, err := strconv.Atoi(fields[0])
	if err != nil || n < 1 {
		return schedule{}, fmt.Errorf("schedule %q: want a positive number of minutes", text)
	}
	switch strings.ToUpper(fields[1]) {
	case "M", "MINUTE", "MINUTES":
		return schedule{interval: time.Duration(n) * time.Minute}, nil
	}
	return schedule{}, fmt.Errorf("schedule %q: want MINUTE", text)
}

// runs says whether anything is ever due.
func (s schedule) runs() bool {
	return s.cron != nil || s.interval > 0 && s.interval <= neverRuns*time.Minute
}

// next is when the next refresh is due after the last one started, or after the
// schedule was set; false when never.
func (s schedule) next(last time.Time) (time.Time, bool) {
	switch {
	case !s.runs():
		return time.Time{}, false
	case s.cron != nil:
		return s.cron.next(last)
	}
	return last.Add(s.interval), true
}
