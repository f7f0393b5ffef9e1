package render

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Run is how far a run has come, as its events say: for a line on a terminal, and for
// the comment on its pull request. It repeats no text of a server or a program: those
// are in the journal.
type Run struct {
	Plan *runbook.Plan
	RTO  time.Duration // the strictest one; 0: none is set

	Began   time.Time // the first start of the run; zero: not yet
	Attempt int
	By      string

	// Ended is how this start ended, in one line, and Next what to do now; empty while it
	// goes on.
	Ended string
	Next  string

	finished time.Time
	passed   map[string]bool // members whose point of no return was announced
	steps    map[string]*runStep
	notes    []string
}

type runStep struct {
	state string
	since time.Time
	took  time.Duration
}

// Event takes one event of the journal.
func (r *Run) Event(e runbook.Event) {
	if r.steps == nil {
		r.steps, r.passed = map[string]*runStep{}, map[string]bool{}
	}
	name := e.Member + "/" + e.Step
	note := func(format string, args ...any) {
		r.notes = append(r.notes, e.At.UTC().Format("15:04:05")+" "+fmt.Sprintf(format, args...))
	}
	switch e.Kind {
	case runbook.RunStarted, runbook.RunResumed:
		if r.Began.IsZero() {
			r.Began = e.At
		}
		r.Attempt, r.By, r.Ended, r.Next, r.finished = e.Attempt, e.By, "", "", time.Time{}
		note("attempt %d by %s", e.Attempt, e.By)
	case runbook.StepIntent:
		r.steps[name] = &runStep{state: doing(e.Undo), since: e.At}
	case runbook.StepOutcome, runbook.StepProbe, runbook.StepResolved:
		if s := r.steps[name]; s != nil {
			s.state, s.took = stateOf(e), e.At.Sub(s.since)
		}
	case runbook.StepRefused:
		note("%s not tried: %s", name, e.Code)
	case runbook.PrecheckResult, runbook.PostcheckResult:
		if e.State != string(connectors.Passed) {
			note("%s %s %s", name, e.State, e.Code)
		}
	case runbook.PointOfNoReturn:
		r.passed[e.Member] = true
		note("%s: point of no return", e.Member)
	case runbook.UndoStarted:
		note("taking back what was done: %s", e.Code)
	case runbook.UndoEnded:
		note("taken back: %s%s; it may begin anew", cmp.Or(e.Member, "all"), e.Message)
	case runbook.AuditDegraded:
		note("the record is on one machine only")
	case runbook.AuditRestored:
		note("the record is off that machine again")
	case runbook.CancelRequested:
		note("asked to stop, where the runbook allows it next")
	case runbook.SoakStarted:
		note("soak of %s", e.Message)
	case runbook.Hold:
		r.finished = e.At
		note("stopped: %s %s", e.Code, strings.Trim(name, "/"))
	case runbook.RunFinished:
		r.finished = e.At
		note("%s", e.State)
	}
}

func doing(undo bool) string {
	if undo {
		return "is being taken back"
	}
	return "under way"
}

func stateOf(e runbook.Event) string {
	switch {
	case e.Undo && e.State == string(connectors.Done):
		return "taken back"
	case e.Undo:
		return "taking back: " + e.State
	default:
		return e.State
	}
}

// Expected is how long the run should take, by its plan; false when nobody knows.
func (r *Run) Expected() (time.Duration, bool) {
	if s := r.Plan.Live.Expected.Seconds; s != nil {
		return time.Duration(*s * float64(time.Second)), true
	}
	return 0, false
}

// Times says how long the run takes, how long it should, and what is left of the RTO.
func (r *Run) Times(now time.Time) string {
	if r.Began.IsZero() {
		return ""
	}
	if !r.finished.IsZero() {
		now = r.finished
	}
	passed := now.Sub(r.Began)
	text := "run " + lasting(passed)
	if expected, ok := r.Expected(); ok {
		text += " of about " + lasting(expected)
	}
	if left := r.RTO - passed; r.RTO > 0 && left >= 0 {
		text += fmt.Sprintf(", %s of RTO %s left", lasting(left), lasting(r.RTO))
	} else if r.RTO > 0 {
		text += fmt.Sprintf(", over RTO %s by %s", lasting(r.RTO), lasting(-left))
	}
	return text
}

// lasting writes a length of time in whole seconds, without what is zero at its end.
func lasting(d time.Duration) string {
	text := d.Round(time.Second).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if whole, ok := strings.CutSuffix(text, zero); ok {
			text = whole + zero[:1]
		}
	}
	return text
}

// maxNotes is how many of the newest notes a comment has.
const maxNotes = 25

// Markdown is the comment on the pull request.
func (r *Run) Markdown(now time.Time) string {
	p := r.Plan
	var b strings.Builder
	state := "RUNNING"
	if r.Ended != "" {
		state = r.Ended
	}
	fmt.Fprintf(&b, "**bcctl execute %s: %s**\n\n", markdownText(p.Request), markdownText(state))
	fmt.Fprintf(&b, "%s of %s, from %s to %s", p.Type, markdownText(p.Target), markdownText(p.From), markdownText(p.To))
	if r.Attempt > 0 {
		fmt.Fprintf(&b, "; attempt %d, by %s", r.Attempt, markdownText(r.By))
	}
	if times := r.Times(now); times != "" {
		b.WriteString("; " + times)
	}
	b.WriteString("\n\n| wave | step | state | took | expected |\n| --- | --- | --- | --- | --- |\n")
	for w, wave := range p.Waves {
		for _, m := range wave.Members {
			for _, s := range m.Steps {
				r.row(&b, w+1, m, s, now)
			}
		}
	}
	if r.Next != "" {
		fmt.Fprintf(&b, "\nNext:\n\n%s\n", fenced(r.Next))
	}
	if len(r.notes) > 0 {
		b.WriteString("\n<details><summary>What happened (UTC)</summary>\n\n")
		for _, note := range r.notes[max(0, len(r.notes)-maxNotes):] {
			b.WriteString("- " + markdownText(note) + "\n")
		}
		b.WriteString("\n</details>\n")
	}
	fmt.Fprintf(&b, "\n_As of %s. What servers and programs said is in the journal, the signed record in the audit log._\n", now.UTC().Format(time.RFC3339))
	return b.String()
}

func (r *Run) row(b *strings.Builder, wave int, m runbook.MemberPlan, s runbook.Step, now time.Time) {
	name, state, took, expected := m.Resource+"/"+s.ID, "", "", ""
	if s.Expected != nil {
		expected = lasting(s.Expected.Std())
	}
	if at := r.steps[name]; at != nil {
		state, took = at.state, lasting(at.took)
		if at.took == 0 && strings.HasPrefix(state, "under way") {
			took = lasting(now.Sub(at.since))
		}
	}
	if s.ID == m.PointOfNoReturn {
		name += " (point of no return)"
	}
	fmt.Fprintf(b, "| %d | %s | %s | %s | %s |\n", wave, markdownText(name), markdownText(state), took, expected)
}

// fenced is a text to copy, whatever it holds.
func fenced(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "text\n" + text + "\n" + fence
}

// NotStarted is the comment for a run that could not even begin. Why is in the log of
// the job: an error may repeat what a server said.
func NotStarted(request string, code int, next string, now time.Time) string {
	text := fmt.Sprintf("**bcctl execute %s: NOT STARTED**\n\nNothing was changed by this start, which ended with exit code %d; why is in the log of the job.\n", markdownText(request), code)
	if next != "" {
		text += "\nNext:\n\n" + fenced(next) + "\n"
	}
	return text + fmt.Sprintf("\n_As of %s._\n", now.UTC().Format(time.RFC3339))
}
