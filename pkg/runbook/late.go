package runbook

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// late are the values known only while a plan runs.
type late struct {
	run   string
	fence int64
	facts func(step, name string) (string, bool)
}

// fill puts them into an operation of a plan. What has no value is an error, before
// anything is done. A fact comes from a server or a program: in an address it fills
// a part of a path, and never leads elsewhere.
func (v late) fill(op Operation) (Operation, error) {
	return mapTexts(op, func(text string, path ...any) (string, error) {
		inURL := len(path) == 2 && path[0] == "http" && path[1] == "url"
		var failed error
		out := Placeholder.ReplaceAllStringFunc(text, func(match string) string {
			value, err := v.value(match[2 : len(match)-1])
			if err != nil && failed == nil {
				failed = err
			}
			if inURL {
				value = url.PathEscape(value)
			}
			return value
		})
		return out, failed
	})
}

func (v late) value(name string) (string, error) {
	switch name {
	case "run":
		return v.run, nil
	case "fence":
		return strconv.FormatInt(v.fence, 10), nil
	}
	step, fact, ok := StepFact(name)
	if !ok {
		return "", fmt.Errorf("nothing is known of ${%s}", name)
	}
	value, ok := v.facts(step, fact)
	switch {
	case !ok:
		return "", fmt.Errorf("step %s returned no %s", step, fact)
	case strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return "", fmt.Errorf("%s of step %s has control characters", fact, step)
	}
	return value, nil
}
