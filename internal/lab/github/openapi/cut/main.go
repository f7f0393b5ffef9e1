// Command cut takes out of GitHub's OpenAPI description what the laboratory's
// GitHub answers: whole operations, with the components they refer to, without
// prose and examples. scripts/cut-openapi.sh runs it.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: cut DESCRIPTION.json OPERATIONS.txt > subset.json")
		os.Exit(1)
	}
	if err := cut(os.Args[1], os.Args[2], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cut:", err)
		os.Exit(1)
	}
}

func cut(description, operations string, out io.Writer) error {
	data, err := os.ReadFile(description)
	if err != nil {
		return err
	}
	list, err := os.ReadFile(operations)
	if err != nil {
		return err
	}
	var doc struct {
		OpenAPI    string                    `json:"openapi"`
		Info       map[string]any            `json:"info"`
		Paths      map[string]map[string]any `json:"paths"`
		Components map[string]map[string]any `json:"components"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil {
		return fmt.Errorf("%s: %w", description, err)
	}
	paths, components := map[string]map[string]any{}, map[string]map[string]any{}
	var missing []error
	for line := range strings.Lines(string(list)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		method, path, _ := strings.Cut(line, " ")
		method = strings.ToLower(method)
		operation, ok := doc.Paths[path][method]
		if !ok {
			missing = append(missing, fmt.Errorf("the description has no %s", line))
			continue
		}
		if paths[path] == nil {
			paths[path] = map[string]any{}
			if shared, ok := doc.Paths[path]["parameters"]; ok {
				paths[path]["parameters"] = strip(shared, false)
			}
		}
		paths[path][method] = strip(operation, false)
	}
	if err := errors.Join(missing...); err != nil {
		return err
	}
	// Components refer to components: the list grows while it is walked.
	var todo []string
	for _, operations := range paths {
		todo = refs(operations, todo)
	}
	for i := 0; i < len(todo); i++ {
		kind, name, ok := strings.Cut(strings.TrimPrefix(todo[i], "#/components/"), "/")
		if !ok {
			return fmt.Errorf("unexpected reference %s", todo[i])
		}
		if _, done := components[kind][name]; done || kind == "examples" || kind == "headers" {
			continue
		}
		value, ok := doc.Components[kind][name]
		if !ok {
			return fmt.Errorf("reference %s leads nowhere", todo[i])
		}
		value = strip(value, false)
		if components[kind] == nil {
			components[kind] = map[string]any{}
		}
		components[kind][name] = value
		todo = refs(value, todo)
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e.Encode(map[string]any{
		"openapi": doc.OpenAPI, "info": map[string]any{"title": doc.Info["title"], "version": doc.Info["version"], "license": doc.Info["license"]},
		"paths": paths, "components": components,
	})
}

// prose is what nobody checks against.
var prose = []string{"description", "summary", "example", "examples", "externalDocs", "tags", "title", "deprecated", "headers", "links", "x-github", "x-octokit", "x-github-breaking-changes", "operationId"}

// strip removes prose. Below "properties" names are a document's own, and stay.
func strip(value any, names bool) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, child := range v {
			if !names && slices.Contains(prose, k) {
				continue
			}
			out[k] = strip(child, !names && k == "properties")
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = strip(child, false)
		}
		return out
	}
	return value
}

func refs(value any, found []string) []string {
	switch v := value.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && !slices.Contains(found, ref) {
			found = append(found, ref)
		}
		for _, child := range v {
			found = refs(child, found)
		}
	case map[string]map[string]any:
		for _, child := range v {
			found = refs(child, found)
		}
	case []any:
		for _, child := range v {
			found = refs(child, found)
		}
	}
	return found
}
