package failover

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// overclaims are words no reading of an account can justify.
var overclaims = regexp.MustCompile(`(?i)\b(in sync|synchroni[sz]ed|no (data )?loss|zero[- ](data )?loss|safe(ly)?|guarantee[sd]?|fully replicated|up to date|healthy|certain(ly)?|no lag)\b`)

// TestNoTextClaimsMoreThanEvidence reads every text in the source of the connector.
func TestNoTextClaimsMoreThanEvidence(t *testing.T) {
	t.Parallel()
	files, texts := token.NewFileSet(), 0
	for _, pattern := range []string{"*.go", "../*.go", "../session/*.go", "../schedule/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
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
	if texts < 300 {
		t.Errorf("only %d texts were found: this test looks in the wrong place", texts)
	}
}
