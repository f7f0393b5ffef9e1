package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/runbook"
)

func (c *checker) runbooks() {
	for _, b := range c.repo.Runbooks {
		c.runbookFor(b)
		k := &runbookChecker{checker: c, origin: b.Origin, spec: b.Spec, ids: make(map[string][]any)}
		k.steps("prechecks", namesOf(b.Spec.Prechecks, checkAsStep), nil)
		done := k.steps("steps", b.Spec.Steps, nil)
		k.steps("postchecks", namesOf(b.Spec.Postchecks, checkAsStep), done)
		k.steps("rollback", b.Spec.Rollback, done)
		k.order()
		k.whole()
		c.unique(b.Origin, "parameter", namesOf(b.Spec.Parameters, func(p runbook.Parameter) string { return p.Name }), func(i int) []any { return []any{"parameters", i, "name"} })
		for i, p := range b.Spec.Parameters {
			if slices.Contains(runbook.BuiltinValues(), p.Name) {
				c.add(b.Origin, fmt.Sprintf("%q is a value that every runbook has", p.Name), "give the parameter another name", "parameters", i, "name")
			}
			if p.Default != nil && len(p.Allowed) > 0 && !slices.Contains(p.Allowed, *p.Default) {
				c.add(b.Origin, fmt.Sprintf("default of parameter %q is not among the allowed values", p.Name), "write one of "+strings.Join(p.Allowed, ", "), "parameters", i, "default")
			}
		}
	}
}

func (c *checker) runbookFor(b *Runbook) {
	o, f := b.Origin, b.Spec.For
	given := 0
	for _, name := range []string{f.Platform, f.Group, f.Resource} {
		if name != "" {
			given++
		}
	}
	if given != 1 {
		c.add(o, "for names "+plural(given, "scope", "scopes"), "give exactly one of platform, group and resource", "for")
	}
	if f.Group != "" {
		c.refer(o, "group", f.Group, []Kind{KindGroup}, "for", "group")
	}
	if f.Resource != "" {
		c.refer(o, "resource", f.Resource, []Kind{KindResource}, "for", "resource")
	}
}

// checkAsStep lets checks and steps be looked at alike: a check is a step that
// changes nothing.
func checkAsStep(x runbook.Check) runbook.Step {
	never := false
	return runbook.Step{ID: x.ID, Name: x.Name, Operation: x.Operation, Timeout: x.Timeout, Mutates: &never}
}

// runbookChecker checks one runbook.
type runbookChecker struct {
	*checker
	origin Origin
	spec   runbook.Runbook
	ids    map[string][]any // where each id stands
}

// steps checks a list of steps. Before are the ids of steps that have been carried
// out when the list begins; it returns them with those of the list.
func (k *runbookChecker) steps(list string, steps []runbook.Step, before []string) []string {
	for i, s := range steps {
		at := []any{list, i}
		if first, twice := k.ids[s.ID]; twice {
			k.add(k.origin, fmt.Sprintf("id %q is given twice; first at %s", s.ID, k.origin.lineOf(inSpec(first...)...)), "give it another id", append(at, "id")...)
		} else {
			k.ids[s.ID] = append(at, "id")
		}
		k.operation(s.Operation, before, fmt.Sprintf("%q", s.ID), at)
		if s.Done != nil {
			before := before
			if s.Manual != nil { // what is attested is there when the probe asks
				before = append(slices.Clone(before), s.ID)
			}
			k.operation(*s.Done, before, fmt.Sprintf("done of %q", s.ID), append(slices.Clone(at), "done"))
		}
		if list != "prechecks" && list != "postchecks" {
			before = append(slices.Clone(before), s.ID)
		}
		if s.Undo != nil { // may use what the step itself returned
			k.operation(*s.Undo, before, fmt.Sprintf("undo of %q", s.ID), append(slices.Clone(at), "undo"))
		}
		k.answers(list, s, at)
		if blind(s) {
			k.add(k.origin, fmt.Sprintf("step %q changes something and has no probe", s.ID), "add done, which tells whether it has worked, or mutates: false", at...)
		}
	}
	return before
}

// blind reports whether nothing would tell if a step has worked: an effect is
// probed, never inferred from a return code. Actions of a platform bring their own
// probe, and people attest.
func blind(s runbook.Step) bool {
	changes := s.Command != nil || s.HTTP != nil || s.SQL != nil
	if s.Mutates != nil {
		changes = *s.Mutates
	}
	return changes && s.Done == nil && s.Uses == "" && s.Manual == nil
}

// operation checks that exactly one thing is done, and that it is well formed.
func (k *runbookChecker) operation(op runbook.Operation, before []string, noun string, at []any) {
	field := func(path ...any) []any { return slices.Concat(at, path) }
	if kinds := op.Kinds(); len(kinds) != 1 {
		instead := "give exactly one of uses, command, http, sql, dns-verify, manual, wait and approval"
		if len(kinds) == 0 {
			k.add(k.origin, noun+" does nothing", instead, at...)
		} else {
			k.add(k.origin, noun+" does several things: "+strings.Join(kinds, ", "), instead, at...)
		}
	}
	if len(op.With) > 0 && op.Uses == "" {
		k.add(k.origin, "with is for uses only", "remove it", field("with")...)
	}
	prefix := platformPrefixes[k.spec.For.Platform]
	if op.Uses != "" && !strings.HasPrefix(op.Uses, prefix) {
		k.add(k.origin, fmt.Sprintf("action %q is not one of platform %s", op.Uses, k.spec.For.Platform), "its actions begin with "+prefix, field("uses")...)
	}
	k.plainOptions(k.origin, op.With, "give the resource a credential for it", field("with")...)
	if op.Command != nil {
		k.plainOptions(k.origin, op.Command.Env, "put a reference under secretEnv", field("command", "env")...)
	}
	if op.HTTP != nil {
		k.plainOptions(k.origin, op.HTTP.Headers, "put a reference under bearer", field("http", "headers")...)
	}
	if op.Wait != nil {
		k.wait(*op.Wait, field("wait"))
	}
	k.reaches(op, at)
	k.placeholders(op, before, at)
}

func (k *runbookChecker) wait(w runbook.Wait, at []any) {
	bounds := 0
	if w.AtMost != nil {
		bounds++
	}
	if w.AtLeast != nil {
		bounds++
	}
	switch {
	case (w.For == nil) == (w.Indicator == ""):
		k.add(k.origin, "wait needs exactly one of for and indicator", "write for: 30s, or indicator with atMost or atLeast", at...)
	case w.Indicator == "" && bounds > 0:
		k.add(k.origin, "atMost and atLeast are for an indicator", "remove them", at...)
	case w.Indicator != "" && bounds != 1:
		k.add(k.origin, "wait for an indicator needs exactly one of atMost and atLeast", "add the one that is meant", at...)
	}
	known := k.catalogOf(k.spec.For.Platform)
	if w.Indicator == "" || known == nil {
		return
	}
	i, ok := known[w.Indicator]
	if !ok {
		k.add(k.origin, fmt.Sprintf("unknown indicator %q", w.Indicator), k.suggestIndicator(w.Indicator, known), append(at, "indicator")...)
		return
	}
	if w.AtMost != nil {
		k.quantity(k.origin, *w.AtMost, i, inPath(at, "atMost"))
	}
	if w.AtLeast != nil {
		k.quantity(k.origin, *w.AtLeast, i, inPath(at, "atLeast"))
	}
}

func inPath(at []any, key any) []any { return append(slices.Clone(at), key) }

// order checks what refers to steps by id.
func (k *runbookChecker) order() {
	ids := namesOf(k.spec.Steps, func(s runbook.Step) string { return s.ID })
	step := func(id string, path ...any) int {
		i := slices.Index(ids, id)
		if i < 0 {
			k.add(k.origin, fmt.Sprintf("no step has the id %q", id), k.suggest(id, ids, "name one of the steps"), path...)
		}
		return i
	}
	if id := k.spec.PointOfNoReturn; id != "" {
		i := step(id, "pointOfNoReturn")
		if i >= 0 && k.spec.Steps[i].Manual != nil && (k.spec.Steps[i].Mutates == nil || !*k.spec.Steps[i].Mutates) {
			k.add(k.origin, fmt.Sprintf("step %q is the point of no return, and does not say that it changes something", id), "add mutates: true, and done, which tells whether it is so", "steps", i)
		}
	}
	type section struct{ from, to int }
	var sections []section
	for i, a := range k.spec.Atomic {
		from, to := step(a.From, "atomic", i, "from"), step(a.To, "atomic", i, "to")
		if from >= 0 && to >= 0 && from >= to {
			k.add(k.origin, fmt.Sprintf("step %q does not come after %q", a.To, a.From), "swap them", "atomic", i, "to")
			continue
		}
		if from >= 0 && to >= 0 {
			sections = append(sections, section{from, to})
		}
	}
	for i, id := range k.spec.HoldPoints {
		at := step(id, "holdPoints", i)
		for _, s := range sections {
			// A hold point is before its step, so before the first one is allowed.
			if at > s.from && at <= s.to {
				k.add(k.origin, fmt.Sprintf("hold point %q lies inside an atomic section", id), "a run never stops there; move it before "+ids[s.from], "holdPoints", i)
			}
		}
	}
}
