package duration_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0s": 0, "1ms": time.Millisecond, "30s": 30 * time.Second, "15m": 15 * time.Minute, "4h": 4 * time.Hour, "90d": 90 * 24 * time.Hour, "1d12h": 36 * time.Hour,
		"2w": 14 * 24 * time.Hour, "1y": 365 * 24 * time.Hour, "1y2w3d4h5m6s7ms": 365*24*time.Hour + 17*24*time.Hour + 4*time.Hour + 5*time.Minute + 6*time.Second + 7*time.Millisecond,
		"90s": 90 * time.Second, "36h": 36 * time.Hour,
	} {
		if d, err := duration.Parse(text); err != nil || d.Std() != want {
			t.Errorf("%q is %s, %v; want %s", text, d.Std(), err, want)
		}
	}
}

// A bare number is refused, because nobody can tell seconds from minutes.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "0", "5", "30 s", " 30s", "30s ", "-30s", "+30s", "1.5h", "1h30", "30S", "30sec", "1M", "1m1h", "1s1s", "s", "1µs", "1us", "1ns", "293y", "99999999999999999999s", "300000d", "٣s", "1h-5m",
	} {
		d, err := duration.Parse(text)
		if err == nil {
			t.Errorf("%q is %s", text, d.Std())
		} else if d != 0 || !strings.Contains(err.Error(), "write for example 30s") {
			t.Errorf("%q: %s and %q", text, d.Std(), err)
		}
	}
}

func TestTextRoundTrip(t *testing.T) {
	t.Parallel()
	for _, std := range []time.Duration{0, time.Millisecond, 7500 * time.Millisecond, time.Minute, 90 * time.Second, 36 * time.Hour, 90 * 24 * time.Hour, 365 * 24 * time.Hour, 1000 * 24 * time.Hour} {
		data, err := json.Marshal(duration.Duration(std))
		if err != nil {
			t.Fatal(err)
		}
		var back duration.Duration
		if err := json.Unmarshal(data, &back); err != nil || back.Std() != std {
			t.Errorf("%s is written %s and read %s (%v)", std, data, back.Std(), err)
		}
	}
	for _, data := range []string{`30`, `0`, `"30"`, `true`, `{}`, `""`} {
		d := duration.Duration(time.Hour)
		if err := json.Unmarshal([]byte(data), &d); err == nil {
			t.Errorf("JSON %s is %s", data, d.Std())
		}
	}
}

// What Parse takes an editor takes as well: the pattern may be weaker than Parse,
// never stronger. What Parse takes it can write and take again.
func FuzzParse(f *testing.F) {
	pattern := regexp.MustCompile(duration.Pattern)
	for _, text := range []string{"30s", "1d12h", "0", "0s", "1y1ms", "292y", "9223372036854775807ms", "1h1h", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := duration.Parse(text)
		if err != nil {
			return
		}
		if d < 0 {
			t.Errorf("%q is %s", text, d.Std())
		}
		if !pattern.MatchString(text) {
			t.Errorf("%q is read and does not match the pattern", text)
		}
		if back, err := duration.Parse(d.String()); err != nil || back != d {
			t.Errorf("%q is written %q and read %s (%v)", text, d, back.Std(), err)
		}
	})
}
