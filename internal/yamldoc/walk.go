package yamldoc

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// walker turns nodes into values and collects what is wrong on the way. It goes
// on after a problem, so that all of them are found.
type walker struct {
	problems []Problem
	nodes    int
	stopped  bool // a limit was reached; nothing more is read
}

func (w *walker) add(n *node, what, instead string) {
	p := place(n)
	w.problems = append(w.problems, Problem{p.Line, p.Col, what, instead})
}

// walk returns the value of n, which stands at the given depth.
func (w *walker) walk(n *node, depth int) any {
	w.nodes++
	switch {
	case w.stopped:
		return nil
	case w.nodes > MaxNodes:
		w.stopped = true
		w.add(n, fmt.Sprintf("file has more than %d keys and values", MaxNodes), "split it into several files")
		return nil
	case depth > MaxDepth && n.Kind != scalarNode:
		w.stopped = true
		w.add(n, fmt.Sprintf("nested deeper than %d levels", MaxDepth), "no document needs that; check the brackets and the indentation")
		return nil
	case n.Kind == aliasNode:
		w.add(n, "alias (*) is not allowed", "write the value again; quotes make a text of it that starts with *")
		return nil
	case n.Anchor != "":
		w.add(n, "anchor (&) is not allowed", "remove it; quotes make a text of it that starts with &")
	}
	switch n.Kind {
	case mappingNode:
		w.tag(n, "!!map")
		return w.mapping(n, depth)
	case sequenceNode:
		w.tag(n, "!!seq")
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			list = append(list, w.walk(item, depth+1))
		}
		return list
	default:
		return w.scalar(n)
	}
}

// tag refuses a tag that was written and is not the natural one.
func (w *walker) tag(n *node, natural string) {
	if n.Style&taggedStyle != 0 && n.ShortTag() != natural {
		w.add(n, "tag (!) is not allowed", "remove it; quotes make a text of it that starts with !")
	}
}

func (w *walker) mapping(n *node, depth int) any {
	m := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		v := w.walk(value, depth+1)
		name, ok := w.key(key)
		if !ok {
			continue
		}
		if _, twice := m[name]; twice {
			first, _ := child(n, name)
			w.add(key, fmt.Sprintf("key %q is given twice; first on line %d", name, place(first).Line), "keep one of them")
			continue
		}
		m[name] = v
	}
	return m
}

// key returns the text of a key.
func (w *walker) key(n *node) (string, bool) {
	w.nodes++
	switch {
	case n.Kind == aliasNode:
		w.add(n, "alias (*) is not allowed as a key", "write the key itself")
		return "", false
	case n.Kind != scalarNode:
		w.add(n, "a mapping or sequence is used as a key", "keys are texts")
		return "", false
	case n.Anchor != "":
		w.add(n, "anchor (&) is not allowed", "remove it; quotes make a text of it that starts with &")
	}
	if n.Style&taggedStyle != 0 {
		w.tag(n, "!!str")
		return n.Value, true
	}
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!timestamp":
		return n.Value, w.visible(n)
	case "!!merge":
		w.add(n, "merge key << is not allowed", "write the keys out; what a reviewer reads must stand in one place")
	case "!!null":
		w.add(n, "a key is empty or null", "give the key a name")
	default:
		w.add(n, fmt.Sprintf("key %s is a %s", n.Value, kindOf(tag)), fmt.Sprintf("keys are texts; write %q in quotes", n.Value))
	}
	return "", false
}

// jsonNumber is the one way of writing numbers: no octal, hexadecimal, sign,
// underscore or bare dot, which programs read in different ways.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func (w *walker) scalar(n *node) any {
	tag := n.ShortTag()
	if n.Style&taggedStyle != 0 {
		if tag == "!!str" {
			return n.Value
		}
		untagged := node{Kind: scalarNode, Value: n.Value, Style: n.Style &^ taggedStyle}
		w.tag(n, untagged.ShortTag())
		tag = untagged.ShortTag()
	}
	switch tag {
	case "!!null":
		return nil
	case "!!bool":
		if n.Value != "true" && n.Value != "false" {
			w.add(n, "boolean in an unusual spelling", "write "+strings.ToLower(n.Value)+", or quotes around it if it is a text")
		}
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		return w.number(n)
	case "!!merge":
		w.add(n, "<< is not allowed as a value", "write it in quotes if it is a text")
		return n.Value
	default:
		if n.Style == 0 && jsonNumber.MatchString(n.Value) {
			return w.number(n) // the library takes a number it cannot hold for a text
		}
		w.visible(n)
		return n.Value
	}
}

func (w *walker) number(n *node) any {
	if !jsonNumber.MatchString(n.Value) {
		// The value is not repeated: it may be a password without quotes.
		what := "number in a form that programs read differently"
		if digits := strings.TrimLeft(n.Value, "+-"); len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
			what = "number with a leading zero, which is octal for some programs and decimal for others"
		}
		w.add(n, what, "write it with plain decimal digits, or quotes around it if it is a text")
		return int64(0)
	}
	if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(n.Value, 64)
	if err != nil {
		w.add(n, "number is too large", "write a smaller one, or quotes around it if it is a text")
		return int64(0)
	}
	return f
}

// visible refuses characters that a double-quoted text smuggles in by escapes.
func (w *walker) visible(n *node) bool {
	if n.Style&doubleQuoted == 0 {
		return true
	}
	for _, r := range n.Value {
		if r == '\n' || r == '\t' {
			continue
		}
		if why := unseen(r); why != "" {
			w.add(n, fmt.Sprintf("%s U+%04X in a text", why, r), "remove it")
			return false
		}
	}
	return true
}

func kindOf(tag string) string {
	switch tag {
	case "!!bool":
		return "boolean"
	case "!!int", "!!float":
		return "number"
	default:
		return strings.TrimPrefix(tag, "!!")
	}
}
