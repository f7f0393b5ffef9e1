package term

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// ellipsis ends whatever was cut short. It is ASCII so that it means the same in
// every locale.
const ellipsis = "..."

// Width returns how many cells a text takes; characters of Chinese, Japanese and
// Korean, and most emoji, take two. Escape codes take none.
func Width(text string) int { return lipgloss.Width(text) }

// Truncate cuts a text to a number of cells and ends it with "..." if anything
// was cut.
func Truncate(text string, cells int) string {
	if Width(text) <= cells {
		return text
	}
	if cells <= len(ellipsis) {
		return ellipsis[:max(cells, 0)]
	}
	head, _ := cut(text, cells-len(ellipsis))
	return strings.TrimRight(head, " ") + ellipsis
}

// Pad fills a text with spaces to a number of cells.
func Pad(text string, cells int) string {
	return text + strings.Repeat(" ", max(cells-Width(text), 0))
}

// Fold breaks a text into lines of at most a number of cells, between words
// where it can. Line breaks in the text are kept. The answer has at least one
// line.
func Fold(text string, cells int) []string {
	cells = max(cells, 1)
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		lines = append(lines, foldLine(paragraph, cells)...)
	}
	return lines
}

func foldLine(text string, cells int) []string {
	if Width(text) <= cells {
		return []string{text}
	}
	var lines []string
	line, width := "", 0
	for _, word := range strings.Fields(text) {
		w := Width(word)
		if line != "" && width+1+w <= cells {
			line, width = line+" "+word, width+1+w
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for w > cells { // a word longer than a line
			head, tail := cut(word, cells)
			lines = append(lines, head)
			word, w = tail, Width(tail)
		}
		line, width = word, w
	}
	return append(lines, line)
}

// cut splits a text after as many characters as fit into a number of cells, and
// after at least one, so that whoever loops over it comes to an end.
func cut(text string, cells int) (head, tail string) {
	used, end := 0, 0
	for i, r := range text {
		w := Width(string(r))
		if used+w > cells && i > 0 {
			break
		}
		used += w
		end = i + len(string(r))
	}
	return text[:end], text[end:]
}
