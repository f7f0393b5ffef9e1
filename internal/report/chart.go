package report

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// chartHeight is how many levels a chart tells apart.
const chartHeight = 24

// chart is a series as a drawing, with the words for those who do not see it.
type chart struct {
	Name     string // "replication.exposure_seconds at orders-b"
	Columns  int
	Line     string // path of steps: each lasts as long as its part of the time
	Gaps     string // path of the parts nothing was measured in
	Limit    int    // height of the objective from above; 0: not drawn
	Words    string
	LimitSay string
}

// chartOf draws the highest reading of each part of the time as a step. Where
// nothing was measured the line is broken: what lies between two readings is not
// known, and is not drawn. It is false when there is nothing to draw.
func chartOf(s render.Series, h render.History, limit time.Duration, most int) (chart, bool) {
	points := inside(s.Points, h)
	if len(points) == 0 {
		return chart{}, false
	}
	c := chart{Name: term.Sanitize(string(s.Indicator)), Columns: columns(points, h, most)}
	if s.Endpoint != "" {
		c.Name += " at " + term.Sanitize(s.Endpoint)
	}
	low, high := points[0].Min, points[0].Max
	for _, p := range points {
		low, high = min(low, p.Min), max(high, p.Max)
	}
	last := points[len(points)-1]
	top := high
	if l := limit.Seconds(); l > 0 && s.Unit == readiness.Seconds {
		c.LimitSay = "; objective " + term.Span(limit)
		if l <= 4*high {
			top = max(top, l)
			c.Limit = chartHeight - level(l, min(low, 0), top)
		} else {
			c.LimitSay += ", far above"
		}
	}
	cells := cellsOf(points, h, c.Columns)
	c.Line, c.Gaps = steps(cells, min(low, 0), top)
	number := func(f float64) string { return readiness.Num(f).Format(s.Unit) }
	c.Words = "lowest " + number(low) + ", highest " + number(high) + ", last " + number(last.Last) + " at " + shortly(last.At, h)
	if missing := missing(cells, h); missing > 0 {
		c.Words += "; nothing measured for " + term.Span(missing)
	}
	return c, true
}

// inside leaves out what lies outside the history, and numbers that are none.
func inside(points []render.Point, h render.History) []render.Point {
	return slices.DeleteFunc(slices.Clone(points), func(p render.Point) bool {
		return p.At.Before(h.Since) || p.At.After(h.Until) || math.IsNaN(p.Max) || math.IsInf(p.Max, 0) || math.IsNaN(p.Min) || math.IsInf(p.Min, 0)
	})
}

// columns is how many parts the time is cut into: so many that each has a reading
// when readings come as regularly as they usually do, and an empty one is a
// reading that is missing.
func columns(points []render.Point, h render.History, most int) int {
	if len(points) < 3 {
		return most
	}
	var distances []time.Duration
	for i := 1; i < len(points); i++ {
		distances = append(distances, points[i].At.Sub(points[i-1].At))
	}
	slices.Sort(distances)
	usual := distances[len(distances)/2]
	if usual <= 0 {
		return most
	}
	return min(most, max(int(h.Until.Sub(h.Since)/(usual+usual/2)), 24))
}

// cellsOf is the highest reading of each part of the time; NaN where there is none.
func cellsOf(points []render.Point, h render.History, n int) []float64 {
	cells := make([]float64, n)
	for i := range cells {
		cells[i] = math.NaN()
	}
	for _, p := range points {
		i := cellOf(p.At, h, n)
		if math.IsNaN(cells[i]) || p.Max > cells[i] {
			cells[i] = p.Max
		}
	}
	return cells
}

func cellOf(t time.Time, h render.History, n int) int {
	i := int(float64(t.Sub(h.Since)) / float64(h.Until.Sub(h.Since)) * float64(n))
	return min(max(i, 0), n-1)
}

// missing is the time before now that has no reading, in whole parts; the part
// that has just begun is not counted.
func missing(cells []float64, h render.History) time.Duration {
	n := 0
	for _, v := range cells[:len(cells)-1] {
		if math.IsNaN(v) {
			n++
		}
	}
	return h.Until.Sub(h.Since) / time.Duration(len(cells)) * time.Duration(n)
}

// level is the height of a number, from 0 to chartHeight.
func level(f, base, top float64) int {
	if top <= base {
		return 0
	}
	return min(max(int(math.Round((f-base)/(top-base)*chartHeight)), 0), chartHeight)
}

// steps draws numbers as a line of steps and what is missing between them as
// boxes. Equal neighbours are one step.
func steps(cells []float64, base, top float64) (line, gaps string) {
	var l, g path
	for i := 0; i < len(cells); {
		end := i + 1
		if math.IsNaN(cells[i]) {
			for end < len(cells) && math.IsNaN(cells[end]) {
				end++
			}
			g.box(i, 0, end-i, chartHeight)
			i = end
			continue
		}
		y := chartHeight - level(cells[i], base, top)
		for end < len(cells) && !math.IsNaN(cells[end]) && chartHeight-level(cells[end], base, top) == y {
			end++
		}
		l.step(i, y, end-i)
		i = end
	}
	return l.String(), g.String()
}

// path writes the shortest form of what the drawings are made of.
type path struct {
	strings.Builder
	x, y int
	open bool
}

// step goes on from where the last one ended, or begins anew where it did not.
func (p *path) step(x, y, width int) {
	switch {
	case !p.open || x != p.x:
		p.write("M", x, " ", y)
	case y != p.y:
		p.write("v", y-p.y)
	}
	p.write("h", width)
	p.x, p.y, p.open = x+width, y, true
}

func (p *path) box(x, y, width, height int) {
	p.write("M", x, " ", y, "h", width, "v", height, "h", -width, "z")
}

func (p *path) write(parts ...any) {
	for _, part := range parts {
		switch x := part.(type) {
		case string:
			p.WriteString(x)
		case int:
			p.WriteString(strconv.Itoa(x))
		}
	}
}
