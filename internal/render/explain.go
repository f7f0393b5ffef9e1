package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// ExplainOptions is what a result does not carry itself.
type ExplainOptions struct {
	RPO, RTO time.Duration // objectives of the target; zero: it has none

	// AllIndicators lists every reading. Without it those that are good and not
	// required are only counted, unless a reason is about them.
	AllIndicators bool
}

// Explain writes why one result is as it is: the verdict, its cause and what to
// do first in the first three lines, then every reason with its numbers and the
// place of its rule, the endpoints, and the readings. Of view the report is used
// only to tell a replay.
func Explain(w io.Writer, result readiness.Result, view View, options ExplainOptions) error {
	at := view.at()
	e := explanation{view: view, at: at, result: cleanResult(seen(result, at)), options: options}
	e.head()
	e.facts()
	e.reasons()
	e.children()
	e.indicators()
	e.lastKnownGood()
	return write(w, text(e.b.String()))
}

// explanation is a text while it is written.
type explanation struct {
	view    View
	at      time.Time
	result  readiness.Result
	options ExplainOptions
	b       strings.Builder
}

func (e *explanation) line(text string) {
	e.b.WriteString(strings.TrimRight(text, " "))
	e.b.WriteByte('\n')
}

// paragraph folds a text below an indent.
func (e *explanation) paragraph(indent, text string, style term.Style) {
	for _, line := range term.Fold(text, e.view.Profile.Columns()-len(indent)) {
		e.line(indent + e.view.Profile.Paint(style, line))
	}
}

func (e *explanation) title(text string) {
	e.line("")
	e.line(e.view.Profile.Paint(term.Strong, text))
}

// head is three lines: what, why, and what to do.
func (e *explanation) head() {
	r, p := e.result, e.view.Profile
	mark := ""
	if e.view.Report.Replay != nil {
		mark = "REPLAY  "
	}
	e.line(mark + p.Status(r.Status) + "  " + p.Paint(term.Strong, r.Name) + "  (" + strings.Join(e.about(), ", ") + ")")
	if len(r.Reasons) == 0 {
		e.line("Every required reading is fresh and within its limits.")
		e.line("This holds until " + e.clock(r.ValidUntil) + "; after that it is unknown.")
		return
	}
	first := r.Reasons[0]
	cause := headline(first)
	if first.Endpoint != "" {
		cause += " (at " + first.Endpoint + ")"
	}
	e.line(cause) // one line, whatever its length: the third one is to be what to do
	e.line("First: " + FirstAction(first.Code))
}

func (e *explanation) about() []string {
	r := e.result
	parts := []string{string(r.Kind)}
	if r.Platform != "" {
		parts[0] = r.Platform
	}
	if r.Tier > 0 {
		parts = append(parts, fmt.Sprintf("tier %d", r.Tier))
	}
	if r.Environment != "" {
		parts = append(parts, r.Environment)
	}
	if r.Owner != "" {
		parts = append(parts, "owner "+r.Owner)
	}
	return parts
}

func (e *explanation) facts() {
	r := e.result
	e.line("")
	if notice := replayNotice(e.view.Report); notice != "" {
		e.paragraph("", notice, term.Strong)
	}
	observed := "Observed: never"
	if !r.ObservedAt.IsZero() {
		age := e.age(r.ObservedAt)
		if e.view.Report.Replay != nil {
			age = term.Age(e.at.Sub(r.ObservedAt)) + " before the recording ended"
		}
		observed = fmt.Sprintf("Observed: %s (%s); that is the oldest reading the verdict rests on", age, e.clock(r.ObservedAt))
	}
	e.paragraph("", observed, term.Plain)
	switch left := r.ValidUntil.Sub(e.at); {
	case r.ValidUntil.IsZero():
		e.line("Valid:    never was")
	case e.view.Report.Replay != nil:
		e.line("Valid:    a replay proves nothing about now")
	case left <= 0:
		e.line("Valid:    no more, since " + e.clock(r.ValidUntil))
	default:
		e.line("Valid:    " + term.Span(left) + " more, until " + e.clock(r.ValidUntil))
	}
	e.line("Objectives: RPO " + objective(e.options.RPO) + ", RTO " + objective(e.options.RTO))
	if r.File != "" {
		e.line(fmt.Sprintf("Declared: %s:%d", r.File, max(r.Line, 1)))
	}
}

func objective(d time.Duration) string {
	if d <= 0 {
		return "not set"
	}
	return term.Span(d)
}

func (e *explanation) reasons() {
	if len(e.result.Reasons) == 0 {
		return
	}
	e.title("Why")
	explained := map[readiness.Code]bool{}
	for _, group := range together(e.result.Reasons) {
		p, r := e.view.Profile, group[0]
		head := p.Status(r.Status) + "  " + p.Paint(term.Strong, string(r.Code))
		if r.Endpoint != "" {
			head += "  at " + r.Endpoint
		}
		e.line("  " + head)
		const indent = "      "
		if r.Message != "" {
			e.paragraph(indent, r.Message, term.Plain)
		}
		for _, r := range group {
			if numbers := e.numbers(r); numbers != "" {
				e.paragraph(indent, numbers, term.Plain)
			}
		}
		if explained[r.Code] {
			continue // said above
		}
		explained[r.Code] = true
		info, _ := r.Code.Info()
		if info.Meaning != "" {
			e.paragraph(indent, "means: "+info.Meaning, term.Grey)
		}
		e.paragraph(indent, "first: "+FirstAction(r.Code), term.Plain)
	}
}

// together puts reasons that say the same of the same place, from several
// readings, into one group. The order stays.
func together(reasons []readiness.Reason) [][]readiness.Reason {
	var groups [][]readiness.Reason
	for _, r := range reasons {
		i := slices.IndexFunc(groups, func(g []readiness.Reason) bool {
			return g[0].Code == r.Code && g[0].Status == r.Status && g[0].Endpoint == r.Endpoint && g[0].Message == r.Message
		})
		if i < 0 {
			groups = append(groups, []readiness.Reason{r})
			continue
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// numbers is the value, the limit, and where the rule stands.
func (e *explanation) numbers(r readiness.Reason) string {
	var parts []string
	said := r.Message != "" && r.Value.Kind() == readiness.Text && strings.Contains(r.Message, r.Value.Format(r.Unit))
	switch {
	case r.Indicator != "" && said:
		parts = append(parts, string(r.Indicator))
	case r.Indicator != "":
		parts = append(parts, string(r.Indicator)+" "+r.Value.Format(r.Unit))
	case !r.Value.IsAbsent() && !said:
		parts = append(parts, "value "+r.Value.Format(r.Unit))
	}
	if !r.Threshold.IsAbsent() {
		parts = append(parts, "limit "+r.Threshold.Format(r.Unit))
	}
	if r.Source != "" {
		parts = append(parts, "rule "+r.Source)
	}
	return strings.Join(parts, ", ")
}

// FirstAction is what to do first about a code, also about one that a newer bcctl
// wrote.
func FirstAction(c readiness.Code) string {
	if info, known := c.Info(); known {
		return info.FirstAction
	}
	return "this bcctl does not know the code " + string(c) + "; use the bcctl that wrote the verdict"
}

// clock is a time on the reader's clock, with its zone.
func (e *explanation) clock(t time.Time) string {
	if t.IsZero() {
		return "a time not known"
	}
	return t.In(e.view.Now.Location()).Format("2006-01-02 15:04:05 MST")
}

// age is how old a reading is, for a column; in a replay, how old it was then.
func (e *explanation) age(t time.Time) string {
	if e.view.Report.Replay != nil && !t.IsZero() {
		return term.Age(e.at.Sub(t)) + " then"
	}
	return term.Ago(e.at, t)
}
