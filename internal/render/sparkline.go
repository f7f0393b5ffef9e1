package render

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// chart draws one series below its name, with its lowest, highest and last value.
func (h History) chart(s Series, p term.Profile, columns int) string {
	name := term.Sanitize(string(s.Indicator))
	if s.Endpoint != "" {
		name += " at " + term.Sanitize(s.Endpoint)
	}
	points := h.inside(s.Points)
	if len(points) == 0 {
		return fmt.Sprintf("\n%s\n%snothing was recorded\n", p.Paint(term.Strong, name), chartIndent)
	}
	low, high := points[0].Min, points[0].Max
	for _, x := range points {
		low, high = min(low, x.Min), max(high, x.Max)
	}
	last := points[len(points)-1]
	number := func(f float64) string { return readiness.Num(f).Format(s.Unit) }
	return fmt.Sprintf("\n%s  lowest %s, highest %s, last %s at %s\n%s%s\n", p.Paint(term.Strong, name), number(low), number(high), number(last.Last),
		h.clock(last.At), chartIndent, strings.TrimRight(bars(h.cells(points, columns), low, high, p), " "))
}

// inside leaves out points outside the history and numbers that are none.
func (h History) inside(points []Point) []Point {
	return slices.DeleteFunc(slices.Clone(points), func(x Point) bool {
		return x.At.Before(h.Since) || x.At.After(h.Until) || math.IsNaN(x.Max) || math.IsInf(x.Max, 0) || math.IsNaN(x.Min) || math.IsInf(x.Min, 0)
	})
}

// columns is how many equal parts the charts have, at most room: as many as give
// each part a reading when readings come as regularly as they usually do, so that
// a blank is a reading that is missing. Few readings do not make a part longer
// than a 24th of the history.
func (h History) columns(room int) int {
	var usual time.Duration
	most := 1
	for _, s := range h.Series {
		if points := h.inside(s.Points); len(points) > most {
			usual, most = usualDistance(points), len(points)
		}
	}
	if usual <= 0 {
		return room
	}
	return min(room, max(int(h.Until.Sub(h.Since)/(usual+usual/2)), 24))
}

// usualDistance is the median time between two of at least two points.
func usualDistance(points []Point) time.Duration {
	var distances []time.Duration
	for i := 1; i < len(points); i++ {
		distances = append(distances, points[i].At.Sub(points[i-1].At))
	}
	slices.Sort(distances)
	return distances[len(distances)/2]
}

// cells puts points into the parts of the history and keeps the highest of each;
// NaN is a gap.
func (h History) cells(points []Point, columns int) []float64 {
	cells := make([]float64, columns)
	for i := range cells {
		cells[i] = math.NaN()
	}
	for _, x := range points {
		n := h.cellOf(x.At, columns)
		if math.IsNaN(cells[n]) || x.Max > cells[n] {
			cells[n] = x.Max
		}
	}
	return cells
}

// bars draws each cell by its height between zero, or the lowest value where that
// is below zero, and the highest. A gap is blank.
func bars(cells []float64, low, high float64, p term.Profile) string {
	levels := []rune("_.-~=+*#")
	if p.Unicode {
		levels = []rune("▁▂▃▄▅▆▇█")
	}
	base := min(low, 0)
	var b strings.Builder
	for _, v := range cells {
		switch {
		case math.IsNaN(v):
			b.WriteByte(' ')
		case high <= base:
			b.WriteRune(levels[0])
		default:
			n := int((v - base) / (high - base) * float64(len(levels)))
			b.WriteRune(levels[min(max(n, 0), len(levels)-1)])
		}
	}
	return b.String()
}
