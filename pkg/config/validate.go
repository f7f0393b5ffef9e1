package config

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bcctl/bcctl/schemas"
)

// validator holds the compiled schemas of one run. A schema is compiled when the
// first document of its kind is met: compiling all of them would be the largest
// part of checking a small repository.
type validator struct {
	compiled map[Kind]func() (*jsonschema.Schema, error)
}

func newValidator() *validator {
	v := &validator{compiled: make(map[Kind]func() (*jsonschema.Schema, error))}
	formats := schemas.Formats()
	for _, kind := range Kinds() {
		v.compiled[kind] = sync.OnceValues(func() (*jsonschema.Schema, error) { return compile(kind, formats) })
	}
	return v
}

// schema returns the schema of a kind that is one of Kinds.
func (v *validator) schema(kind Kind) (*jsonschema.Schema, error) { return v.compiled[kind]() }

func compile(kind Kind, formats map[string]schemas.Format) (*jsonschema.Schema, error) {
	data, ok := schemas.For(string(kind))
	if !ok {
		return nil, fmt.Errorf("no schema for kind %s", kind)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read schema of %s: %w", kind, err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{}) // nothing is ever fetched
	lighten(doc, formats)
	for name, f := range formats {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(value any) error {
			if text, ok := value.(string); ok {
				return f.Check(text)
			}
			return nil
		}})
	}
	url := schemas.BaseID + schemas.File(string(kind))
	if err := c.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf("add schema of %s: %w", kind, err)
	}
	s, err := c.Compile(url)
	if err != nil {
		return nil, fmt.Errorf("compile schema of %s: %w", kind, err)
	}
	return s, nil
}

// lighten takes out of a schema what only editors need: descriptions, and patterns
// where a format checks the same more strictly. It halves the time to compile.
func lighten(schema any, formats map[string]schemas.Format) {
	switch x := schema.(type) {
	case map[string]any:
		if _, text := x["description"].(string); text {
			delete(x, "description")
		}
		if name, text := x["format"].(string); text && formats[name].Check != nil {
			delete(x, "pattern")
			delete(x, "maxLength")
		}
		for _, sub := range x {
			lighten(sub, formats)
		}
	case []any:
		for _, sub := range x {
			lighten(sub, formats)
		}
	}
}

// schemaAt follows a location of an instance through a schema; nil when the schema
// says nothing about it.
func schemaAt(s *jsonschema.Schema, location []string) *jsonschema.Schema {
	for _, part := range location {
		if s == nil {
			return nil
		}
		switch items := s.Items.(type) {
		case *jsonschema.Schema:
			s = items
			continue
		}
		if sub, ok := s.Properties[part]; ok {
			s = sub
			continue
		}
		s, _ = s.AdditionalProperties.(*jsonschema.Schema)
	}
	return s
}

// fieldName is how messages name a location: its last key, with the position
// when it is in a list.
func fieldName(location []string) string {
	if len(location) == 0 {
		return "document"
	}
	name := location[len(location)-1]
	if strings.Trim(name, "0123456789") == "" && len(location) > 1 {
		return fmt.Sprintf("%s[%s]", fieldName(location[:len(location)-1]), name)
	}
	return name
}
