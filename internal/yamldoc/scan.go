package yamldoc

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

var byteOrderMark = []byte("\uFEFF")

// scan looks at the bytes of a file before any parser does. A file with such a
// problem is not parsed: what a person sees of it is not what a parser sees.
func scan(data []byte) *Problem {
	if len(data) > MaxBytes {
		return &Problem{1, 1, fmt.Sprintf("file has %d bytes, more than %d (1 MiB)", len(data), MaxBytes), "split it into several files"}
	}
	line, lineStart := 1, 0
	at := func(i int) Pos { return Pos{line, utf8.RuneCount(data[lineStart:i]) + 1} }
	for i := 0; i < len(data); {
		c := data[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '\n':
				line, lineStart = line+1, i+1
			case c < ' ' && c != '\t' && c != '\r', c == 0x7f:
				p := at(i)
				return &Problem{p.Line, p.Col, fmt.Sprintf("control character U+%04X", c), "remove it"}
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		p := at(i)
		if r == utf8.RuneError && size == 1 {
			if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
				return &Problem{p.Line, p.Col, "file is UTF-16, not UTF-8", "save it as UTF-8"}
			}
			return &Problem{p.Line, p.Col, fmt.Sprintf("byte 0x%02X is not UTF-8", c), "save the file as UTF-8"}
		}
		if why := unseen(r); why != "" {
			return &Problem{p.Line, p.Col, fmt.Sprintf("%s U+%04X", why, r), "remove it; a reviewer cannot see what it does"}
		}
		i += size
	}
	return nil
}

// unseen says what kind of invisible or direction-changing character r is; empty
// for all others.
func unseen(r rune) string {
	switch {
	case r < ' ' || (r >= 0x7f && r <= 0x9f):
		return "control character"
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return "bidirectional control character"
	case r == 0x2028, r == 0x2029:
		return "line separator"
	case r == 0x200b, r == 0x2060, r == 0xfeff, r == 0x00ad, r >= 0xe0000 && r <= 0xe007f:
		return "invisible character"
	default:
		return ""
	}
}
