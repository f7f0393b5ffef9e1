package snowpair

import (
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		when, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, test := range []struct {
		schedule, last, next string
	}{
		{"10 MINUTE", "2026-03-02T12:00:00Z", "2026-03-02T12:10:00Z"},
		{"1 minutes", "2026-03-02T12:00:30Z", "2026-03-02T12:01:30Z"},
		{"15 M", "2026-03-02T12:00:00Z", "2026-03-02T12:15:00Z"},
		{"11520 MINUTE", "2026-03-02T12:00:00Z", "2026-03-10T12:00:00Z"},
		{"11521 MINUTE", "2026-03-02T12:00:00Z", ""},
		{"20000 MINUTE", "2026-03-02T12:00:00Z", ""},
		{"USING CRON 0 * * * * UTC", "2026-03-02T12:00:00Z", "2026-03-02T13:00:00Z"},
		{"USING CRON */15 * * * * UTC", "2026-03-02T12:05:00Z", "2026-03-02T12:15:00Z"},
		{"USING CRON 0 2 * * * Europe/Berlin", "2026-07-01T12:00:00Z", "2026-07-02T00:00:00Z"},
		{"USING CRON 30 2 * * * Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"}, // 29 March has no 02:30
		{"USING CRON 30 2 * * * Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"}, // of the doubled hour the first
		{"USING CRON 0 0 L * * UTC", "2026-02-10T00:00:00Z", "2026-02-28T00:00:00Z"},
		{"USING CRON 0 0 1 * MON UTC", "2026-03-02T12:00:00Z", "2026-03-09T00:00:00Z"}, // day of month or day of week
		{"USING CRON 0 0 * * 5L UTC", "2026-03-02T12:00:00Z", "2026-03-27T00:00:00Z"},
		{"USING CRON 0 9-17 * JAN,MAR MON-FRI America/Los_Angeles", "2026-03-07T12:00:00Z", "2026-03-09T16:00:00Z"},
		{"USING CRON 0 0 31 2 * UTC", "2026-03-02T12:00:00Z", ""},
	} {
		s, err := parseSchedule(test.schedule)
		if err != nil {
			t.Errorf("%s: %v", test.schedule, err)
			continue
		}
		next, ok := s.next(at(test.last))
		switch {
		case test.next == "" && ok:
			t.Errorf("%s: got %v, want never", test.schedule, next)
		case test.next != "" && (!ok || !next.Equal(at(test.next))):
			t.Errorf("%s after %s: got %v, want %s", test.schedule, test.last, next.UTC(), test.next)
		}
	}
}

func TestScheduleRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "10", "MINUTE", "0 MINUTE", "-5 MINUTE", "ten MINUTE", "10 HOUR", "USING CRON", "USING CRON 0 * * * *", "USING CRON 60 * * * * UTC",
		"USING CRON 0 24 * * * UTC", "USING CRON 0 0 0 * * UTC", "USING CRON 0 0 * 13 * UTC", "USING CRON 0 0 * * 7 UTC", "USING CRON */0 * * * * UTC",
		"USING CRON 0 * * * * Mars/Olympus", "USING CRON x * * * * UTC",
	} {
		if got, err := parseSchedule(s); err == nil {
			t.Errorf("%q was read as %+v", s, got)
		}
	}
}
