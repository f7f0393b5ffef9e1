package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// endpoint is a node, as the head of its column.
type endpoint struct {
	Name    string
	Place   string // "fra, primary"
	Site    string
	Verdict verdict
	Failed  string // why no reading could be made, said once for all of them
}

// reading is one indicator at every endpoint, side by side.
type reading struct {
	Name     string
	Required bool
	Cells    []cell // as the endpoints, then the resource as a whole if there is any
}

// cell is one reading. Good ones have no colour: the verdicts above the column
// and in the row are those that expire.
type cell struct {
	Text    string
	Verdict verdict
	Bad     bool
	Age     string // where it is older than the rest; may be empty
}

// lastGood is old evidence. It has no status.
type lastGood struct {
	At       stamp
	Age      string
	Readings []oldReading
}

type oldReading struct{ Name, At, Text string }

// muchOlder is how far behind a check a reading must be to say so.
const muchOlder = 10 * time.Second

// readings fills the table.
func (b *builder) readings(out *row, r readiness.Result) {
	place := map[string]int{}
	for _, c := range r.Children {
		if c.Kind != readiness.KindEndpoint {
			continue
		}
		place[c.Name] = len(out.Endpoints)
		out.Endpoints = append(out.Endpoints, b.endpoint(r, c))
		if c.Site != "" && !slices.Contains(out.Sites, c.Site) {
			out.Sites = append(out.Sites, c.Site)
		}
	}
	failed := commonFailures(r.Indicators)
	wanted := map[readiness.ID]bool{}
	for _, i := range r.Indicators {
		if failed[i.Endpoint].is(i) {
			continue // the head of the column says so
		}
		wanted[i.Indicator] = wanted[i.Indicator] || b.wants(r, i)
		if _, ok := place[i.Endpoint]; !ok && wanted[i.Indicator] {
			out.Whole = true // also what is read at a node that is not listed
		}
	}
	for i := range out.Endpoints {
		out.Endpoints[i].Failed = failed[out.Endpoints[i].Name].String()
	}
	if f, ok := failed[""]; ok {
		out.Whole, out.WholeFailed = true, f.String()
	}
	columns := len(out.Endpoints)
	if out.Whole {
		columns++
	}
	position := map[readiness.ID]int{}
	for _, i := range r.Indicators {
		if failed[i.Endpoint].is(i) {
			continue
		}
		if !wanted[i.Indicator] {
			if i.Status == readiness.Green {
				out.Hidden++
			}
			continue
		}
		n, ok := position[i.Indicator]
		if !ok {
			n = len(out.Readings)
			position[i.Indicator] = n
			out.Readings = append(out.Readings, reading{Name: string(i.Indicator), Cells: make([]cell, columns)})
		}
		column, ok := place[i.Endpoint]
		if !ok {
			column = columns - 1
		}
		out.Readings[n].Required = out.Readings[n].Required || i.Required
		out.Readings[n].Cells[column] = b.cell(r, i)
	}
	slices.SortStableFunc(out.Readings, func(a, c reading) int { return c.weight() - a.weight() })
}

// wants tells whether a reading is listed: all are where there is room, else
// those in trouble of which no reason tells, and required numbers.
func (b *builder) wants(r readiness.Result, i readiness.IndicatorResult) bool {
	_, number := i.Value.Number()
	switch {
	case b.detail.every:
		return true
	case i.Status != readiness.Green:
		return i.Failure == nil || !told(r, i)
	default:
		return i.Required && number
	}
}

// told tells whether a reason repeats why a reading failed.
func told(r readiness.Result, i readiness.IndicatorResult) bool {
	return slices.ContainsFunc(r.Reasons, func(x readiness.Reason) bool {
		return x.Indicator == i.Indicator && x.Endpoint == i.Endpoint && strings.Contains(x.Message, i.Failure.Message)
	})
}

// failure is why several readings of one node failed.
type failure struct {
	readiness.Finding
	n int
}

// is tells whether a reading failed for this reason.
func (f failure) is(i readiness.IndicatorResult) bool {
	return f.n > 1 && i.Failure != nil && *i.Failure == f.Finding
}

func (f failure) String() string {
	if f.n < 2 {
		return ""
	}
	return fmt.Sprintf("%s %s (%d readings)", f.Code, clip(f.Message), f.n)
}

// commonFailures finds, for each endpoint, the failure that most of its readings
// share. One server that does not answer is one fact, not twenty.
func commonFailures(list []readiness.IndicatorResult) map[string]failure {
	type key struct {
		endpoint string
		finding  readiness.Finding
	}
	counts := map[key]int{}
	for _, i := range list {
		if i.Failure != nil {
			counts[key{i.Endpoint, *i.Failure}]++
		}
	}
	common := map[string]failure{}
	for k, n := range counts {
		have := common[k.endpoint]
		if n > max(have.n, 1) || n == have.n && k.finding.Message < have.Message {
			common[k.endpoint] = failure{k.finding, n}
		}
	}
	return common
}

// weight orders readings: those in trouble first, then those that are required.
func (r reading) weight() int {
	weight := 0
	for _, c := range r.Cells {
		if c.Bad {
			weight = max(weight, 10*(len(worstFirst)-slices.Index(worstFirst, c.Verdict.Status)))
		}
	}
	if r.Required {
		weight++
	}
	return weight
}

func (b *builder) endpoint(r, c readiness.Result) endpoint {
	e := endpoint{Name: c.Name, Site: c.Site, Place: c.Site, Verdict: b.verdictOf(c)}
	for _, i := range r.Indicators {
		if i.Endpoint != c.Name || i.Failure != nil {
			continue
		}
		if role, ok := i.Value.Text(); ok && i.Indicator == "node.role" {
			if e.Place != "" {
				e.Place += ", "
			}
			e.Place += clip(role)
		}
	}
	return e
}

func (b *builder) cell(r readiness.Result, i readiness.IndicatorResult) cell {
	c := cell{Text: clip(valueOf(i)), Verdict: verdict{Status: statusOf(i.Status), Then: b.report.Replay != nil}, Bad: i.Status != readiness.Green}
	if age := r.EvaluatedAt.Sub(i.ObservedAt); !i.ObservedAt.IsZero() && age > muchOlder {
		c.Age = term.Span(age) + " old when judged"
	}
	if c.Text == "" {
		c.Text = "empty"
	}
	return c
}

func valueOf(i readiness.IndicatorResult) string {
	if i.Failure != nil {
		return string(i.Failure.Code) + " " + i.Failure.Message
	}
	return i.Value.Format(i.Unit)
}

// lastGood is what was good once and is not now, with its age.
func (b *builder) lastGood(r readiness.Result) *lastGood {
	good := r.LastKnownGood
	if good == nil || good.ObservedAt.IsZero() || r.Status == readiness.Green {
		return nil
	}
	out := &lastGood{At: stampOf(good.ObservedAt), Age: term.Span(b.at.Sub(good.ObservedAt))}
	for _, was := range good.Indicators {
		now := slices.IndexFunc(r.Indicators, func(i readiness.IndicatorResult) bool {
			return i.Endpoint == was.Endpoint && i.Indicator == was.Indicator
		})
		if now >= 0 && r.Indicators[now].Status == readiness.Green || now < 0 && !was.Required {
			continue // what is good now stands among the readings
		}
		out.Readings = append(out.Readings, oldReading{Name: string(was.Indicator), At: was.Endpoint, Text: clip(valueOf(was))})
	}
	return out
}
