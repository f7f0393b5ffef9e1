package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
)

var upperSnake = regexp.MustCompile(`\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*(?:_\*|\*)?`)

// notCodes are words in capitals that are none of bcctl's reason codes.
var notCodes = regexp.MustCompile(`^(BCCTL|XDG|GITHUB|GH|AWS|VAULT|SF|SNOWFLAKE|LEDGER|ORDERS|STOCK|CLAIMS|CATALOG|PARCELS|DR_AUDIT|CGO|UPPER|IDENTIFY|TIMELINE)_`)

// serverWords are a database's own words, which look like reason codes.
var serverWords = regexp.MustCompile(`^(READ_ONLY|CLUSTER_TYPE|CHECK_POLICY|NORMAL_QUORUM|FORCED_QUORUM|SYNCHRONOUS_COMMIT|RECOVERY_PENDING|FORCE_FAILOVER_ALLOW_DATA_LOSS|FAILOVER_MODE|AVAILABILITY_MODE|HAS_PERMS_BY_NAME|REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT|` +
	`WAREHOUSE_SIZE|AUTO_SUSPEND|AUTO_RESUME|INITIALLY_SUSPENDED|DEFAULT_ROLE|RSA_PUBLIC_KEY|SALES_FG|QUERY_TAG|CURRENT_ORGANIZATION_NAME|FG_ACCOUNT|FG_DATA|PROD_FRA|INFORMATION_SCHEMA|QUERY_HISTORY_BY_USER|LAST_ALTERED|TIMESTAMP_LTZ)$`)

func TestReasonCodesExist(t *testing.T) {
	var codes []string
	for _, info := range readiness.Codes() {
		codes = append(codes, string(info.Code))
	}
	mentioned := 0
	for _, p := range pages(t) {
		for _, s := range append(p.spans(), upperSnake.FindAllString(p.text, -1)...) {
			word := upperSnake.FindString(s)
			switch {
			case word != s || !strings.Contains(word, "_") || notCodes.MatchString(word) || serverWords.MatchString(word):
				if slices.Contains(codes, s) {
					mentioned++
				}
			case strings.HasSuffix(word, "*"):
				prefix := strings.TrimSuffix(word, "*")
				if !slices.ContainsFunc(codes, func(c string) bool { return strings.HasPrefix(c, prefix) }) {
					t.Errorf("%s: no reason code begins with %s", p.path, prefix)
				}
			case !slices.Contains(codes, word):
				t.Errorf("%s: no reason code %s", p.path, word)
			default:
				mentioned++
			}
		}
	}
	if mentioned < 100 {
		t.Errorf("reason codes are mentioned %d times only", mentioned)
	}
}

// declared is every name of the code: tests, and per package its identifiers with
// those below a type as Type.Name.
type declared struct {
	tests    map[string]bool
	packages map[string]map[string]bool // by name of the package
	folders  map[string]map[string]bool // by folder from the top
}

func declarations(t *testing.T) declared {
	t.Helper()
	d := declared{map[string]bool{}, map[string]map[string]bool{}, map[string]map[string]bool{}}
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
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		isTest := strings.HasSuffix(path, "_test.go")
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for name := range names(file) {
			if isTest {
				d.tests[name] = true
				continue
			}
			put(d.packages, file.Name.Name, name)
			put(d.folders, filepath.ToSlash(folder), name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func put(m map[string]map[string]bool, key, name string) {
	if m[key] == nil {
		m[key] = map[string]bool{}
	}
	m[key][name] = true
}

// names are the identifiers a file declares.
func names(file *ast.File) map[string]bool {
	found := map[string]bool{}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			found[d.Name.Name] = true
			if d.Recv != nil && len(d.Recv.List) == 1 {
				found[typeName(d.Recv.List[0].Type)+"."+d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.ValueSpec:
					for _, n := range s.Names {
						found[n.Name] = true
					}
				case *ast.TypeSpec:
					found[s.Name.Name] = true
					if st, ok := s.Type.(*ast.StructType); ok {
						for _, field := range st.Fields.List {
							for _, n := range field.Names {
								found[s.Name.Name+"."+n.Name] = true
							}
						}
					}
				}
			}
		}
	}
	return found
}

func typeName(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.StarExpr:
		return typeName(x.X)
	case *ast.IndexExpr:
		return typeName(x.X)
	case *ast.Ident:
		return x.Name
	default:
		return ""
	}
}

var (
	testName   = regexp.MustCompile(`\bTest[A-Z]\w+`)
	identifier = regexp.MustCompile(`^([a-z]+)\.([A-Z]\w*(?:\.[A-Z]\w*)?)$`)
	inFolder   = regexp.MustCompile("`(\\w+)` (?:in|check of) `((?:pkg|internal)/[\\w/]+)`")
)

func TestGoNamesExist(t *testing.T) {
	d := declarations(t)
	seen := 0
	for _, p := range pages(t) {
		for _, name := range testName.FindAllString(p.prose, -1) {
			seen++
			if !d.tests[name] && !strings.HasSuffix(name, "TestSI9") {
				t.Errorf("%s: no test %s", p.path, name)
			}
		}
		for _, s := range p.spans() {
			m := identifier.FindStringSubmatch(s)
			if m == nil || d.packages[m[1]] == nil {
				continue
			}
			seen++
			if !d.packages[m[1]][m[2]] {
				t.Errorf("%s: package %s has no %s", p.path, m[1], m[2])
			}
		}
		for _, m := range inFolder.FindAllStringSubmatch(strings.Join(strings.Fields(p.prose), " "), -1) {
			seen++
			if !d.folders[m[2]][m[1]] {
				t.Errorf("%s: %s has no %s", p.path, m[2], m[1])
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d names were found", seen)
	}
}

var projectPath = regexp.MustCompile(`^(?:cmd|pkg|internal|docs|schemas|examples|scripts|bench|bin)(?:/[\w./-]*)?$|^\.(?:golangci|goreleaser)\.yaml$|^\.ci/`)

func TestPathsExist(t *testing.T) {
	seen := 0
	for _, p := range pages(t) {
		for _, s := range p.spans() {
			s = strings.TrimSuffix(s, "/")
			if !projectPath.MatchString(s) || strings.HasPrefix(s, "docs/cli") || strings.HasPrefix(s, "bin") {
				continue // generated
			}
			seen++
			path := filepath.Join(root, filepath.FromSlash(s))
			// docs/adr/0004 is how comments name a decision.
			if found, _ := filepath.Glob(path + "-*.md"); len(found) == 1 {
				continue
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: %s does not exist", p.path, s)
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d paths were found", seen)
	}
}
