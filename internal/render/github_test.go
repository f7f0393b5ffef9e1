package render

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// workflowCommand finds what the runner of GitHub Actions takes for a command in
// a line: "::name properties::data" after white space, or "##[name]data" anywhere.
func workflowCommand(line string) (name string, properties map[string]string, data string, ok bool) {
	if i := strings.Index(line, "##["); i >= 0 {
		return "##[", nil, line[i:], true
	}
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), "::")
	if !ok {
		return "", nil, "", false
	}
	info, data, ok := strings.Cut(rest, "::")
	if !ok {
		return "", nil, "", false
	}
	name, list, _ := strings.Cut(info, " ")
	properties = map[string]string{}
	for p := range strings.SplitSeq(list, ",") {
		if key, value, ok := strings.Cut(p, "="); ok {
			properties[key] = strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace(value)
		}
	}
	return name, properties, strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%").Replace(data), true
}

// hostileEverywhere is a report in which every text is a command.
func hostileEverywhere() check.Report {
	bad := "::error::x"
	r := result(bad, readiness.Red, readiness.Reason{Code: readiness.Diverged, Status: readiness.Red, Message: strings.Repeat("w ", 40) + "::error::x ##[add-mask]y\n::stop-commands::z",
		Endpoint: "::error::e", Indicator: "::error::i", Value: readiness.Str("::error::v"), Source: "::error::s"})
	r.Platform, r.Owner, r.Environment, r.File = bad, bad, bad, bad
	r.Children = []readiness.Result{{Name: "::error::c", Kind: readiness.KindEndpoint, Site: bad, Reasons: r.Reasons}}
	r.Indicators = []readiness.IndicatorResult{reading("::error::e", "::error::i", readiness.Str("::error::v"), "::error::u", true)}
	return check.Report{Commit: bad, RunID: bad, Bcctl: bad, Results: []readiness.Result{r, result("##[error]x", readiness.Unknown)},
		Transitions: []check.Transition{{Target: bad, Message: bad}}, Warnings: []string{bad}}
}

// No text of a server or a repository becomes a workflow command, in any format:
// in Actions all of stdout is read for them.
func TestNoWorkflowCommandIsInjected(t *testing.T) {
	t.Parallel()
	for _, spec := range allSpecs() {
		for _, width := range []int{30, 60, 100} {
			v := viewOf(hostileEverywhere())
			v.All, v.Profile.Width = true, width
			for line := range strings.SplitSeq(render(t, spec, v), "\n") {
				name, _, _, ok := workflowCommand(line)
				ours := spec == "github" && (name == "error" || name == "warning")
				if ok && !ours {
					t.Errorf("%s, width %d: a command %q in %q", spec, width, name, line)
				}
			}
		}
	}
	v := viewOf(hostileEverywhere())
	var b bytes.Buffer
	if err := Explain(&b, v.Report.Results[0], v, ExplainOptions{AllIndicators: true}); err != nil {
		t.Fatal(err)
	}
	h := History{Target: "::error::x", Since: finished, Until: reader, Transitions: v.Report.Transitions, Series: []Series{{Indicator: "::error::x", Endpoint: "::x::"}}}
	if err := RenderHistory(&b, h, term.Profile{}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(b.String(), "\n") {
		if name, _, _, ok := workflowCommand(line); ok {
			t.Errorf("a command %q in %q", name, line)
		}
	}
}

func TestAnnotationsAreEscaped(t *testing.T) {
	t.Parallel()
	r := result("pg/a", readiness.Red, readiness.Reason{Code: readiness.Diverged, Status: readiness.Red, Message: "100% of it, so: no\nline=9::x"})
	r.File = "resources/a,b:c%.yaml"
	out := strings.TrimSuffix(render(t, "github", viewOf(check.Report{Results: []readiness.Result{r}})), "\n")
	name, properties, data, ok := workflowCommand(out)
	if !ok || name != "error" || strings.Contains(out, "\n") {
		t.Fatalf("not one command: %q", out)
	}
	if properties["file"] != r.File || properties["line"] != "3" || properties["title"] != "pg/a RED DIVERGED" {
		t.Errorf("properties = %q", properties)
	}
	if !strings.Contains(out, "file=resources/a%2Cb%3Ac%25.yaml,") || !strings.Contains(out, "::100%25 of it") {
		t.Errorf("not escaped: %s", out)
	}
	if want := "100% of it, so: no line=9::x. Next: bcctl explain pg/a"; data != want {
		t.Errorf("data = %q, want %q", data, want)
	}
}

func TestAnnotationsAreLimited(t *testing.T) {
	t.Parallel()
	var r check.Report
	for i := range 14 {
		r.Results = append(r.Results, result(fmt.Sprintf("pg/unknown-%02d", i), readiness.Unknown, readiness.Reason{Code: readiness.VisDR, Message: "not seen"}),
			result(fmt.Sprintf("pg/yellow-%02d", i), readiness.Yellow, readiness.Reason{Code: readiness.Clearing, Status: readiness.Yellow}))
	}
	r.Results = append(r.Results, result("pg/red", readiness.Red, readiness.Reason{Code: readiness.Diverged, Status: readiness.Red}), result("pg/green", readiness.Green))
	count := map[string]int{}
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSuffix(render(t, "github", viewOf(r)), "\n"), "\n") {
		name, _, _, _ := workflowCommand(line)
		count[name]++
		lines = append(lines, line)
	}
	if count["error"] != 10 || count["warning"] != 10 || len(lines) != 20 {
		t.Fatalf("annotations: %v", count)
	}
	if !strings.Contains(lines[0], "title=pg/red RED DIVERGED") {
		t.Errorf("the worst is not the first: %s", lines[0])
	}
	if !strings.Contains(lines[9], "6 more targets are red or unknown") { // 15 errors, 9 shown
		t.Errorf("the tenth error does not say how many more: %s", lines[9])
	}
	if !strings.Contains(lines[19], "5 more targets are yellow") {
		t.Errorf("the tenth warning does not say how many more: %s", lines[19])
	}
	exactly := check.Report{Results: r.Results[:20]}
	if out := render(t, "github", viewOf(exactly)); strings.Contains(out, "more targets") || strings.Count(out, "::error ") != 10 {
		t.Errorf("ten of a kind are not shown as they are:\n%s", out)
	}
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	delimiters := map[string]bool{}
	for range 2 {
		var b bytes.Buffer
		if err := Outputs(&b, viewOf(sample()), "out/report.json\nverdict=green"); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		for len(lines) > 0 {
			name, delimiter, ok := strings.Cut(lines[0], "<<")
			if !ok || len(delimiter) < 20 || delimiters[delimiter] {
				t.Fatalf("line %q does not begin a value with a delimiter of its own", lines[0])
			}
			delimiters[delimiter] = true
			var value []string
			for lines = lines[1:]; lines[0] != delimiter; lines = lines[1:] {
				value = append(value, lines[0])
			}
			lines = lines[1:]
			got[name] = strings.Join(value, "\n")
		}
		want := map[string]string{"verdict": "red", "red": "1", "unknown": "1", "yellow": "1", "report": "out/report.json\nverdict=green", "run-id": "00f1e2d3c4b5a697"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("outputs = %v, want %v", got, want)
		}
	}
}
