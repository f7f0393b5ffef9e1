package render

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// crowd is a report too large for any limit.
func crowd(red, green int) check.Report {
	r := sample()
	r.Results = nil
	for i := range red {
		r.Results = append(r.Results, result(fmt.Sprintf("pg/red-%05d", i), readiness.Red,
			readiness.Reason{Code: readiness.Diverged, Status: readiness.Red, Message: strings.Repeat("数据|`<", 60)}))
	}
	for i := range green {
		r.Results = append(r.Results, result(fmt.Sprintf("pg/green-%05d", i), readiness.Green))
	}
	return r
}

func TestMarkdownStaysInItsLimit(t *testing.T) {
	t.Parallel()
	for _, n := range [][2]int{{0, 5}, {500, 0}, {0, 5000}, {500, 5000}, {20, 5000}, {24, 0}, {25, 3}} {
		out := render(t, "markdown", viewOf(crowd(n[0], n[1])))
		if got := utf8.RuneCountInString(out); got > markdownLimit {
			t.Errorf("%v: %d characters", n, got)
		}
		shown := strings.Count(out, "| pg/red-")
		left := n[0] - shown
		if told := strings.Contains(out, fmt.Sprintf("**%d more that are not green are left out here", left)); told != (left > 0) {
			t.Errorf("%v: %d left out, told: %v", n, left, told)
		}
		green := n[1] - strings.Count(out, "- pg/green-")
		if told := strings.Contains(out, " more green are left out here."); told != (green > 0) {
			t.Errorf("%v: %d green left out, told: %v", n, green, told)
		}
		if n[1] > 0 && strings.Count(out, "<details>") != strings.Count(out, "</details>") {
			t.Errorf("%v: the fold is not closed", n)
		}
	}
}

func TestSummaryStaysInItsLimit(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Summary(&b, viewOf(crowd(3000, 3000))); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 900<<10 || b.Len() < 800<<10 {
		t.Errorf("summary has %d bytes, want a little less than 900 KiB", b.Len())
	}
	if !strings.Contains(b.String(), "left out") {
		t.Error("the summary does not say what it left out")
	}
}

func TestMarkdownIsNotMarkup(t *testing.T) {
	t.Parallel()
	r := check.Report{Results: []readiness.Result{result("pg/a_b", readiness.Red,
		readiness.Reason{Code: readiness.Diverged, Status: readiness.Red, Message: hostile + " **b** _i_ www.evil.example <!-- | $x$"})}}
	var row string
	for line := range strings.SplitSeq(render(t, "markdown", viewOf(r)), "\n") {
		if strings.HasPrefix(line, "| RED") {
			row = line
		}
	}
	if got := strings.Count(row, "|"); got != 7 {
		t.Errorf("the row has %d bars, want 7: %s", got, row)
	}
	for _, bad := range []string{"<script", "`", "@everyone", " #1 ", "](", "://", "**b", "_i_", "www.evil", "<!--", "\x1b", "$x"} {
		if strings.Contains(row, bad) {
			t.Errorf("the row holds %q: %s", bad, row)
		}
	}
	if !strings.Contains(row, "pg/a_b") {
		t.Errorf("an underscore inside a word was escaped: %s", row)
	}
}

func TestMarkdownLinksCodes(t *testing.T) {
	t.Parallel()
	v := viewOf(sample())
	v.Docs = "https://bcctl.dev/docs/reason-codes.html"
	if out := render(t, "markdown", v); !strings.Contains(out, "[LAG_OVER_RPO](https://bcctl.dev/docs/reason-codes.html#lag_over_rpo) exposure") {
		t.Errorf("no link to the code:\n%s", out)
	}
}
