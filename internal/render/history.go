package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Point is one reading of a series, or several that were condensed.
type Point struct {
	At             time.Time
	Min, Max, Last float64
}

// Series is the numbers of one indicator, oldest first.
type Series struct {
	Endpoint  string // empty for the target as a whole
	Indicator readiness.ID
	Unit      readiness.Unit
	Points    []Point
}

// StatusPoint is a verdict, or several in a row that said the same.
type StatusPoint struct {
	At         time.Time // when the first was reached
	Last       time.Time // when the last was reached
	ValidUntil time.Time // when the last stopped being one; zero when it never was valid
	Covered    time.Duration
	Status     readiness.Status
	Code       readiness.Code // of the reason that weighs most; may be empty
}

// History is what is recorded of one target between two times.
type History struct {
	Target       string
	Since, Until time.Time
	Statuses     []StatusPoint // oldest first
	Transitions  []check.Transition
	Series       []Series
}

// RenderHistory draws the verdicts as a strip and every series as a line of bars.
// Time that nothing was recorded of is blank: it is never drawn as if it had been
// like the time beside it. Times are in the location of h.Until.
func RenderHistory(w io.Writer, h History, p term.Profile) error {
	name := term.Sanitize(h.Target)
	if !h.Until.After(h.Since) {
		return fmt.Errorf("draw history of %q: it ends before it begins", name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s to %s\n\n", p.Paint(term.Strong, name), h.clock(h.Since), h.clock(h.Until))
	columns := h.columns(min(p.Columns()-len(chartIndent), maxColumns))
	b.WriteString(h.strip(p, columns))
	for _, s := range h.Series {
		b.WriteString(h.chart(s, p, columns))
	}
	b.WriteString(h.changes(p))
	return write(w, text(b.String()))
}

func (h History) clock(t time.Time) string {
	return t.In(h.Until.Location()).Format("2006-01-02 15:04 MST")
}

const (
	chartIndent = "  "
	maxColumns  = 120
)

// Share tells how the time of a history was: how long each verdict was valid, and
// how long none was.
func (h History) Share() (known map[readiness.Status]time.Duration, none time.Duration) {
	known = map[readiness.Status]time.Duration{}
	none = h.Until.Sub(h.Since)
	for i, s := range h.Statuses {
		from, until := h.Valid(i)
		covered := max(until.Sub(from), 0)
		if s.Covered > 0 {
			covered = min(covered, s.Covered)
		}
		known[s.Status] += covered
		none -= covered
	}
	return known, max(none, 0)
}

// Valid is the part of the history that a verdict was valid in: until the next
// one was reached, its own time ran out, or the history ends.
func (h History) Valid(i int) (from, until time.Time) {
	s := h.Statuses[i]
	from, until = s.At, s.ValidUntil
	if until.Before(s.Last) {
		until = s.Last
	}
	if i+1 < len(h.Statuses) && h.Statuses[i+1].At.Before(until) {
		until = h.Statuses[i+1].At
	}
	if from.Before(h.Since) {
		from = h.Since
	}
	if until.After(h.Until) {
		until = h.Until
	}
	return from, until
}

// strip draws the verdicts: one letter for each part of the history, that of the
// worst verdict in it; a small one where verdicts were valid for less than half of
// the part, a blank where none was.
func (h History) strip(p term.Profile, columns int) string {
	worst := make([]readiness.Status, columns)
	covered := make([]time.Duration, columns)
	for i, s := range h.Statuses {
		from, until := h.Valid(i)
		if until.Before(from) || from.After(h.Until) || until.Before(h.Since) {
			continue
		}
		for n := h.cellOf(from, columns); n <= h.cellOf(until, columns); n++ {
			start, end := h.cellStart(n, columns), h.cellStart(n+1, columns)
			if until.Equal(start) && until.After(from) {
				break // it ended where this part begins
			}
			if covered[n] == 0 || s.Status.Worse(worst[n]) {
				worst[n] = s.Status
			}
			// One that never was valid is still one.
			covered[n] += max(earlier(until, end).Sub(later(from, start)), 1)
		}
	}
	var b strings.Builder
	partly := false
	for n := range columns {
		sign := letter(worst[n])
		switch {
		case covered[n] == 0:
			b.WriteByte(' ')
			continue
		case covered[n] < h.cellStart(n+1, columns).Sub(h.cellStart(n, columns))/2:
			sign, partly = strings.ToLower(sign), true
		}
		b.WriteString(p.Paint(term.StyleOf(worst[n]), sign))
	}
	return chartIndent + strings.TrimRight(b.String(), " ") + "\n" + chartIndent + strings.Join(h.legend(partly), "  ") + "\n"
}

// legend names the letters with the share of time of each.
func (h History) legend(partly bool) []string {
	known, none := h.Share()
	total := h.Until.Sub(h.Since)
	var parts []string
	for _, s := range []readiness.Status{readiness.Red, readiness.Unknown, readiness.Yellow, readiness.Green} {
		if slices.ContainsFunc(h.Statuses, func(x StatusPoint) bool { return x.Status == s }) {
			parts = append(parts, fmt.Sprintf("%s %s %s", letter(s), s, Percent(known[s], total)))
		}
	}
	parts = append(parts, "blank: no valid verdict "+Percent(none, total))
	if partly {
		parts = append(parts, "small letter: valid for a part only")
	}
	return parts
}

// cellOf is the part of the history a time lies in; the ends count as inside.
func (h History) cellOf(t time.Time, columns int) int {
	n := int(float64(t.Sub(h.Since)) / float64(h.Until.Sub(h.Since)) * float64(columns))
	return min(max(n, 0), columns-1)
}

func (h History) cellStart(n, columns int) time.Time {
	return h.Since.Add(time.Duration(float64(h.Until.Sub(h.Since)) / float64(columns) * float64(n)))
}

func letter(s readiness.Status) string {
	switch s {
	case readiness.Red:
		return "R"
	case readiness.Yellow:
		return "Y"
	case readiness.Green:
		return "G"
	default:
		return "?"
	}
}

// Percent never rounds a part up to the whole, nor down to nothing.
func Percent(part, total time.Duration) string {
	share := float64(part) / float64(total) * 100
	switch {
	case part > 0 && share < 0.1:
		return "<0.1 %"
	case part < total && share > 99.9:
		return ">99.9 %"
	default:
		return fmt.Sprintf("%.1f %%", share)
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// changes lists what changed, the newest last.
func (h History) changes(p term.Profile) string {
	if len(h.Transitions) == 0 {
		return ""
	}
	list := slices.Clone(h.Transitions)
	slices.SortStableFunc(list, func(a, b check.Transition) int { return a.At.Compare(b.At) })
	table := &term.Table{Columns: []term.Column{{Title: "  CHANGED AT"}, {Title: "WHAT"}, {Title: "FROM", Drop: 1}, {Title: "TO"}, {Title: "REASON", Fold: true}}}
	for _, t := range list {
		reason := term.Sanitize(strings.TrimSpace(string(t.Code) + " " + t.Message))
		table.Row(term.Cell{Text: "  " + h.clock(t.At)}, term.Cell{Text: term.Sanitize(string(t.Kind))}, term.Cell{Text: term.Word(t.From), Style: term.StyleOf(t.From)},
			term.Cell{Text: term.Word(t.To), Style: term.StyleOf(t.To)}, term.Cell{Text: reason})
	}
	return "\n" + table.Render(p)
}
