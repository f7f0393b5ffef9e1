package runbook

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// latePlaceholder is what stays in a plan until a step is about to run.
var latePlaceholder = regexp.MustCompile(`\$\{([^}]*)\}`)

// late are the values known only while a plan runs.
type late struct {
	run   string
	fence int64
	facts func(step, name string) (string, bool)
}

// fill returns an operation with its late placeholders filled in. One that has no
// value is an error, before anything is done. Statements of SQL take none.
func (v late) fill(op Operation) (Operation, error) {
	var missing []string
	text := func(s string, escape func(string) string) string {
		return latePlaceholder.ReplaceAllStringFunc(s, func(found string) string {
			value, err := v.value(found[2 : len(found)-1])
			if err != nil {
				missing = append(missing, err.Error())
				return found
			}
			return escape(value)
		})
	}
	plain := func(s string) string { return text(s, func(value string) string { return value }) }
	list := func(in []string) []string {
		out := make([]string, len(in))
		for i, s := range in {
			out[i] = plain(s)
		}
		return out
	}
	each := func(in map[string]string) map[string]string {
		if in == nil {
			return nil
		}
		out := make(map[string]string, len(in))
		for k, s := range in {
			out[k] = plain(s)
		}
		return out
	}
	op.With = each(op.With)
	if op.Command != nil {
		c := *op.Command
		c.Run, c.Env = list(c.Run), each(c.Env)
		op.Command = &c
	}
	if op.HTTP != nil {
		h := *op.HTTP
		// A fact comes from a server or a program: it may fill a part of a path, never
		// lead elsewhere.
		h.URL, h.Headers, h.Body = text(h.URL, url.PathEscape), each(h.Headers), plain(h.Body)
		op.HTTP = &h
	}
	if op.DNSVerify != nil {
		d := *op.DNSVerify
		d.Name, d.Expect = plain(d.Name), list(d.Expect)
		op.DNSVerify = &d
	}
	if op.Manual != nil {
		m := *op.Manual
		m.Instructions, m.Attest = plain(m.Instructions), plain(m.Attest)
		op.Manual = &m
	}
	if op.Approval != nil {
		g := *op.Approval
		g.Question = plain(g.Question)
		op.Approval = &g
	}
	if len(missing) > 0 {
		return Operation{}, fmt.Errorf("%s", strings.Join(missing, "; "))
	}
	return op, nil
}

func (v late) value(name string) (string, error) {
	switch {
	case name == "run":
		return v.run, nil
	case name == "fence":
		return strconv.FormatInt(v.fence, 10), nil
	}
	rest, ok := strings.CutPrefix(name, "steps.")
	if !ok {
		return "", fmt.Errorf("${%s} has no value", name)
	}
	dot := strings.LastIndexByte(rest, '.')
	if dot < 0 {
		return "", fmt.Errorf("${%s} does not name a fact: write ${steps.ID.NAME}", name)
	}
	value, ok := v.facts(rest[:dot], rest[dot+1:])
	switch {
	case !ok:
		return "", fmt.Errorf("step %s returned no %s", rest[:dot], rest[dot+1:])
	case strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return "", fmt.Errorf("%s of step %s has control characters", rest[dot+1:], rest[:dot])
	}
	return value, nil
}
