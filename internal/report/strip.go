package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

const (
	stripHeight = 8
	// partHeight is that of a part of the time in which verdicts were valid for less
	// than half of it.
	partHeight = 4
)

// strip is the verdicts of a day as a band.
type strip struct {
	Bands []band // by status
	Words string // the shares of time
	Since string // how long the newest verdict has been what it is; may be empty
	Empty bool

	Columns int
}

// band is where a strip has one status.
type band struct {
	Letter string
	Path   string
}

// stripOf draws the worst verdict of each part of the time, lower where verdicts
// were valid for less than half of it, and nothing where none was. Time that
// nobody knew anything about is told apart from time that was good.
func stripOf(h render.History, now readiness.Status, columns int) strip {
	if len(h.Statuses) == 0 || !h.Until.After(h.Since) {
		return strip{Empty: true, Words: "nothing is recorded of this time"}
	}
	worst, covered := parts(h, columns)
	paths := map[readiness.Status]*path{}
	whole := h.Until.Sub(h.Since) / time.Duration(columns)
	for i := 0; i < columns; {
		height := heightOf(covered[i], whole)
		end := i + 1
		for end < columns && worst[end] == worst[i] && heightOf(covered[end], whole) == height {
			end++
		}
		if height > 0 {
			if paths[worst[i]] == nil {
				paths[worst[i]] = &path{}
			}
			paths[worst[i]].box(i, stripHeight-height, end-i, height)
		}
		i = end
	}
	s := strip{Columns: columns, Words: shares(h), Since: since(h, now)}
	for _, status := range worstFirst {
		if p := paths[status]; p != nil {
			s.Bands = append(s.Bands, band{Letter: status.String()[:1], Path: p.String()})
		}
	}
	return s
}

var worstFirst = []readiness.Status{readiness.Red, readiness.Unknown, readiness.Yellow, readiness.Green}

func heightOf(covered, whole time.Duration) int {
	switch {
	case covered == 0:
		return 0
	case covered < whole/2:
		return partHeight
	default:
		return stripHeight
	}
}

// parts cuts the time into equal parts and finds the worst verdict of each and
// how long verdicts were valid in it.
func parts(h render.History, columns int) (worst []readiness.Status, covered []time.Duration) {
	worst, covered = make([]readiness.Status, columns), make([]time.Duration, columns)
	total := h.Until.Sub(h.Since)
	start := func(i int) time.Time { return h.Since.Add(total / time.Duration(columns) * time.Duration(i)) }
	for n, s := range h.Statuses {
		from, until := h.Valid(n)
		if until.Before(from) || from.After(h.Until) || until.Before(h.Since) {
			continue
		}
		for i := cellOf(from, h, columns); i <= cellOf(until, h, columns); i++ {
			if until.Equal(start(i)) && until.After(from) {
				break // it ended where this part begins
			}
			status := statusOf(s.Status)
			if covered[i] == 0 || status.Worse(worst[i]) {
				worst[i] = status
			}
			begin, end := start(i), start(i+1)
			if from.After(begin) {
				begin = from
			}
			if until.Before(end) {
				end = until
			}
			covered[i] += max(end.Sub(begin), 1) // one that never was valid is still one
		}
	}
	return worst, covered
}

func shares(h render.History) string {
	times, none := h.Share()
	total := h.Until.Sub(h.Since)
	words := ""
	for _, status := range worstFirst {
		if slices.ContainsFunc(h.Statuses, func(s render.StatusPoint) bool { return statusOf(s.Status) == status }) {
			words += fmt.Sprintf("%s %s, ", term.Word(status), render.Percent(times[status], total))
		}
	}
	return words + "no valid verdict " + render.Percent(none, total)
}

// since is when the newest verdict began to be what it is.
func since(h render.History, now readiness.Status) string {
	last := len(h.Statuses) - 1
	if statusOf(h.Statuses[last].Status) != now {
		return "" // it has expired since
	}
	first := last
	for first > 0 && h.Statuses[first-1].Status == h.Statuses[last].Status {
		first--
	}
	at := h.Statuses[first].At
	if first == 0 && h.Until.Sub(at) < time.Minute {
		return "" // nothing but this is known
	}
	if first == 0 {
		return "for over " + term.Age(h.Until.Sub(at))
	}
	return "since " + shortly(at, h)
}

// shortly is a time of a history by the minute, with the day where that is not
// the one the history ends on.
func shortly(t time.Time, h render.History) string {
	if t = t.UTC(); t.Format(day) == h.Until.UTC().Format(day) {
		return t.Format("15:04Z")
	}
	return t.Format(day + "15:04Z")
}
