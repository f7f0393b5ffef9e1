package main

import (
	"reflect"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/config/secretref"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// mapped gives the schemas of types whose JSON is not what reflection sees: they
// write themselves as text, or as one of several types. It returns nil for all
// others.
func mapped(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[duration.Duration]():
		return &jsonschema.Schema{Type: "string", Format: "bcctl-duration", Examples: []any{"30s", "15m", "4h", "90d"}}
	case reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Format: "bcctl-time", Examples: []any{"2026-03-01T12:00:00Z"}}
	case reflect.TypeFor[secretref.Ref]():
		return &jsonschema.Schema{Type: "string", Format: "bcctl-secret", Examples: []any{"env:LEDGER_PASSWORD", "file:/run/secrets/ledger"}}
	case reflect.TypeFor[secretref.Login]():
		return &jsonschema.Schema{Type: "string", Format: "bcctl-login", Examples: []any{"bcctl_monitor", "env:LEDGER_USER"}}
	case reflect.TypeFor[runbook.Digest]():
		return &jsonschema.Schema{Type: "string", Format: "bcctl-digest"}
	case reflect.TypeFor[config.Recurrence]():
		return &jsonschema.Schema{Type: "string", Format: "bcctl-recurrence", Examples: []any{"FREQ=MONTHLY;INTERVAL=3;BYDAY=2TU"}}
	case reflect.TypeFor[rules.Quantity]():
		return severalTypes([]any{5, 0.9, "16MiB", "30s"}, "number", "string")
	case reflect.TypeFor[readiness.Value]():
		return severalTypes(nil, "number", "string", "boolean", "null")
	case reflect.TypeFor[readiness.Status]():
		return &jsonschema.Schema{Type: "string"} // the field's tag lists what is allowed there
	case reflect.TypeFor[map[readiness.Code]readiness.Status]():
		// A policy may soften or sharpen a finding, never declare it healthy.
		return &jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{
			Type: "string", Enum: []any{"yellow", "red", "unknown"},
		}}
	default:
		return nil
	}
}

// severalTypes is a schema that allows any of some types; the library's own field
// holds one only.
func severalTypes(examples []any, types ...string) *jsonschema.Schema {
	return &jsonschema.Schema{Examples: examples, Extras: map[string]any{"type": types}}
}
