package config

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// What a plan or a run would refuse because of the text of a runbook alone is found
// here, in the document and in the same words, before anybody asks for a run. What
// needs to know the actions of a platform is found in internal/check.

// whole checks that a runbook has what every run needs.
func (k *runbookChecker) whole() {
	for _, lack := range k.spec.Lacks() {
		instead := "add one under postchecks: what must hold after the last step"
		switch lack {
		case runbook.NoStep:
			continue // the schema says so
		case runbook.NoPrecheck:
			instead = "add one under prechecks: what must hold before the first step"
		}
		k.add(k.origin, "runbook "+lack, instead)
	}
	if k.spec.PointOfNoReturn == "" && k.spec.For.Type != runbook.Drill {
		k.add(k.origin, "runbook "+runbook.NoPointOfNoReturn, "write the id of the first step that cannot be taken back")
	}
	for i, p := range k.spec.Parameters {
		refers := func(value string, path ...any) {
			if strings.Contains(value, "${") {
				k.add(k.origin, fmt.Sprintf("the value of parameter %q %s", p.Name, runbook.RefersElsewhere), "write it out", slices.Concat([]any{"parameters", i}, path)...)
			}
		}
		if p.Default != nil {
			refers(*p.Default, "default")
		}
		for j, value := range p.Allowed {
			refers(value, "allowed", j)
		}
	}
}

// answers checks that a check, or the probe of a step, is something that can be asked,
// and that taking a step back can be seen to have worked.
func (k *runbookChecker) answers(list string, s runbook.Step, at []any) {
	if list == "prechecks" || list == "postchecks" {
		if kinds := s.Unanswerable(false); kinds != "" {
			k.add(k.origin, fmt.Sprintf("check %q: "+runbook.CannotBeAsked, s.ID, kinds), "make it a step, or ask for what it waits for", at...)
		}
		return
	}
	if s.Done != nil {
		if kinds := s.Done.Unanswerable(true); kinds != "" {
			k.add(k.origin, fmt.Sprintf("done of %q: "+runbook.CannotBeAsked, s.ID, kinds), "ask a server or a program whether the step has worked", inPath(at, "done")...)
		}
	}
	if s.Unproven() {
		k.add(k.origin, fmt.Sprintf("undo of %q: %s", s.ID, runbook.NoProbe), "add done, which tells whether the effect of the step holds", inPath(at, "undo")...)
	}
	limit := runbook.StepTimeout(s)
	for _, op := range []struct {
		*runbook.Operation
		path []any
	}{{&s.Operation, at}, {s.Undo, inPath(at, "undo")}} {
		if op.Operation != nil && op.Wait != nil && op.Wait.For != nil && op.Wait.For.Std() >= limit {
			k.add(k.origin, fmt.Sprintf("wait of %q: "+runbook.TooShort, s.ID, op.Wait.For), fmt.Sprintf("it is %s; give it a longer one", duration.Duration(limit)), slices.Concat(op.path, []any{"wait", "for"})...)
		}
	}
}

// reaches checks what an operation goes to, as far as the values of parameters say so:
// the address of a request, and the program of a command.
func (k *runbookChecker) reaches(op runbook.Operation, at []any) {
	field := func(path ...any) []any { return slices.Concat(at, path) }
	if op.HTTP != nil {
		for _, text := range k.variants(op.HTTP.URL) {
			if err := runbook.CheckURL(text); err != nil {
				k.add(k.origin, err.Error(), "write for example https://host.example.com/path", field("http", "url")...)
				break
			}
		}
		for _, name := range slices.Sorted(maps.Keys(op.HTTP.Headers)) {
			if !headerName(name) {
				k.addKey(k.origin, fmt.Sprintf("%q is not the name of a header", name), "write letters, digits and hyphens", field("http", "headers", name)...)
			}
			if strings.ContainsFunc(op.HTTP.Headers[name], func(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }) {
				k.add(k.origin, fmt.Sprintf("header %q has a line break in it", name), "write it in one line", field("http", "headers", name)...)
			}
		}
	}
	if op.Command != nil && len(op.Command.Run) > 0 {
		for _, program := range k.variants(op.Command.Run[0]) {
			if !runbook.Placeholder.MatchString(program) && !fullPath(program) {
				k.add(k.origin, fmt.Sprintf("%q may not be run: commands.allow lists whole paths", program), "write the whole path of the program, such as /usr/local/lib/bcctl/pg-hook", field("command", "run", 0)...)
				break
			}
		}
	}
}

// variants are what a text may become by the defaults and the allowed values of
// parameters. What has no value yet stays as it is.
func (k *runbookChecker) variants(text string) []string {
	values := map[string]string{}
	for _, p := range k.spec.Parameters {
		if p.Default != nil {
			values[p.Name] = *p.Default
		}
	}
	fill := func(name, value string) string {
		return runbook.Placeholder.ReplaceAllStringFunc(text, func(match string) string {
			switch found, ok := values[match[2:len(match)-1]]; {
			case match[2:len(match)-1] == name:
				return value
			case ok:
				return found
			}
			return match
		})
	}
	out := []string{fill("", "")}
	for _, p := range k.spec.Parameters {
		for _, value := range p.Allowed {
			out = append(out, fill(p.Name, value))
		}
	}
	return out
}

// fullPath reports whether a program could be in commands.allow, on this system or on
// another one.
func fullPath(program string) bool {
	if len(program) > 2 && program[1] == ':' && (program[2] == '\\' || program[2] == '/') {
		return true
	}
	return path.IsAbs(program) && path.Clean(program) == program
}

func headerName(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}
