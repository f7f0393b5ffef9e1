package check

import (
	"errors"
	"strings"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/rules"
)

// Validate checks what only the platforms and the rule compiler understand, in a
// repository that package config found no problem in. It makes no connection.
func Validate(repo *config.Repo, registry connectors.Registry) (*rules.Set, config.Problems) {
	var problems config.Problems
	for _, res := range repo.Resources {
		factory, ok := registry[res.Spec.Platform]
		if !ok {
			continue // a later version may have it; check says PLATFORM_UNSUPPORTED
		}
		for _, p := range factory.Validate(Spec(repo, res, nil)) {
			problems = append(problems, res.Origin.Problem(p.What, p.Hint, append([]any{"spec"}, p.Path...)...))
		}
	}
	problems = append(problems, Runbooks(repo, registry)...)
	for _, policy := range repo.StatusPolicies {
		for i, e := range policy.Spec.Expressions {
			if err := rules.CheckExpression(e); err != nil {
				problems = append(problems, policy.Origin.Problem("expression \""+e.Name+"\": "+oneLine(err.Error()), "", "spec", "expressions", i, "expr"))
			}
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	set, err := Rules(repo, registry)
	if err != nil {
		return nil, config.Problems{{File: "policies", Line: 1, Col: 1, What: err.Error()}}
	}
	for _, res := range repo.Resources {
		if _, err := set.For(Subject(repo, res)); err != nil {
			for _, e := range split(err) {
				problems = append(problems, res.Origin.Problem(oneLine(e.Error()), "", "spec"))
			}
		}
	}
	return set, problems
}

func split(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	return []error{err}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
