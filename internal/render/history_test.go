package render

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func drawn(t *testing.T, h History, p term.Profile) string {
	t.Helper()
	var b bytes.Buffer
	if err := RenderHistory(&b, h, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// day is a day of checks every ten minutes, with a failed collector for four
// hours, an hour of red and a while of unknown.
func day() History {
	since := finished.Add(-24 * time.Hour)
	h := History{Target: "pg/ledger", Since: since, Until: finished.In(zone), Transitions: sample().Transitions}
	lag := Series{Indicator: "replication.exposure_seconds", Unit: readiness.Seconds}
	bytes := Series{Endpoint: "pg-b", Indicator: "replay.backlog_bytes", Unit: readiness.Bytes}
	for m := 0; m < 24*60; m += 10 {
		at := since.Add(time.Duration(m) * time.Minute)
		if m >= 6*60 && m < 10*60 {
			continue
		}
		status := readiness.Green
		value := 2 + math.Mod(float64(m), 70)/20
		switch {
		case m >= 15*60 && m < 16*60:
			status, value = readiness.Red, 60
		case m >= 20*60 && m < 21*60:
			status = readiness.Unknown
		}
		h.Statuses = append(h.Statuses, StatusPoint{At: at, Last: at, ValidUntil: at.Add(11 * time.Minute), Status: status})
		if status != readiness.Unknown {
			lag.Points = append(lag.Points, Point{At: at, Min: value, Max: value, Last: value})
			bytes.Points = append(bytes.Points, Point{At: at, Min: 0, Max: value * 1e6, Last: value * 1e5})
		}
	}
	h.Series = []Series{lag, bytes, {Indicator: "recovery.estimated_seconds", Unit: readiness.Seconds}}
	return h
}

func TestHistory(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]term.Profile{"ascii": {Width: 100}, "unicode": {Width: 100, Unicode: true}, "narrow": {Width: 40, Unicode: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, []byte(drawn(t, day(), p)))
		})
	}
}

// chartLine returns the line that follows the one that begins with a title.
func chartLine(t *testing.T, out, title string) string {
	t.Helper()
	lines := strings.Split(out, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, title) {
			return strings.TrimPrefix(lines[i+1], chartIndent)
		}
	}
	t.Fatalf("no %q in:\n%s", title, out)
	return ""
}

// Time in which nothing was read is blank, in the strip and in every chart, at
// the same place.
func TestHistoryDrawsGaps(t *testing.T) {
	t.Parallel()
	out := drawn(t, day(), term.Profile{Width: 98}) // 96 columns of 15 minutes
	strip := strings.TrimPrefix(strings.Split(out, "\n")[2], chartIndent)
	lag := chartLine(t, out, "replication.exposure_seconds")
	for name, line := range map[string]string{"strip": strip, "chart": lag} {
		gap := line[25:39] // six to ten, less the quarters at its ends
		if strings.TrimSpace(gap) != "" {
			t.Errorf("%s: the gap is drawn as %q", name, gap)
		}
		if before, after := line[:24], line[40:60]; strings.Contains(before, " ") || strings.Contains(after, " ") {
			t.Errorf("%s: blank although there are readings: %q, %q", name, before, after)
		}
	}
	if red := strip[60:64]; red != "RRRR" {
		t.Errorf("the hour of red is %q", red)
	}
	if unknown := strip[81:84]; unknown != "???" {
		t.Errorf("the hour of unknown is %q", unknown)
	}
	if strings.ContainsAny(lag[81:84], "_.-~=+*#") {
		t.Errorf("numbers are drawn where none was read: %q", lag[81:84])
	}
	if highest := lag[60:64]; highest != "####" {
		t.Errorf("the highest hour is drawn as %q", highest)
	}
	if got := chartLine(t, out, "recovery.estimated_seconds"); got != "nothing was recorded" {
		t.Errorf("an empty series is %q", got)
	}
}

func TestHistoryTellsUnknownTimeApart(t *testing.T) {
	t.Parallel()
	h := History{Target: "a", Since: finished, Until: finished.Add(100 * time.Minute), Statuses: []StatusPoint{
		{At: finished, Last: finished, ValidUntil: finished.Add(50 * time.Minute), Status: readiness.Green},
		{At: finished.Add(50 * time.Minute), Last: finished.Add(50 * time.Minute), ValidUntil: finished.Add(80 * time.Minute), Status: readiness.Unknown},
	}}
	out := drawn(t, h, term.Profile{Width: 102})
	for _, text := range []string{"  " + strings.Repeat("G", 50) + strings.Repeat("?", 30) + "\n", "? unknown 30.0 %", "G green 50.0 %", "blank: no valid verdict 20.0 %"} {
		if !strings.Contains(out, text) {
			t.Errorf("it does not say %q:\n%s", text, out)
		}
	}
	h.Statuses[0].Covered = 10 * time.Minute // condensed, with gaps between
	if out := drawn(t, h, term.Profile{Width: 102}); !strings.Contains(out, "G green 10.0 %") || !strings.Contains(out, "no valid verdict 60.0 %") {
		t.Errorf("time between condensed verdicts counts as good:\n%s", out)
	}
}

// A check each hour whose verdict holds a minute proves a minute.
func TestHistoryOfRareChecks(t *testing.T) {
	t.Parallel()
	h := History{Target: "a", Since: finished, Until: finished.Add(24 * time.Hour)}
	var s Series
	for i := range 24 {
		at := finished.Add(time.Duration(i)*time.Hour + 10*time.Minute)
		h.Statuses = append(h.Statuses, StatusPoint{At: at, Last: at, ValidUntil: at.Add(time.Minute), Status: readiness.Green})
		s.Points = append(s.Points, Point{At: at, Min: 1, Max: 1, Last: 1})
	}
	h.Series = []Series{s}
	out := drawn(t, h, term.Profile{Width: 100})
	if !strings.Contains(out, "  "+strings.Repeat("g", 24)+"\n") || strings.Contains(out, "GG") || !strings.Contains(out, "G green 1.7 %") {
		t.Errorf("got:\n%s", out)
	}
}

func TestHistoryNeverRoundsToPerfect(t *testing.T) {
	t.Parallel()
	until := finished.Add(24 * time.Hour)
	h := History{Target: "a", Since: finished, Until: until, Statuses: []StatusPoint{
		{At: finished, Last: finished, ValidUntil: until, Status: readiness.Green},
		{At: until.Add(-time.Second), Last: until, ValidUntil: until, Status: readiness.Red},
	}}
	out := drawn(t, h, term.Profile{})
	for _, text := range []string{"G green >99.9 %", "R red <0.1 %"} {
		if !strings.Contains(out, text) {
			t.Errorf("it does not say %q:\n%s", text, out)
		}
	}
	if !strings.Contains(strings.Split(out, "\n")[2], "r") { // one second is a part of a part
		if !strings.Contains(strings.Split(out, "\n")[2], "R") {
			t.Errorf("a second of red is not drawn:\n%s", out)
		}
	}
}

func TestHistorySurvivesOddInput(t *testing.T) {
	t.Parallel()
	h := History{Target: "a", Since: finished, Until: finished}
	if err := RenderHistory(&bytes.Buffer{}, h, term.Profile{}); err == nil {
		t.Error("a history without length is no error")
	}
	h.Until = finished.Add(time.Nanosecond)
	h.Series = []Series{{Indicator: "x", Points: []Point{{At: finished, Min: math.NaN(), Max: math.Inf(1)}, {At: finished.Add(time.Hour), Max: 1}}},
		{Indicator: "y", Points: []Point{{At: finished, Min: -5, Max: -5, Last: -5}, {At: finished, Min: -5, Max: -5, Last: -5}}}}
	h.Statuses = []StatusPoint{{At: finished.Add(time.Hour)}, {At: finished.Add(-time.Hour)}, {}}
	out := drawn(t, h, term.Profile{})
	if !strings.Contains(out, "nothing was recorded") || !strings.Contains(out, "lowest -5") {
		t.Errorf("got:\n%s", out)
	}
}
