// Package selector is the small language of `-l`: conditions on fields and
// labels, all of which must hold.
//
//	tier=1,platform in (postgresql,mongodb),app!=blog,critical,!legacy
//
// It is the form people know from Kubernetes label selectors.
package selector

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Selector is a list of conditions. The zero value matches everything.
type Selector []Condition

// Condition is one of them.
type Condition struct {
	Key    string
	Op     Op
	Values []string
}

// Op is how a condition compares.
type Op string

// Operators.
const (
	In     Op = "in"
	NotIn  Op = "notin"
	Exists Op = "exists"
	Absent Op = "absent"
)

var (
	key       = `[A-Za-z0-9_.\-/]+`
	setForm   = regexp.MustCompile(`^(` + key + `)\s+(in|notin)\s*\(([^()]*)\)$`)
	equalForm = regexp.MustCompile(`^(` + key + `)\s*(==|=|!=)\s*([^=!(),]*)$`)
	nameForm  = regexp.MustCompile(`^(!?)(` + key + `)$`)
)

// Parse reads a selector. The error shows the condition that is not one.
func Parse(text string) (Selector, error) {
	var s Selector
	for _, part := range split(text) {
		part = strings.TrimSpace(part)
		if part == "" {
			if strings.TrimSpace(text) == "" {
				return nil, nil
			}
			return nil, fmt.Errorf("selector %q has an empty condition", text)
		}
		c, err := condition(part)
		if err != nil {
			return nil, err
		}
		s = append(s, c)
	}
	return s, nil
}

func condition(part string) (Condition, error) {
	if m := setForm.FindStringSubmatch(part); m != nil {
		var values []string
		for v := range strings.SplitSeq(m[3], ",") {
			values = append(values, strings.TrimSpace(v))
		}
		return Condition{m[1], Op(m[2]), values}, nil
	}
	if m := equalForm.FindStringSubmatch(part); m != nil {
		op := In
		if m[2] == "!=" {
			op = NotIn
		}
		return Condition{m[1], op, []string{strings.TrimSpace(m[3])}}, nil
	}
	if m := nameForm.FindStringSubmatch(part); m != nil {
		op := Exists
		if m[1] == "!" {
			op = Absent
		}
		return Condition{m[2], op, nil}, nil
	}
	return Condition{}, fmt.Errorf("%q is not a condition; write key=value, key!=value, key in (a,b), key notin (a,b), key or !key", part)
}

// split cuts at commas outside of parentheses.
func split(text string) []string {
	var parts []string
	depth, start := 0, 0
	for i, c := range text {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, text[start:i])
				start = i + 1
			}
		}
	}
	return append(parts, text[start:])
}

// Matches reports whether all conditions hold for something whose fields get
// returns. As with Kubernetes, a field that does not exist satisfies != and
// notin.
func (s Selector) Matches(get func(key string) (string, bool)) bool {
	for _, c := range s {
		value, ok := get(c.Key)
		holds := false
		switch c.Op {
		case In:
			holds = ok && slices.Contains(c.Values, value)
		case NotIn:
			holds = !ok || !slices.Contains(c.Values, value)
		case Exists:
			holds = ok
		case Absent:
			holds = !ok
		}
		if !holds {
			return false
		}
	}
	return true
}
