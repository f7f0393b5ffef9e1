package sqlserver

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// overclaims are words no reading of a server can justify. SYNCHRONIZED in capitals
// is the server's own word for a state and quoted as such.
var overclaims = regexp.MustCompile(`(?i:\b(in sync|no (data )?loss|zero[- ](data )?loss|safe(ly)?|guarantee[sd]?|fully replicated|up to date|healthy|certain(ly)?|no lag)\b)|\b[Ss]ynchroni[sz]ed\b`)

// assertModest: nothing a sweep says claims more than evidence.
func assertModest(t testing.TB, v verdict) {
	t.Helper()
	say := func(text string) {
		if words := overclaims.FindString(text); words != "" {
			t.Errorf("%q claims more than evidence: %s", words, text)
		}
	}
	for _, r := range v.Reasons {
		say(r.Message)
	}
	for _, o := range v.observations {
		if text, ok := o.Value.Text(); ok {
			say(text)
		}
	}
}

// TestNoTextClaimsMoreThanEvidence reads every text in the source of the package,
// so that a message no test provokes is checked as well.
func TestNoTextClaimsMoreThanEvidence(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files, texts := token.NewFileSet(), 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "queries") {
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
	if texts < 100 {
		t.Errorf("only %d texts were found: this test looks in the wrong place", texts)
	}
}
