package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Markdown is a plan as the body of a pull request: what decides first, the steps
// folded, never more than GitHub takes, and it says what it left out.
func (v PlanView) Markdown() string {
	p := v.Plan
	var b strings.Builder
	md := func(text string) string { return markdownText(term.Sanitize(text)) }
	fmt.Fprintf(&b, "## %s of %s: %s to %s\n\n", md(strings.ToUpper(string(p.Type))), md(p.Target), md(p.From), md(p.To))
	if v.Request != nil {
		fmt.Fprintf(&b, "%s\n\n", md(v.Request.Reason))
	}
	if word, style := v.Verdict(); style == term.Bad {
		fmt.Fprintf(&b, "> **%s**\n\n", md(word))
	}
	b.WriteString("| | |\n|---|---|\n")
	row := func(title, text string) { fmt.Fprintf(&b, "| %s | %s |\n", title, md(shorten(text))) }
	row("Tier", fmt.Sprint(p.Tier))
	if v.Request != nil {
		row("Asked for by", v.Request.Requester)
		row("Window", stamp(v.Request.NotBefore)+" to "+stamp(v.Request.ExpiresAt))
		if v.Request.Ticket != "" {
			row("Ticket", v.Request.Ticket)
		}
	}
	row("Resources", fmt.Sprintf("%d in %s", len(p.Members()), plural(len(p.Waves), "wave", "waves")))
	row("Expected", estimate(p.Live.Expected))
	if p.MaxLoss != nil {
		row("May lose", "at most "+p.MaxLoss.String())
	}
	if p.AcceptUnprovenWriter {
		row("Accepts", "that a node which may still be writable was not proved fenced")
	}
	if p.ProductionDrill {
		row("Accepts", "that the drill reaches production")
	}
	for _, a := range p.Accept {
		row("Accepts", string(a.Code)+": "+a.Reason)
	}
	row("Plan", string(p.Digest))
	row("Made from", configuration(p)+", at "+stamp(p.Live.At))
	b.WriteString("\n")
	v.approve(&b)
	const room = 600 // for the remark about what was left out, and for folds
	var parts []string
	for i, u := range p.Live.Refusals {
		if i == 0 {
			parts = append(parts, "\n### In the way\n\n")
		}
		parts = append(parts, "- "+md(refusalText(u))+"\n")
	}
	for i, f := range p.Live.Freezes {
		if i == 0 {
			parts = append(parts, "\n### Freezes\n\n")
		}
		parts = append(parts, "- "+md(freezeText(f))+"\n")
	}
	if len(p.Live.Freezes) > 0 {
		parts = append(parts, "\n"+md(strings.Join(v.freezesText(), " "))+"\n")
	}
	for i, x := range v.Drift {
		if i == 0 {
			parts = append(parts, "\n### Changed since the request was made\n\n")
		}
		parts = append(parts, "- "+md(x.String())+"\n")
	}
	n := 0
	for i, wave := range p.Waves {
		for _, m := range wave.Members {
			live := runbook.LiveMember{}
			if n < len(p.Live.Members) {
				live = p.Live.Members[n]
			}
			n++
			parts = append(parts, v.markdownMember(i+1, len(p.Waves), m, live))
		}
	}
	for i, u := range grouped(p.Live.Unchecked) {
		if i == 0 {
			parts = append(parts, "\n### Not checked\n\n")
		}
		parts = append(parts, "- "+md(uncheckedText(u))+"\n")
	}
	pins := "\n<details><summary>Pins: what the plan was made from</summary>\n\n"
	for _, path := range slices.Sorted(maps.Keys(p.Pins)) {
		pins += fmt.Sprintf("- %s %s\n", md(path), p.Pins[path])
	}
	parts = append(parts, pins+"\n</details>\n")
	if left := fill(&b, parts, markdownLimit-room); left > 0 {
		fmt.Fprintf(&b, "\n**%s more parts of this plan are left out here: the text would be too long.** All of it: `bcctl plan %s -o json`.\n", term.Count(left), md(p.Request))
	}
	return b.String()
}

// approve says how an approval is given: a review with the exact line.
func (v PlanView) approve(b *strings.Builder) {
	if len(v.Plan.Live.Approvers) == 0 {
		return
	}
	b.WriteString("### Approvals needed\n\n")
	for _, a := range v.Plan.Live.Approvers {
		fmt.Fprintf(b, "- %s: %s\n", markdownText(a.Role), markdownText(term.Sanitize(who(a))))
	}
	if v.Digest == "" {
		b.WriteString("\nEach by another person. The line to write is printed by `bcctl approve`.\n")
		return
	}
	b.WriteString("\nEach by another person: an approving review of this pull request whose text holds exactly this line, with the role that is meant:\n\n```\n")
	seen := map[string]bool{}
	for _, a := range v.Plan.Live.Approvers {
		if !seen[a.Role] {
			fmt.Fprintf(b, "bcctl-approve %s as %s\n", v.Digest, a.Role)
		}
		seen[a.Role] = true
	}
	b.WriteString("```\n\n`bcctl approve` checks the digest, shows the plan and writes the review. A push to this branch after a review makes the review worthless.\n")
}

func (v PlanView) markdownMember(wave, of int, m runbook.MemberPlan, live runbook.LiveMember) string {
	var b strings.Builder
	md := func(text string) string { return markdownText(term.Sanitize(text)) }
	fmt.Fprintf(&b, "\n### %s: %s to %s (wave %d of %d)\n\n", md(m.Resource), md(m.From), md(m.To), wave, of)
	fmt.Fprintf(&b, "%s, %s, tier %d. Runbook %s. Now: %s; readiness %s.\n\n", md(m.Platform), md(m.Environment), m.Tier, md(m.Runbook), md(roles(m)), md(strings.ToUpper(live.Status)))
	fmt.Fprintf(&b, "- Expected: %s\n- Loss: %s\n- Way back: %s\n\n", md(estimate(live.Expected)), md(lossText(live.Loss)), md(live.Return))
	passed := 0
	var rest []string
	for _, c := range m.Prechecks {
		i := slices.IndexFunc(live.Prechecks, func(s runbook.CheckSeen) bool { return s.ID == c.ID })
		switch {
		case i < 0:
			rest = append(rest, fmt.Sprintf("| not checked | %s | %s |\n", md(c.ID), md(c.Name)))
		case live.Prechecks[i].Result == "passed":
			passed++
		default:
			s := live.Prechecks[i]
			rest = append(rest, fmt.Sprintf("| **%s** | %s | %s %s |\n", md(s.Result), md(c.ID), md(string(s.Code)), md(shorten(s.Message))))
		}
	}
	fmt.Fprintf(&b, "Prechecks: %d of %d passed.\n\n", passed, len(m.Prechecks))
	if len(rest) > 0 {
		b.WriteString("| result | precheck | |\n|---|---|---|\n" + strings.Join(rest, "") + "\n")
	}
	fmt.Fprintf(&b, "<details><summary>%d steps, %d postchecks</summary>\n\n", len(m.Steps), len(m.Postchecks))
	b.WriteString("| | step | what it does |\n|---|---|---|\n")
	inside := false
	for i, s := range m.Steps {
		if slices.Contains(m.HoldPoints, s.ID) {
			b.WriteString("| | *hold point: the run may stop and wait here* | |\n")
		}
		for _, a := range m.Atomic {
			if a.From == s.ID {
				fmt.Fprintf(&b, "| ┏ | *never interrupted from here to %s* | |\n", md(a.To))
				inside = true
			}
		}
		if s.ID == m.PointOfNoReturn {
			b.WriteString("| | **POINT OF NO RETURN** | |\n")
		}
		mark := ""
		if inside {
			mark = "┃ "
		}
		fmt.Fprintf(&b, "| %s%d | %s | %s |\n", mark, i+1, md(title(s.ID, s.Name)), md(shorten(strings.Join(stepDetail(s), "; "))))
		for _, a := range m.Atomic {
			if a.To == s.ID {
				b.WriteString("| ┗ | | |\n")
				inside = false
			}
		}
	}
	fmt.Fprintf(&b, "\nPostchecks%s:\n\n", md(soak(m)))
	for _, c := range m.Postchecks {
		fmt.Fprintf(&b, "- %s\n", md(title(c.ID, c.Name)))
	}
	b.WriteString("\n</details>\n")
	return b.String()
}
