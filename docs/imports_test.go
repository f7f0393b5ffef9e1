package docs_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/bcctl/bcctl/"

// docs/architecture.md says which package may import which; no package imports
// more, and none that others build on is left out.
func TestImportsPointInward(t *testing.T) {
	allowed := map[string][]string{}
	for _, b := range readPage(t, "docs/architecture.md").blocks {
		if b.language != "imports" {
			continue
		}
		for line := range strings.Lines(b.text) {
			if fields := strings.Fields(line); len(fields) > 0 {
				allowed[fields[0]] = fields[1:]
			}
		}
	}
	actual := projectImports(t)
	for folder, imports := range actual {
		list, listed := allowed[folder]
		if !listed {
			if strings.HasPrefix(folder, "pkg/") || strings.HasPrefix(folder, "cmd/") {
				t.Errorf("docs/architecture.md does not say what %s may import", folder)
			}
			continue
		}
		for _, other := range imports {
			if !slices.Contains(list, other) && !slices.Contains(list, "*") && other != "internal/duration" {
				t.Errorf("%s imports %s, which docs/architecture.md does not allow", folder, other)
			}
		}
	}
	for folder := range allowed {
		if _, ok := actual[folder]; !ok {
			t.Errorf("docs/architecture.md speaks of %s, which is no package", folder)
		}
	}
}

// projectImports are the imports within the project, by folder, tests left out.
func projectImports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root:
			return fs.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		folder = filepath.ToSlash(folder)
		if found[folder] == nil {
			found[folder] = []string{}
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if other, ours := strings.CutPrefix(name, module); ours {
				found[folder] = append(found[folder], other)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
