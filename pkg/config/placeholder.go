package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// placeholders checks that everything a step refers to is there: a declared
// parameter, a value that every runbook has, or a fact of a step before it.
func (k *runbookChecker) placeholders(op runbook.Operation, before []string, at []any) {
	if op.SQL != nil && runbook.Placeholder.MatchString(op.SQL.Statement) {
		k.add(k.origin, "parameters are not put into SQL", "write the statement out", slices.Concat(at, []any{"sql", "statement"})...)
	}
	names := namesOf(k.spec.Parameters, func(p runbook.Parameter) string { return p.Name })
	for _, t := range runbook.Texts(op) {
		for _, m := range runbook.Placeholder.FindAllStringSubmatch(t.Value, -1) {
			what, instead := k.missing(m[1], names, before)
			if what != "" {
				k.add(k.origin, what, instead, slices.Concat(at, t.Path)...)
			}
		}
	}
}

// missing says why a placeholder would stand for nothing; empty when it does not.
func (k *runbookChecker) missing(name string, parameters, before []string) (what, instead string) {
	if slices.Contains(parameters, name) || slices.Contains(runbook.BuiltinValues(), name) {
		return "", ""
	}
	if !strings.Contains(name, ".") {
		return fmt.Sprintf("runbook has no parameter %q", name), k.suggest(name, parameters, "declare it under parameters")
	}
	step, _, ok := runbook.StepFact(name)
	switch {
	case !ok:
		return fmt.Sprintf("nothing is called ${%s}", name), k.suggest(name, runbook.BuiltinValues(), "write ${steps.ID.NAME} for what step ID returned")
	case !slices.Contains(before, step):
		return fmt.Sprintf("no step before this one has the id %q", step), k.suggest(step, before, "refer to an earlier step")
	default:
		return "", ""
	}
}
