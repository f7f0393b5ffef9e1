package yamldoc

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var errorLine = regexp.MustCompile(`^line ([0-9]+): `)

// diagnose turns a parser's error into a place and advice. The parser names the
// line where the surrounding block began or nothing at all, so the place is found
// by parsing less and less of the file.
func diagnose(data []byte, err error) Problem {
	reported, message := split(err)
	lines := bytes.Split(data, []byte("\n"))

	line := min(max(reported, 1), len(lines))
	if len(data) <= 64<<10 { // a hostile file must not cost seconds
		if found := firstBad(data, message); found > 0 {
			line = found
		}
	}
	if open, col := openQuote(lines[:line]); open > 0 {
		return Problem{open, col, "quote is opened and not closed on the same line", "close it with the same sign"}
	}
	text := strings.TrimSuffix(string(lines[line-1]), "\r")
	indent := len(text) - len(strings.TrimLeft(text, " \t"))
	p := Problem{Line: line, Col: indent + 1}
	if i := strings.IndexByte(text[:indent], '\t'); i >= 0 {
		p.Col = i + 1
		p.What, p.Instead = "tab in the indentation", "indent with two spaces"
		return p
	}
	p.What, p.Instead = advice(message, text, previous(lines, line))
	if col := column(message, text); col > 0 {
		p.Col = col
	}
	return p
}

// split takes the line, if there is one, off a parser's message.
func split(err error) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if m := errorLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1]) // digits, by the expression
		message = message[len(m[0]):]
	}
	return line, message
}

// firstBad returns the number of the first line with which the file, cut off
// after it, fails with the given message; 0 when there is none.
func firstBad(data []byte, message string) int {
	var ends []int // ends[i] is where line i+1 ends
	for i, c := range data {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	if len(ends) == 0 || ends[len(ends)-1] != len(data) {
		ends = append(ends, len(data))
	}
	fails := func(n int) bool {
		err := eachNode(data[:ends[n-1]], func(*node) {})
		if err == nil {
			return false
		}
		_, m := split(err)
		return m == message
	}
	lo, hi := 0, len(ends) // lo does not fail, hi does
	if !fails(hi) {
		return 0
	}
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; fails(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// previous returns the last line before line that says something.
func previous(lines [][]byte, line int) string {
	for i := line - 2; i >= 0; i-- {
		text := strings.TrimSpace(string(lines[i]))
		if text != "" && !strings.HasPrefix(text, "#") {
			return strings.TrimRight(string(lines[i]), " \r")
		}
	}
	return ""
}

// advice says in words of the file's author what the parser did not like.
func advice(message, text, before string) (what, instead string) {
	trimmed := strings.TrimSpace(text)
	switch {
	case strings.Contains(message, "mapping values are not allowed"):
		if indentOf(text) > indentOf(before) && !strings.HasSuffix(before, ":") && !strings.HasPrefix(strings.TrimSpace(before), "- ") {
			return "indented deeper than the line before it, which already has a value", "line the key up with the one above, or remove the value above"
		}
		return "second \": \" in one line", "put quotes around a text that holds a colon and a space"
	case strings.Contains(message, "could not find expected ':'"):
		return "line is neither \"key: value\" nor part of a text", "write a colon and a space after the key"
	case strings.Contains(message, "did not find expected key"):
		if strings.HasPrefix(trimmed, "- ") {
			return "list item is not lined up with the list", "indent all items of a list alike"
		}
		return "indentation does not match the lines above", "line the key up with the other keys of the same mapping"
	case strings.Contains(message, "did not find expected '-' indicator"):
		return "line is not part of the list above it", "start the item with \"- \" and indent it like the others"
	case strings.Contains(message, "block sequence entries are not allowed"):
		return "list item after a value on the same line", "start the list on a line of its own"
	case strings.Contains(message, "found unexpected end of stream"):
		return "quote is opened and not closed", "close it with the same sign"
	case strings.Contains(message, "did not find expected ',' or"):
		return "bracket is opened and not closed, or a comma is missing", "check the brackets [ ] { } and the commas, and put quotes around texts between them"
	case strings.Contains(message, "did not find expected node content"):
		return "value is missing or starts with a sign that has a meaning", "write a value, or quotes around it"
	case strings.Contains(message, "found character that cannot start any token"):
		return "text starts with a sign that cannot start one (tab, @, ` or %)", "put quotes around the text, and indent with spaces"
	case strings.Contains(message, "unknown escape character"), strings.Contains(message, "did not find expected hexdecimal number"):
		return "unknown escape after \\ in double quotes", "use single quotes, or write \\\\ for one backslash"
	case strings.Contains(message, "unknown anchor"):
		return "alias * without an anchor", "aliases are not allowed; put quotes around a text that starts with *"
	case strings.Contains(message, "undefined tag handle"), strings.Contains(message, "tag"):
		return "tag ! is not allowed", "put quotes around a text that starts with !"
	case strings.Contains(message, "block collection"), strings.Contains(message, "indentation"):
		return "indentation does not match the lines above", "indent with two spaces for each level"
	case strings.Contains(message, "exceeded max depth"):
		return "nested far too deep", "no document needs that; check the brackets and the indentation"
	default:
		return "not valid YAML", "check the line and the one above it"
	}
}

// openQuote finds a value that begins with a quote which is not closed on its
// line and, where it is closed, is followed by more text: then the closing quote
// was meant to open another value.
func openQuote(lines [][]byte) (line, col int) {
	for i := 0; i < len(lines); i++ {
		at := valueQuote(string(lines[i]))
		if at < 0 {
			continue
		}
		sign := lines[i][at]
		if bytes.IndexByte(lines[i][at+1:], sign) >= 0 {
			continue
		}
		closed := false
		for j := i + 1; j < len(lines); j++ {
			_, after, found := strings.Cut(string(lines[j]), string(sign))
			if !found {
				continue
			}
			after = strings.TrimSpace(after)
			if closed = after == "" || strings.HasPrefix(after, "#"); closed {
				i = j
			}
			break
		}
		if !closed {
			return i + 1, utf8.RuneCount(lines[i][:at]) + 1
		}
	}
	return 0, 0
}

var quotedValue = regexp.MustCompile(`^[ ]*(?:- )*(?:[^\s"'#{\[][^"'#]*: +)?["']`)

// valueQuote returns where the quote stands that begins the value of a line; -1
// when there is none.
func valueQuote(line string) int {
	return len(quotedValue.FindString(line)) - 1
}

// column finds the offending sign inside the line, where the message tells what
// to look for; 0 otherwise.
func column(message, text string) int {
	at := -1
	switch {
	case strings.Contains(message, "mapping values are not allowed"):
		if first := strings.Index(text, ": "); first >= 0 {
			if second := strings.Index(text[first+2:], ": "); second >= 0 {
				at = first + 2 + second
			}
		}
	case strings.Contains(message, "found character that cannot start any token"):
		if m := startSign.FindStringIndex(text); m != nil {
			at = m[1] - 1
		}
	case strings.Contains(message, "unknown escape character"):
		at = strings.IndexByte(text, '\\')
	case strings.Contains(message, "did not find expected ',' or"):
		at = strings.IndexAny(text, "[{")
	}
	if at < 0 {
		return 0
	}
	return utf8.RuneCountInString(text[:at]) + 1
}

// startSign is a sign that cannot start a text, where a text would start.
var startSign = regexp.MustCompile("(?:^|[ \\[{,])[@`%]")

func indentOf(text string) int { return len(text) - len(strings.TrimLeft(text, " ")) }
