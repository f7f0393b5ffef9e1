package recurrence

import (
	"iter"
	"slices"
	"time"
)

// date is a day of the calendar, without a time or a zone.
type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date{y, m, d}
}

// utc is a day as a time to calculate with.
func (d date) utc() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC) }

func (d date) plus(days int) date { return dateOf(d.utc().AddDate(0, 0, days)) }

func (d date) before(o date) bool { return d.utc().Before(o.utc()) }

func (d date) weekday() time.Weekday { return d.utc().Weekday() }

func (d date) String() string { return d.utc().Format(time.DateOnly) }

// Workday reports whether a day, as 2026-12-25, is one on which people work.
type Workday func(day string) bool

// Times are the moments at which a rule begins, in their order, up to and with a limit.
// The first that can be is from, whose hour on the clocks of a zone they all have. With
// working, only days count for which it is true, also for BYSETPOS.
//
// Where clocks are put forward over the hour, it is the moment at which they are; where
// they show the hour twice, it is the first.
func (r Rule) Times(from time.Time, zone *time.Location, working Workday, limit time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		start := from.In(zone)
		first, count, before := dateOf(start), 0, time.Time{}
		last := dateOf(limit.In(zone))
		for period := r.first(first); !last.before(period); period = r.next(period) {
			for _, day := range r.pick(period, first, working) {
				at := clock(day, start, zone, false)
				switch {
				case at.Before(from), at.Equal(before): // a day that a zone left out begins with the next one
					continue
				case at.After(limit), !r.until.IsZero() && at.After(r.until), r.untilDay != (date{}) && r.untilDay.before(day):
					return
				}
				before = at
				if count++; r.count > 0 && count > r.count || !yield(at.UTC()) {
					return
				}
			}
		}
	}
}

// first is the first day of the period in which a day lies.
func (r Rule) first(d date) date {
	switch r.freq {
	case "WEEKLY":
		return d.plus(-(int(d.weekday()-r.wkst) + 7) % 7)
	case "MONTHLY":
		return date{d.year, d.month, 1}
	case "YEARLY":
		return date{d.year, time.January, 1}
	default:
		return d
	}
}

// next is the first day of the next period that counts.
func (r Rule) next(d date) date {
	switch r.freq {
	case "WEEKLY":
		return d.plus(7 * r.interval)
	case "MONTHLY":
		return dateOf(d.utc().AddDate(0, r.interval, 0))
	case "YEARLY":
		return dateOf(d.utc().AddDate(r.interval, 0, 0))
	default:
		return d.plus(r.interval)
	}
}

// end is the first day after a period.
func (r Rule) end(d date) date {
	one := r
	one.interval = 1
	return one.next(d)
}

// pick lists the days of a period that are meant.
func (r Rule) pick(period, first date, working Workday) []date {
	var list []date
	for d, end := period, r.end(period); d.before(end); d = d.plus(1) {
		if r.matches(d, first, working != nil) && (working == nil || working(d.String())) {
			list = append(list, d)
		}
	}
	if len(r.picks) == 0 {
		return list
	}
	var picked []date
	for i, d := range list {
		if slices.Contains(r.picks, i+1) || slices.Contains(r.picks, i-len(list)) {
			picked = append(picked, d)
		}
	}
	return picked
}

// matches reports whether a day is meant, before some of a period are picked. Where the
// rule does not say which day, it is the one of the first time; among working days, each.
func (r Rule) matches(d, first date, each bool) bool {
	if len(r.months) > 0 && !slices.Contains(r.months, int(d.month)) {
		return false
	}
	if len(r.days) > 0 && !slices.Contains(r.days, d.day) && !slices.Contains(r.days, d.day-daysIn(d)-1) {
		return false
	}
	if len(r.weekdays) > 0 && !slices.ContainsFunc(r.weekdays, func(w weekday) bool { return w.day == d.weekday() && (w.nth == 0 || r.nth(d, w.nth)) }) {
		return false
	}
	if each || len(r.days) > 0 || len(r.weekdays) > 0 {
		return true
	}
	switch r.freq {
	case "WEEKLY":
		return d.weekday() == first.weekday()
	case "MONTHLY":
		return d.day == first.day
	case "YEARLY":
		return d.day == first.day && (len(r.months) > 0 || d.month == first.month)
	default:
		return true
	}
}

// nth reports whether a day is the nth of its name in its month, or in its year where the
// rule is by years and names no month; from the end where nth is negative.
func (r Rule) nth(d date, nth int) bool {
	index, length := d.day, daysIn(d)
	if r.freq == "YEARLY" && len(r.months) == 0 {
		index, length = d.utc().YearDay(), date{d.year, time.December, 31}.utc().YearDay()
	}
	if nth > 0 {
		return (index-1)/7 == nth-1
	}
	return (length-index)/7 == -nth-1
}

func daysIn(d date) int { return time.Date(d.year, d.month+1, 0, 0, 0, 0, 0, time.UTC).Day() }

// clock is when clocks of a zone show, on a day, what they show at another time. Where
// they show it twice it is the first or the last time; where they never show it, the
// moment at which they are put forward over it.
func clock(d date, at time.Time, zone *time.Location, last bool) time.Time {
	h, m, s := at.Clock()
	plain := time.Date(d.year, d.month, d.day, h, m, s, at.Nanosecond(), time.UTC)
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	var shown []time.Time
	late := plain
	for _, around := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		t := plain.Add(-offset(plain.Add(around)))
		if t.Add(offset(t)).Equal(plain) {
			shown = append(shown, t)
		}
		if around < 0 || t.After(late) {
			late = t
		}
	}
	if len(shown) == 0 {
		begin, _ := late.In(zone).ZoneBounds()
		return begin
	}
	slices.SortFunc(shown, time.Time.Compare)
	if last {
		return shown[len(shown)-1]
	}
	return shown[0]
}

// End is when something ends that begins at a moment and lasts a while: once that while
// is over, and not before clocks show the hour at which it would be over on any other day.
// On a day with an hour more it is longer, on one with an hour less it is not shorter.
func End(begin time.Time, lasts time.Duration, zone *time.Location) time.Time {
	exact := begin.Add(lasts)
	start := begin.In(zone)
	h, m, s := start.Clock()
	y, mo, d := start.Date()
	wall := time.Date(y, mo, d, h, m, s, start.Nanosecond(), time.UTC).Add(lasts)
	if shown := clock(dateOf(wall), wall, zone, true); shown.After(exact) {
		return shown.UTC()
	}
	return exact.UTC()
}
