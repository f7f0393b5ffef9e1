package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Runbooks checks what runbooks ask of their platforms: actions, with what they take and
// return, and statements. What a plan or a run would refuse of a text is found here, in
// the same words. Documents with other problems may be among them.
func Runbooks(repo *config.Repo, registry connectors.Registry) config.Problems {
	var problems config.Problems
	for _, b := range repo.Runbooks {
		uses := usesOf(b.Spec)
		for _, platform := range platformsOf(repo, b) {
			factory, known := registry[platform]
			if !known {
				continue // a later version may have it; check says PLATFORM_UNSUPPORTED
			}
			c := bookCheck{book: b, platform: platform, factory: factory, actions: Actions(factory)}
			for _, u := range uses {
				c.action(u)
				c.statement(u)
				c.facts(u, uses)
			}
			problems = append(problems, c.problems...)
		}
	}
	return problems.Sorted()
}

// Actions are the actions that a platform offers, by name.
func Actions(f connectors.Factory) map[string]runbook.ActionFacts {
	o, ok := f.(connectors.Operator)
	if !ok {
		return nil
	}
	known := map[string]runbook.ActionFacts{}
	for _, a := range o.Actions() {
		facts := runbook.ActionFacts{Summary: a.Summary, Changes: a.Changes, Lossy: a.Lossy, Outputs: a.Outputs}
		for _, p := range a.Parameters {
			facts.Parameters = append(facts.Parameters, p.Name)
			if p.Required {
				facts.Required = append(facts.Required, p.Name)
			}
		}
		known[a.Name] = facts
	}
	return known
}

// bookCheck checks one runbook against one platform.
type bookCheck struct {
	book     *config.Runbook
	platform string
	factory  connectors.Factory
	actions  map[string]runbook.ActionFacts
	problems config.Problems
}

func (c *bookCheck) add(what, instead string, path ...any) {
	c.problems = append(c.problems, c.book.Origin.Problem(what, instead, append([]any{"spec"}, path...)...))
}

// action checks a use of an action of the platform.
func (c *bookCheck) action(u placedUse) {
	if u.Uses == "" || !config.ActionOf(c.platform, u.Uses) {
		return // the second is said already, of the prefix
	}
	at := func(path ...any) []any { return slices.Concat(u.path, path) }
	facts, ok := c.actions[u.Uses]
	if !ok {
		var names []string
		for name := range c.actions {
			names = append(names, name)
		}
		instead := "bcctl runbook show prints runbooks that use the actions there are"
		if near := config.Nearest(u.Uses, names); near != "" {
			instead = fmt.Sprintf("did you mean %q?", near)
		}
		c.add(fmt.Sprintf("%s: "+runbook.NoSuchAction, u.Where, u.Uses), instead, at("uses")...)
		return
	}
	for _, m := range u.Misuses(facts, c.book.Spec.For.Type) {
		switch {
		case m.Missing:
			c.add(m.Message, "add it under with", at("uses")...)
		case m.Argument != "":
			instead := "remove it"
			if near := config.Nearest(m.Argument, facts.Parameters); near != "" {
				instead = fmt.Sprintf("did you mean %q?", near)
			} else if len(facts.Parameters) > 0 {
				instead = "it takes " + strings.Join(facts.Parameters, ", ")
			}
			c.add(m.Message, instead, at("with", m.Argument)...)
		case u.ReadOnly && facts.Changes:
			c.add(m.Message, "use an action that only reads, or make it a step", at("uses")...)
		default:
			c.add(m.Message, "use an action that gives up nothing", at("uses")...)
		}
	}
}

// statement checks a statement: whether the platform takes any, and what is wrong with
// its text.
func (c *bookCheck) statement(u placedUse) {
	if u.SQL == nil {
		return
	}
	path := append(slices.Clone(u.path), "sql")
	o, takes := c.factory.(connectors.SQLOperator)
	if !takes {
		c.add(fmt.Sprintf("bcctl sends no statements to platform %s", c.platform), "use an action of the platform, or a command", path...)
		return
	}
	ask := o.CheckStatement
	if u.ReadOnly {
		ask = o.CheckQuestion
	}
	if err := ask(u.SQL.Statement); err != nil {
		c.add(fmt.Sprintf("statement: %v", err), "write exactly one in each step", append(path, "statement")...)
	}
}

// facts checks that what an operation takes of an earlier step is something which that
// step returns.
func (c *bookCheck) facts(u placedUse, uses []placedUse) {
	for _, t := range runbook.Texts(u.Operation) {
		for _, m := range runbook.Placeholder.FindAllStringSubmatch(t.Value, -1) {
			id, name, ok := runbook.StepFact(m[1])
			if !ok {
				continue
			}
			i := slices.IndexFunc(uses, func(x placedUse) bool { return x.main && x.Step == id })
			if i < 0 {
				continue // said already: there is no such step
			}
			names, known := runbook.StepFacts(uses[i].Operation)
			if action, ok := c.actions[uses[i].Uses]; ok {
				names, known = action.Outputs, true
			}
			if !known || slices.Contains(names, name) {
				continue
			}
			instead := "it returns nothing"
			if len(names) > 0 {
				instead = "it returns " + strings.Join(names, ", ")
			}
			c.add(fmt.Sprintf("step %s returned no %s", id, name), instead, slices.Concat(u.path, t.Path)...)
		}
	}
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

// placedUse is an operation of a runbook with the way to it in the document.
type placedUse struct {
	runbook.Use
	path []any
	main bool // what a step does; not its probe, and not what takes it back
}

// usesOf lists the operations of a runbook, in the words of a plan.
func usesOf(spec runbook.Runbook) []placedUse {
	m := runbook.MemberPlan{Prechecks: spec.Prechecks, Steps: spec.Steps, Postchecks: spec.Postchecks, Rollback: spec.Rollback}
	list := make([]placedUse, 0, len(spec.Prechecks)+2*len(spec.Steps)+len(spec.Postchecks))
	uses := m.Operations()
	place := func(main bool, path ...any) {
		list = append(list, placedUse{uses[len(list)], path, main})
	}
	checks := func(name string, checks []runbook.Check) {
		for i := range checks {
			place(false, name, i)
		}
	}
	steps := func(name string, steps []runbook.Step) {
		for i := range steps {
			place(true, name, i)
			if steps[i].Done != nil {
				place(false, name, i, "done")
			}
			if steps[i].Undo != nil {
				place(false, name, i, "undo")
			}
		}
	}
	checks("prechecks", spec.Prechecks)
	steps("steps", spec.Steps)
	checks("postchecks", spec.Postchecks)
	steps("rollback", spec.Rollback)
	return list
}
