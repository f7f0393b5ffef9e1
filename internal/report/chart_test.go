package report

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var (
	noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	day1 = render.History{Since: noon.Add(-24 * time.Hour), Until: noon}
)

// parts144 is ten minutes of a day each.
const parts144 = 144

// A gap is a break in the line and a box of its own: nothing leads from the
// reading before it to the one after it.
func TestGapsAreDrawnAsGaps(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for _, c := range []struct {
		cells      []float64
		line, gaps string
	}{
		{[]float64{0, 0, 4, 4}, "M0 24h2v-24h2", ""},
		{[]float64{4, nan, nan, 4}, "M0 0h1M3 0h1", "M1 0h2v24h-2z"},
		{[]float64{nan, 2, nan}, "M1 12h1", "M0 0h1v24h-1zM2 0h1v24h-1z"},
		{[]float64{nan, nan}, "", "M0 0h2v24h-2z"},
		{[]float64{4, nan, 0}, "M0 0h1M2 24h1", "M1 0h1v24h-1z"},
	} {
		if line, gaps := steps(c.cells, 0, 4); line != c.line || gaps != c.gaps {
			t.Errorf("%v: line %q and gaps %q, want %q and %q", c.cells, line, gaps, c.line, c.gaps)
		}
	}
}

// every makes readings of 1 at regular times from one time before noon to another.
func every(step, from, to time.Duration) []render.Point {
	var points []render.Point
	for back := from; back >= to; back -= step {
		points = append(points, render.Point{At: noon.Add(-back), Min: 1, Max: 1, Last: 1})
	}
	return points
}

func TestMissingTimeIsToldApart(t *testing.T) {
	t.Parallel()
	points := append(every(5*time.Minute, 24*time.Hour, 10*time.Hour), every(5*time.Minute, 7*time.Hour, 0)...)
	s := render.Series{Indicator: "replication.exposure_seconds", Unit: readiness.Seconds, Points: points}
	c, ok := chartOf(s, day1, 0, parts144)
	if !ok || c.Columns != parts144 || !strings.HasSuffix(c.Words, "nothing measured for 2 h 50 m") || strings.Count(c.Line, "M") != 2 {
		t.Errorf("%+v", c)
	}
	// Readings that come rarely are no gaps: a part of the time is as long as it takes.
	s.Points = every(time.Hour, 24*time.Hour, 0)
	if c, _ = chartOf(s, day1, 0, parts144); c.Gaps != "" || c.Columns != 24 {
		t.Errorf("hourly readings: %d parts, gaps %q", c.Columns, c.Gaps)
	}
	// One reading says nothing about the rest of the day.
	s.Points = every(time.Hour, time.Hour, time.Hour)
	if c, _ = chartOf(s, day1, 0, parts144); strings.Count(c.Line, "h") != 1 || !strings.HasSuffix(c.Line, "h1") {
		t.Errorf("one reading: %q", c.Line)
	}
	// What is no number, or of another day, is not drawn.
	s.Points = []render.Point{{At: noon, Min: 1, Max: math.NaN(), Last: 1}, {At: noon, Min: math.Inf(-1), Max: 1}, {At: noon.Add(time.Second), Max: 1}, {At: noon.Add(-25 * time.Hour), Max: 1}}
	if c, ok = chartOf(s, day1, 0, parts144); ok {
		t.Errorf("drawn: %+v", c)
	}
}

// The highest reading of each part counts, and the objective is drawn where it is
// in sight.
func TestChartShowsTheWorst(t *testing.T) {
	t.Parallel()
	points := every(5*time.Minute, 24*time.Hour, 0)
	points[100].Max, points[100].Last = 20, 2
	s := render.Series{Indicator: "x", Unit: readiness.Seconds, Points: points}
	c, _ := chartOf(s, day1, 30*time.Second, parts144)
	if !strings.Contains(c.Words, "highest 20 s") || c.Limit != 0 && c.LimitSay != "; objective 30 s" || !strings.Contains(c.Line, "v-15h1v15") {
		t.Errorf("%+v", c)
	}
	if c, _ = chartOf(s, day1, 10*time.Second, parts144); c.Limit != 12 {
		t.Errorf("an objective of half the highest is at %d of %d", c.Limit, chartHeight)
	}
	if c, _ = chartOf(s, day1, time.Hour, parts144); c.Limit != 0 || !strings.HasSuffix(c.LimitSay, "far above") {
		t.Errorf("an objective out of sight: %+v", c)
	}
}

func verdicts(s readiness.Status, valid time.Duration, from, to time.Duration) []render.StatusPoint {
	var list []render.StatusPoint
	for back := from; back > to; back -= 5 * time.Minute {
		at := noon.Add(-back)
		list = append(list, render.StatusPoint{At: at, Last: at, ValidUntil: at.Add(valid), Covered: valid, Status: s})
	}
	return list
}

func paths(s strip) string {
	var all []string
	for _, b := range s.Bands {
		all = append(all, b.Letter+" "+b.Path)
	}
	return strings.Join(all, "; ")
}

func TestStripLeavesUnknownTimeOpen(t *testing.T) {
	t.Parallel()
	h := day1
	// Green for six hours, nothing for six, red for six, then short verdicts only.
	h.Statuses = append(h.Statuses, verdicts(readiness.Green, 5*time.Minute, 24*time.Hour, 18*time.Hour)...)
	h.Statuses = append(h.Statuses, verdicts(readiness.Red, 5*time.Minute, 12*time.Hour, 6*time.Hour)...)
	h.Statuses = append(h.Statuses, verdicts(readiness.Green, time.Minute, 6*time.Hour, 0)...)
	s := stripOf(h, readiness.Green, parts144)
	if got, want := paths(s), "r M72 0h36v8h-36z; g M0 0h36v8h-36zM108 4h36v4h-36z"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if s.Words != "RED 25.0 %, GREEN 30.0 %, no valid verdict 45.0 %" || s.Since != "since 06:00Z" {
		t.Errorf("%q, %q", s.Words, s.Since)
	}
	// The worst of a part wins, whatever came last.
	h.Statuses = append(verdicts(readiness.Red, time.Minute, 10*time.Minute, 5*time.Minute), verdicts(readiness.Green, 5*time.Minute, 5*time.Minute, 0)...)
	if got := paths(stripOf(h, readiness.Green, parts144)); got != "r M143 0h1v8h-1z" {
		t.Error(got)
	}
	// A status that has expired since is not "since".
	if s := stripOf(h, readiness.Unknown, parts144); s.Since != "" {
		t.Error(s.Since)
	}
	if s := stripOf(day1, readiness.Green, parts144); !s.Empty {
		t.Errorf("%+v", s)
	}
	h.Statuses = []render.StatusPoint{{At: noon, Last: noon, ValidUntil: noon, Status: readiness.Status(99)}}
	if got := paths(stripOf(h, readiness.Unknown, parts144)); !strings.HasPrefix(got, "u ") {
		t.Errorf("a status of a later version: %s", got)
	}
}

func TestWantedSeries(t *testing.T) {
	t.Parallel()
	key := func(endpoint string, id readiness.ID) readiness.Key {
		return readiness.Key{Target: "t", Endpoint: endpoint, Indicator: id}
	}
	have := []readiness.Key{key("a", "log.position"), key("b", "heartbeat.lag_seconds"), key("b", "replication.lag_bytes"), key("", "replication.exposure_bytes"), key("", "replication.exposure_seconds"), key("a", "slots.safe_bytes")}
	r := readiness.Result{Reasons: []readiness.Reason{{Indicator: "slots.safe_bytes", Endpoint: "a"}, {Indicator: "slots.safe_bytes", Endpoint: "b"}, {}}}
	got := Wanted(r, have)
	if len(got) != 2 || got[0] != have[4] || got[1] != have[5] {
		t.Errorf("%v", got)
	}
	if got := Wanted(readiness.Result{}, have[:3]); len(got) != 1 || got[0] != have[2] {
		t.Errorf("without exposure: %v", got)
	}
	if got := Wanted(readiness.Result{}, have[:2]); len(got) != 0 {
		t.Errorf("neither exposure nor lag: %v", got)
	}
}
