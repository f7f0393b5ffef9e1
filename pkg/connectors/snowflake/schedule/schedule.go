// Package schedule reads when a secondary group should be refreshed: the two
// forms of REPLICATION_SCHEDULE that the documentation of CREATE FAILOVER GROUP
// gives, an interval in minutes and a cron expression with its time zone.
//
// It knows no account and no clock, and says nothing about what a missed
// refresh means.
package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// NeverRuns is the interval above which nothing is ever refreshed, although the
// statement is accepted: eight days, as the documentation says of
// REPLICATION_SCHEDULE.
const NeverRuns = 11520 * time.Minute

// Schedule is a parsed REPLICATION_SCHEDULE. The zero value is never due.
type Schedule struct {
	every time.Duration
	cron  *cron
}

// Parse reads "10 MINUTE", in the spellings that occur, or "USING CRON" with five
// fields and a time zone. The error names what cannot be read.
func Parse(text string) (Schedule, error) {
	fields := strings.Fields(text)
	if len(fields) > 2 && strings.EqualFold(fields[0], "USING") && strings.EqualFold(fields[1], "CRON") {
		c, err := parseCron(fields[2:])
		if err != nil {
			return Schedule{}, fmt.Errorf("schedule %q: %w", text, err)
		}
		return Schedule{cron: c}, nil
	}
	minutes, err := parseMinutes(fields)
	if err != nil {
		return Schedule{}, fmt.Errorf("schedule %q: %w", text, err)
	}
	return Schedule{every: time.Duration(minutes) * time.Minute}, nil
}

// parseMinutes reads "10 MINUTE", "10 MINUTES", "10 M" and "10m".
func parseMinutes(fields []string) (int64, error) {
	joined := strings.ToUpper(strings.Join(fields, ""))
	number := strings.TrimRight(joined, "MINUTES")
	switch joined[len(number):] {
	case "M", "MIN", "MINUTE", "MINUTES":
	default:
		return 0, fmt.Errorf("is neither a number of minutes nor USING CRON")
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is no number of minutes", number)
	}
	return n, nil
}

// Runs reports whether a refresh is ever due.
func (s Schedule) Runs() bool {
	if s.cron != nil {
		_, ok := s.cron.next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))
		return ok
	}
	return s.every > 0 && s.every <= NeverRuns
}

// TooLong reports whether it is an interval that the product accepts and ignores.
func (s Schedule) TooLong() bool { return s.cron == nil && s.every > NeverRuns }

// Cron reports whether due times come from a cron expression rather than from
// the last refresh.
func (s Schedule) Cron() bool { return s.cron != nil }

// Next is when the first refresh is due after one that started at last; false
// when none ever is.
func (s Schedule) Next(last time.Time) (time.Time, bool) {
	switch {
	case s.cron != nil:
		return s.cron.next(last)
	case s.every > 0 && s.every <= NeverRuns:
		return last.Add(s.every), true
	default:
		return time.Time{}, false
	}
}

// Horizons within which the longest pause of a cron expression is looked for: a
// week and a day shows what happens at night and at weekends, a year and a month
// what happens where days of the month or months are chosen.
const (
	shortHorizon = 8 * 24 * time.Hour
	longHorizon  = 400 * 24 * time.Hour
	fewRuns      = 4 // in the short horizon; then the long one is looked at
)

// Longest is the longest time between two due times from now on; false when
// nothing is ever due.
func (s Schedule) Longest(from time.Time) (time.Duration, bool) {
	if s.cron == nil {
		return s.every, s.Runs()
	}
	longest, runs, ok := s.cron.longest(from, shortHorizon)
	switch {
	case !s.cron.weekly():
		if pause, more := s.cron.pause(from, longHorizon); more {
			longest, ok = max(longest, pause), true
		}
	case runs < fewRuns:
		longest, _, ok = s.cron.longest(from, longHorizon)
	}
	return longest, ok
}

// Step is the time from one due time to the next; false when there is none.
func (s Schedule) Step(due time.Time) (time.Duration, bool) {
	next, ok := s.Next(due)
	return next.Sub(due), ok
}
