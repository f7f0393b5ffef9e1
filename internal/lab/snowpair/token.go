package snowpair

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenWord             // identifier or keyword, in upper case
	tokenQuoted           // "Identifier"
	tokenString           // 'text'
	tokenNumber
	tokenSymbol
)

// token is a word of a statement.
type token struct {
	kind      tokenKind
	text      string // what it means: upper case, or without quotes
	raw       string // as written
	from, to  int    // in the statement
	line, pos int    // as errors count them
}

// longSymbols come before their first letter alone.
var longSymbols = [...]string{"=>", "::", "<=", ">=", "<>", "!=", "||", "->>"}

// maxTokens bounds what one statement may cost.
const maxTokens = 20000

// tokenize splits a statement. Comments are left out.
func tokenize(sql string) ([]token, *failure) {
	var out []token
	line, lineStart := 1, 0
	i := 0
	add := func(kind tokenKind, from, to int, text string) {
		out = append(out, token{kind, text, sql[from:to], from, to, line, from - lineStart})
	}
	skip := func(to int) {
		for ; i < to; i++ {
			if sql[i] == '\n' {
				line, lineStart = line+1, i+1
			}
		}
	}
	for i < len(sql) {
		rest := sql[i:]
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case unicode.IsSpace(r):
			skip(i + size)
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "//"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			skip(i + n)
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest, "*/")
			if n < 0 {
				return nil, fail(1003, "42000", "SQL compilation error:\nparse error line %d at position %d near '<EOF>'.", line, i-lineStart)
			}
			skip(i + n + 2)
		case r == '\'' || r == '"':
			text, n, ok := quoted(rest, byte(r))
			if !ok {
				return nil, fail(1003, "42000", "SQL compilation error:\nparse error line %d at position %d near '<EOF>'.", line, i-lineStart)
			}
			kind := tokenString
			if r == '"' {
				kind = tokenQuoted
			}
			add(kind, i, i+n, text)
			skip(i + n)
		case strings.HasPrefix(rest, "$$"):
			n := strings.Index(rest[2:], "$$")
			if n < 0 {
				return nil, fail(1003, "42000", "SQL compilation error:\nparse error line %d at position %d near '<EOF>'.", line, i-lineStart)
			}
			add(tokenString, i, i+n+4, rest[2:n+2])
			skip(i + n + 4)
		case r >= '0' && r <= '9', r == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
			n := strings.IndexFunc(rest, func(r rune) bool { return !(r >= '0' && r <= '9' || r == '.' || r == 'e' || r == 'E') })
			if n < 0 {
				n = len(rest)
			}
			add(tokenNumber, i, i+n, rest[:n])
			skip(i + n)
		case unicode.IsLetter(r) || r == '_':
			n := strings.IndexFunc(rest, func(r rune) bool {
				return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '$'
			})
			if n < 0 {
				n = len(rest)
			}
			add(tokenWord, i, i+n, strings.ToUpper(rest[:n]))
			skip(i + n)
		default:
			n := size
			for _, s := range longSymbols {
				if strings.HasPrefix(rest, s) {
					n = len(s)
				}
			}
			add(tokenSymbol, i, i+n, rest[:n])
			skip(i + n)
		}
		if len(out) > maxTokens {
			return nil, fail(1795, "54000", "SQL compilation error: statement is too long")
		}
	}
	add(tokenEnd, i, i, "")
	return out, nil
}

// quoted reads 'text' or "identifier" at the beginning of s; two quotes are one.
// Strings know backslash escapes, too.
func quoted(s string, quote byte) (text string, size int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote && i+1 < len(s) && s[i+1] == quote:
			b.WriteByte(quote)
			i++
		case c == quote:
			return b.String(), i + 1, true
		case c == '\\' && quote == '\'' && i+1 < len(s):
			i++
			switch s[i] {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			default:
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, false
}
