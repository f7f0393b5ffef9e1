package render

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/approval"
)

// VerdictView is a verdict about a request with what is shown beside it.
type VerdictView struct {
	Verdict approval.Verdict
	Pull    approval.PullRequest

	// Frozen says why it may not begin now, although it is approved, and from when on;
	// empty: nothing is known to keep it from that (SI-33).
	Frozen string
}

// VerdictJSON writes the verdict as one object.
func VerdictJSON(w io.Writer, v VerdictView) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		approval.Verdict
		Pull int    `json:"pull"`
		URL  string `json:"url,omitempty"`
		Head string `json:"head,omitempty"`

		Frozen string `json:"frozen,omitempty"`
	}{v.Verdict, v.Pull.Number, v.Pull.URL, v.Pull.Head.SHA, v.Frozen})
}

// Verdict writes why a request may run or not: each review with whether it counts and
// by which rule not, open slots with who may fill them, everything that stands against
// it, and what to do now (APP-11).
func Verdict(w io.Writer, v VerdictView) error {
	var b strings.Builder
	d := v.Verdict
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	what := strings.TrimSpace(fmt.Sprintf("%s %s", d.Action, d.Target))
	if d.Site != "" {
		what += " to " + d.Site
	}
	if d.Tier != 0 {
		what += fmt.Sprintf(" (tier %d)", d.Tier)
	}
	line("request %s: %s", harmless(d.Request), harmless(what))
	line("digest  %s", orDash(string(d.Digest)))
	title := "reviews"
	if v.Pull.Number != 0 {
		line("pull    #%d %s, %s", v.Pull.Number, harmless(v.Pull.URL), pullState(v.Pull))
	} else {
		line("GitHub was not asked: by this clone, the trust snapshot and what people signed")
		title = "statements"
	}
	line("")
	switch {
	case d.Allowed && d.ValidUntil.IsZero():
		line("APPROVED")
	case d.Allowed:
		line("APPROVED until %s", utc(d.ValidUntil))
	default:
		line("NOT APPROVED: %s", count(len(d.Denials), "reason"))
	}
	if v.Frozen != "" {
		line("NOT NOW (SI-33): %s", harmless(v.Frozen))
	}
	verdictReviews(line, title, d.Reviews)
	verdictSlots(line, d.Slots)
	ruleFindings(line, "against it", d.Denials)
	ruleFindings(line, "lifted by break-glass", d.Relaxed)
	ruleFindings(line, "worth knowing", d.Warnings)
	if len(d.Excluded) > 0 {
		line("\nmay not approve this request (ID-04)")
		for _, e := range d.Excluded {
			line("  %s: %s", harmless(e.Person), harmless(strings.Join(e.Why, ", ")))
		}
	}
	if d.Next != "" {
		line("\nNext: %s", harmless(d.Next))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func verdictReviews(line func(string, ...any), title string, reviews []approval.Counted) {
	line("\n%s", title)
	if len(reviews) == 0 {
		line("  none")
	}
	for _, r := range reviews {
		who := r.Person
		if who == "" {
			who = r.Login
		}
		head := fmt.Sprintf("%s  %s  %s  %s", r.ID, orDash(harmless(who)), r.State, utc(r.At))
		if r.Counted {
			line("  yes  %s  as %s", head, roleNames(r.Roles))
			continue
		}
		line("  no   %s  %s: %s", head, r.Rule, harmless(r.Message))
	}
}

func verdictSlots(line func(string, ...any), slots []approval.SlotFill) {
	if len(slots) == 0 {
		return
	}
	line("\nneeded approvals")
	for _, s := range slots {
		name := string(s.Role)
		if s.Team != nil {
			name += fmt.Sprintf(" (team %s/%s)", s.Team.Org, s.Team.Slug)
		}
		switch {
		case s.Person != "":
			line("  %s: %s, by %s", name, harmless(s.Person), s.Review)
		case len(s.Could) == 0:
			line("  %s: open, and nobody can fill it", name)
		default:
			line("  %s: open; may be given by %s", name, harmless(strings.Join(s.Could, ", ")))
		}
	}
}

func ruleFindings(line func(string, ...any), title string, list []approval.Finding) {
	if len(list) == 0 {
		return
	}
	line("\n%s", title)
	for _, f := range list {
		subject := ""
		if f.Subject != "" {
			subject = harmless(f.Subject) + ": "
		}
		line("  %-7s  %s%s", f.Rule, subject, harmless(f.Message))
	}
}

func pullState(p approval.PullRequest) string {
	switch p.Merged {
	case approval.Yes:
		return "merged " + utc(p.MergedAt)
	case approval.No:
		return "not merged"
	default:
		return "whether it is merged is not known"
	}
}

func roleNames(roles []approval.SlotRole) string {
	var names []string
	for _, r := range roles {
		names = append(names, string(r))
	}
	return strings.Join(names, " or ")
}

// harmless makes other people's text harmless on a terminal.
func harmless(text string) string { return term.Sanitize(text) }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func utc(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
