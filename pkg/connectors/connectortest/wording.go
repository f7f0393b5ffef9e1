package connectortest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Overclaims are words no reading of a server can justify.
var Overclaims = regexp.MustCompile(`(?i)\b(in sync|synchroni[sz]ed|no (data )?loss|zero[- ](data )?loss|safe(ly)?|guarantee[sd]?|fully replicated|up to date|healthy|certain(ly)?|no lag)\b`)

// ModestSource reads every text in the source files that the patterns match, tests
// left out, so that a message no test provokes is checked as well. It fails where a
// text claims more than evidence, or where fewer texts than least were found.
func ModestSource(t *testing.T, overclaims *regexp.Regexp, least int, patterns ...string) {
	t.Helper()
	files, texts := token.NewFileSet(), 0
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if base := filepath.Base(name); strings.HasSuffix(base, "_test.go") || strings.HasPrefix(base, "queries") {
				continue // a statement names columns
			}
			file, err := parser.ParseFile(files, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					texts++
					if words := overclaims.FindString(lit.Value); words != "" {
						t.Errorf("%s: %q claims more than evidence", files.Position(lit.Pos()), words)
					}
				}
				return true
			})
		}
	}
	if texts < least {
		t.Errorf("only %d texts were found: this test looks in the wrong place", texts)
	}
}
