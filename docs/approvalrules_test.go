package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/approval"
)

// notYet are the rules that no code enforces in this version. The list only shrinks.
var notYet = []string{}

// otherNumbers are rules whose test does not carry the rule's id: the audit log
// numbers its own tests, and the rules of workflows are told apart within one test.
var otherNumbers = []string{"AUD-02", "AUD-04", "LOCK-07", "WF-01", "WF-03", "WF-04"}

var (
	ruleRow  = regexp.MustCompile("(?m)^\\| ([A-Z]+-[0-9]{2}) \\| (.+) \\| (.+) \\| (.+) \\| (?:`(Test\\w+)`|not yet) \\|$")
	ruleName = regexp.MustCompile(`^(?:Test)?([A-Z]{2,4})-?([0-9]{2})(?:[^0-9]|$)`)
)

// Every rule is on the page once, with a test that carries its id, in its own name or
// in the name of a subtest.
func TestApprovalRules(t *testing.T) {
	t.Parallel()
	rows := ruleRow.FindAllStringSubmatch(readPage(t, "docs/approval-rules.md").text, -1)
	named, functions := namedTests(t)
	var ids []string
	for _, row := range rows {
		id, test := row[1], row[5]
		ids = append(ids, id)
		missing := slices.Contains(notYet, id)
		switch {
		case test == "" && !missing:
			t.Errorf("%s has no test", id)
		case test != "" && missing:
			t.Errorf("%s has a test; take it off the list of what is not there yet", id)
		case missing:
		case !functions[test]:
			t.Errorf("%s: no test %s", id, test)
		case !named[id] && !slices.Contains(otherNumbers, id):
			t.Errorf("%s: no test is named with it", id)
		}
	}
	for family, n := range map[string]int{"ID": 7, "PR": 7, "BIND": 7, "POL": 6, "APP": 11, "ADM": 3, "API": 9, "CONF": 10, "LOCK": 7, "RUN": 9, "AUD": 6, "OFF": 6, "BG": 4, "SCH": 2, "WF": 5} {
		for i := 1; i <= n; i++ {
			id := fmt.Sprintf("%s-%02d", family, i)
			if k := slices.Index(ids, id); k < 0 {
				t.Errorf("%s is not on the page", id)
			} else {
				ids = slices.Delete(ids, k, k+1)
			}
			if !approval.RuleID(id).Known() {
				t.Errorf("%s is not known to the verifier", id)
			}
		}
		if next := fmt.Sprintf("%s-%02d", family, n+1); approval.RuleID(next).Known() {
			t.Errorf("the verifier knows %s, which is not on the page", next)
		}
	}
	if len(ids) > 0 {
		t.Errorf("on the page twice, or unknown: %v", ids)
	}
}

// namedTests returns the rules that names of tests begin with, and all test functions.
// Names of subtests are texts in files that import testing; conformance suites are
// such files without being tests.
func namedTests(t *testing.T) (rules, functions map[string]bool) {
	t.Helper()
	rules, functions = make(map[string]bool), make(map[string]bool)
	add := func(name string) {
		if m := ruleName.FindStringSubmatch(name); m != nil {
			rules[m[1]+"-"+m[2]] = true
		}
	}
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root:
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing"` }) {
			return nil
		}
		// The tests of the audit log have numbers of their own; those of the pages name
		// rules without being about them.
		own := strings.HasPrefix(path, filepath.Join(root, "pkg", "audit")) || strings.HasPrefix(path, filepath.Join(root, "docs"))
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if strings.HasPrefix(n.Name.Name, "Test") {
					functions[n.Name.Name] = true
					if !own {
						add(n.Name.Name)
					}
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil && !own && !ruleOnly.MatchString(text) {
					add(text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rules, functions
}

// ruleOnly is a text that is a rule's id and nothing more: an expectation, not a name.
var ruleOnly = regexp.MustCompile(`^[A-Z]+-[0-9]{2}$`)
