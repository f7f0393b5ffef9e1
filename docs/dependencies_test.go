package docs_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	dependencyRow = regexp.MustCompile("(?m)^\\| `([^`]+)` (v\\S+) \\|")
	required      = regexp.MustCompile(`(?m)^(?:require )?\s*(\S+) (v\S+)`)
)

// Every module the code imports has a line in the decision about them, with the
// version of go.mod, and no line is about something else.
func TestDependenciesAreExplained(t *testing.T) {
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, m := range required.FindAllStringSubmatch(string(gomod), -1) {
		versions[m[1]] = m[2]
	}
	imported := importedModules(t, versions)
	var explained []string
	for _, m := range dependencyRow.FindAllStringSubmatch(readPage(t, "docs/adr/0008-supply-chain.md").text, -1) {
		explained = append(explained, m[1])
		if versions[m[1]] != m[2] {
			t.Errorf("ADR 0008 says %s %s, go.mod %s", m[1], m[2], versions[m[1]])
		}
		if !slices.Contains(imported, m[1]) {
			t.Errorf("ADR 0008 explains %s, which nothing imports", m[1])
		}
	}
	for _, module := range imported {
		if !slices.Contains(explained, module) {
			t.Errorf("%s is imported and ADR 0008 does not explain it", module)
		}
	}
}

// importedModules are the modules that the project's own files import.
func importedModules(t *testing.T, versions map[string]string) []string {
	t.Helper()
	var modules []string
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root:
			return fs.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if module := moduleOf(name, versions); module != "" && !slices.Contains(modules, module) {
				modules = append(modules, module)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return modules
}

// moduleOf is the module of go.mod that a package belongs to; empty for the
// standard library and the project itself.
func moduleOf(name string, versions map[string]string) string {
	for ; name != "."; name = filepath.ToSlash(filepath.Dir(name)) {
		if _, ok := versions[name]; ok {
			return name
		}
	}
	return ""
}
