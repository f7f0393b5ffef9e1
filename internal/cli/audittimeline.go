package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/audit"
)

// timeline prints entries for a person, run by run.
type timeline struct {
	w    io.Writer
	full bool // everything an entry says, not one line
}

func (t timeline) print(entries []audit.Recorded) {
	for i := 0; i < len(entries); {
		end := i + 1
		for end < len(entries) && entries[end].Run == entries[i].Run {
			end++
		}
		if i > 0 {
			fmt.Fprintln(t.w)
		}
		t.run(entries[i:end])
		i = end
	}
}

// run prints the entries of one run that follow each other.
func (t timeline) run(entries []audit.Recorded) {
	first := entries[0]
	start := first.Time.Time
	if id, err := audit.ParseSegmentID(first.Segment); err == nil {
		start = id.Start
	}
	fmt.Fprintf(t.w, "run %s  %s%s%s\n", first.Run[:8], start.UTC().Format("2006-01-02 15:04:05 UTC"), by(entries), unsealed(entries))
	if t.full {
		fmt.Fprintf(t.w, "  %s, leaf %d\n  signed with key %s\n", clean(first.Path), first.Leaf, clean(first.KeyID))
	}
	rows := tabwriter.NewWriter(t.w, 0, 8, 2, ' ', 0)
	for _, e := range entries {
		fmt.Fprintf(rows, "  %s\t%s\t%s\t%s\n", since(e.Time.Sub(start)), e.Type, dash(clean(e.System)), clean(summary(e.Entry)))
		if !t.full {
			continue
		}
		for _, line := range particulars(e.Entry) {
			fmt.Fprintf(rows, "  \t\t\t  %s\n", clean(line))
		}
	}
	_ = rows.Flush() // the writer's error shows at the next write
}

// since is a time after the start of a run: +0.3s, +2m14.5s.
func since(d time.Duration) string {
	if d > -time.Minute && d < time.Minute {
		return fmt.Sprintf("%+.1fs", d.Seconds())
	}
	d = d.Round(time.Second)
	if d < 0 {
		return d.String() // the writer's clock was set back meanwhile
	}
	return "+" + d.String()
}

// by says who the entries are by, when somebody is named.
func by(entries []audit.Recorded) string {
	var names []string
	for _, e := range entries {
		if who := clean(actorOf(e.Actor)); who != "" && !slices.Contains(names, who) {
			names = append(names, who)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "  by " + strings.Join(names, ", ")
}

func unsealed(entries []audit.Recorded) string {
	if slices.ContainsFunc(entries, func(e audit.Recorded) bool { return !e.Sealed }) {
		return "  not sealed yet"
	}
	return ""
}

// clean makes foreign text one harmless line.
func clean(text string) string { return strings.Join(strings.Fields(term.Sanitize(text)), " ") }

func actorOf(x *audit.Actor) string {
	switch {
	case x == nil:
		return ""
	case x.Login != "":
		return fmt.Sprintf("%s (%s %s)", x.Login, x.Kind, x.ID)
	default:
		return x.Kind + " " + x.ID
	}
}

// summary says in a few words what an entry records.
func summary(e audit.Entry) string {
	reasons := strings.Join(e.Reasons, " ")
	switch {
	case e.Type == audit.Genesis:
		return "the log begins"
	case e.Type == audit.Heartbeat:
		return "nothing new"
	case e.Verdict != nil:
		return strings.ToUpper(e.Verdict.Status) + " " + reasons
	case e.Change != nil:
		return fmt.Sprintf("%s up to %s, %s, by %s", plural(int(e.Change.Commits), "commit"), shortCommit(e.Change.To), plural(len(e.Change.Files)+int(e.Change.Omitted), "file"), strings.Join(e.Change.Authors, ", "))
	case e.Resolution != nil && e.Step != nil:
		return fmt.Sprintf("step %d %s: %s, as %s said: %s", e.Step.Index, e.Step.Name, e.Step.Status, e.Resolution.By, e.Resolution.Reason)
	case e.Step != nil:
		return fmt.Sprintf("step %d %s: %s %s", e.Step.Index, e.Step.Name, e.Step.Status, e.Step.Code)
	case e.Outcome != "":
		return string(e.Outcome) + " " + reasons
	case e.Trust != nil:
		return fmt.Sprintf("version %d of the keys", e.Trust.Version)
	case e.BreakGlass != nil:
		return fmt.Sprintf("%s by %s: %s", e.BreakGlass.Code, e.BreakGlass.By, e.BreakGlass.Reason)
	case e.Type == audit.ExecutionIntent:
		return fmt.Sprintf("about to %s, %s", e.Action, plural(len(e.Plan.Steps), "step"))
	case e.Type == audit.RequestEvaluated:
		return requestSummary(e)
	default:
		return reasons
	}
}

func requestSummary(e audit.Entry) string {
	verdict := "not approved"
	if e.Policy.Satisfied {
		verdict = "approved"
	}
	return fmt.Sprintf("%s by rule %s, %s: %s", verdict, e.Policy.Rule, plural(len(e.Policy.Approvals), "approval"), e.Request.Reason)
}

// particulars are the lines of an entry beside its summary.
func particulars(e audit.Entry) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if v := e.Verdict; v != nil {
		for _, m := range v.Members {
			add("%s %s %s", m.Name, strings.ToUpper(m.Status), strings.Join(m.Reasons, " "))
		}
		if !v.ObservedAt.IsZero() {
			add("rests on readings from %s on, valid until %s", v.ObservedAt.Format(time.RFC3339), v.ValidUntil.Format(time.RFC3339))
		}
		if v.Commit != "" {
			add("configuration %s", v.Commit)
		}
	}
	if c := e.Change; c != nil {
		for _, file := range c.Files {
			add("%s", file)
		}
		if c.Omitted > 0 {
			add("and %d more", c.Omitted)
		}
	}
	if r := e.Request; r != nil {
		add("request %s of commit %s", orUnknown(r.URL), orUnknown(shortCommit(r.HeadSHA)))
	}
	if p := e.Policy; p != nil {
		for _, x := range p.Approvals {
			add("%s by %s %s of commit %s", x.State, x.ID, x.Login, shortCommit(x.CommitSHA))
		}
	}
	if e.Plan != nil {
		for i, step := range e.Plan.Steps {
			add("%d. %s", i+1, step)
		}
	}
	if s := e.Step; s != nil && !s.EndedAt.IsZero() {
		add("took %s", s.EndedAt.Sub(s.StartedAt.Time))
	}
	if p := e.Resolution; p != nil {
		add("signed %s", p.Statement)
		add("signature %s", p.Signature)
	}
	if r := e.Replication; r != nil {
		for _, m := range r.Before {
			add("before: %s %s at %s %s", m.Node, m.Role, m.Kind, m.Position)
		}
		for _, m := range r.After {
			add("after: %s %s at %s %s", m.Node, m.Role, m.Kind, m.Position)
		}
	}
	for _, x := range e.Evidence {
		add("evidence %s, SHA-256 %s", x.Name, x.SHA256)
	}
	return lines
}
