package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// row is a resource: what the list shows, and its detail.
type row struct {
	ID       int
	Name     string
	Verdict  verdict
	Platform string
	Tier     int
	About    string // "postgresql, tier 1, production"
	Owner    string
	Groups   []string
	Sites    []string
	Declared string // "resources/ledger.yaml:4"

	Why      []reason
	More     int    // reasons beyond the first
	NotTold  int    // reasons that are only counted
	Exposure string // "exposure 2 s, RPO 30 s"
	RPO, RTO string

	Strip     strip
	Charts    []chart
	Endpoints []endpoint
	Whole     bool // some reading is about the resource as a whole
	// WholeFailed is why none of those could be made.
	WholeFailed string
	Readings    []reading
	Hidden      int // readings that are good, not required, and not listed
	Good        *lastGood
	Changes     []change
	Command     string // what to run next
}

// reason is one reason in words.
type reason struct {
	Verdict verdict // without times: the row has them
	Code    string
	Known   bool // the list of codes explains it
	Above   bool // the row says the message already
	Inline  bool // meaning and first action are told here too
	At      string
	Message string
	Numbers string
	Meaning string
	First   string
}

// change is one transition.
type change struct {
	At   stamp
	Text string
}

// mostChanges is how many changes of the time drawn are listed.
const mostChanges = 6

// row makes the row of a resource.
func (b *builder) row(n int, r readiness.Result) row {
	t := b.targets[r.Name]
	out := row{ID: n, Name: r.Name, Verdict: b.verdictOf(r), Platform: r.Platform, Tier: r.Tier, Owner: clip(r.Owner), Groups: t.Groups,
		RPO: objective(t.RPO), RTO: objective(t.RTO), Strip: stripOf(t.History, statusOf(r.Status), b.detail.columns), Command: b.in.Command + " explain " + render.Quote(r.Name) + " --live"}
	about := []string{r.Platform}
	if r.Tier > 0 {
		about = append(about, fmt.Sprintf("tier %d", r.Tier))
	}
	if r.Environment != "" {
		about = append(about, r.Environment)
	}
	out.About = strings.Join(about, ", ")
	if r.File != "" {
		out.Declared = fmt.Sprintf("%s:%d", r.File, max(r.Line, 1))
	}
	why := b.why(r)
	out.Why = why[:min(len(why), b.detail.reasons)]
	out.More, out.NotTold = max(len(why)-1, 0), len(why)-len(out.Why)
	out.Exposure = b.exposure(r, t)
	for _, s := range t.History.Series {
		var limit time.Duration
		if strings.Contains(string(s.Indicator), "exposure") {
			limit = t.RPO
		}
		if len(out.Charts) == b.detail.charts {
			break
		}
		if c, ok := chartOf(s, t.History, limit, b.detail.columns); ok {
			out.Charts = append(out.Charts, c)
		}
	}
	b.readings(&out, r)
	out.Good = b.lastGood(r)
	for i := len(t.History.Transitions) - 1; i >= 0 && len(out.Changes) < mostChanges; i-- {
		x := t.History.Transitions[i]
		text := fmt.Sprintf("%s: %s to %s", x.Kind, term.Word(x.From), term.Word(x.To))
		if x.Code != "" {
			text += " " + string(x.Code)
		}
		out.Changes = append(out.Changes, change{At: stampOf(x.At), Text: clip(term.Sanitize(text))})
	}
	return out
}

// why is the reasons in words. What several readings say alike is said once, and
// what a code means at its first place only.
func (b *builder) why(r readiness.Result) []reason {
	type key struct {
		status        readiness.Status
		code, message string
	}
	var out []reason
	place, seen := map[key]int{}, map[string]bool{}
	for _, x := range r.Reasons {
		next := b.reason(x, len(out) == 0)
		k := key{next.Verdict.Status, next.Code, next.Message}
		if i, ok := place[k]; ok {
			out[i].At, out[i].Numbers = join(out[i].At, next.At, ", "), join(out[i].Numbers, next.Numbers, "; ")
			continue
		}
		next.Inline = next.Inline && !seen[next.Code]
		place[k], seen[next.Code] = len(out), true
		out = append(out, next)
	}
	return out
}

// join adds a text to a list of texts, unless it ends with it.
func join(list, text, separator string) string {
	switch {
	case text == "" || strings.HasSuffix(list, text):
		return list
	case list == "":
		return text
	default:
		return clip(list + separator + text)
	}
}

func (b *builder) reason(r readiness.Reason, first bool) reason {
	inline := b.detail.every
	info, known := r.Code.Info()
	if known {
		b.codes[r.Code] = info
	}
	out := reason{Known: known, Inline: inline || !known && !first, Above: first && !inline, Verdict: verdict{Status: statusOf(r.Status), Then: b.report.Replay != nil}, Code: clip(string(r.Code)), At: clip(r.Endpoint), Message: clip(r.Message),
		Meaning: info.Meaning, First: render.FirstAction(r.Code)}
	var numbers []string
	if r.Indicator != "" {
		numbers = append(numbers, string(r.Indicator))
	}
	if said := r.Value.Kind() == readiness.Text && strings.Contains(r.Message, r.Value.Format(r.Unit)); !r.Value.IsAbsent() && !said {
		numbers = append(numbers, "value "+r.Value.Format(r.Unit))
	}
	if !r.Threshold.IsAbsent() {
		numbers = append(numbers, "limit "+r.Threshold.Format(r.Unit))
	}
	if r.Source != "" {
		numbers = append(numbers, "rule "+r.Source)
	}
	out.Numbers = clip(strings.Join(numbers, ", "))
	return out
}

// exposure is what DR lacks, against the objective: a measurement, no promise.
func (b *builder) exposure(r readiness.Result, t Target) string {
	var parts []string
	if i, ok := exposure(r); ok {
		value := "not known"
		if i.Failure == nil && i.Status != readiness.Unknown {
			value = i.Value.Format(i.Unit)
		}
		name := "exposure "
		if !strings.Contains(string(i.Indicator), "exposure") {
			name = "lag "
		}
		parts = append(parts, together(name+value))
	}
	if t.RPO > 0 {
		parts = append(parts, together("RPO "+term.Span(t.RPO)))
	}
	return strings.Join(parts, ", ")
}

// together keeps a short text on one line.
func together(text string) string { return strings.ReplaceAll(text, " ", "\u00a0") }

func objective(d time.Duration) string {
	if d <= 0 {
		return "not set"
	}
	return term.Span(d)
}

// mostText is how much of one foreign text a page shows, in characters.
const mostText = 400

func clip(text string) string {
	if len(text) <= mostText {
		return text
	}
	runes := []rune(text)
	if len(runes) <= mostText {
		return text
	}
	return fmt.Sprintf("%s... (%s characters more)", string(runes[:mostText]), term.Count(len(runes)-mostText))
}
