package config

import (
	"slices"
	"sync"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// builtins decodes a runbook that bcctl brings along once, when somebody asks for
// it: all of them take longer than a small repository.
var builtins sync.Map // name -> func() (*Runbook, Problems)

// BuiltinRunbook returns the runbook with a name such as pg.native/switchover that
// bcctl brings along. It passes the same schema and the same checks as one of a
// repository. The caller must not change it.
func BuiltinRunbook(name string) (*Runbook, bool) {
	if _, ok := runbook.BuiltinSource(name); !ok {
		return nil, false
	}
	load, _ := builtins.LoadOrStore(name, sync.OnceValues(func() (*Runbook, Problems) { return loadBuiltin(name, nil) }))
	book, problems := load.(func() (*Runbook, Problems))()
	return book, book != nil && len(problems) == 0
}

// loadBuiltin decodes and checks one of them. Catalog is as for Load.
func loadBuiltin(name string, catalog Catalog) (*Runbook, Problems) {
	data, _ := runbook.BuiltinSource(name)
	f := decodeFile(runbook.BuiltinPrefix+name, data, newValidator())
	problems := f.problems
	r := &Repo{}
	for _, e := range f.entries {
		if e.add != nil {
			e.add(r)
		}
	}
	if len(r.Runbooks) != 1 || r.Runbooks[0].Name() != name {
		return nil, append(problems, Problem{runbook.BuiltinPrefix + name, 1, 1, "is not one Runbook of this name", ""})
	}
	problems = append(problems, crossCheck(nil, r, []file{f}, catalog)...)
	return r.Runbooks[0], problems.Sorted()
}

// RunbookOf returns the runbook that a resource names for a type: the document it
// names, else the repository's own of the procedure's name, else the one that
// bcctl brings along. The name is that of the document that was looked for.
func (r *Repo) RunbookOf(p Procedure, t runbook.Type) (book *Runbook, name string, ok bool) {
	if p.Runbook != "" {
		book, ok = r.Runbook(p.Runbook)
		return book, p.Runbook, ok
	}
	name = p.Name + "/" + string(t)
	if book, ok = r.Runbook(name); ok {
		return book, name, true
	}
	book, ok = BuiltinRunbook(name)
	return book, name, ok
}

// ProceduresFor lists the procedures for a type that bcctl brings along, of one
// platform.
func ProceduresFor(platform string, t runbook.Type) []string {
	var names []string
	for _, name := range runbook.BuiltinNames() {
		if book, ok := BuiltinRunbook(name); ok && book.Spec.For.Type == t && book.Spec.For.Platform == platform {
			names = append(names, name[:len(name)-len("/"+string(t))])
		}
	}
	slices.Sort(names)
	return names
}

// MissingActions lists the actions that a runbook uses and that no platform of a
// registry offers, each once.
func MissingActions(spec runbook.Runbook, registry connectors.Registry) []string {
	known := map[string]bool{}
	if o, ok := registry[spec.For.Platform].(connectors.Operator); ok {
		for _, a := range o.Actions() {
			known[a.Name] = true
		}
	}
	m := runbook.MemberPlan{Prechecks: spec.Prechecks, Steps: spec.Steps, Postchecks: spec.Postchecks, Rollback: spec.Rollback}
	var missing []string
	for _, use := range m.Operations() {
		if use.Uses != "" && !known[use.Uses] && !slices.Contains(missing, use.Uses) {
			missing = append(missing, use.Uses)
		}
	}
	slices.Sort(missing)
	return missing
}
