package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/bcctl/bcctl/schemas"
)

// translator turns the validator's causes into problems with places, in the
// words of the person who writes the file.
type translator struct {
	schema   *jsonschema.Schema
	origin   Origin
	problems Problems
	meant    map[string]bool // fields that are missing because they are misspelt, as location + "\x00" + name
}

// schemaProblems returns what is wrong with the content of a document.
func schemaProblems(s *jsonschema.Schema, value any, o Origin) Problems {
	err := s.Validate(value)
	if err == nil {
		return nil
	}
	t := &translator{schema: s, origin: o, meant: make(map[string]bool)}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return Problems{o.Problem("cannot be checked against its schema: "+err.Error(), "")}
	}
	leaves := leaves(invalid)
	// Unknown fields first: they explain some of the missing ones.
	for _, e := range leaves {
		if k, ok := e.ErrorKind.(*kind.AdditionalProperties); ok {
			t.unknown(e.InstanceLocation, k.Properties)
		}
	}
	for _, e := range leaves {
		t.cause(e)
	}
	return t.problems
}

func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var all []*jsonschema.ValidationError
	for _, c := range e.Causes {
		all = append(all, leaves(c)...)
	}
	return all
}

func (t *translator) add(location []string, what, instead string) {
	t.problems = append(t.problems, t.origin.Problem(what, instead, steps(location)...))
}

func steps(location []string) []any {
	p := make([]any, len(location))
	for i, part := range location {
		p[i] = part
	}
	return p
}

func (t *translator) unknown(location, fields []string) {
	s := schemaAt(t.schema, location)
	var known []string
	if s != nil {
		known = slices.Sorted(maps.Keys(s.Properties))
	}
	for _, field := range fields {
		instead := "remove it"
		if len(known) > 0 {
			instead = "known here: " + strings.Join(known, ", ")
		}
		if near := nearest(field, known); near != "" {
			instead = fmt.Sprintf("did you mean %q?", near)
			t.meant[strings.Join(location, "/")+"\x00"+near] = true
		}
		t.problems = append(t.problems, t.origin.keyProblem(fmt.Sprintf("unknown field %q", field), instead, steps(append(slices.Clone(location), field))...))
	}
}

func (t *translator) cause(e *jsonschema.ValidationError) {
	loc := e.InstanceLocation
	name := fieldName(loc)
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		// already told
	case *kind.Required:
		t.missing(loc, k.Missing)
	case *kind.Type:
		t.wrongType(loc, k)
	case *kind.Enum:
		t.notListed(loc, k)
	case *kind.Format:
		var mistake *schemas.Mistake
		if errors.As(k.Err, &mistake) {
			t.add(loc, name+": "+strings.TrimPrefix(mistake.What, name+" "), mistake.Instead)
		} else {
			t.add(loc, name+": not of the form "+k.Want, "")
		}
	case *kind.MinLength:
		t.add(loc, name+": text is empty", "write something, or remove the field")
	case *kind.MaxLength:
		t.add(loc, fmt.Sprintf("%s: text has %d characters, more than %d", name, k.Got, k.Want), "write a shorter one")
	case *kind.MinItems:
		t.add(loc, fmt.Sprintf("%s: list has %s, fewer than %d", name, plural(k.Got, "entry", "entries"), k.Want), "add what is missing, or remove the field")
	case *kind.UniqueItems:
		where := append(slices.Clone(loc), fmt.Sprint(k.Duplicates[1]))
		first := t.origin.lineOf(steps(append(slices.Clone(loc), fmt.Sprint(k.Duplicates[0])))...)
		t.add(where, name+": entry is given twice; first at "+first, "keep one of them")
	case *kind.Minimum:
		want, _ := k.Want.Float64()
		t.add(loc, fmt.Sprintf("%s: number is less than %v", name, want), "write a larger one")
	case *kind.Maximum:
		want, _ := k.Want.Float64()
		t.add(loc, fmt.Sprintf("%s: number is greater than %v", name, want), "write a smaller one")
	default:
		t.add(loc, name+": does not fit the schema", "")
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (t *translator) missing(location, fields []string) {
	for _, field := range fields {
		if t.meant[strings.Join(location, "/")+"\x00"+field] {
			continue
		}
		instead := "add it"
		if s := schemaAt(t.schema, append(slices.Clone(location), field)); s != nil {
			if choices := listed(s.Enum); len(choices) > 0 {
				instead = "add it: " + strings.Join(choices, ", ")
				if len(choices) > 1 {
					instead = "add it, one of " + strings.Join(choices, ", ")
				}
			} else if len(s.Examples) > 0 {
				instead = fmt.Sprintf("add it, for example %s: %v", field, s.Examples[0])
			}
		}
		t.add(location, fmt.Sprintf("field %q is missing in %s", field, fieldName(location)), instead)
	}
}

func listed(e *jsonschema.Enum) []string {
	if e == nil {
		return nil
	}
	list := make([]string, len(e.Values))
	for i, v := range e.Values {
		list[i] = fmt.Sprint(v)
	}
	return list
}

func (t *translator) notListed(location []string, k *kind.Enum) {
	choices := listed(&jsonschema.Enum{Values: k.Want})
	text, ok := k.Got.(string)
	if !ok {
		t.add(location, fmt.Sprintf("%s: %v is not one of %s", fieldName(location), k.Got, strings.Join(choices, ", ")), "")
		return
	}
	t.add(location, fmt.Sprintf("%s: %q is not one of %s", fieldName(location), text, strings.Join(choices, ", ")), didYouMean(text, choices, ""))
}
