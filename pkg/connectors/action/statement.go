package action

import (
	"errors"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// OneStatement says what is wrong with the text of a statement: nothing in it, or
// something after its end. brackets says that [x] quotes a name, dollars that $x$
// begins a text.
func OneStatement(text string, brackets, dollars bool) error {
	rest, ended, found := text, false, false
	for rest != "" {
		part, after := token(rest, brackets, dollars)
		rest = after
		switch {
		case part == "": // a comment, or a blank
		case part == ";":
			ended = true
		case ended:
			return errors.New("it holds more than one statement")
		default:
			found = true
		}
	}
	if !found {
		return errors.New("it holds no statement")
	}
	return nil
}

// Words are the bare words of a statement in lower case: what is neither quoted nor in a
// text or a comment.
func Words(text string, brackets, dollars bool) []string {
	var words []string
	word := ""
	end := func() {
		if word != "" {
			words = append(words, strings.ToLower(word))
		}
		word = ""
	}
	for rest := text; rest != ""; {
		var part string
		part, rest = token(rest, brackets, dollars)
		if len(part) == 1 && (part == "_" || part >= "0" && part <= "9" || part >= "a" && part <= "z" || part >= "A" && part <= "Z" || part[0] >= 0x80) {
			word += part
			continue
		}
		end()
	}
	end()
	return words
}

// token splits off the first part of a statement: one character, or a text, a quoted
// name or a comment as a whole. Comments and blanks are empty parts.
func token(text string, brackets, dollars bool) (part, rest string) {
	through := func(opening, closing string) (string, string) {
		end := strings.Index(text[len(opening):], closing)
		if end < 0 {
			return text, ""
		}
		end += len(opening) + len(closing)
		return text[:end], text[end:]
	}
	switch {
	case strings.HasPrefix(text, "--"):
		_, rest = through("--", "\n")
		return "", rest
	case strings.HasPrefix(text, "/*"):
		return "", afterComment(text)
	case dollars && (text[0] == 'e' || text[0] == 'E') && strings.HasPrefix(text[1:], "'"):
		return text[:1], afterEscaped(text[1:]) // a quote may be escaped in it
	case text[0] == '\'', text[0] == '"':
		return through(text[:1], text[:1])
	case brackets && text[0] == '[':
		return text[:len(text)-len(afterBracket(text))], afterBracket(text)
	case dollars && text[0] == '$':
		if tag := dollarTag(text); tag != "" {
			return through(tag, tag)
		}
	}
	if strings.TrimSpace(text[:1]) == "" {
		return "", text[1:]
	}
	return text[:1], text[1:]
}

// afterComment is what follows a comment, in which others may lie.
func afterComment(text string) string {
	depth := 0
	for i := 0; i+1 < len(text); i++ {
		switch text[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			return text[i+1:]
		}
	}
	return ""
}

// afterBracket is what follows a name in brackets, in which ]] is a bracket.
func afterBracket(text string) string {
	for i := 1; i < len(text); i++ {
		if text[i] != ']' {
			continue
		}
		if i+1 == len(text) || text[i+1] != ']' {
			return text[i+1:]
		}
		i++
	}
	return ""
}

// afterEscaped is what follows a text in which \' is a quote.
func afterEscaped(text string) string {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '\'':
			return text[i+1:]
		}
	}
	return ""
}

// dollarTag is the $tag$ a text begins with, or nothing.
func dollarTag(text string) string {
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '$':
			return text[:i+1]
		case c == '_', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= 0x80, i > 1 && c >= '0' && c <= '9':
		default:
			return ""
		}
	}
	return ""
}

// Judged is the finding of a question: the one value of its answer compared with the
// one that is expected, else whether it is true. The value itself is data, and stays
// out of the finding.
func Judged(node string, s connectors.Statement, values []*string) connectors.Finding {
	switch {
	case len(values) != 1:
		return Unknown("", "the question to %s was not answered with one row of one column", node)
	case values[0] == nil:
		return Unknown("", "the answer of %s is NULL, which says nothing", node)
	case s.Expect != nil && *values[0] == *s.Expect:
		return Passed("%s answered %q, as expected", node, *s.Expect)
	case s.Expect != nil:
		return Refused("", "%s did not answer %q", node, *s.Expect)
	}
	switch strings.ToLower(*values[0]) {
	case "t", "true", "1":
		return Passed("%s answered yes", node)
	case "f", "false", "0":
		return Refused("", "%s answered no", node)
	default:
		return Unknown("", "%s answered neither yes nor no: ask for a truth value, or say what to expect", node)
	}
}

// Sent is the outcome of a statement that the server carried out. Rows is how many rows
// it changed or returned, and first the first value it returned.
func Sent(node string, s connectors.Statement, rows string, first *string) connectors.Outcome {
	if s.Expect != nil && (first == nil || *first != *s.Expect) {
		return InDoubt(readiness.ProbeDisagrees, "%s carried the statement out and did not answer %q", node, *s.Expect)
	}
	return Done(connectors.Facts{"rows": rows}, "%s carried the statement out; rows: %s", node, rows)
}
