package yamldoc

import (
	"regexp"
	"strings"
)

// textNode makes a node that every YAML reader takes for the text s.
func textNode(s string) *node {
	n := &node{Kind: scalarNode, Tag: "!!str", Value: s}
	switch {
	case strings.Contains(s, "\n"):
		// The encoder loses line breaks at the beginning of a block.
		if n.Style = literal; strings.TrimLeft(s, "\n\r\t ") != s {
			n.Style = doubleQuoted
		}
	case !plainSafe(s):
		n.Style = quotes(s)
	}
	return n
}

// quotes returns the sign that needs fewer escapes; double quotes where it does
// not matter.
func quotes(s string) (style quoteStyle) {
	if strings.ContainsAny(s, "\"\\") && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return singleQuoted
	}
	return doubleQuoted
}

// plainShape is what may stand without quotes wherever it stands: in a block, in
// brackets, as a key.
var plainShape = regexp.MustCompile(`^[A-Za-z0-9_./+$(][A-Za-z0-9_./+$()@%=;~^<>*-]*( [A-Za-z0-9_./+$()@%=;~^<>*-]+)*$`)

// plainSafe reports whether s without quotes is the text s, for readers of any
// version of YAML.
func plainSafe(s string) bool { return plainShape.MatchString(s) && !ambiguous(s) }

// numberLike covers what some version of YAML reads as a number or a time.
var numberLike = regexp.MustCompile(`^[-+]?(` + strings.Join([]string{
	`0[xX][0-9a-fA-F_]+`, `0[oO]?[0-7_]+`, `0[bB][01_]+`, // hexadecimal, octal, binary
	`[0-9][0-9_,]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?`, `\.[0-9_]+([eE][-+]?[0-9]+)?`, // decimal
	`[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`, // base 60: 12:30 is 750
	`\.(inf|Inf|INF|nan|NaN|NAN)`,
}, "|") + `)$|^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?$`)

// ambiguous reports whether some version of YAML takes s for something else than
// a text.
func ambiguous(s string) bool {
	switch strings.ToLower(s) {
	case "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<":
		return true
	}
	if numberLike.MatchString(s) {
		return true
	}
	plain := node{Kind: scalarNode, Value: s}
	return plain.ShortTag() != "!!str"
}
