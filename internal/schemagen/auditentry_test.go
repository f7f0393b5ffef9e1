package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/schemas"
)

// filled is an entry of a type with every member that there is, or with the ones
// named only.
func filled(t *testing.T, of audit.Type, only []string) audit.Entry {
	t.Helper()
	e := audit.Entry{V: audit.Version, Type: of, Log: "example.com/acme/audit", Run: strings.Repeat("0a", 16),
		Segment: "20260301T120000Z-" + strings.Repeat("0a", 16) + "-0001", Time: moment()}
	v := reflect.ValueOf(&e).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		wanted := only == nil
		for _, n := range only {
			wanted = wanted || n == name
		}
		if wanted && v.Field(i).IsZero() {
			fill(t, v.Field(i), name)
		}
	}
	return e
}

func moment() audit.Time { return audit.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)) }

// values are those of members that may not be any text.
var values = map[string]string{"outcome": "succeeded", "kind": "ci", "nonce": strings.Repeat("0b", 16), "status": "red"}

// fill sets a value and everything in it to something that is allowed there.
func fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	if v.Type() == reflect.TypeFor[audit.Time]() {
		v.Set(reflect.ValueOf(moment()))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), name)
	case reflect.Struct:
		for i := range v.NumField() {
			member, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			fill(t, v.Field(i), member)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), name)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"a": "b"}))
	case reflect.String:
		text, ok := values[name]
		if !ok {
			text = strings.Repeat("0c", 32) // a digest, where one is needed
		}
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(2)
	default:
		t.Fatalf("%s is of kind %s", name, v.Kind())
	}
}

func entrySchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, ok := schemas.For("AuditEntry")
	if !ok {
		t.Fatal("no schema of entries")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("entry.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("entry.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// line is an entry as a reader gets it.
func line(t *testing.T, e audit.Entry) map[string]any {
	t.Helper()
	text, err := audit.Encode(e)
	if err != nil {
		t.Fatalf("%s: %v", e.Type, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return value.(map[string]any)
}

// What the program writes fits the schema, whatever its type: with every member,
// and with those alone that the type needs.
func TestEntriesFitTheirSchema(t *testing.T) {
	t.Parallel()
	s := entrySchema(t)
	for _, of := range audit.Types() {
		if err := s.Validate(line(t, filled(t, of, nil))); err != nil {
			t.Errorf("%s with every member: %v", of, err)
		}
		least := filled(t, of, append([]string{}, audit.Needs(of)...))
		if err := s.Validate(line(t, least)); err != nil {
			t.Errorf("%s with what it needs: %v", of, err)
		}
		for _, name := range append(audit.Needs(of), "v", "type", "log", "run", "segment", "seq", "time") {
			value := line(t, least)
			delete(value, name)
			if err := s.Validate(value); err == nil {
				t.Errorf("%s fits without %s", of, name)
			}
		}
	}
}

func TestSchemaOfEntriesRefuses(t *testing.T) {
	t.Parallel()
	s := entrySchema(t)
	for name, spoil := range map[string]func(map[string]any){
		"a member nobody knows":   func(e map[string]any) { e["more"] = "x" },
		"one inside another":      func(e map[string]any) { e["actor"].(map[string]any)["password"] = "x" },
		"another type":            func(e map[string]any) { e["type"] = "check" },
		"another version":         func(e map[string]any) { e["v"] = 2 },
		"a time without fraction": func(e map[string]any) { e["time"] = "2026-03-01T12:00:00Z" },
		"an outcome of its own":   func(e map[string]any) { e["outcome"] = "fine" },
		"a run in capitals":       func(e map[string]any) { e["run"] = strings.Repeat("A", 32) },
		"a number as text":        func(e map[string]any) { e["seq"] = "1" },
	} {
		value := line(t, filled(t, audit.ExecutionIntent, nil))
		spoil(value)
		if err := s.Validate(value); err == nil {
			t.Errorf("an entry fits with %s", name)
		}
	}
}
