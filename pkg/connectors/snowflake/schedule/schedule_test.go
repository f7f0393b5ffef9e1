package schedule_test

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/snowflake/schedule"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// Both forms in the spellings that occur, with the next due time after a refresh.
func TestNext(t *testing.T) {
	t.Parallel()
	const last = "2026-03-14T09:26:53Z" // a Saturday
	for _, tt := range []struct{ schedule, last, want string }{
		{"10 MINUTE", last, "2026-03-14T09:36:53Z"},
		{"10 minutes", last, "2026-03-14T09:36:53Z"},
		{"10 M", last, "2026-03-14T09:36:53Z"},
		{"10m", last, "2026-03-14T09:36:53Z"},
		{"  1   MINUTE ", last, "2026-03-14T09:27:53Z"},
		{"11520 MINUTE", last, "2026-03-22T09:26:53Z"},
		{"USING CRON * * * * * UTC", last, "2026-03-14T09:27:00Z"},
		{"using cron */15 * * * * UTC", last, "2026-03-14T09:30:00Z"},
		{"USING CRON 0 2 * * * America/Los_Angeles", last, "2026-03-15T09:00:00Z"},
		{"USING CRON 0 0 L * * UTC", last, "2026-03-31T00:00:00Z"},
		{"USING CRON 0 0 L FEB * UTC", last, "2027-02-28T00:00:00Z"},
		{"USING CRON 0 0 * * 5L UTC", last, "2026-03-27T00:00:00Z"},
		{"USING CRON 0 0 * * FRIL UTC", last, "2026-03-27T00:00:00Z"},
		{"USING CRON 0 9-17/4 * * MON-FRI UTC", last, "2026-03-16T09:00:00Z"},
		{"USING CRON 0 0 * * 7 UTC", last, "2026-03-15T00:00:00Z"},
		{"USING CRON 0 0 * * 0,3 UTC", last, "2026-03-15T00:00:00Z"},
		{"USING CRON 0 0 29 2 * UTC", last, "2028-02-29T00:00:00Z"},
		{"USING CRON 30 5 1 JAN * Asia/Kolkata", last, "2027-01-01T00:00:00Z"},
		// Day of month and day of week are alternatives.
		{"USING CRON 0 0 20 * MON UTC", last, "2026-03-16T00:00:00Z"},
		{"USING CRON 0 0 20 * MON UTC", "2026-03-16T00:00:00Z", "2026-03-20T00:00:00Z"},
		{"USING CRON 0 0 */2 * MON UTC", last, "2026-03-15T00:00:00Z"},
		// Clocks go forward in Berlin on 2026-03-29: 02:30 does not come that day.
		{"USING CRON 30 2 * * * Europe/Berlin", "2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"},
		// They go back on 2026-10-25: 02:30 comes twice.
		{"USING CRON 30 2 * * * Europe/Berlin", "2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z"},
		{"USING CRON 30 2 * * * Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"USING CRON 30 2 * * * Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"},
		// A clock that moves by half an hour, and a day that has no midnight.
		{"USING CRON 0 2 * * * Australia/Lord_Howe", "2026-10-02T15:30:00Z", "2026-10-04T15:00:00Z"},
		{"USING CRON 0 0 * * * Africa/Cairo", "2026-04-22T22:00:00Z", "2026-04-24T21:00:00Z"},
	} {
		s, err := schedule.Parse(tt.schedule)
		if err != nil {
			t.Errorf("%s: %v", tt.schedule, err)
			continue
		}
		got, ok := s.Next(at(t, tt.last))
		if want := at(t, tt.want); !ok || !got.Equal(want) {
			t.Errorf("%s after %s: due %s (%v), want %s", tt.schedule, tt.last, got.UTC(), ok, want)
		}
	}
}

func TestWhatNeverRuns(t *testing.T) {
	t.Parallel()
	for text, tooLong := range map[string]bool{
		"11521 MINUTE":                true,
		"99999999 MINUTE":             true,
		"USING CRON 0 0 31 FEB * UTC": false,
	} {
		s, err := schedule.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if s.Runs() || s.TooLong() != tooLong {
			t.Errorf("%s: runs %v, too long %v", text, s.Runs(), s.TooLong())
		}
		if due, ok := s.Next(at(t, "2026-03-14T09:26:53Z")); ok {
			t.Errorf("%s is due at %s", text, due)
		}
		if longest, ok := s.Longest(at(t, "2026-03-14T09:26:53Z")); ok {
			t.Errorf("%s runs every %s", text, longest)
		}
	}
	if (schedule.Schedule{}).Runs() {
		t.Error("no schedule runs")
	}
}

func TestWhatIsNoSchedule(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "MINUTE", "10", "ten MINUTE", "-5 MINUTE", "0 MINUTE", "10 HOUR", "1.5 MINUTE", "10 MINUTE 5", "10 S", "10 U",
		"USING CRON", "USING CRON * * * * *", "USING CRON * * * * * Mars/Olympus", "USING CRON * * * * * Local",
		"USING CRON 60 * * * * UTC", "USING CRON * 24 * * * UTC", "USING CRON * * 0 * * UTC", "USING CRON * * * 13 * UTC", "USING CRON * * * * 8 UTC",
		"USING CRON */0 * * * * UTC", "USING CRON 5-1 * * * * UTC", "USING CRON , * * * * UTC", "USING CRON * * * FOO * UTC", "USING CRON * * * * L UTC",
		"USING CRON * * * * * * UTC", "99999999999 MINUTE",
	} {
		if s, err := schedule.Parse(text); err == nil {
			t.Errorf("%q was read as %+v", text, s)
		}
	}
}

func TestLongest(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"10 MINUTE":                              10 * time.Minute,
		"USING CRON * * * * * UTC":               time.Minute,
		"USING CRON 0 * * * * UTC":               time.Hour,
		"USING CRON */5 8-17 * * MON-FRI UTC":    62*time.Hour + 5*time.Minute,
		"USING CRON 0 2 * * * UTC":               24 * time.Hour,
		"USING CRON 0 0 1 * * UTC":               31 * 24 * time.Hour,
		"USING CRON 0 2 * * * Europe/Berlin":     24 * time.Hour,
		"USING CRON 0 0 * * SUN America/Chicago": 169 * time.Hour,
	} {
		s, err := schedule.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := s.Longest(at(t, "2026-03-14T09:26:53Z")); !ok || got != want {
			t.Errorf("%s: at most %s (%v), want %s", text, got, ok, want)
		}
	}
}

// On whatever day one looks, the pause is the same where months or days of the month
// are chosen.
func TestLongestBeyondTheWeek(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"USING CRON */10 * 1-7 * * UTC": 24*day + 10*time.Minute,
		"USING CRON */10 * * 1-6 * UTC": 184*day + 10*time.Minute,
		"USING CRON 0 0 29 2 * UTC":     (4*365 + 1) * day,
		"USING CRON 0 0 L * * UTC":      31 * day,
		"USING CRON */10 * * * 5L UTC":  34*day + 10*time.Minute,
	} {
		s, err := schedule.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 31 {
			from := at(t, "2026-03-01T05:00:00Z").AddDate(0, 0, n)
			if got, ok := s.Longest(from); !ok || got != want {
				t.Errorf("%s from %s: at most %s (%v), want %s", text, from, got, ok, want)
				break
			}
		}
	}
}

// In the week in which one does not come, that is the longest pause.
func TestLongestAcrossAChangeOfClocks(t *testing.T) {
	t.Parallel()
	s, err := schedule.Parse("USING CRON 0 2 * * * Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := s.Longest(at(t, "2026-03-25T12:00:00Z")); !ok || got != 47*time.Hour {
		t.Errorf("at most %s (%v)", got, ok)
	}
	if got, ok := s.Step(at(t, "2026-03-28T01:00:00Z")); !ok || got != 47*time.Hour {
		t.Errorf("the next one comes after %s (%v)", got, ok)
	}
}

// FuzzParse: nothing makes the parser or the evaluation panic or run on, and a
// due time always lies ahead and at full minutes where a cron expression says so.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"10 MINUTE", "USING CRON 0 2 * * * Europe/Berlin", "USING CRON */5 1-3,L L JAN-MAR 5L UTC", "using cron 30 2 L * MON-FRI/2 Asia/Kolkata", "11521 M"} {
		f.Add(s, int64(1770000000))
	}
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		s, err := schedule.Parse(text)
		if err != nil {
			return
		}
		last := time.Unix(unix%(1<<34), 0)
		due, ok := s.Next(last)
		if ok != s.Runs() && ok {
			t.Errorf("%q is due at %s and does not run", text, due)
		}
		if ok && !due.After(last) {
			t.Errorf("%q after %s is due at %s", text, last, due)
		}
		if ok && s.Cron() && due.Truncate(time.Minute) != due {
			t.Errorf("%q is due at %s", text, due)
		}
	})
}
