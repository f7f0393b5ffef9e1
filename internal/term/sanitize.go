package term

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sanitize makes a text that came from outside, such as a server's error, fit to
// be printed: one line, with nothing in it that a terminal or a CI log obeys.
//
// White space of any kind becomes a space. Control characters, escape sequences,
// characters that change the direction of text or cannot be seen, and bytes that
// are not UTF-8 are written out, as in `\x1b[31m`: that they were there may be
// what a person must know. A text that GitHub Actions would take for a workflow
// command is taken apart.
func Sanitize(text string) string {
	if printable(text) {
		return inert(text)
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case joiner(r), unicode.IsPrint(r):
			b.WriteRune(r)
		case r == '\n', r == '\r', r == '\t', r == '\v', r == '\f', unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += size
	}
	return inert(b.String())
}

func printable(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// joiner tells the two invisible characters that Persian, Indic scripts and
// emoji cannot be written without.
func joiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// GuardLines takes apart whatever GitHub Actions would take for a workflow
// command in a text of several lines. Sanitize does so for each piece of foreign
// text; laying text out can bring the end of a piece to the start of a line.
func GuardLines(text string) string {
	if !strings.Contains(text, "::") && !strings.Contains(text, "##[") {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = inert(line)
	}
	return strings.Join(lines, "\n")
}

// inert breaks the two forms of a workflow command. The runner takes "::name ...::"
// at the start of a line, white space before it ignored, and "##[name]" anywhere.
// An IPv6 address such as ::1 is neither and stays as it is.
func inert(line string) string {
	if strings.Contains(line, "##[") {
		line = strings.ReplaceAll(line, "##[", "# #[")
	}
	trimmed := strings.TrimLeftFunc(line, unicode.IsSpace)
	rest, ok := strings.CutPrefix(trimmed, "::")
	if !ok || !strings.Contains(rest, "::") {
		return line
	}
	return line[:len(line)-len(trimmed)] + ": :" + rest
}
