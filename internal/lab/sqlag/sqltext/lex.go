// Package sqltext reads the part of T-SQL that monitoring and operating an
// availability group need: queries in full breadth, the few statements that change
// state, and what drivers send around them. It knows no tables.
package sqltext

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
)

type kind uint8

const (
	end      kind = iota
	word          // identifier or keyword
	quoted        // [x] or "x"
	text          // '...' or N'...'
	number        // 1, 1.5, 1e3
	binary        // 0x01
	variable      // @x, @@x
	symbol        // operators and punctuation
)

type token struct {
	kind kind
	text string // decoded: without quotes
	wide bool   // N'...'
	at   int    // byte offset
}

// maxText bounds a batch; the product's limit is 65,536 packets.
const maxText = 1 << 20

func lex(src string) ([]token, error) {
	if len(src) > maxText {
		return nil, sqlerr.TooDeep()
	}
	var out []token
	l := lexer{src: src}
	for {
		t, err := l.next()
		if err != nil {
			return out, err
		}
		out = append(out, t)
		if t.kind == end {
			return out, nil
		}
	}
}

type lexer struct {
	src string
	at  int
}

func (l *lexer) has(prefix string) bool { return strings.HasPrefix(l.src[l.at:], prefix) }

func (l *lexer) skip() error {
	for l.at < len(l.src) {
		switch {
		case l.has("--"):
			n := strings.IndexByte(l.src[l.at:], '\n')
			if n < 0 {
				l.at = len(l.src)
			} else {
				l.at += n + 1
			}
		case l.has("/*"): // they nest
			depth := 0
			for {
				if l.at >= len(l.src) {
					return sqlerr.Class(15, 113, "Missing end comment mark '*/'.")
				}
				switch {
				case l.has("/*"):
					depth++
					l.at += 2
				case l.has("*/"):
					depth--
					l.at += 2
				default:
					l.at++
				}
				if depth == 0 {
					break
				}
			}
		default:
			r, n := utf8.DecodeRuneInString(l.src[l.at:])
			if !unicode.IsSpace(r) && r != '\ufeff' && r != 0 {
				return nil
			}
			l.at += n
		}
	}
	return nil
}

func (l *lexer) next() (token, error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	start := l.at
	if start >= len(l.src) {
		return token{kind: end, at: start}, nil
	}
	c := l.src[start]
	switch {
	case c == '\'':
		return l.delimited(text, '\'', start)
	case (c == 'N' || c == 'n') && start+1 < len(l.src) && l.src[start+1] == '\'':
		l.at++
		t, err := l.delimited(text, '\'', start)
		t.wide = true
		return t, err
	case c == '[':
		return l.delimited(quoted, ']', start)
	case c == '"':
		return l.delimited(quoted, '"', start)
	case c == '@':
		l.at++
		for l.at < len(l.src) && isWord(l.src[l.at:]) {
			_, n := utf8.DecodeRuneInString(l.src[l.at:])
			l.at += n
		}
		return token{kind: variable, text: strings.ToLower(l.src[start:l.at]), at: start}, nil
	case l.has("0x") || l.has("0X"):
		l.at += 2
		for l.at < len(l.src) && strings.IndexByte("0123456789abcdefABCDEF", l.src[l.at]) >= 0 {
			l.at++
		}
		return token{kind: binary, text: l.src[start+2 : l.at], at: start}, nil
	case c >= '0' && c <= '9' || c == '.' && start+1 < len(l.src) && l.src[start+1] >= '0' && l.src[start+1] <= '9':
		return l.number(start), nil
	case isWord(l.src[start:]):
		for l.at < len(l.src) && isWord(l.src[l.at:]) {
			_, n := utf8.DecodeRuneInString(l.src[l.at:])
			l.at += n
		}
		return token{kind: word, text: l.src[start:l.at], at: start}, nil
	}
	for _, s := range []string{"<>", "!=", "<=", ">=", "!<", "!>", "+=", "-=", "*=", "::"} {
		if l.has(s) {
			l.at += 2
			return token{kind: symbol, text: s, at: start}, nil
		}
	}
	_, n := utf8.DecodeRuneInString(l.src[start:])
	l.at += n
	return token{kind: symbol, text: l.src[start:l.at], at: start}, nil
}

func (l *lexer) delimited(k kind, close byte, start int) (token, error) {
	l.at++
	var b strings.Builder
	for l.at < len(l.src) {
		c := l.src[l.at]
		l.at++
		if c != close {
			b.WriteByte(c)
			continue
		}
		if l.at < len(l.src) && l.src[l.at] == close { // doubled
			b.WriteByte(c)
			l.at++
			continue
		}
		return token{kind: k, text: b.String(), at: start}, nil
	}
	return token{}, sqlerr.Class(15, 105, "Unclosed quotation mark after the character string '%.30s'.", b.String())
}

func (l *lexer) number(start int) token {
	digits := func() {
		for l.at < len(l.src) && l.src[l.at] >= '0' && l.src[l.at] <= '9' {
			l.at++
		}
	}
	digits()
	if l.at < len(l.src) && l.src[l.at] == '.' {
		l.at++
		digits()
	}
	if l.at < len(l.src) && (l.src[l.at] == 'e' || l.src[l.at] == 'E') {
		l.at++
		if l.at < len(l.src) && (l.src[l.at] == '+' || l.src[l.at] == '-') {
			l.at++
		}
		digits()
	}
	return token{kind: number, text: l.src[start:l.at], at: start}
}

func isWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r == '_' || r == '#' || r == '$' || r == '@' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// reserved words cannot be names without brackets; it is never changed.
var reserved = wordSet(`ADD ALL ALTER AND ANY AS ASC AUTHORIZATION BACKUP BEGIN BETWEEN BREAK BROWSE BULK BY CASCADE
CASE CHECK CHECKPOINT CLOSE CLUSTERED COALESCE COLLATE COLUMN COMMIT COMPUTE CONSTRAINT CONTAINS CONTINUE CONVERT CREATE
CROSS CURRENT CURRENT_TIMESTAMP CURRENT_USER CURSOR DATABASE DBCC DEALLOCATE DECLARE DEFAULT DELETE DENY DESC DISTINCT
DISTRIBUTED DOUBLE DROP ELSE END ERRLVL ESCAPE EXCEPT EXEC EXECUTE EXISTS EXIT EXTERNAL FETCH FILE FOR FOREIGN
FREETEXT FROM FULL FUNCTION GOTO GRANT GROUP HAVING HOLDLOCK IDENTITY IF IN INDEX INNER INSERT INTERSECT INTO IS JOIN KEY
KILL LEFT LIKE MERGE NATIONAL NOT NULL NULLIF OF OFF ON OPEN OPTION OR ORDER OUTER OVER PERCENT PIVOT PLAN PRIMARY PRINT
PROC PROCEDURE PUBLIC RAISERROR READ RECONFIGURE REFERENCES REPLICATION RESTORE RESTRICT RETURN REVERT REVOKE RIGHT
ROLLBACK ROWCOUNT RULE SAVE SCHEMA SELECT SESSION_USER SET SETUSER SHUTDOWN SOME STATISTICS SYSTEM_USER TABLE TABLESAMPLE
TEXTSIZE THEN TO TOP TRAN TRANSACTION TRIGGER TRUNCATE TRY_CONVERT UNION UNIQUE UNPIVOT UPDATE USE USER VALUES VARYING
VIEW WAITFOR WHEN WHERE WHILE WITH`)

func wordSet(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}
