// Package openapi checks HTTP exchanges against GitHub's published OpenAPI
// description, of which subset.json holds the part that the laboratory answers
// (see README.md beside it for where it comes from and how it is made again).
//
// OpenAPI 3.0 is not quite JSON Schema: `nullable` becomes a second type when the
// description is read.
package openapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed subset.json
var subset []byte

// Description is what GitHub says its interface is. It may be used by several
// goroutines.
type Description struct {
	doc      map[string]any
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

// place is where the description is, for a compiler that never leaves memory.
const place = "mem:///openapi.json"

// Load reads the description. It is worth doing once for a whole program.
var Load = sync.OnceValues(func() (*Description, error) { return parse(subset) })

func parse(data []byte) (*Description, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read GitHub's description: %w", err)
	}
	top, ok := nullable(doc).(map[string]any)
	if !ok {
		return nil, errors.New("GitHub's description is not an object")
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(place, top); err != nil {
		return nil, err
	}
	return &Description{doc: top, compiler: c, compiled: map[string]*jsonschema.Schema{}}, nil
}

// nullable turns OpenAPI's way of saying "or null" into JSON Schema's.
func nullable(value any) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = nullable(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = nullable(v[k])
		}
		null, _ := v["nullable"].(bool)
		if !null {
			return v
		}
		delete(v, "nullable")
		if kind, ok := v["type"].(string); ok {
			v["type"] = []any{kind, "null"}
		}
		if list, ok := v["enum"].([]any); ok && !slices.Contains(list, any(nil)) {
			v["enum"] = append(list, nil)
		}
		for _, of := range []string{"oneOf", "anyOf"} {
			if list, ok := v[of].([]any); ok {
				v[of] = append(list, map[string]any{"type": "null"})
			}
		}
		if _, ok := v["$ref"]; ok {
			return map[string]any{"anyOf": []any{v, map[string]any{"type": "null"}}}
		}
		if _, ok := v["allOf"]; ok {
			return map[string]any{"anyOf": []any{v, map[string]any{"type": "null"}}}
		}
	}
	return value
}

// Operations lists what is described, as "GET /repos/{owner}/{repo}".
func (d *Description) Operations() []string {
	var all []string
	paths, _ := d.doc["paths"].(map[string]any)
	for path, methods := range paths {
		m, _ := methods.(map[string]any)
		for method := range m {
			if method != "parameters" {
				all = append(all, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(all)
	return all
}

// at walks a JSON pointer's parts, following references.
func (d *Description) at(pointer string) (map[string]any, string, bool) {
	var value any = d.doc
	for _, part := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		m, ok := value.(map[string]any)
		if !ok {
			return nil, "", false
		}
		value = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
	}
	m, ok := value.(map[string]any)
	if !ok {
		return nil, "", false
	}
	if ref, ok := m["$ref"].(string); ok {
		return d.at(strings.TrimPrefix(ref, "#"))
	}
	return m, pointer, true
}

func escape(part string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(part) }

func operation(op string) string {
	method, path, _ := strings.Cut(op, " ")
	return "/paths/" + escape(path) + "/" + strings.ToLower(method)
}

// check validates a value against the schema at a pointer.
func (d *Description) check(pointer string, value any) error {
	d.mu.Lock()
	schema, ok := d.compiled[pointer]
	var err error
	if !ok {
		u := url.URL{Fragment: pointer}
		schema, err = d.compiler.Compile(place + u.String())
		d.compiled[pointer] = schema
	}
	d.mu.Unlock()
	if err != nil {
		return fmt.Errorf("GitHub's description, %s: %w", pointer, err)
	}
	if err := schema.Validate(value); err != nil {
		return errors.New(strings.Join(strings.Fields(err.Error()), " "))
	}
	return nil
}

// Request checks query parameters and body of a call. op is one of Operations.
func (d *Description) Request(op string, query url.Values, contentType string, body []byte) error {
	at := operation(op)
	if _, _, ok := d.at(at); !ok {
		return fmt.Errorf("%s: not in GitHub's description", op)
	}
	var found []error
	if err := d.query(op, query); err != nil {
		found = append(found, err)
	}
	content, base, ok := d.at(at + "/requestBody")
	switch {
	case !ok && len(body) > 0:
		found = append(found, errors.New("a body where none is described"))
	case !ok:
	case len(body) == 0:
		if required, _ := content["required"].(bool); required {
			found = append(found, errors.New("no body where one is required"))
		}
	default:
		if kind, _, _ := strings.Cut(contentType, ";"); kind != "application/json" {
			found = append(found, fmt.Errorf("the body is %q, not application/json", contentType))
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err != nil {
			found = append(found, fmt.Errorf("the body is not JSON: %w", err))
			break
		}
		found = append(found, d.check(base+"/content/application~1json/schema", value))
	}
	if err := errors.Join(found...); err != nil {
		return fmt.Errorf("%s: request: %w", op, err)
	}
	return nil
}

func (d *Description) query(op string, query url.Values) error {
	path, _, _ := strings.Cut(operation(op)[len("/paths/"):], "/")
	known := map[string]string{}
	for _, pointer := range []string{"/paths/" + path, operation(op)} {
		m, _, _ := d.at(pointer)
		list, _ := m["parameters"].([]any)
		for i, p := range list {
			parameter, _ := p.(map[string]any)
			here := pointer + "/parameters/" + strconv.Itoa(i)
			if ref, ok := parameter["$ref"].(string); ok {
				parameter, here, _ = d.at(strings.TrimPrefix(ref, "#"))
			}
			if parameter["in"] != "query" {
				continue
			}
			name, _ := parameter["name"].(string)
			schema, _ := parameter["schema"].(map[string]any)
			kind, _ := schema["type"].(string)
			known[name] = kind
			if kind != "array" {
				known[name] = kind + " " + here + "/schema"
			}
		}
	}
	var found []error
	for _, name := range slices.Sorted(maps.Keys(query)) {
		text := query.Get(name)
		described, ok := known[name]
		if !ok {
			found = append(found, fmt.Errorf("unknown query parameter %q", name))
			continue
		}
		kind, pointer, _ := strings.Cut(described, " ")
		var value any = text
		if kind == "integer" {
			if _, err := strconv.ParseInt(text, 10, 64); err != nil {
				found = append(found, fmt.Errorf("query parameter %s=%q is not a number", name, text))
				continue
			}
			value = json.Number(text)
		}
		if kind == "boolean" {
			if text != "true" && text != "false" {
				found = append(found, fmt.Errorf("query parameter %s=%q is not true or false", name, text))
			}
			continue
		}
		if pointer != "" {
			if err := d.check(pointer, value); err != nil {
				found = append(found, fmt.Errorf("query parameter %s: %w", name, err))
			}
		}
	}
	return errors.Join(found...)
}

// Response checks an answer. An error status that is not described passes: GitHub
// does not describe all it may answer. Nor does it say where it redirects.
func (d *Description) Response(op string, status int, body []byte) error {
	if _, _, ok := d.at(operation(op)); !ok {
		return fmt.Errorf("%s: not in GitHub's description", op)
	}
	response, base, ok := d.at(operation(op) + "/responses/" + strconv.Itoa(status))
	if !ok {
		if status >= 300 {
			return nil
		}
		return fmt.Errorf("%s: response: status %d is not described", op, status)
	}
	content, _ := response["content"].(map[string]any)
	if len(content) == 0 {
		if len(bytes.TrimSpace(body)) > 0 && status < 300 {
			return fmt.Errorf("%s: response %d: a body where none is described", op, status)
		}
		return nil
	}
	media := "application/json"
	if _, ok := content[media]; !ok {
		media = slices.Sorted(maps.Keys(content))[0]
		if !strings.HasSuffix(media, "json") {
			return nil
		}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: response %d is not JSON: %w", op, status, err)
	}
	if err := d.check(base+"/content/"+escape(media)+"/schema", value); err != nil {
		return fmt.Errorf("%s: response %d: %w", op, status, err)
	}
	return nil
}
