package render

import (
	"fmt"
	"slices"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// children draws the endpoints of a resource, or the members of a group, as a
// tree.
func (e *explanation) children() {
	r := e.result
	if len(r.Children) == 0 {
		return
	}
	if r.Kind == readiness.KindGroup {
		e.title("Members")
	} else {
		e.title("Endpoints")
	}
	branch, lastBranch := "|- ", "`- "
	if e.view.Profile.Unicode {
		branch, lastBranch = "├─ ", "└─ "
	}
	table := &term.Table{Columns: []term.Column{{}, {}, {}, {Fold: true}}}
	for i, c := range r.Children {
		sign := branch
		if i == len(r.Children)-1 {
			sign = lastBranch
		}
		name := c.Name + place(r, c)
		observed := "never seen"
		if !c.ObservedAt.IsZero() {
			observed = e.age(c.ObservedAt)
		}
		table.Row(term.Cell{Text: "  " + sign + name}, term.Cell{Text: e.view.Profile.Label(c.Status), Style: term.StyleOf(c.Status)},
			term.Cell{Text: observed}, term.Cell{Text: codes(c)})
	}
	e.b.WriteString(table.Render(e.view.Profile))
}

// indicators lists the readings, those in trouble first.
func (e *explanation) indicators() {
	r := e.result
	if len(r.Indicators) == 0 {
		return
	}
	e.title("Readings")
	list := slices.Clone(r.Indicators)
	slices.SortStableFunc(list, func(a, b readiness.IndicatorResult) int {
		switch {
		case a.Status.Worse(b.Status):
			return -1
		case b.Status.Worse(a.Status):
			return 1
		default:
			return 0
		}
	})
	table := &term.Table{Columns: []term.Column{{Title: "  STATUS"}, {Title: "READING"}, {Title: "AT", Max: 24}, {Title: "NEEDED", Drop: 1}, {Title: "AGE"}, {Title: "VALUE", Fold: true}}}
	hidden := 0
	for _, i := range list {
		if !e.options.AllIndicators && !i.Required && i.Status == readiness.Green && !e.cited(i) {
			hidden++
			continue
		}
		needed := "no"
		if i.Required {
			needed = "yes"
		}
		age := "-"
		if !i.ObservedAt.IsZero() {
			age = term.Age(e.at.Sub(i.ObservedAt))
		}
		table.Row(term.Cell{Text: "  " + e.view.Profile.Label(i.Status), Style: term.StyleOf(i.Status)}, term.Cell{Text: string(i.Indicator)},
			term.Cell{Text: i.Endpoint}, term.Cell{Text: needed}, term.Cell{Text: age}, term.Cell{Text: value(i)})
	}
	e.b.WriteString(table.Render(e.view.Profile))
	if hidden > 0 {
		e.line(e.view.Profile.Paint(term.Grey, fmt.Sprintf("  and %s that are good and not required (--all lists them)", term.Count(hidden))))
	}
}

// cited tells whether a reason is about a reading.
func (e *explanation) cited(i readiness.IndicatorResult) bool {
	return slices.ContainsFunc(e.result.Reasons, func(r readiness.Reason) bool {
		return r.Indicator == i.Indicator && r.Endpoint == i.Endpoint
	})
}

func value(i readiness.IndicatorResult) string {
	if i.Failure != nil {
		return headline(readiness.Reason{Code: i.Failure.Code, Message: i.Failure.Message})
	}
	return i.Value.Format(i.Unit)
}

// goneBad reports whether a reading that was good is not, or is not there any more.
func (e *explanation) goneBad(was readiness.IndicatorResult) bool {
	for _, now := range e.result.Indicators {
		if now.Endpoint == was.Endpoint && now.Indicator == was.Indicator {
			return now.Status != readiness.Green
		}
	}
	return was.Required
}

// lastKnownGood shows old evidence as what it is: grey, with its age, and without
// any verdict.
func (e *explanation) lastKnownGood() {
	good := e.result.LastKnownGood
	if good == nil || good.ObservedAt.IsZero() {
		if e.result.Status != readiness.Green && e.result.Kind == readiness.KindResource {
			e.line("")
			e.line(e.view.Profile.Paint(term.Grey, "last known good: none is recorded"))
		}
		return
	}
	e.line("")
	when := " ago"
	if e.view.Report.Replay != nil {
		when = " before the recording"
	}
	e.line(e.view.Profile.Paint(term.Grey, "last known good, "+term.Span(e.at.Sub(good.ObservedAt))+when+"; not evidence of now"))
	table := &term.Table{Columns: []term.Column{{}, {Max: 24}, {}, {Fold: true}}}
	for _, i := range good.Indicators {
		if !e.options.AllIndicators && !e.goneBad(i) {
			continue // what is good now stands among the readings
		}
		grey := func(text string) term.Cell { return term.Cell{Text: text, Style: term.Grey} }
		table.Row(grey("  "+string(i.Indicator)), grey(i.Endpoint), grey(e.age(i.ObservedAt)), grey(value(i)))
	}
	e.b.WriteString(table.Render(e.view.Profile))
}
