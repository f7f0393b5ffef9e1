package runbook

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Placeholder is how an operation refers to a value: ${name}.
var Placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

// Values that every runbook may use besides its parameters. Those of the second
// list are known during a run only, and so is what earlier steps returned,
// ${steps.ID.NAME}.
var (
	planValues = []string{"resource", "old.site", "new.site", "old.endpoint", "new.endpoint", "old.address", "new.address", "client.address", "integrity", "unproven", "max.loss", "unbounded"}
	runValues  = []string{"run", "fence"}
)

// BuiltinValues are the names of the values that need no parameter.
func BuiltinValues() []string { return slices.Concat(planValues, runValues) }

// StepFact splits the name of a placeholder that refers to a fact of an earlier
// step: steps.ID.NAME. A step's id may itself have dots; a fact's name has none.
func StepFact(name string) (step, fact string, ok bool) {
	rest, ok := strings.CutPrefix(name, "steps.")
	if !ok {
		return "", "", false
	}
	i := strings.LastIndexByte(rest, '.')
	if i < 1 || i == len(rest)-1 {
		return "", "", false
	}
	return rest[:i], rest[i+1:], true
}

// Text is a part of an operation in which placeholders are replaced, with the way
// to it as keys and positions.
type Text struct {
	Value string
	Path  []any
}

// Texts lists every part of an operation that may hold placeholders. SQL is not
// among them: nothing is ever put into a statement.
func Texts(op Operation) []Text {
	var list []Text
	_, _ = mapTexts(op, func(value string, path ...any) (string, error) {
		list = append(list, Text{value, slices.Clone(path)})
		return value, nil
	})
	return list
}

// mapTexts returns a copy of an operation with each of its texts replaced.
func mapTexts(op Operation, replace func(value string, path ...any) (string, error)) (Operation, error) {
	var failed error
	one := func(value string, path ...any) string {
		text, err := replace(value, path...)
		if err != nil && failed == nil {
			failed = err
		}
		return text
	}
	each := func(m map[string]string, path ...any) map[string]string {
		if m == nil {
			return nil
		}
		out := make(map[string]string, len(m))
		for _, key := range slices.Sorted(maps.Keys(m)) {
			out[key] = one(m[key], slices.Concat(path, []any{key})...)
		}
		return out
	}
	list := func(texts []string, path ...any) []string {
		out := make([]string, len(texts))
		for i, text := range texts {
			out[i] = one(text, slices.Concat(path, []any{i})...)
		}
		return out
	}
	op.With = each(op.With, "with")
	if op.Command != nil {
		x := *op.Command
		x.Run, x.Env = list(x.Run, "command", "run"), each(x.Env, "command", "env")
		op.Command = &x
	}
	if op.HTTP != nil {
		x := *op.HTTP
		x.URL, x.Body, x.Headers = one(x.URL, "http", "url"), one(x.Body, "http", "body"), each(x.Headers, "http", "headers")
		x.Contains = one(x.Contains, "http", "contains")
		op.HTTP = &x
	}
	if op.DNSVerify != nil {
		x := *op.DNSVerify
		x.Name, x.Expect = one(x.Name, "dns-verify", "name"), list(x.Expect, "dns-verify", "expect")
		op.DNSVerify = &x
	}
	if op.Manual != nil {
		x := *op.Manual
		x.Instructions, x.Attest = one(x.Instructions, "manual", "instructions"), one(x.Attest, "manual", "attest")
		op.Manual = &x
	}
	if op.Approval != nil {
		x := *op.Approval
		x.Question = one(x.Question, "approval", "question")
		op.Approval = &x
	}
	return op, failed
}

// Expand puts values into an operation while a plan is made. What is known during
// a run only stays as it is; any other name without a value is an error.
func Expand(op Operation, values map[string]string) (Operation, error) {
	out, err := replaceAll(op, func(name string) (string, bool, error) {
		if value, ok := values[name]; ok {
			return value, true, nil
		}
		if _, _, fact := StepFact(name); fact || slices.Contains(runValues, name) {
			return "", false, nil
		}
		return "", false, fmt.Errorf("nothing is known of ${%s}", name)
	})
	if err == nil && out.HTTP != nil {
		err = CheckURL(out.HTTP.URL)
	}
	return out, err
}

// CheckURL checks what a URL has become: a value must not lead a request somewhere
// that a reader of the runbook would not expect.
func CheckURL(text string) error {
	u, err := url.Parse(Placeholder.ReplaceAllString(text, "1"))
	switch {
	case err != nil || u.Host == "":
		return errors.New("with its values the URL is none") // the error of url.Parse repeats the text
	case u.User != nil || strings.ContainsAny(text, "@ \t\n"):
		return errors.New("with its values the URL has a user or a space in it")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (strings.EqualFold(u.Hostname(), "localhost") || loopback(u.Hostname())):
		return nil
	default:
		return errors.New("with its values the URL does not start with https://")
	}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Fill puts into an operation of a plan what is known during the run: lookup finds
// run, fence and steps.ID.NAME. A name without a value is an error, before
// anything is done with it.
func Fill(op Operation, lookup func(name string) (string, bool)) (Operation, error) {
	out, err := replaceAll(op, func(name string) (string, bool, error) {
		if value, ok := lookup(name); ok {
			return value, true, nil
		}
		return "", false, fmt.Errorf("nothing is known of ${%s}", name)
	})
	if err == nil && out.HTTP != nil {
		err = CheckURL(out.HTTP.URL)
	}
	return out, err
}

// replaceAll replaces in one pass: a value is never looked at again.
func replaceAll(op Operation, value func(name string) (string, bool, error)) (Operation, error) {
	return mapTexts(op, func(text string, _ ...any) (string, error) {
		var failed error
		out := Placeholder.ReplaceAllStringFunc(text, func(match string) string {
			v, ok, err := value(match[2 : len(match)-1])
			if err != nil && failed == nil {
				failed = err
			}
			if !ok {
				return match
			}
			return v
		})
		return out, failed
	})
}
