package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
	"github.com/bcctl/bcctl/schemas"
)

const (
	module  = "github.com/bcctl/bcctl"
	draft07 = "http://json-schema.org/draft-07/schema#"
)

// generate returns every schema by file name. root is the relative way to the
// root of the module, where the doc comments are read.
func generate(root string) (map[string][]byte, error) {
	comments, err := readComments(root)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, kind := range config.Kinds() {
		spec, ok := config.SpecType(kind)
		if !ok {
			return nil, fmt.Errorf("kind %s has no type", kind)
		}
		data, err := encode(document(kind, spec, comments))
		if err != nil {
			return nil, fmt.Errorf("encode schema of %s: %w", kind, err)
		}
		files[schemas.File(string(kind))] = data
	}
	data, err := encode(report(comments))
	if err != nil {
		return nil, fmt.Errorf("encode schema of the report: %w", err)
	}
	files[schemas.File("report")] = data
	if data, err = encode(plan(comments)); err != nil {
		return nil, fmt.Errorf("encode schema of a plan: %w", err)
	}
	files[schemas.File("plan")] = data
	if data, err = encode(auditEntry(comments)); err != nil {
		return nil, fmt.Errorf("encode schema of the audit log's entries: %w", err)
	}
	files[schemas.File("auditentry")] = data
	return files, nil
}

// readComments reads the doc comments of every package whose types are in a
// schema.
func readComments(root string) (map[string]string, error) {
	r := new(jsonschema.Reflector)
	// AddGoComments joins the import path and the way it was given, so the base gets
	// one made-up element for each step upwards.
	up := strings.Count(filepath.ToSlash(filepath.Clean(root)), "..")
	base := module + strings.Repeat("/x", up)
	for _, dir := range []string{"pkg/config", "pkg/approval", "pkg/rules", "pkg/runbook", "pkg/readiness", "pkg/audit", "internal/check", "internal/render"} {
		if err := r.AddGoComments(base, path.Join(filepath.ToSlash(root), dir), jsonschema.WithFullComment()); err != nil {
			return nil, fmt.Errorf("read comments of %s: %w", dir, err)
		}
	}
	for key, text := range r.CommentMap {
		r.CommentMap[key] = strings.Join(strings.Fields(text), " ")
	}
	return r.CommentMap, nil
}

// document is the schema of one kind. Everything is in one tree without
// references: an editor then shows the description of the field, not that of its
// type.
func document(kind config.Kind, spec reflect.Type, comments map[string]string) *jsonschema.Schema {
	r := &jsonschema.Reflector{DoNotReference: true, Anonymous: true, Mapper: mapped, CommentMap: comments}
	s := &jsonschema.Schema{
		Version:              draft07,
		ID:                   jsonschema.ID(schemas.BaseID + schemas.File(string(kind))),
		Title:                string(kind),
		Description:          comments[typeName(spec)],
		Type:                 "object",
		Properties:           jsonschema.NewProperties(),
		AdditionalProperties: jsonschema.FalseSchema,
		Required:             []string{"apiVersion", "kind", "metadata", "spec"},
	}
	s.Properties.Set("apiVersion", &jsonschema.Schema{Type: "string", Enum: []any{config.APIVersion}, Description: "The version of the format."})
	s.Properties.Set("kind", &jsonschema.Schema{Type: "string", Enum: []any{string(kind)}, Description: "What the document is."})
	for _, part := range []struct {
		name string
		of   reflect.Type
	}{{"metadata", reflect.TypeFor[config.Metadata]()}, {"spec", spec}} {
		sub := r.ReflectFromType(part.of)
		sub.Version = ""
		sub.Description = comments[typeName(part.of)]
		s.Properties.Set(part.name, sub)
	}
	finish(s)
	return s
}

// report is the schema of check.Report. Readers must ignore fields they do not
// know, so it allows more of them.
func report(comments map[string]string) *jsonschema.Schema {
	r := &jsonschema.Reflector{
		AllowAdditionalProperties: true, ExpandedStruct: true, Anonymous: true,
		Mapper: mapped, CommentMap: comments,
	}
	s := r.Reflect(check.Report{})
	s.Version, s.ID, s.Title = draft07, jsonschema.ID(check.ReportSchema), "Report"
	s.Description = comments[typeName(reflect.TypeFor[check.Report]())]
	finish(s)
	return s
}

// plan is the schema of what bcctl plan -o json prints. Like a report it may grow.
func plan(comments map[string]string) *jsonschema.Schema {
	r := &jsonschema.Reflector{
		AllowAdditionalProperties: true, ExpandedStruct: true, Anonymous: true,
		Mapper: mapped, CommentMap: comments,
	}
	s := r.Reflect(render.PlanDocument{})
	s.Version, s.ID, s.Title = draft07, jsonschema.ID(runbook.PlanSchema), "Plan"
	s.Description = comments[typeName(reflect.TypeFor[runbook.Plan]())]
	finish(s)
	return s
}

func typeName(t reflect.Type) string { return t.PkgPath() + "." + t.Name() }

// finish completes a schema after reflection: patterns of formats, and
// descriptions beside references, which draft-07 would ignore.
func finish(s *jsonschema.Schema) {
	formats := schemas.Formats()
	var visit func(*jsonschema.Schema)
	visit = func(s *jsonschema.Schema) {
		if s == nil {
			return
		}
		if f, ok := formats[s.Format]; ok {
			s.Pattern = f.Pattern
			if f.MaxLength > 0 {
				n := uint64(f.MaxLength)
				s.MaxLength = &n
			}
		}
		if s.Ref != "" && s.Description != "" {
			s.AllOf, s.Ref = []*jsonschema.Schema{{Ref: s.Ref}}, ""
		}
		if s.Properties != nil {
			for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
				visit(pair.Value)
			}
		}
		visit(s.Items)
		visit(s.AdditionalProperties)
		for _, name := range slices.Sorted(maps.Keys(s.Definitions)) {
			visit(s.Definitions[name])
		}
	}
	visit(s)
}

// encode writes a schema for people: indented, and with the keyword of draft-07
// for definitions.
func encode(s *jsonschema.Schema) ([]byte, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	text := strings.NewReplacer(
		`"$defs"`, `"definitions"`, `"#/$defs/`, `"#/definitions/`,
		`\u003c`, "<", `\u003e`, ">", `\u0026`, "&",
	).Replace(out.String())
	return []byte(text), nil
}
