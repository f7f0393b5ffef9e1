package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// placeholder is how a step refers to a parameter: ${name}.
var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

// text is a part of an operation in which parameters are replaced.
type text struct {
	value string
	path  []any
}

// placeholders checks that every parameter a step refers to is declared.
func (k *runbookChecker) placeholders(op runbook.Operation, at []any) {
	if op.SQL != nil && placeholder.MatchString(op.SQL.Statement) {
		k.add(k.origin, "parameters are not put into SQL", "write the statement out", slices.Concat(at, []any{"sql", "statement"})...)
	}
	names := namesOf(k.spec.Parameters, func(p runbook.Parameter) string { return p.Name })
	for _, t := range texts(op) {
		for _, m := range placeholder.FindAllStringSubmatch(t.value, -1) {
			if !slices.Contains(names, m[1]) {
				k.add(k.origin, fmt.Sprintf("runbook has no parameter %q", m[1]), k.suggest(m[1], names, "declare it under parameters"), slices.Concat(at, t.path)...)
			}
		}
	}
}

// texts lists every part of an operation that may refer to parameters.
func texts(op runbook.Operation) []text {
	var list []text
	add := func(value string, path ...any) { list = append(list, text{value, path}) }
	each := func(m map[string]string, path ...any) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			add(m[key], append(slices.Clone(path), key)...)
		}
	}
	each(op.With, "with")
	if x := op.Command; x != nil {
		for i, argument := range x.Run {
			add(argument, "command", "run", i)
		}
		each(x.Env, "command", "env")
	}
	if x := op.HTTP; x != nil {
		add(x.URL, "http", "url")
		add(x.Body, "http", "body")
		each(x.Headers, "http", "headers")
	}
	if x := op.DNSVerify; x != nil {
		add(x.Name, "dns-verify", "name")
		for i, value := range x.Expect {
			add(value, "dns-verify", "expect", i)
		}
	}
	if x := op.Manual; x != nil {
		add(x.Instructions, "manual", "instructions")
	}
	return list
}
