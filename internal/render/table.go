package render

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// table draws a report for a person: what is not green, worst first, resources
// and then groups; the last line is the verdict and what to do next. A wide one
// has every column and reason, and the endpoints.
func (v View) table(wide bool) string {
	r := v.Shown()
	t := tableView{View: v, report: r, at: v.at(), wide: wide}
	var b strings.Builder
	if notice := replayNotice(r); notice != "" {
		b.WriteString(v.Profile.Paint(term.Strong, notice) + "\n\n")
	}
	resources, groups := split(r.Results)
	blocks := []string{t.block("TARGET", resources), t.block("GROUP", groups)}
	for _, block := range blocks {
		if block != "" {
			b.WriteString(block + "\n")
		}
	}
	b.WriteString(t.counts(groups))
	b.WriteString(t.last())
	return b.String()
}

// names lists the names of what is not green, worst first, one a line.
func (v View) names() string {
	var b strings.Builder
	for _, r := range v.Shown().Results {
		if v.All || r.Status != readiness.Green {
			b.WriteString(r.Name + "\n")
		}
	}
	return b.String()
}

func split(results []readiness.Result) (resources, groups []readiness.Result) {
	for _, r := range results {
		if r.Kind == readiness.KindGroup {
			groups = append(groups, r)
		} else {
			resources = append(resources, r)
		}
	}
	return resources, groups
}

// tableView is a table while it is drawn.
type tableView struct {
	View
	report check.Report
	at     time.Time
	wide   bool
}

// Columns in the order they are given up in a narrow terminal, the last first.
const (
	dropAge = iota + 1
	dropPlatform
	dropTier
	dropValid
)

const maxName = 40 // cells of a name before it ends in "..."

func (t tableView) block(title string, results []readiness.Result) string {
	table := &term.Table{Columns: t.columns(title)}
	for _, r := range results {
		if t.All || r.Status != readiness.Green {
			t.rows(table, r)
		}
	}
	profile := t.Profile
	if t.wide {
		// Whoever asks for everything gets it: lines may be longer than the terminal.
		profile.Width = max(profile.Columns(), 160)
	}
	return table.Render(profile)
}

func (t tableView) columns(title string) []term.Column {
	name := term.Column{Title: title, Max: min(maxName, max(t.Profile.Columns()/3, 12))}
	reason := term.Column{Title: "REASON", Fold: true, Lines: 4}
	if t.wide {
		name.Max, reason.Lines = 0, 0
		return []term.Column{{Title: "STATUS"}, name, {Title: "PLATFORM"}, {Title: "TIER"}, {Title: "ENVIRONMENT"}, {Title: "OWNER"},
			{Title: "AGE"}, {Title: "VALID"}, reason}
	}
	return []term.Column{{Title: "STATUS"}, name, {Title: "PLATFORM", Drop: dropPlatform}, {Title: "TIER", Drop: dropTier},
		{Title: "AGE", Drop: dropAge}, {Title: "VALID", Drop: dropValid}, reason}
}

func (t tableView) rows(table *term.Table, r readiness.Result) {
	status := term.Cell{Text: t.Profile.Label(r.Status), Style: term.StyleOf(r.Status)}
	platform := r.Platform
	if platform == "" {
		platform = string(r.Kind)
	}
	age, valid := t.age(r), t.valid(r)
	if !t.wide {
		table.Row(status, term.Cell{Text: r.Name, Style: term.Strong}, term.Cell{Text: platform}, term.Cell{Text: tier(r)}, age, valid,
			term.Cell{Text: firstReason(r)})
		return
	}
	table.Row(status, term.Cell{Text: r.Name, Style: term.Strong}, term.Cell{Text: platform}, term.Cell{Text: tier(r)},
		term.Cell{Text: r.Environment}, term.Cell{Text: r.Owner}, age, valid, term.Cell{Text: allReasons(r)})
	if r.Kind == readiness.KindGroup {
		return // its members have rows of their own
	}
	for _, e := range r.Children {
		status := term.Cell{Text: t.Profile.Label(e.Status), Style: term.StyleOf(e.Status)}
		table.Row(status, term.Cell{Text: "  - " + e.Name + place(r, e)}, term.Cell{Text: string(e.Kind)}, term.Cell{}, term.Cell{}, term.Cell{},
			t.age(e), term.Cell{}, term.Cell{Text: codes(e)})
	}
}

func (t tableView) age(r readiness.Result) term.Cell {
	switch {
	case r.ObservedAt.IsZero():
		return term.Cell{Text: "never", Style: term.Doubt}
	case t.report.Replay != nil:
		return term.Cell{Text: term.Age(t.at.Sub(r.ObservedAt)) + " then"}
	default:
		return term.Cell{Text: term.Ago(t.at, r.ObservedAt)}
	}
}

func (t tableView) valid(r readiness.Result) term.Cell {
	switch left := r.ValidUntil.Sub(t.at); {
	case t.report.Replay != nil:
		return term.Cell{Text: "replay"}
	case r.ValidUntil.IsZero():
		return term.Cell{Text: "never", Style: term.Doubt}
	case left <= 0:
		return term.Cell{Text: "expired", Style: term.Doubt}
	default:
		return term.Cell{Text: term.Age(left) + " left"}
	}
}

func tier(r readiness.Result) string {
	if r.Tier == 0 {
		return "-"
	}
	return fmt.Sprint(r.Tier)
}

func firstReason(r readiness.Result) string {
	if len(r.Reasons) == 0 {
		return ""
	}
	text := headline(r.Reasons[0])
	if more := len(r.Reasons) - 1; more > 0 {
		// Before the message, which may be cut short.
		text = fmt.Sprintf("%s (+%d more) %s", r.Reasons[0].Code, more, r.Reasons[0].Message)
	}
	return strings.TrimSpace(text)
}

func allReasons(r readiness.Result) string {
	var lines []string
	for _, reason := range r.Reasons {
		line := headline(reason)
		if reason.Endpoint != "" {
			line += " [" + reason.Endpoint + "]"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func codes(r readiness.Result) string {
	var list []string
	for _, reason := range r.Reasons {
		if code := string(reason.Code); !slices.Contains(list, code) {
			list = append(list, code)
		}
	}
	return strings.Join(list, ", ")
}

// counts says how many resources have each status, and what is not listed.
func (t tableView) counts(groups []readiness.Result) string {
	c := t.report.Counts
	parts := []string{}
	for _, x := range []struct {
		status readiness.Status
		n      int
	}{{readiness.Red, c.Red}, {readiness.Unknown, c.Unknown}, {readiness.Yellow, c.Yellow}, {readiness.Green, c.Green}} {
		if x.n > 0 {
			parts = append(parts, t.Profile.Paint(term.StyleOf(x.status), x.status.String()+" "+term.Count(x.n)))
		}
	}
	hidden := c.Green
	for _, g := range groups {
		if g.Status == readiness.Green {
			hidden++
		}
	}
	if hidden > 0 && !t.All {
		parts = append(parts, t.Profile.Paint(term.Grey, "(--all lists green)"))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, "  ") + "\n"
}

// last is the line a person's eye ends on.
func (t tableView) last() string {
	text := t.Profile.Paint(term.StyleOf(t.report.Verdict), verdict(t.report))
	if t.report.Replay != nil {
		text += " in a replay of observations recorded at " + stamp(t.report.Replay.RecordedAt) + ", which says nothing about now"
	} else if until := validUntil(t.report); t.report.Verdict == readiness.Green {
		text += ", valid until " + until.In(t.Now.Location()).Format("15:04:05 MST")
	}
	text += "."
	if command := t.next(t.report); command != "" {
		text += " Next: " + command
	}
	return text + "\n"
}
