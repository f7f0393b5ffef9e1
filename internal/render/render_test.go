package render

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

const resultTemplate = "template={{range .Results}}{{.Name}} {{.Status}} {{len .Reasons}}{{range .Reasons}}\n{{.Message}}{{end}}\n{{end}}"

func allSpecs() []string {
	var specs []string
	for _, f := range Formats() {
		if f == Template {
			specs = append(specs, resultTemplate)
		} else {
			specs = append(specs, string(f))
		}
	}
	return specs
}

func TestFormats(t *testing.T) {
	t.Parallel()
	reports := map[string]check.Report{"sample": sample(), "replay": replayed(), "healthy": healthy(), "empty": {Schema: check.ReportSchema}}
	for _, spec := range allSpecs() {
		name, _, _ := strings.Cut(spec, "=")
		for report, r := range reports {
			t.Run(name+"-"+report, func(t *testing.T) {
				t.Parallel()
				golden(t, []byte(render(t, spec, viewOf(r))))
			})
		}
	}
}

func TestTableProfiles(t *testing.T) {
	t.Parallel()
	views := map[string]func(*View){
		"narrow":  func(v *View) { v.Profile.Width = 60 },
		"unicode": func(v *View) { v.Profile.Unicode = true },
		"color":   func(v *View) { v.Profile.Color, v.Profile.Unicode = true, true },
		"all":     func(v *View) { v.All = true },
		"expired": func(v *View) { v.Now = reader.Add(time.Hour) },
	}
	for name, change := range views {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := viewOf(sample())
			change(&v)
			golden(t, []byte(render(t, "table", v)))
		})
	}
}

// SI-7: when the clock goes on and no new run is made, no output that a reader
// makes shows green.
func TestNothingStaysGreen(t *testing.T) {
	t.Parallel()
	for _, spec := range allSpecs() {
		v := viewOf(healthy())
		v.All, v.Now = true, reader.Add(2*time.Minute)
		out := strings.ToLower(render(t, spec, v))
		for _, line := range strings.Split(out, "\n") {
			// How many are green may be said, if it is none.
			for _, none := range []string{`"green": 0`, `"green":0`, "green: 0", "green 0"} {
				line = strings.ReplaceAll(line, none, "")
			}
			if strings.Contains(line, "green") {
				t.Errorf("%s shows green after it expired: %q", spec, line)
			}
		}
		if spec == "name" {
			continue // has no verdicts
		}
		// GitHub is told at the errors, JUnit and SARIF at theirs.
		if !strings.Contains(out, "unknown") && !strings.Contains(out, "vis_stale") {
			t.Errorf("%s does not say unknown:\n%s", spec, out)
		}
	}
}

// What cannot expire says until when it holds.
func TestStaticFormatsPrintExpiry(t *testing.T) {
	t.Parallel()
	until := "2026-03-01T12:01:00Z"
	for _, spec := range []string{"json", "jsonl", "yaml", "csv", "markdown", "junit"} {
		out := render(t, spec, viewOf(healthy()))
		if n := strings.Count(out, until); n < 2 {
			t.Errorf("%s has the expiry of two green results %d times:\n%s", spec, n, out)
		}
	}
	if out := render(t, "sarif", viewOf(sample())); strings.Count(out, until) < 4 {
		t.Errorf("sarif has too few expiries:\n%s", out)
	}
}

func TestReplayIsMarked(t *testing.T) {
	t.Parallel()
	marks := map[Format][]string{
		Table: {"REPLAY of observations recorded at 2026-03-01T12:00:00Z: it says nothing about now.\n", "RED 1 of 5 in a replay of observations recorded at 2026-03-01T12:00:00Z, which says nothing about now."},
		Wide:  {"REPLAY of observations"}, JSON: {`"recordedAt": "2026-03-01T12:00:00Z"`}, JSONL: {`"recordedAt":"2026-03-01T12:00:00Z"`}, YAML: {"recordedAt:"},
		CSV: {",2026-03-01T12:00:00Z\r\n"}, Markdown: {"REPLAY of observations"}, GitHub: {"::notice title=bcctl replay::REPLAY"},
		JUnit: {`name="replayOf" value="2026-03-01T12:00:00Z"`}, SARIF: {"REPLAY of observations"},
	}
	v := viewOf(replayed())
	v.Now = reader.AddDate(1, 0, 0) // a replay does not get older
	for format, texts := range marks {
		out := render(t, string(format), v)
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("%s does not say %q:\n%s", format, text, out)
			}
		}
		if live := render(t, string(format), viewOf(sample())); strings.Contains(live, texts[0]) {
			t.Errorf("%s says %q of a report that is no replay", format, texts[0])
		}
	}
	table := strings.Split(strings.TrimSpace(render(t, "table", v)), "\n")
	if !strings.HasPrefix(table[0], "REPLAY") || !strings.Contains(table[len(table)-1], "replay") {
		t.Errorf("first line %q, last line %q", table[0], table[len(table)-1])
	}
}

func TestVerdictLine(t *testing.T) {
	t.Parallel()
	many := check.Report{}
	for range 4798 {
		many.Results = append(many.Results, result("pg/x", readiness.Green))
	}
	many.Results = append(many.Results, result("pg/ledger", readiness.Red), result("pg/orders", readiness.Red))
	odd := check.Report{Results: []readiness.Result{result("it's; rm", readiness.Unknown)}}
	groups := healthy()
	groups.Results = append(groups.Results, sample().Results[1])
	tests := map[string]struct {
		report check.Report
		want   string
	}{
		"red":         {many, "RED 2 of 4,800. Next: bcctl explain pg/ledger"},
		"green":       {healthy(), "GREEN 2 of 2, valid until 13:01:00 CET."},
		"nothing":     {check.Report{}, "UNKNOWN: nothing was checked."},
		"hostile":     {odd, `UNKNOWN 1 of 1. Next: bcctl explain 'it'\''s; rm'`},
		"only groups": {groups, "RED 1 of 1 groups. Next: bcctl explain payments"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := strings.TrimSuffix(render(t, "table", viewOf(tt.report)), "\n")
			if got := out[strings.LastIndexByte(out, '\n')+1:]; got != tt.want {
				t.Errorf("last line %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTableIsFoldedNotCut(t *testing.T) {
	t.Parallel()
	for _, width := range []int{60, 80, 100, 200} {
		v := viewOf(sample())
		v.Profile.Width = width
		for line := range strings.Lines(render(t, "table", v)) {
			line = strings.TrimSuffix(line, "\n")
			if strings.Contains(line, "Next:") {
				continue // to be pasted in one piece
			}
			if w := term.Width(line); w > width {
				t.Errorf("width %d: a line of %d cells: %q", width, w, line)
			}
		}
	}
	out := render(t, "table", viewOf(sample()))
	if !strings.Contains(out, "table that is 100 cells wide") {
		t.Errorf("the end of a folded message is lost:\n%s", out)
	}
	if strings.Contains(out, long) {
		t.Error("a name wider than its column is not cut short")
	}
	if !strings.Contains(render(t, "wide", viewOf(sample())), long) {
		t.Error("wide cuts a name short")
	}
}

func TestWideShowsEndpointsAndAllReasons(t *testing.T) {
	t.Parallel()
	table, wide := render(t, "table", viewOf(sample())), render(t, "wide", viewOf(sample()))
	for _, text := range []string{"- pg-b (fra, standby)", "REPLAY_PAUSED replay on pg-b is", "INDICATOR_MISSING"} {
		if !strings.Contains(wide, text) {
			t.Errorf("wide does not show %q:\n%s", text, wide)
		}
		if strings.Contains(table, text) {
			t.Errorf("table shows %q:\n%s", text, table)
		}
	}
}

// No output but its own encoding may carry what a terminal obeys.
func TestNoControlCharacters(t *testing.T) {
	t.Parallel()
	for _, spec := range allSpecs() {
		out := render(t, spec, viewOf(sample()))
		for i, r := range out {
			if r == '\n' || r == '\r' && spec == "csv" || r >= 0x20 && r < 0x7f || r > 0x9f && r != '\u202e' {
				continue
			}
			if r == '\u202e' && spec == "yaml" {
				continue // YAML calls it printable, and so does its encoder
			}
			t.Errorf("%s holds %U near %q", spec, r, out[max(i-30, 0):i])
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	v := viewOf(sample())
	if got := v.Warnings(); len(got) != 1 || got[0] != `history was not kept: \x1b[31mdisk full` {
		t.Errorf("Warnings = %q", got)
	}
	if out := render(t, "table", v); strings.Contains(out, "history was not kept") {
		t.Error("a warning stands in the answer")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestRenderTellsOfFailedWrite(t *testing.T) {
	t.Parallel()
	for _, spec := range []Spec{{Format: Table}, {Format: JSON}} {
		if err := Render(full{}, spec, viewOf(sample())); err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("Render %s = %v", spec.Format, err)
		}
	}
	if err := Render(&strings.Builder{}, Spec{Format: "pdf"}, viewOf(sample())); err == nil {
		t.Error("an unknown format is no error")
	}
	if err := Render(&strings.Builder{}, Spec{Format: Template, Template: "{{.Nothing}}"}, viewOf(sample())); err == nil {
		t.Error("a template that asks for what is not there is no error")
	}
}
