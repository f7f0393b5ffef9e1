package render

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// PlanView is a plan to be shown.
type PlanView struct {
	Plan    runbook.Plan
	Request *runbook.Request // the request it was made for; nil without one
	Digest  runbook.Digest   // what approvals name; empty without a request or a repository id
	Drift   []runbook.Drift  // what has changed since the request was made
	Refused bool             // it could not be carried out as things stand
	Profile term.Profile
	Command string // how bcctl is called here
}

// PlanFormats are the formats in which a plan can be had.
var PlanFormats = []string{"table", "json", "markdown"}

// Plan writes a plan in one of PlanFormats: to w, or to a file.
func Plan(w io.Writer, format, path string, v PlanView) error {
	var data []byte
	var err error
	if path != "" {
		v.Profile = term.File()
	}
	switch format {
	case "table":
		data = text(v.table())
	case "json":
		data, err = marshal(v.document(), "  ")
	case "markdown":
		data = []byte(v.Markdown())
	default:
		return fmt.Errorf("a plan has no format %q; write %s", format, strings.Join(PlanFormats, ", "))
	}
	if err != nil {
		return fmt.Errorf("make output %s: %w", format, err)
	}
	if path != "" {
		return WriteFile(path, data)
	}
	return write(w, data)
}

// PlanDocument is the JSON of a plan: the plan itself, and beside it what was found
// when it was compared with its request.
type PlanDocument struct {
	runbook.Plan
	// RequestDigest is what approvals name.
	RequestDigest runbook.Digest `json:"requestDigest,omitempty"`
	// Drift is what has changed since the request was made.
	Drift []runbook.Drift `json:"drift,omitempty"`
	// Refused says that the plan could not be carried out as things stand.
	Refused bool `json:"refused"`
}

func (v PlanView) document() PlanDocument {
	return PlanDocument{Plan: v.Plan, RequestDigest: v.Digest, Drift: v.Drift, Refused: v.Refused}
}

// table draws a plan for a person.
func (v PlanView) table() string {
	p := v.Plan
	d := planText{PlanView: v}
	d.head()
	n := 0
	for i, wave := range p.Waves {
		d.line("")
		d.strong(fmt.Sprintf("Wave %d of %d", i+1, len(p.Waves)) + waveNote(i, len(p.Waves)))
		for _, m := range wave.Members {
			live := runbook.LiveMember{Resource: m.Resource}
			if n < len(p.Live.Members) {
				live = p.Live.Members[n]
			}
			n++
			d.member(m, live)
		}
	}
	d.foot()
	return d.b.String()
}

func waveNote(i, of int) string {
	if i == 0 || of == 1 {
		return ""
	}
	return ", begins when the wave before it is validated"
}

// planText is a plan while it is drawn.
type planText struct {
	PlanView
	b strings.Builder
}

func (d *planText) line(format string, args ...any) {
	d.b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

func (d *planText) strong(text string) { d.b.WriteString(d.Profile.Paint(term.Strong, text) + "\n") }

// field writes a title and text folded beside it.
func (d *planText) field(indent, title, text string) {
	const width = 12
	lead := indent + title + strings.Repeat(" ", max(width-len(title), 1))
	for i, line := range term.Fold(term.Sanitize(text), max(d.Profile.Columns()-len(lead), 20)) {
		if i > 0 {
			lead = strings.Repeat(" ", len(lead))
		}
		d.line("%s%s", lead, line)
	}
}

func (d *planText) head() {
	p := d.Plan
	d.strong(fmt.Sprintf("%s of %s: %s -> %s, tier %d", strings.ToUpper(string(p.Type)), p.Target, p.From, p.To, p.Tier))
	if p.Request != "" {
		d.field("", "request", p.Request)
	}
	if d.Request != nil {
		d.field("", "reason", d.Request.Reason)
		d.field("", "window", stamp(d.Request.NotBefore)+" to "+stamp(d.Request.ExpiresAt)+", asked for by "+d.Request.Requester)
		if d.Request.Ticket != "" {
			d.field("", "ticket", d.Request.Ticket)
		}
	}
	if d.Digest != "" {
		d.field("", "approve", string(d.Digest))
	}
	d.field("", "plan", string(p.Digest))
	d.field("", "made from", configuration(p))
	d.field("", "at", stamp(p.Live.At)+"; what was measured holds for that moment")
	d.field("", "expected", estimate(p.Live.Expected))
	if p.MaxLoss != nil {
		d.field("", "may lose", "at most "+p.MaxLoss.String())
	}
	if p.AcceptUnprovenWriter {
		d.field("", "accepts", "that a node which may still be writable was not proved fenced")
	}
	if p.ProductionDrill {
		d.field("", "accepts", "that the drill reaches production")
	}
	for _, a := range p.Accept {
		d.field("", "accepts", string(a.Code)+": "+a.Reason)
	}
}

func configuration(p runbook.Plan) string {
	commit := p.Commit
	if commit == "" {
		commit = "outside Git"
	}
	return fmt.Sprintf("configuration %s, %s, bcctl %s", commit, plural(len(p.Pins), "file", "files"), p.Bcctl)
}

func (d *planText) member(m runbook.MemberPlan, live runbook.LiveMember) {
	d.line("")
	d.strong(fmt.Sprintf("  %s  %s, %s, tier %d, %s -> %s", m.Resource, m.Platform, m.Environment, m.Tier, m.From, m.To))
	d.field("  ", "runbook", m.Runbook+" ("+m.Source+")")
	for _, name := range slices.Sorted(maps.Keys(m.Parameters)) {
		d.field("  ", "parameter", name+" = "+m.Parameters[name])
	}
	d.field("  ", "now", roles(m)+"; readiness "+strings.ToUpper(live.Status))
	d.field("  ", "expected", estimate(live.Expected))
	d.field("  ", "loss", lossText(live.Loss))
	d.field("  ", "way back", live.Return)
	d.prechecks(m, live)
	d.steps(m)
	d.line("")
	d.strong("  Postchecks" + soak(m))
	for _, c := range m.Postchecks {
		d.line("     %s", term.Sanitize(title(c.ID, c.Name)))
	}
	if len(m.Rollback) > 0 {
		d.line("")
		d.strong("  Rollback, by a person, before the point of no return")
		for _, s := range m.Rollback {
			d.line("     %s", term.Sanitize(title(s.ID, s.Name)))
		}
	}
}

func soak(m runbook.MemberPlan) string {
	if m.Soak == "" {
		return ""
	}
	return ", which must hold for " + m.Soak
}

func roles(m runbook.MemberPlan) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m.Topology)) {
		parts = append(parts, name+" "+m.Topology[name])
	}
	if len(parts) == 0 {
		return "nobody was asked who is what"
	}
	return strings.Join(parts, ", ")
}

func title(id, name string) string {
	if name == "" {
		return id
	}
	return id + ": " + name
}

// checkSign is the sign and style of a result of a check; every result also has its
// word.
func checkSign(result string) (string, term.Style) {
	switch result {
	case "passed":
		return "ok", term.Good
	case "warned":
		return "!", term.Warn
	case "refused":
		return "x", term.Bad
	default:
		return "?", term.Doubt
	}
}

func (d *planText) prechecks(m runbook.MemberPlan, live runbook.LiveMember) {
	d.line("")
	d.strong("  Prechecks")
	t := term.Table{Columns: []term.Column{{}, {}, {}, {Fold: true}}}
	for _, c := range m.Prechecks {
		i := slices.IndexFunc(live.Prechecks, func(s runbook.CheckSeen) bool { return s.ID == c.ID })
		if i < 0 {
			t.Row(term.Cell{Text: "     ?", Style: term.Doubt}, term.Cell{Text: "not checked", Style: term.Doubt}, term.Cell{Text: c.ID}, term.Cell{Text: term.Sanitize(c.Name), Style: term.Grey})
			continue
		}
		s := live.Prechecks[i]
		sign, style := checkSign(s.Result)
		message := s.Message
		if s.Code != "" && !strings.Contains(message, string(s.Code)) {
			message = string(s.Code) + ": " + message
		}
		t.Row(term.Cell{Text: "     " + sign, Style: style}, term.Cell{Text: s.Result, Style: style}, term.Cell{Text: c.ID}, term.Cell{Text: term.Sanitize(message)})
	}
	d.b.WriteString(t.Render(d.Profile))
}

// steps draws the steps with what holds them together: brackets around what is
// never interrupted, a line where a run may stop, a wall at the point of no return.
func (d *planText) steps(m runbook.MemberPlan) {
	d.line("")
	d.strong("  Steps")
	rule := max(d.Profile.Columns()-8, 20)
	inside := false
	for i, s := range m.Steps {
		if slices.Contains(m.HoldPoints, s.ID) {
			d.line("     %s", ruled("- - hold point: the run may stop and wait here ", "- ", rule))
		}
		for _, a := range m.Atomic {
			if a.From == s.ID {
				d.line("   +-- never interrupted from here to %s", a.To)
				inside = true
			}
		}
		if s.ID == m.PointOfNoReturn {
			d.line("   %s %s", bar(inside), d.Profile.Paint(term.Bad, ruled("===== POINT OF NO RETURN ", "=", rule)))
		}
		d.line("   %s %2d  %s", bar(inside), i+1, d.Profile.Paint(term.Strong, term.Sanitize(title(s.ID, s.Name))))
		detail := stepDetail(s)
		for _, line := range detail {
			for _, folded := range term.Fold(term.Sanitize(line), max(d.Profile.Columns()-13, 20)) {
				d.line("   %s       %s", bar(inside), d.Profile.Paint(term.Grey, folded))
			}
		}
		for _, a := range m.Atomic {
			if a.To == s.ID {
				d.line("   +--")
				inside = false
			}
		}
	}
}

func bar(inside bool) string {
	if inside {
		return "|"
	}
	return " "
}

func ruled(text, fill string, width int) string {
	for len(text) < width {
		text += fill
	}
	return strings.TrimRight(text, " ")
}

// stepDetail says what a step does, whether it changes something, how one can tell,
// and how it is taken back.
func stepDetail(s runbook.Step) []string {
	changes := "changes something"
	switch {
	case s.Manual != nil:
		changes = "done by a person, who attests it"
	case s.Approval != nil:
		changes = "waits for a person"
	case !Mutates(s):
		changes = "only reads"
	case s.Idempotent:
		changes = "changes something; may be repeated"
	}
	times := []string{}
	if s.Expected != nil {
		times = append(times, "about "+s.Expected.String())
	}
	if s.Timeout != nil {
		times = append(times, "at most "+s.Timeout.String())
	}
	first := Operation(s.Operation) + "; " + changes
	if len(times) > 0 {
		first += "; " + strings.Join(times, ", ")
	}
	lines := []string{first}
	switch {
	case s.Done != nil:
		lines = append(lines, "probe: "+Operation(*s.Done))
	case s.Uses != "" && Mutates(s):
		lines = append(lines, "probe: its own, from the servers")
	}
	if s.Undo != nil {
		lines = append(lines, "undo: "+Operation(*s.Undo))
	}
	return lines
}

// Mutates reports whether a step changes something.
func Mutates(s runbook.Step) bool {
	if s.Mutates != nil {
		return *s.Mutates
	}
	return s.Manual == nil && s.Wait == nil && s.Approval == nil && s.DNSVerify == nil
}

// Operation says in one line what an operation does.
func Operation(op runbook.Operation) string {
	switch {
	case op.Uses != "":
		var with []string
		for _, key := range slices.Sorted(maps.Keys(op.With)) {
			with = append(with, key+"="+op.With[key])
		}
		return strings.TrimSpace(op.Uses + " " + strings.Join(with, " "))
	case op.Command != nil:
		return "run " + strings.Join(op.Command.Run, " ")
	case op.HTTP != nil:
		method := op.HTTP.Method
		if method == "" {
			method = "GET"
		}
		return method + " " + op.HTTP.URL
	case op.SQL != nil:
		return statement(*op.SQL)
	case op.DNSVerify != nil:
		return op.DNSVerify.Name + " resolves to " + strings.Join(op.DNSVerify.Expect, ", ")
	case op.Manual != nil:
		return "by hand: " + strings.Join(strings.Fields(op.Manual.Instructions), " ") + " Attest: " + op.Manual.Attest
	case op.Wait != nil && op.Wait.For != nil:
		return "wait " + op.Wait.For.String()
	case op.Wait != nil:
		limit := ""
		if op.Wait.AtMost != nil {
			limit = " is at most " + string(*op.Wait.AtMost)
		} else if op.Wait.AtLeast != nil {
			limit = " is at least " + string(*op.Wait.AtLeast)
		}
		return "wait until " + string(op.Wait.Indicator) + limit
	case op.Approval != nil:
		return "ask " + op.Approval.Role + ": " + op.Approval.Question
	default:
		return "nothing"
	}
}

// statement is exactly what is sent, in one line.
func statement(s runbook.SQL) string {
	where, text := "on the "+string(s.Side)+" side", strings.TrimSpace(s.Statement)
	if s.Database != "" {
		where += ", database " + s.Database
	}
	if strings.ContainsAny(text, "\r\n\t") {
		text = strconv.Quote(text) // line breaks matter: a comment ends with one
	}
	if s.Expect != nil {
		text += fmt.Sprintf(" (must answer %q)", *s.Expect)
	}
	return "statement " + where + ": " + text
}

func estimate(e runbook.Estimate) string {
	if e.Seconds == nil {
		return "not known: " + e.Basis
	}
	d := duration.Duration(time.Duration(*e.Seconds * float64(time.Second)).Round(time.Second))
	return "about " + d.String() + " (" + e.Basis + ")"
}

func lossText(l runbook.LossEstimate) string {
	var parts []string
	if l.AtLeast != "" {
		parts = append(parts, "at least "+l.AtLeast)
	}
	if l.AtMost != "" {
		parts = append(parts, "at most "+l.AtMost)
	}
	if len(parts) == 0 {
		return l.Method
	}
	return strings.Join(parts, ", ") + "; " + l.Method
}

func (d *planText) foot() {
	live := d.Plan.Live
	d.line("")
	d.strong("Approvals needed")
	for _, a := range live.Approvers {
		d.line("  %-9s %s", a.Role, term.Sanitize(who(a)))
	}
	if len(live.Approvers) == 0 {
		d.line("  not known; see below")
	}
	if live.FreezesUntil != nil {
		d.line("")
		d.strong("Freezes")
		for _, f := range live.Freezes {
			if f.Holds && !f.Overridden {
				d.item("x", term.Bad, freezeText(f))
			} else {
				d.item("!", term.Doubt, freezeText(f))
			}
		}
		for _, line := range d.freezesText() {
			d.item(" ", term.Plain, line)
		}
	}
	if len(live.Unchecked) > 0 {
		d.line("")
		d.strong("Not checked")
		for _, u := range grouped(live.Unchecked) {
			d.item("?", term.Doubt, uncheckedText(u))
		}
	}
	if len(d.Drift) > 0 {
		d.line("")
		d.strong("Changed since the request was made")
		for _, x := range d.Drift {
			d.item("x", term.Bad, x.String())
		}
	}
	if len(live.Refusals) > 0 {
		d.line("")
		d.strong("In the way")
		for _, r := range live.Refusals {
			d.item("x", term.Bad, refusalText(r))
		}
	}
	d.line("")
	word, style := d.Verdict()
	d.line("%s", d.Profile.Paint(style, word))
}

func (d *planText) item(sign string, style term.Style, text string) {
	for i, line := range term.Fold(term.Sanitize(text), max(d.Profile.Columns()-5, 20)) {
		lead := "  " + d.Profile.Paint(style, sign) + "  "
		if i > 0 {
			lead = "     "
		}
		d.line("%s%s", lead, line)
	}
}

func who(a runbook.ApproverNeed) string {
	text := strings.Join(a.Who, ", ")
	if text == "" {
		text = "nobody"
	}
	if a.Team != "" {
		text += ", if in the team " + a.Team
	}
	return text
}

// freezeText is one freeze, with when it is.
func freezeText(f runbook.FreezeSeen) string {
	end := ", with no end within a year"
	if f.Until != nil {
		end = " until " + stamp(*f.Until)
	}
	when := "from " + stamp(f.From) + end
	if f.Holds {
		when = "holds" + end
	}
	text := fmt.Sprintf("%s of calendar %s, for %s: %s", f.Name, f.Calendar, f.Resource, when)
	if f.Reason != "" {
		text += " (" + f.Reason + ")"
	}
	return text
}

// freezesText says who may begin in a freeze, or that there is none.
func (v PlanView) freezesText() []string {
	live := v.Plan.Live
	if len(live.Freezes) == 0 {
		return []string{"none up to " + stamp(*live.FreezesUntil)}
	}
	lifted := "A reviewed change of " + live.Freezes[0].Place + " lifts it."
	if live.Freezes[0].Overridden {
		return []string{"This is an emergency, and begins all the same.", lifted}
	}
	if len(live.Override) == 0 {
		return []string{"Nobody may begin in it: the approval policy has no break-glass entry for this.", lifted}
	}
	var needs []string
	for _, a := range live.Override {
		needs = append(needs, a.Role+": "+who(a))
	}
	return []string{"An emergency (--break-glass) may begin all the same, approved by " + strings.Join(needs, "; ") + ".", lifted}
}

func uncheckedText(u runbook.Unchecked) string {
	if u.Resource == "" {
		return u.What + ": " + u.Why
	}
	return u.Resource + ", " + u.What + ": " + u.Why
}

func refusalText(r runbook.Refusal) string {
	text := r.Rule + ": " + r.Message
	if r.Resource != "" {
		text = r.Resource + ", " + text
	}
	if r.Next != "" {
		text += ". " + strings.ToUpper(r.Next[:1]) + r.Next[1:]
	}
	return text
}

// Verdict is the last line of a plan: whether it could be carried out as things
// stand, and what next.
func (v PlanView) Verdict() (string, term.Style) {
	refused, unchecked := 0, len(v.Plan.Live.Unchecked)
	for _, m := range v.Plan.Live.Members {
		for _, c := range m.Prechecks {
			if c.Result == "refused" || c.Result == "unknown" {
				refused++
			}
		}
	}
	others := len(v.Plan.Live.Refusals)
	for _, f := range v.Plan.Live.Freezes {
		if f.Holds && !f.Overridden {
			others++
		}
	}
	command := v.Command
	if command == "" {
		command = "bcctl"
	}
	switch {
	case len(v.Drift) > 0:
		return fmt.Sprintf("PLAN DRIFT: %s changed since the request was made. Next: a new request; nothing was changed", plural(len(v.Drift), "thing has", "things have")), term.Bad
	case v.Refused:
		return fmt.Sprintf("REFUSED: %s, %s in the way. Nothing was changed. Next: %s explain %s", plural(refused, "precheck does not pass", "prechecks do not pass"), plural(others, "other thing", "other things"), command, v.Plan.Target), term.Bad
	case v.Request != nil:
		return fmt.Sprintf("No difference to the request; %s not checked. Nothing was changed.", plural(unchecked, "thing was", "things were")), term.Plain
	default:
		return fmt.Sprintf("Nothing known is in the way; %s not checked. Nothing was changed. Next: %s request new %s %s --reason TEXT", plural(unchecked, "thing was", "things were"), command, v.Plan.Type, v.Plan.Target), term.Plain
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
