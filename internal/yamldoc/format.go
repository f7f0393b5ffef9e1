package yamldoc

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
)

// Order says in which order the keys of a mapping are written.
type Order struct {
	// Keys are the known keys in their order. Others follow in the order of the
	// author; without Keys all keys do.
	Keys []string
	// Fields are the orders of the values of known keys.
	Fields map[string]*Order
	// Each is the order of the elements of a list, and of the values of other keys.
	Each *Order
}

// ErrComment means that a file cannot be formatted without losing a comment.
var ErrComment = errors.New("a comment would be lost; put comments on lines of their own, outside of brackets")

// ErrMeaning means that the YAML library would write a text or a comment of the
// file so that it reads differently.
var ErrMeaning = errors.New("a text would not stay the same; put quotes around texts that begin with an empty line, and simplify the comments")

// errUnstable means that formatting a file again would change it again.
var errUnstable = errors.New("formatting it does not come to an end; simplify the comments")

// blankMark stands for an empty line while the encoder, which drops them, works.
const blankMark = "#\u2400blank-line"

// Format writes the documents of a file in canonical form: keys in order, two
// spaces, quotes only where they are needed. Comments, single empty lines and
// brackets are kept. Formatting the result again does not change it.
//
// Problems are the syntax errors of the file; a file with any is not formatted.
func Format(data []byte, order func(*Document) *Order) (formatted []byte, problems []Problem, err error) {
	docs, problems := Parse(data)
	if len(problems) > 0 {
		return nil, problems, nil
	}
	formatted = data
	// The encoder moves some comments a second time, so the result is formatted
	// until it stands still.
	for range 4 {
		next, err := formatOnce(formatted, order)
		if err != nil {
			return nil, nil, err
		}
		if bytes.Equal(next, formatted) {
			return next, nil, same(data, docs, next)
		}
		formatted = next
	}
	return nil, nil, errUnstable
}

// same checks that formatting has changed neither content nor comments.
func same(data []byte, docs []*Document, formatted []byte) error {
	again, problems := Parse(formatted)
	if len(problems) > 0 || len(again) != len(docs) {
		return ErrMeaning
	}
	for i := range docs {
		if !reflect.DeepEqual(docs[i].Value, again[i].Value) {
			return ErrMeaning
		}
	}
	// Keys and values are the same, so a difference in this sign is a comment.
	if bytes.Count(data, []byte("#")) != bytes.Count(formatted, []byte("#")) {
		return ErrComment
	}
	return nil
}

func formatOnce(data []byte, order func(*Document) *Order) ([]byte, error) {
	docs, problems := Parse(data)
	if len(problems) > 0 {
		return nil, ErrMeaning
	}
	blank := blankLines(data)
	var out bytes.Buffer
	for i, doc := range docs {
		root := doc.root()
		top := commentAtTop(root)
		canonical(root, order(doc), blank)
		if len(root.Content) > 0 {
			first := root.Content[0]
			first.HeadComment = strings.Trim(top+"\n"+strings.ReplaceAll(first.HeadComment, blankMark, ""), "\n")
		}
		text, err := encodeNode(doc.tree())
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(restoreBlanks(text))
	}
	return out.Bytes(), nil
}

// commentAtTop takes the comment above the first key off it: it is about the
// document, and stays on top when another key becomes the first.
func commentAtTop(root *node) string {
	if root.Kind != mappingNode || len(root.Content) == 0 {
		return ""
	}
	first := root.Content[0]
	comment := first.HeadComment
	first.HeadComment = ""
	return comment
}

// canonical brings a node and everything below it into canonical form.
func canonical(n *node, o *Order, blank []bool) {
	if o == nil {
		o = &Order{}
	}
	switch n.Kind {
	case mappingNode:
		sortKeys(n, o.Keys)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if i > 0 {
				markBlank(key, blank)
			}
			canonical(key, nil, blank)
			below, known := o.Fields[key.Value]
			if !known {
				below = o.Each
			}
			canonical(value, below, blank)
		}
	case sequenceNode:
		for i, item := range n.Content {
			if i > 0 {
				markBlank(item, blank)
			}
			canonical(item, o.Each, blank)
		}
	case scalarNode:
		canonicalScalar(n)
	}
}

// sortKeys moves known keys to the front in their order, with their values and
// comments.
func sortKeys(n *node, keys []string) {
	type pair struct{ key, value *node }
	pairs := make([]pair, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		pairs = append(pairs, pair{n.Content[i], n.Content[i+1]})
	}
	rank := func(p pair) int {
		if i := slices.Index(keys, p.key.Value); i >= 0 {
			return i
		}
		return len(keys)
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return rank(a) - rank(b) })
	n.Content = n.Content[:0]
	for _, p := range pairs {
		n.Content = append(n.Content, p.key, p.value)
	}
}

// canonicalScalar keeps or drops quotes. Blocks and numbers stay as they are.
func canonicalScalar(n *node) {
	n.Style &^= taggedStyle
	switch {
	case n.Style&(literal|folded) != 0:
		if strings.HasPrefix(n.Value, "\n") || n.Value == "" {
			n.Style = doubleQuoted // the encoder loses line breaks at the beginning of a block
		}
	case n.Style&(singleQuoted|doubleQuoted) != 0:
		n.Tag = "!!str"
		if n.Style = quotes(n.Value); plainSafe(n.Value) {
			n.Style = 0
		}
	case n.ShortTag() == "!!str" && ambiguous(n.Value):
		n.Style = doubleQuoted
	}
}

// blankLines tells for each line, counted from 1, whether it is empty.
func blankLines(data []byte) []bool {
	lines := bytes.Split(data, []byte("\n"))
	blank := make([]bool, len(lines)+1)
	for i, line := range lines {
		blank[i+1] = len(bytes.TrimSpace(line)) == 0
	}
	return blank
}

// markBlank notes an empty line above a node and its comment.
func markBlank(n *node, blank []bool) {
	above := n.Line - 1
	if n.HeadComment != "" {
		above -= strings.Count(n.HeadComment, "\n") + 1
	}
	if above < 1 || above >= len(blank) || !blank[above] {
		return
	}
	n.HeadComment = strings.TrimSuffix(blankMark+"\n"+n.HeadComment, "\n")
}

// restoreBlanks turns marks into empty lines; where the encoder has written one
// itself, as after a folded text, there is not a second one.
func restoreBlanks(text []byte) []byte {
	var out bytes.Buffer
	blank := true
	for line := range bytes.Lines(text) {
		mark := strings.TrimSpace(string(line)) == blankMark
		if mark && blank {
			continue
		}
		if mark {
			line = []byte("\n")
		}
		out.Write(line)
		blank = len(bytes.TrimSpace(line)) == 0
	}
	return out.Bytes()
}
