package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // schedules name zones, and not every machine has them
)

// cron is a cron expression as the documentation of REPLICATION_SCHEDULE
// describes it: minute, hour, day of month, month, day of week and a time zone.
// It is evaluated on the wall clock of that zone: a time that does not exist on
// the day clocks go forward does not come, one that exists twice comes twice.
type cron struct {
	minute, hour, day, month, weekday field
	lastDay                           bool // L as day of month
	lastWeekday                       field
	anyDay, anyWeekday                bool // written as *
	zone                              *time.Location
}

var (
	monthNames   = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	weekdayNames = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

func parseCron(fields []string) (*cron, error) {
	if len(fields) != 6 {
		return nil, errors.New("a cron expression has five fields and a time zone")
	}
	c := &cron{anyDay: fields[2] == "*", anyWeekday: fields[4] == "*"}
	zone, err := time.LoadLocation(fields[5])
	if err != nil || strings.EqualFold(fields[5], "Local") {
		return nil, fmt.Errorf("time zone %q is not known", fields[5])
	}
	c.zone = zone
	if c.minute, err = parseField(fields[0], 0, 59, nil); err != nil {
		return nil, fmt.Errorf("minute %q: %w", fields[0], err)
	}
	if c.hour, err = parseField(fields[1], 0, 23, nil); err != nil {
		return nil, fmt.Errorf("hour %q: %w", fields[1], err)
	}
	if err := c.parseDays(fields[2]); err != nil {
		return nil, fmt.Errorf("day of month %q: %w", fields[2], err)
	}
	if c.month, err = parseField(fields[3], 1, 12, monthNames); err != nil {
		return nil, fmt.Errorf("month %q: %w", fields[3], err)
	}
	if err := c.parseWeekdays(fields[4]); err != nil {
		return nil, fmt.Errorf("day of week %q: %w", fields[4], err)
	}
	return c, nil
}

// parseDays reads days of the month, among which L is the last one.
func (c *cron) parseDays(text string) error {
	var rest []string
	for _, part := range strings.Split(text, ",") {
		if strings.EqualFold(part, "L") {
			c.lastDay = true
		} else {
			rest = append(rest, part)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	var err error
	c.day, err = parseField(strings.Join(rest, ","), 1, 31, nil)
	return err
}

// parseWeekdays reads days of the week, where 5L is the last Friday of a month.
func (c *cron) parseWeekdays(text string) error {
	for _, part := range strings.Split(text, ",") {
		day, last := part, false
		if n := len(part); n > 1 && (part[n-1] == 'L' || part[n-1] == 'l') {
			day, last = part[:n-1], true
		}
		days, err := parseField(day, 0, 7, weekdayNames)
		if err != nil {
			return err
		}
		if days.has(7) { // Sunday is 0, and 7 for those who are used to it
			days = days&^(1<<7) | 1
		}
		if last {
			c.lastWeekday |= days
		} else {
			c.weekday |= days
		}
	}
	return nil
}

// on reports whether a day matches. Where both kinds of days are given, one of
// them is enough.
func (c *cron) on(t time.Time) bool {
	if !c.month.has(int(t.Month())) {
		return false
	}
	day := c.day.has(t.Day()) || c.lastDay && t.Day() == daysIn(t)
	week := c.weekday.has(int(t.Weekday())) || c.lastWeekday.has(int(t.Weekday())) && t.Day()+7 > daysIn(t)
	switch {
	case c.anyDay && c.anyWeekday:
		return true
	case c.anyDay:
		return week
	case c.anyWeekday:
		return day
	default:
		return day || week
	}
}

func daysIn(t time.Time) int {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// horizon is how far ahead a due time is looked for: the 29th of February comes
// after eight years at the latest.
const horizon = 9 * 366 * 24 * time.Hour

// next is the first due moment after t. It walks over moments, not over wall
// clock times, so that a change of the clocks cannot confuse it.
func (c *cron) next(t time.Time) (time.Time, bool) {
	at := t.UTC().Truncate(time.Minute).Add(time.Minute)
	for end := at.Add(horizon); at.Before(end); {
		local := at.In(c.zone)
		switch {
		case !c.month.has(int(local.Month())):
			first := time.Date(local.Year(), local.Month()+1, 1, 0, 0, 0, 0, c.zone)
			at = later(at.Add(time.Minute), first.UTC().Truncate(time.Minute))
		case !c.on(local):
			// To the next full hour, until the date changes; what is left of a day is
			// skipped whole where that is certain not to jump over a midnight.
			if local.Hour() < 20 {
				at = at.Add(time.Duration(20-local.Hour())*time.Hour - time.Duration(local.Minute())*time.Minute)
			} else {
				at = at.Add(time.Duration(60-local.Minute()) * time.Minute)
			}
		case !c.hour.has(local.Hour()):
			at = at.Add(time.Duration(60-local.Minute()) * time.Minute)
		case !c.minute.has(local.Minute()):
			at = at.Add(time.Minute)
		default:
			return at, true
		}
	}
	return time.Time{}, false
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// weekly reports whether one week is like the other.
func (c *cron) weekly() bool {
	const everyMonth field = 1<<13 - 1<<1
	return c.anyDay && c.month&everyMonth == everyMonth && c.lastWeekday == 0
}

// pause is the longest time from the last due time of a day to the next one, among
// the days within a horizon. What lies between the due times of a day needs no such
// horizon.
func (c *cron) pause(from time.Time, within time.Duration) (longest time.Duration, ok bool) {
	first, ok := c.next(from)
	if !ok {
		return 0, false
	}
	for at := first; at.Before(from.Add(within)) || longest == 0; {
		local := at.In(c.zone)
		last := time.Date(local.Year(), local.Month(), local.Day(), c.hour.last(), c.minute.last(), 0, 0, c.zone)
		next, more := c.next(later(at, last))
		if !more {
			break
		}
		longest = max(longest, next.Sub(later(at, last)))
		at = next
	}
	return longest, longest > 0
}

// longest is the longest pause between due times that begin within a horizon,
// with how many there were.
func (c *cron) longest(from time.Time, within time.Duration) (longest time.Duration, runs int, ok bool) {
	due, ok := c.next(from)
	for end := from.Add(within); ok && due.Before(end); runs++ {
		following, more := c.next(due)
		if !more {
			break
		}
		longest = max(longest, following.Sub(due))
		due = following
	}
	return longest, runs, longest > 0
}
