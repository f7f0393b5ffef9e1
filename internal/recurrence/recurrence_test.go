package recurrence_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/recurrence"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// working is a calendar of a bank: Monday to Friday, but for two days.
func working(day string) bool {
	d, _ := time.Parse(time.DateOnly, day)
	return d.Weekday() != time.Saturday && d.Weekday() != time.Sunday && day != "2026-12-25" && day != "2026-12-31"
}

func TestTimes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule, from, zone string
		working          bool
		want             string // the first ones, in UTC
	}{
		"every day":                     {"FREQ=DAILY", "2026-12-30T08:00:00Z", "UTC", false, "2026-12-30T08 2026-12-31T08 2027-01-01T08"},
		"every third day":               {"FREQ=DAILY;INTERVAL=3", "2026-02-26T08:00:00Z", "UTC", false, "2026-02-26T08 2026-03-01T08 2026-03-04T08"},
		"days of a month":               {"FREQ=DAILY;BYMONTH=2", "2026-02-27T00:00:00Z", "UTC", false, "2026-02-27T00 2026-02-28T00 2027-02-01T00"},
		"every week":                    {"FREQ=WEEKLY", "2026-11-26T08:00:00Z", "UTC", false, "2026-11-26T08 2026-12-03T08"},
		"two days of a week":            {"FREQ=WEEKLY;BYDAY=TU,FR", "2026-11-24T08:00:00Z", "UTC", false, "2026-11-24T08 2026-11-27T08 2026-12-01T08"},
		"every second week from Monday": {"FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU", "2026-08-04T08:00:00Z", "UTC", false, "2026-08-04T08 2026-08-09T08 2026-08-18T08 2026-08-23T08"},
		"every second week from Sunday": {"FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", "2026-08-04T08:00:00Z", "UTC", false, "2026-08-04T08 2026-08-16T08 2026-08-18T08"},
		"a day of the month":            {"FREQ=MONTHLY", "2026-01-31T08:00:00Z", "UTC", false, "2026-01-31T08 2026-03-31T08 2026-05-31T08"},
		"the last day of the month":     {"FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31T08:00:00Z", "UTC", false, "2026-01-31T08 2026-02-28T08 2026-03-31T08"},
		"the last two of the month":     {"FREQ=MONTHLY;BYMONTHDAY=-2,-1", "2028-02-28T08:00:00Z", "UTC", false, "2028-02-28T08 2028-02-29T08 2028-03-30T08"},
		"the second Tuesday":            {"FREQ=MONTHLY;BYDAY=2TU", "2026-03-10T08:00:00Z", "UTC", false, "2026-03-10T08 2026-04-14T08 2026-05-12T08"},
		"the last Friday":               {"FREQ=MONTHLY;BYDAY=-1FR", "2026-01-30T08:00:00Z", "UTC", false, "2026-01-30T08 2026-02-27T08 2026-03-27T08"},
		"a fifth Monday":                {"FREQ=MONTHLY;BYDAY=5MO", "2026-03-30T08:00:00Z", "UTC", false, "2026-03-30T08 2026-06-29T08 2026-08-31T08"},
		"Friday the 13th":               {"FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "2026-02-13T08:00:00Z", "UTC", false, "2026-02-13T08 2026-03-13T08 2026-11-13T08"},
		"the last weekday":              {"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-10-30T08:00:00Z", "UTC", false, "2026-10-30T08 2026-11-30T08 2026-12-31T08"},
		"the last working day":          {"FREQ=MONTHLY;BYSETPOS=-1", "2026-10-30T08:00:00Z", "UTC", true, "2026-10-30T08 2026-11-30T08 2026-12-30T08"},
		"the first two working days":    {"FREQ=MONTHLY;BYSETPOS=1,2", "2026-08-03T08:00:00Z", "UTC", true, "2026-08-03T08 2026-08-04T08 2026-09-01T08"},
		"a day if people work":          {"FREQ=DAILY", "2026-12-24T08:00:00Z", "UTC", true, "2026-12-24T08 2026-12-28T08"},
		"every quarter":                 {"FREQ=MONTHLY;INTERVAL=3;BYDAY=1TU", "2026-03-03T09:00:00Z", "UTC", false, "2026-03-03T09 2026-06-02T09 2026-09-01T09"},
		"every year":                    {"FREQ=YEARLY", "2024-02-29T08:00:00Z", "UTC", false, "2024-02-29T08 2028-02-29T08"},
		"some months of a year":         {"FREQ=YEARLY;BYMONTH=3,6", "2026-03-31T08:00:00Z", "UTC", false, "2026-03-31T08 2027-03-31T08"},
		"a Thursday of November":        {"FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "2026-11-26T08:00:00Z", "UTC", false, "2026-11-26T08 2027-11-25T08"},
		"the 20th Monday":               {"FREQ=YEARLY;BYDAY=20MO", "2026-05-18T08:00:00Z", "UTC", false, "2026-05-18T08 2027-05-17T08"},
		"the last day of weeks":         {"FREQ=YEARLY;BYDAY=-1MO", "2026-12-28T08:00:00Z", "UTC", false, "2026-12-28T08 2027-12-27T08"},
		"three times":                   {"FREQ=DAILY;COUNT=3", "2026-12-30T08:00:00Z", "UTC", false, "2026-12-30T08 2026-12-31T08 2027-01-01T08 end"},
		"until a day":                   {"FREQ=DAILY;UNTIL=20261231", "2026-12-30T08:00:00Z", "UTC", false, "2026-12-30T08 2026-12-31T08 end"},
		"until a moment":                {"FREQ=DAILY;UNTIL=20261231T075959Z", "2026-12-30T08:00:00Z", "UTC", false, "2026-12-30T08 end"},
		"until a day elsewhere":         {"FREQ=DAILY;UNTIL=20261231", "2026-12-30T22:30:00Z", "Pacific/Auckland", false, "2026-12-30T22:30 end"},
		"the day is that of the zone":   {"FREQ=MONTHLY;BYMONTHDAY=1", "2026-06-30T22:00:00Z", "Europe/Berlin", false, "2026-06-30T22 2026-07-31T22 2026-08-31T22"},
		// Clocks: the hour stays, whatever that is in UTC.
		"over the spring":       {"FREQ=WEEKLY", "2026-03-25T17:00:00Z", "Europe/Berlin", false, "2026-03-25T17 2026-04-01T16"},
		"over the autumn":       {"FREQ=WEEKLY", "2026-10-21T16:00:00Z", "Europe/Berlin", false, "2026-10-21T16 2026-10-28T17"},
		"an hour that is not":   {"FREQ=DAILY", "2026-03-28T01:30:00Z", "Europe/Berlin", false, "2026-03-28T01:30 2026-03-29T01 2026-03-30T00:30"},
		"an hour there twice":   {"FREQ=DAILY", "2026-10-24T00:30:00Z", "Europe/Berlin", false, "2026-10-24T00:30 2026-10-25T00:30 2026-10-26T01:30"},
		"half an hour that is":  {"FREQ=DAILY", "2026-10-02T15:45:00Z", "Australia/Lord_Howe", false, "2026-10-02T15:45 2026-10-03T15:30 2026-10-04T15:15"},
		"a day that is not":     {"FREQ=DAILY", "2011-12-29T10:00:00Z", "Pacific/Apia", false, "2011-12-29T10 2011-12-30T10 2011-12-31T10"},
		"midnight that is not":  {"FREQ=DAILY", "2018-11-03T03:00:00Z", "America/Sao_Paulo", false, "2018-11-03T03 2018-11-04T03 2018-11-05T02"},
		"from the second of it": {"FREQ=DAILY", "2026-10-25T01:30:00Z", "Europe/Berlin", false, "2026-10-26T01:30 2026-10-27T01:30"},
	} {
		r, err := recurrence.Parse(c.rule)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var work recurrence.Workday
		if c.working {
			work = working
		}
		wanted := strings.Fields(c.want)
		var got []string
		from := moment(t, c.from)
		for at := range r.Times(from, zone(t, c.zone), work, from.AddDate(6, 0, 0)) {
			if len(got) == len(wanted) {
				break
			}
			got = append(got, strings.TrimSuffix(strings.TrimSuffix(at.Format("2006-01-02T15:04:05"), ":00"), ":00"))
		}
		if len(got) < len(wanted) {
			got = append(got, "end")
		}
		if !slices.Equal(got, wanted) {
			t.Errorf("%s: %v, want %v", name, got, wanted)
		}
	}
}

// No rule goes on after the limit, and one that never holds ends there.
func TestTimesEnd(t *testing.T) {
	t.Parallel()
	from := moment(t, "2026-01-01T00:00:00Z")
	for _, text := range []string{"FREQ=DAILY;BYMONTHDAY=31;BYMONTH=1;BYDAY=MO", "FREQ=DAILY;BYSETPOS=2", "FREQ=YEARLY;INTERVAL=1000", "FREQ=DAILY"} {
		r, err := recurrence.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		limit := from.AddDate(50, 0, 0)
		before := time.Time{}
		for at := range r.Times(from, time.UTC, nil, limit) {
			if at.After(limit) || at.Before(from) || !before.IsZero() && !at.After(before) {
				t.Fatalf("%s: %s after %s", text, at, before)
			}
			before = at
		}
	}
	r, _ := recurrence.Parse("FREQ=DAILY")
	for at := range r.Times(from, time.UTC, nil, from.Add(-time.Hour)) {
		t.Errorf("before the first time: %s", at)
	}
}

// Something repeated lasts as long as is said, and to the hour that clocks would show.
func TestEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		begin, want string
		lasts       time.Duration
	}{
		"an evening":                   {"2026-11-26T17:00:00Z", "2026-11-26T21:00:00Z", 4 * time.Hour},
		"a day":                        {"2026-11-25T23:00:00Z", "2026-11-26T23:00:00Z", 24 * time.Hour},
		"the day with an hour less":    {"2026-03-28T23:00:00Z", "2026-03-29T23:00:00Z", 24 * time.Hour},
		"the day with an hour more":    {"2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 24 * time.Hour},
		"into the hour that is twice":  {"2026-10-24T22:30:00Z", "2026-10-25T01:30:00Z", 2 * time.Hour},
		"within the hour that is not":  {"2026-03-29T00:30:00Z", "2026-03-29T02:00:00Z", 90 * time.Minute},
		"a week over the hour that is": {"2026-10-21T16:00:00Z", "2026-10-28T17:00:00Z", 7 * 24 * time.Hour},
	} {
		if got := recurrence.End(moment(t, c.begin), c.lasts, zone(t, "Europe/Berlin")); !got.Equal(moment(t, c.want)) {
			t.Errorf("%s: %s, want %s", name, got.Format(time.RFC3339), c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                    "not a recurrence rule",
		"MONTHLY":                             "not a recurrence rule",
		"INTERVAL=2":                          "has no FREQ",
		"FREQ=HOURLY":                         "not repeated HOURLY",
		"FREQ=DAILY;FREQ=DAILY":               "has FREQ twice",
		"FREQ=DAILY;INTERVAL=0":               "write a number from 1 to 1000",
		"FREQ=DAILY;INTERVAL=-1":              "out of range",
		"FREQ=DAILY;INTERVAL=x":               "out of range",
		"FREQ=DAILY;COUNT=0":                  "out of range",
		"FREQ=DAILY;COUNT=2;UNTIL=2027":       "neither a day nor a time",
		"FREQ=DAILY;UNTIL=20270230":           "neither a day nor a time",
		"FREQ=DAILY;COUNT=2;UNTIL=20270101":   "both COUNT and UNTIL",
		"FREQ=MONTHLY;BYMONTHDAY=0":           "from -1 to -31",
		"FREQ=MONTHLY;BYMONTHDAY=32":          "out of range",
		"FREQ=MONTHLY;BYMONTHDAY=1,":          "out of range",
		"FREQ=WEEKLY;BYMONTHDAY=1":            "has no BYMONTHDAY",
		"FREQ=YEARLY;BYMONTH=13":              "out of range",
		"FREQ=YEARLY;BYMONTH=-1":              "out of range",
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30": "no month of BYMONTH has a day",
		"FREQ=WEEKLY;BYDAY=2TU":               "counted in months and years",
		"FREQ=DAILY;BYDAY=-1TU":               "counted in months and years",
		"FREQ=MONTHLY;BYDAY=6TU":              "no month has 6",
		"FREQ=YEARLY;BYMONTH=2;BYDAY=-6TU":    "no month has 6",
		"FREQ=YEARLY;BYDAY=54TU":              "out of range",
		"FREQ=MONTHLY;BYDAY=XX":               `BYDAY has "XX"`,
		"FREQ=MONTHLY;BYDAY=T":                `BYDAY has "T"`,
		"FREQ=MONTHLY;BYSETPOS=0":             "out of range",
		"FREQ=WEEKLY;WKST=XX":                 "no day of the week",
		"FREQ=DAILY;BYHOUR=3":                 "the time of the day is that of the first time",
		"FREQ=YEARLY;BYWEEKNO=3":              "does not know BYWEEKNO",
		"FREQ=YEARLY;BYYEARDAY=3":             "does not know BYYEARDAY",
		"FREQ=DAILY;RSCALE=X":                 "unknown part RSCALE",
	} {
		if _, err := recurrence.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"FREQ=MONTHLY;INTERVAL=3;BYDAY=2TU", "FREQ=DAILY;UNTIL=20261231", "FREQ=YEARLY;BYMONTH=2;BYSETPOS=-1;WKST=SU", "FREQ=WEEKLY;COUNT=3"} {
		f.Add(text)
	}
	berlin := zone(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := recurrence.Parse(text)
		if err != nil {
			return
		}
		from := time.Date(2026, 3, 28, 1, 30, 0, 0, time.UTC)
		last := time.Time{}
		for at := range r.Times(from, berlin, nil, from.AddDate(1, 0, 0)) {
			if at.Before(from) || !last.IsZero() && !at.After(last) {
				t.Fatalf("%q: %s after %s", text, at, last)
			}
			last = at
		}
	})
}
