package snowpair

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones are named in schedules, and not every machine has them
)

// cron is a cron expression as Snowflake documents it: five fields and a zone.
// Day of month and day of week are alternatives when both are given.
type cron struct {
	minute, hour, day, month, weekday uint64 // bit n: value n
	lastDay                           bool   // L as day of month
	lastWeekday                       int    // nL as day of week: the last such day of the month; -1 none
	anyDay, anyWeekday                bool
	zone                              *time.Location
}

func parseCron(fields []string) (cron, error) {
	if len(fields) != 6 {
		return cron{}, errors.New("want five fields and a time zone")
	}
	c := cron{lastWeekday: -1, anyDay: fields[2] == "*", anyWeekday: fields[4] == "*"}
	var err error
	if c.zone, err = time.LoadLocation(fields[5]); err != nil {
		return cron{}, fmt.Errorf("time zone %q is unknown", fields[5])
	}
	if c.minute, err = cronField(fields[0], 0, 59, nil); err != nil {
		return cron{}, err
	}
	if c.hour, err = cronField(fields[1], 0, 23, nil); err != nil {
		return cron{}, err
	}
	if strings.EqualFold(fields[2], "L") {
		c.lastDay = true
	} else if c.day, err = cronField(fields[2], 1, 31, nil); err != nil {
		return cron{}, err
	}
	if c.month, err = cronField(fields[3], 1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}); err != nil {
		return cron{}, err
	}
	days := []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
	if last, ok := strings.CutSuffix(strings.ToUpper(fields[4]), "L"); ok && last != "" {
		bits, err := cronField(last, 0, 6, days)
		if err != nil {
			return cron{}, err
		}
		for d := range 7 {
			if bits == 1<<d {
				c.lastWeekday = d
			}
		}
		if c.lastWeekday < 0 {
			return cron{}, fmt.Errorf("field %q: want one day before L", fields[4])
		}
	} else if c.weekday, err = cronField(fields[4], 0, 6, days); err != nil {
		return cron{}, err
	}
	return c, nil
}

// cronField reads one field: *, n, n-m, lists of these, each with /step.
func cronField(text string, low, high int, names []string) (uint64, error) {
	value := func(s string) (int, error) {
		for i, n := range names {
			if strings.EqualFold(s, n) {
				return low + i, nil
			}
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > high {
			return 0, fmt.Errorf("field %q: want %d to %d", text, low, high)
		}
		return n, nil
	}
	var bits uint64
	for _, part := range strings.Split(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
				return 0, fmt.Errorf("field %q: bad step", text)
			}
		}
		from, to := low, high
		if span != "*" {
			first, last, ranged := strings.Cut(span, "-")
			var err error
			if from, err = value(first); err != nil {
				return 0, err
			}
			switch {
			case ranged:
				if to, err = value(last); err != nil {
					return 0, err
				}
			case !stepped:
				to = from
			}
		}
		for n := from; n <= to; n += step {
			bits |= 1 << n
		}
	}
	return bits, nil
}

// next is the first due time after t. Times that a zone skips in spring do not
// come; of the doubled hour in autumn the first counts. False when none comes
// within five years.
func (c cron) next(t time.Time) (time.Time, bool) {
	at := t.In(c.zone).Truncate(time.Minute).Add(time.Minute)
	for day := range 5 * 366 {
		y, m, d := at.Date()
		start := time.Date(y, m, d+day, 0, 0, 0, 0, c.zone)
		if !c.onDay(start) {
			continue
		}
		y, m, d = start.Date()
		for h := range 24 {
			if c.hour&(1<<h) == 0 {
				continue
			}
			for min := range 60 {
				if c.minute&(1<<min) == 0 {
					continue
				}
				due := time.Date(y, m, d, h, min, 0, 0, c.zone)
				if first := due.Add(-time.Hour); first.Hour() == h && first.Minute() == min {
					due = first
				}
				if due.Hour() == h && due.Minute() == min && due.After(t) {
					return due, true
				}
			}
		}
	}
	return time.Time{}, false
}

func (c cron) onDay(t time.Time) bool {
	if c.month&(1<<int(t.Month())) == 0 {
		return false
	}
	month := t.AddDate(0, 0, 1).Day() == 1 && c.lastDay || c.day&(1<<t.Day()) != 0
	week := c.weekday&(1<<int(t.Weekday())) != 0
	if c.lastWeekday >= 0 {
		week = int(t.Weekday()) == c.lastWeekday && t.AddDate(0, 0, 7).Month() != t.Month()
	}
	switch {
	case c.anyDay:
		return week
	case c.anyWeekday:
		return month
	}
	return month || week
}
