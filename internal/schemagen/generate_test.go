package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/schemas"
)

// The schemas in the repository are those of the types.
func TestSchemasAreUpToDate(t *testing.T) {
	t.Parallel()
	want, err := generate("../..")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := fs.ReadDir(schemas.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if wanted := slices.Sorted(maps.Keys(want)); !slices.Equal(names, wanted) {
		t.Errorf("schemas are %v, want %v; run go generate ./schemas", names, wanted)
	}
	for name, data := range want {
		if have, _ := schemas.FS.ReadFile(name); !bytes.Equal(have, data) {
			t.Errorf("%s is not up to date; run go generate ./schemas", name)
		}
	}
}

// node is what the tests below look at in a schema.
type node struct {
	Schema               string                     `json:"$schema"`
	Type                 any                        `json:"type"`
	Description          string                     `json:"description"`
	Format               string                     `json:"format"`
	Pattern              string                     `json:"pattern"`
	Ref                  string                     `json:"$ref"`
	Properties           map[string]json.RawMessage `json:"properties"`
	Items                json.RawMessage            `json:"items"`
	AdditionalProperties json.RawMessage            `json:"additionalProperties"`
}

func walk(t *testing.T, path string, raw json.RawMessage, visit func(path string, n node)) {
	t.Helper()
	if len(raw) == 0 || raw[0] != '{' {
		return
	}
	var n node
	if err := json.Unmarshal(raw, &n); err != nil {
		t.Fatal(err)
	}
	visit(path, n)
	for name, sub := range n.Properties {
		walk(t, path+"."+name, sub, visit)
	}
	walk(t, path+"[]", n.Items, visit)
	walk(t, path+".*", n.AdditionalProperties, visit)
}

// Editors show descriptions and check patterns; a document has no unknown fields.
func TestSchemasOfDocuments(t *testing.T) {
	t.Parallel()
	for _, kind := range config.Kinds() {
		data, ok := schemas.For(string(kind))
		if !ok {
			t.Errorf("%s has no schema", kind)
			continue
		}
		fields := 0
		walk(t, string(kind), data, func(path string, n node) {
			fields++
			if path == string(kind) && n.Schema != draft07 {
				t.Errorf("%s is of %q, want draft-07", path, n.Schema)
			}
			if last := path[strings.LastIndex(path, ".")+1:]; n.Description == "" && last != "*" && !strings.HasSuffix(last, "[]") {
				t.Errorf("%s has no description", path)
			}
			if n.Properties != nil && string(n.AdditionalProperties) != "false" {
				t.Errorf("%s allows unknown fields", path)
			}
			if strings.Contains(n.Description, "\n") {
				t.Errorf("description of %s has several lines", path)
			}
			if n.Pattern != "" {
				if _, err := regexp.Compile(n.Pattern); err != nil {
					t.Errorf("pattern of %s: %v", path, err)
				}
			}
			if f, ok := schemas.Formats()[n.Format]; ok && f.Pattern != n.Pattern {
				t.Errorf("%s has format %s without its pattern", path, n.Format)
			} else if n.Format != "" && !ok {
				t.Errorf("%s has the unknown format %s", path, n.Format)
			}
		})
		if fields < 8 {
			t.Errorf("%s has %d fields only", kind, fields)
		}
	}
}

// Every schema is valid draft-07 as it is published, and the report's allows
// fields of later versions.
func TestSchemasCompile(t *testing.T) {
	t.Parallel()
	entries, err := fs.ReadDir(schemas.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := schemas.FS.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Errorf("%s: %v", e.Name(), err)
			continue
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("schema.json", doc); err != nil {
			t.Errorf("%s: %v", e.Name(), err)
			continue
		}
		if _, err := c.Compile("schema.json"); err != nil {
			t.Errorf("%s: %v", e.Name(), err)
		}
	}
}
