package recurrence

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rule is a recurrence rule that repeats daily or less often.
type Rule struct {
	freq     string
	interval int
	count    int       // 0: no limit
	until    time.Time // zero: no limit; the last moment that counts
	untilDay date      // the same as a day, in the zone of the repetition
	months   []int
	days     []int // of a month, negative ones from its end
	weekdays []weekday
	picks    []int // BYSETPOS: of the days of a period, negative ones from its end
	wkst     time.Weekday
}

// weekday is a day of the week, and which one of a month or year; 0: each.
type weekday struct {
	day time.Weekday
	nth int
}

var weekdays = []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"} // as time.Weekday counts

// Mistake is what is wrong with a rule, and what to write instead.
type Mistake struct{ What, Instead string }

func (m *Mistake) Error() string { return m.What + "; " + m.Instead }

const example = "write for example FREQ=MONTHLY;INTERVAL=3;BYDAY=2TU"

func mistake(instead, what string, args ...any) error {
	return &Mistake{What: fmt.Sprintf(what, args...), Instead: instead}
}

// Parse reads a rule such as FREQ=MONTHLY;BYDAY=-1FR. Parts that are about hours and
// smaller, and about numbers of weeks or of days in a year, are none of its parts.
func Parse(text string) (Rule, error) {
	r := Rule{interval: 1, wkst: time.Monday}
	var seen []string
	for part := range strings.SplitSeq(text, ";") {
		name, value, ok := strings.Cut(part, "=")
		if !ok || value == "" {
			return r, mistake(example, "%q is not a recurrence rule that repeats daily or less often", text)
		}
		if slices.Contains(seen, name) {
			return r, mistake("keep one of them", "recurrence rule has %s twice", name)
		}
		seen = append(seen, name)
		if err := r.part(name, value); err != nil {
			return r, err
		}
	}
	return r, r.check()
}

func (r *Rule) part(name, value string) (err error) {
	switch name {
	case "FREQ":
		if !slices.Contains([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}, value) {
			return mistake("write FREQ=DAILY, WEEKLY, MONTHLY or YEARLY", "a rule is not repeated %s", value)
		}
		r.freq = value
	case "INTERVAL":
		r.interval, err = number(name, value, 1, 1000)
	case "COUNT":
		r.count, err = number(name, value, 1, 100_000)
	case "UNTIL":
		err = r.limit(value)
	case "BYMONTH":
		r.months, err = numbers(name, value, 1, 12)
	case "BYMONTHDAY":
		r.days, err = numbers(name, value, -31, 31)
	case "BYSETPOS":
		r.picks, err = numbers(name, value, -366, 366)
	case "BYDAY":
		for item := range strings.SplitSeq(value, ",") {
			w, err := weekdayOf(item)
			if err != nil {
				return err
			}
			r.weekdays = append(r.weekdays, w)
		}
	case "WKST":
		i := slices.Index(weekdays, value)
		if i < 0 {
			return mistake("write for example WKST=MO", "%s is no day of the week", value)
		}
		r.wkst = time.Weekday(i)
	case "BYSECOND", "BYMINUTE", "BYHOUR":
		return mistake("the time of the day is that of the first time", "recurrence rule has %s, and repeats days", name)
	case "BYYEARDAY", "BYWEEKNO":
		return mistake("write BYMONTH with BYMONTHDAY or BYDAY", "bcctl does not know %s", name)
	default:
		return mistake(example, "recurrence rule has the unknown part %s", name)
	}
	return err
}

func number(name, value string, least, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most || n == 0 {
		if least < 0 {
			return 0, mistake(fmt.Sprintf("write a number from 1 to %d, or from -1 to %d", most, least), "%s=%s is out of range", name, value)
		}
		return 0, mistake(fmt.Sprintf("write a number from %d to %d", least, most), "%s=%s is out of range", name, value)
	}
	return n, nil
}

func numbers(name, value string, least, most int) ([]int, error) {
	var list []int
	for item := range strings.SplitSeq(value, ",") {
		n, err := number(name, item, least, most)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

func weekdayOf(item string) (weekday, error) {
	const instead = "write for example FR, 2TU or -1FR"
	if len(item) < 2 {
		return weekday{}, mistake(instead, "BYDAY has %q in it", item)
	}
	nth, name := item[:len(item)-2], item[len(item)-2:]
	i := slices.Index(weekdays, name)
	if i < 0 {
		return weekday{}, mistake(instead, "BYDAY has %q in it", item)
	}
	w := weekday{day: time.Weekday(i)}
	if nth != "" {
		n, err := number("BYDAY", nth, -53, 53)
		if err != nil {
			return w, err
		}
		w.nth = n
	}
	return w, nil
}

// limit reads UNTIL: a day of the calendar, or a moment in UTC.
func (r *Rule) limit(value string) error {
	if t, err := time.Parse("20060102T150405Z", value); err == nil {
		r.until = t
		return nil
	}
	t, err := time.Parse("20060102", value)
	if err != nil {
		return mistake("write for example UNTIL=20271231 or UNTIL=20271231T180000Z", "UNTIL=%s is neither a day nor a time in UTC", value)
	}
	r.untilDay = dateOf(t)
	return nil
}

// check finds what contradicts itself.
func (r *Rule) check() error {
	nth := slices.IndexFunc(r.weekdays, func(w weekday) bool { return w.nth != 0 })
	most := 0
	if nth >= 0 {
		most = max(r.weekdays[nth].nth, -r.weekdays[nth].nth)
	}
	switch {
	case r.freq == "":
		return mistake("begin it with FREQ=DAILY, WEEKLY, MONTHLY or YEARLY", "recurrence rule has no FREQ")
	case r.count > 0 && r.limited():
		return mistake("keep one of them", "recurrence rule has both COUNT and UNTIL")
	case nth >= 0 && (r.freq == "DAILY" || r.freq == "WEEKLY"):
		return mistake("leave out the number", "a day of the week is counted in months and years, and this rule is %s", r.freq)
	case nth >= 0 && most > 5 && (r.freq == "MONTHLY" || len(r.months) > 0):
		return mistake("write 1 to 5, or -1 to -5", "no month has %d of a day of the week", most)
	case r.freq == "WEEKLY" && len(r.days) > 0:
		return mistake("write FREQ=MONTHLY", "a rule by weeks has no BYMONTHDAY")
	case len(r.months) > 0 && len(r.days) > 0 && !r.possible():
		return mistake("write a day that the month has", "no month of BYMONTH has a day of BYMONTHDAY")
	}
	return nil
}

// limited reports whether a rule ends by itself at a time.
func (r *Rule) limited() bool { return !r.until.IsZero() || r.untilDay != (date{}) }

// possible reports whether a month ever has one of the days.
func (r *Rule) possible() bool {
	longest := []int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	return slices.ContainsFunc(r.months, func(m int) bool {
		return slices.ContainsFunc(r.days, func(d int) bool { return max(d, -d) <= longest[m-1] })
	})
}
