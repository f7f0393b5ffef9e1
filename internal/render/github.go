package render

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

const (
	// maxAnnotations is how many annotations of one kind GitHub keeps of a step.
	maxAnnotations = 10
	// summaryLimit stays below the 1 MiB a step may write, in bytes.
	summaryLimit = 900 << 10
	// maxAnnotation is how much of a message an annotation shows, in characters.
	maxAnnotation = 1000
)

// annotations are workflow commands of GitHub Actions: an error for each target
// that is red or unknown, a warning for each yellow one, on the line where it is
// declared, worst first. Where there are more than GitHub keeps, the last one says
// how many.
func (v View) annotations() string {
	r := v.Shown()
	var b strings.Builder
	if notice := replayNotice(r); notice != "" {
		b.WriteString(command("notice", readiness.Result{}, "bcctl replay", notice))
	}
	kinds := map[string][]readiness.Result{}
	for _, result := range r.Results {
		if kind := annotationKind(result.Status); kind != "" {
			kinds[kind] = append(kinds[kind], result)
		}
	}
	for _, kind := range []string{"error", "warning"} {
		results := kinds[kind]
		if len(results) > maxAnnotations {
			rest := len(results) - (maxAnnotations - 1)
			results = results[:maxAnnotations-1]
			annotate(&b, kind, results)
			b.WriteString(command(kind, readiness.Result{}, "bcctl: "+term.Count(rest)+" more",
				fmt.Sprintf("%s more targets are %s; GitHub shows no more than %d. The summary of the job and `bcctl check -o json` have all of them.",
					term.Count(rest), kindMeaning(kind), maxAnnotations)))
			continue
		}
		annotate(&b, kind, results)
	}
	return b.String()
}

func annotationKind(s readiness.Status) string {
	switch s {
	case readiness.Green:
		return ""
	case readiness.Yellow:
		return "warning"
	default: // what is not proved is no better than red (SI-6)
		return "error"
	}
}

func kindMeaning(kind string) string {
	if kind == "warning" {
		return "yellow"
	}
	return "red or unknown"
}

func annotate(b *strings.Builder, kind string, results []readiness.Result) {
	for _, r := range results {
		title := r.Name + " " + term.Word(r.Status)
		message := "no reason was recorded"
		if len(r.Reasons) > 0 {
			title += " " + string(r.Reasons[0].Code)
			message = r.Reasons[0].Message
			if more := len(r.Reasons) - 1; more > 0 {
				message += fmt.Sprintf(" (+%d more)", more)
			}
		}
		if runes := []rune(message); len(runes) > maxAnnotation {
			message = string(runes[:maxAnnotation-3]) + "..."
		}
		b.WriteString(command(kind, r, title, message+". Next: bcctl explain "+Quote(r.Name)))
	}
}

// command is one workflow command with its line break.
func command(kind string, at readiness.Result, title, message string) string {
	var properties []string
	if at.File != "" {
		properties = append(properties, "file="+escapeProperty(at.File))
		if at.Line > 0 {
			properties = append(properties, fmt.Sprintf("line=%d", at.Line))
		}
	}
	properties = append(properties, "title="+escapeProperty(title))
	return "::" + kind + " " + strings.Join(properties, ",") + "::" + escapeData(message) + "\n"
}

func escapeData(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func escapeProperty(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(text)
}

// Summary writes the Markdown of the view for GITHUB_STEP_SUMMARY, at most
// 900 KiB of it.
func Summary(w io.Writer, view View) error {
	return write(w, []byte(view.markdown(summaryLimit)))
}

// Outputs writes the outputs of a step for GITHUB_OUTPUT: verdict, red, unknown,
// yellow, run-id, and report, which is the path of a report that was written and
// may be empty. A fresh random delimiter stands around every value, so that no
// value can end itself and begin another.
func Outputs(w io.Writer, view View, reportPath string) error {
	r := view.Seen()
	var b strings.Builder
	for _, o := range outputs(r, reportPath) {
		delimiter := "bcctl_" + rand.Text()
		fmt.Fprintf(&b, "%s<<%s\n%s\n%s\n", o[0], delimiter, o[1], delimiter)
	}
	return write(w, []byte(b.String()))
}

func outputs(r check.Report, reportPath string) [][2]string {
	return [][2]string{
		{"verdict", r.Verdict.String()},
		{"red", fmt.Sprint(r.Counts.Red)},
		{"unknown", fmt.Sprint(r.Counts.Unknown)},
		{"yellow", fmt.Sprint(r.Counts.Yellow)},
		{"report", reportPath},
		{"run-id", r.RunID},
	}
}
