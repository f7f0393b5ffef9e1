package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// markdownLimit keeps a report below what GitHub accepts as a body of a pull
// request or comment (65,536 characters), with room for what a caller adds.
const markdownLimit = 60_000

// maxCell is how many characters of a message a table shows.
const maxCell = 500

// markdown has the verdict, a table of what is not green, and the rest folded. It
// stays within a number of bytes, and so of characters, and says what it left out.
func (v View) markdown(limit int) string {
	r := v.Shown()
	var b strings.Builder
	b.WriteString("## bcctl: " + markdownText(verdict(r)) + "\n\n")
	if notice := replayNotice(r); notice != "" {
		b.WriteString("> **" + markdownText(notice) + "**\n\n")
	}
	b.WriteString(v.markdownIntro(r))

	var bad, good []string
	for _, result := range r.Results {
		if result.Status == readiness.Green && !v.All {
			good = append(good, fmt.Sprintf("- %s: GREEN until %s\n", markdownText(result.Name), stamp(result.ValidUntil)))
		} else {
			bad = append(bad, v.markdownRow(result))
		}
	}
	const room = 400 // for the two remarks about what was left out, and for the fold
	left := 0
	if len(bad) > 0 {
		b.WriteString("| status | valid until | target | tier | reason | more |\n|---|---|---|---|---|---|\n")
		left = fill(&b, bad, limit-room)
		b.WriteString("\n")
	}
	if left > 0 {
		fmt.Fprintf(&b, "**%s more that are not green are left out here: the text would be too long.** See `bcctl check -o json`.\n\n", term.Count(left))
	}
	if len(good) > 0 {
		fmt.Fprintf(&b, "<details><summary>%s green</summary>\n\n", term.Count(len(good)))
		left = fill(&b, good, limit-room/2)
		if left > 0 {
			fmt.Fprintf(&b, "\n%s more green are left out here.\n", term.Count(left))
		}
		b.WriteString("\n</details>\n\n")
	}
	if command := v.next(r); command != "" {
		line := "Next: <code>" + markdownText(command) + "</code>\n"
		if b.Len()+len(line) <= limit {
			b.WriteString(line)
		}
	}
	return b.String()
}

// fill writes parts as long as they fit, and returns how many did not.
func fill(b *strings.Builder, parts []string, limit int) (left int) {
	for i, part := range parts {
		if b.Len()+len(part) > limit {
			return len(parts) - i
		}
		b.WriteString(part)
	}
	return 0
}

func (v View) markdownIntro(r check.Report) string {
	commit := r.Commit
	if commit == "" {
		commit = "outside Git"
	}
	return fmt.Sprintf("red %s, unknown %s, yellow %s, green %s. Checked at %s, configuration %s.\nThis text does not change: a verdict holds until the time beside it and is unknown after that.\n\n",
		term.Count(r.Counts.Red), term.Count(r.Counts.Unknown), term.Count(r.Counts.Yellow), term.Count(r.Counts.Green), stamp(r.FinishedAt), markdownText(commit))
}

func (v View) markdownRow(r readiness.Result) string {
	reason, more := "", ""
	if len(r.Reasons) > 0 {
		first := r.Reasons[0]
		reason = v.codeLink(first.Code) + " " + markdownText(shorten(first.Message))
		more = fmt.Sprint(len(r.Reasons) - 1)
	}
	until := stamp(r.ValidUntil)
	if until == "" {
		until = "never"
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", term.Word(r.Status), until, markdownText(r.Name), tier(r), reason, more)
}

func (v View) codeLink(c readiness.Code) string {
	if _, known := c.Info(); known && v.Docs != "" {
		return fmt.Sprintf("[%s](%s)", markdownText(string(c)), v.codeAddress(c))
	}
	return markdownText(string(c))
}

// codeAddress is where the page of reason codes tells about one.
func (v View) codeAddress(c readiness.Code) string { return v.Docs + "#" + strings.ToLower(string(c)) }

func shorten(message string) string {
	if utf8.RuneCountInString(message) <= maxCell {
		return message
	}
	return string([]rune(message)[:maxCell-3]) + "..."
}

// markdownText makes a text stand in Markdown as it is: no markup, no HTML, no
// link, nobody notified. GitHub looks for names and addresses in the finished
// page, where an entity is a character again, so those are parted by a character
// without width.
func markdownText(text string) string {
	return markdownReplacer.Replace(guardUnderscores(text))
}

var markdownReplacer = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;",
	"|", "&#124;", "`", "&#96;", "*", "&#42;", "[", "&#91;", "]", "&#93;", "~", "&#126;", `\`, "&#92;", "$", "&#36;",
	"\x00", "&#95;",
	"@", "@\u200b", "#", "#\u200b", "://", ":\u200b//", "www.", "www\u200b.",
)

// guardUnderscores marks the underscores that could be markup with a NUL, which
// no sanitized text holds. Inside a word, as in LAG_OVER_RPO, they are none and
// stay readable in the source.
func guardUnderscores(text string) string {
	if !strings.Contains(text, "_") {
		return text
	}
	runes := []rune(text)
	inWord := func(i int) bool {
		return i >= 0 && i < len(runes) && (runes[i] == '_' || unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]))
	}
	for i, r := range runes {
		if r == '_' && (!inWord(i-1) || !inWord(i+1)) {
			runes[i] = 0
		}
	}
	return string(runes)
}
