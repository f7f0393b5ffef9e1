package main

import (
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/schemas"
)

// auditEntry is the schema of audit.Entry: what every entry has, and what each type
// needs beside that. It is strict, as the verification is: a reader that took a
// member it does not know for harmless would see another entry than others.
func auditEntry(comments map[string]string) *jsonschema.Schema {
	r := &jsonschema.Reflector{DoNotReference: true, Anonymous: true, Mapper: auditMapped, CommentMap: comments}
	s := r.Reflect(audit.Entry{})
	s.Version, s.ID, s.Title = draft07, jsonschema.ID(schemas.BaseID+schemas.File("auditentry")), "AuditEntry"
	s.Description = comments[typeName(reflect.TypeFor[audit.Entry]())]
	set := func(name string, change func(*jsonschema.Schema)) {
		if p, ok := s.Properties.Get(name); ok {
			change(p)
		}
	}
	set("v", func(p *jsonschema.Schema) { p.Enum = []any{audit.Version} })
	set("seq", func(p *jsonschema.Schema) { p.Minimum = "0" })
	set("run", func(p *jsonschema.Schema) { p.Pattern = `^[0-9a-f]{32}$` })
	set("segment", func(p *jsonschema.Schema) { p.Pattern = `^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{32}-[0-9]{4}$` })
	set("type", func(p *jsonschema.Schema) {
		for _, t := range audit.Types() {
			p.Enum = append(p.Enum, string(t))
		}
	})
	for _, t := range audit.Types() {
		needs := audit.Needs(t)
		if len(needs) == 0 {
			continue
		}
		only := jsonschema.NewProperties()
		only.Set("type", &jsonschema.Schema{Enum: []any{string(t)}})
		s.AllOf = append(s.AllOf, &jsonschema.Schema{If: &jsonschema.Schema{Properties: only}, Then: &jsonschema.Schema{Required: needs}})
	}
	finish(s)
	return s
}

// auditMapped gives the schemas of types that write themselves as text, or whose
// values are listed.
func auditMapped(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[audit.Time]():
		return &jsonschema.Schema{Type: "string", Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$`, Examples: []any{"2026-03-01T12:00:00.000Z"}}
	case reflect.TypeFor[audit.Outcome]():
		return &jsonschema.Schema{Type: "string", Enum: []any{string(audit.Succeeded), string(audit.Failed), string(audit.Aborted), string(audit.Refused), string(audit.RolledBack), string(audit.InDoubt)}}
	default:
		return nil
	}
}
