package check

import (
	"fmt"
	"slices"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// statements checks the statements of runbooks: whether the platforms they are for
// take any, and what is wrong with their text.
func statements(repo *config.Repo, registry connectors.Registry) config.Problems {
	var problems config.Problems
	for _, b := range repo.Runbooks {
		list := statementsOf(b.Spec)
		if len(list) == 0 {
			continue
		}
		for _, platform := range platformsOf(repo, b) {
			factory, known := registry[platform]
			if !known {
				continue
			}
			o, takes := factory.(connectors.SQLOperator)
			for _, s := range list {
				path := append(append([]any{"spec"}, s.path...), "sql")
				if !takes {
					problems = append(problems, b.Origin.Problem(fmt.Sprintf("bcctl sends no statements to platform %s", platform), "use an action of the platform, or a command", path...))
				} else if err := s.check(o); err != nil {
					problems = append(problems, b.Origin.Problem(fmt.Sprintf("statement: %v", err), "write exactly one in each step", append(path, "statement")...))
				}
			}
		}
	}
	return problems
}

// platformsOf are the platforms of the resources that a runbook is for.
func platformsOf(repo *config.Repo, b *config.Runbook) []string {
	if b.Spec.For.Platform != "" {
		return []string{b.Spec.For.Platform}
	}
	var list []string
	for _, res := range repo.Resources {
		names := res.Name() == b.Spec.For.Resource
		if p := res.Spec.Procedures.Of(b.Spec.For.Type); p != nil {
			used, _, ok := repo.RunbookOf(*p, b.Spec.For.Type)
			names = names || ok && used == b
		}
		if names && !slices.Contains(list, res.Spec.Platform) {
			list = append(list, res.Spec.Platform)
		}
	}
	return list
}

type placed struct {
	sql  *runbook.SQL
	asks bool // and changes nothing
	path []any
}

func (p placed) check(o connectors.SQLOperator) error {
	if p.asks {
		return o.CheckQuestion(p.sql.Statement)
	}
	return o.CheckStatement(p.sql.Statement)
}

func statementsOf(spec runbook.Runbook) []placed {
	var list []placed
	add := func(op *runbook.Operation, asks bool, path ...any) {
		if op != nil && op.SQL != nil {
			list = append(list, placed{op.SQL, asks, path})
		}
	}
	checks := func(name string, checks []runbook.Check) {
		for i := range checks {
			add(&checks[i].Operation, true, name, i)
		}
	}
	steps := func(name string, steps []runbook.Step) {
		for i := range steps {
			add(&steps[i].Operation, steps[i].Mutates != nil && !*steps[i].Mutates, name, i)
			add(steps[i].Done, true, name, i, "done")
			add(steps[i].Undo, false, name, i, "undo")
		}
	}
	checks("prechecks", spec.Prechecks)
	steps("steps", spec.Steps)
	checks("postchecks", spec.Postchecks)
	steps("rollback", spec.Rollback)
	return list
}
