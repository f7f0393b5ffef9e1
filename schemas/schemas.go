// Package schemas holds the JSON Schemas of everything people and programs write
// for bcctl or read from it. Editors, bcctl validate and bcctl schema use the
// same bytes.
//
// The files are made from the Go types; their descriptions are the types' doc
// comments.
package schemas

import (
	"embed"
	"strings"
)

//go:generate go run ../internal/schemagen ..

// FS holds every schema as <kind in lower case>.schema.json, and
// report.schema.json and auditentry.schema.json.
//
//go:embed *.schema.json
var FS embed.FS

// File returns the name of the schema of a kind, such as resource.schema.json for
// Resource.
func File(kind string) string { return strings.ToLower(kind) + ".schema.json" }

// For returns the schema of a kind, and whether there is one. The kind may be
// "Report" or "AuditEntry" as well.
func For(kind string) ([]byte, bool) {
	data, err := FS.ReadFile(File(kind))
	return data, err == nil
}

// BaseID is the address in the $id of every schema.
const BaseID = "https://bcctl.dev/schemas/v1/"
