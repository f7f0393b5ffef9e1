package readiness_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// declaredCodes are the constants of type Code in codes.go: name and text.
func declaredCodes(t *testing.T) map[string]readiness.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]readiness.Code{}
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			v := spec.(*ast.ValueSpec)
			if id, ok := v.Type.(*ast.Ident); !ok || id.Name != "Code" || len(v.Values) != 1 {
				t.Fatalf("constant %s is not written NAME Code = \"TEXT\"", v.Names[0].Name)
			}
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			declared[v.Names[0].Name] = readiness.Code(text)
		}
	}
	if len(declared) < 50 {
		t.Fatalf("only %d codes were found in codes.go", len(declared))
	}
	return declared
}

func TestEveryCodeConstantIsRegistered(t *testing.T) {
	t.Parallel()
	declared := declaredCodes(t)
	texts := map[readiness.Code]string{}
	for name, code := range declared {
		if other, twice := texts[code]; twice {
			t.Errorf("%s and %s are both %s", name, other, code)
		}
		texts[code] = name
		if info, ok := code.Info(); !ok || info.Code != code {
			t.Errorf("%s = %s is not registered", name, code)
		}
	}
	if n := len(readiness.Codes()); n != len(texts) {
		t.Errorf("%d codes are registered, %d are declared", n, len(texts))
	}
}

func TestCodesAreSortedAndUnique(t *testing.T) {
	t.Parallel()
	all := readiness.Codes()
	for i := 1; i < len(all); i++ {
		if all[i-1].Code >= all[i].Code {
			t.Errorf("%s stands before %s", all[i-1].Code, all[i].Code)
		}
	}
}

// SI-6: no reason is one for being healthy. Every code says what is so and what
// to do first, on one line each.
func TestSI6EveryCodeIsExplainedAndNoneIsGreen(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)
	for _, info := range readiness.Codes() {
		if !form.MatchString(string(info.Code)) {
			t.Errorf("%s is not UPPER_SNAKE", info.Code)
		}
		if !slices.Contains([]readiness.Status{readiness.Yellow, readiness.Unknown, readiness.Red}, info.Default) {
			t.Errorf("%s is %s by default", info.Code, info.Default)
		}
		for _, text := range []string{info.Meaning, info.FirstAction} {
			if strings.TrimSpace(text) == "" || strings.ContainsAny(text, "\n\t") || text != strings.TrimSpace(text) || strings.HasSuffix(text, ".") {
				t.Errorf("%s is explained by %q", info.Code, text)
			}
		}
	}
}

// Loss of visibility is never taken for something that was seen.
func TestVisibilityCodesAreUnknown(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, info := range readiness.Codes() {
		if strings.HasPrefix(string(info.Code), "VIS_") {
			seen++
			if info.Default != readiness.Unknown {
				t.Errorf("%s is %s by default", info.Code, info.Default)
			}
		}
	}
	if seen < 6 {
		t.Errorf("only %d VIS_ codes are there", seen)
	}
}

func TestUnregisteredCodeIsUnknown(t *testing.T) {
	t.Parallel()
	for _, code := range []readiness.Code{"", "green", "ALL_GOOD", "ZZZ", "A", "vis_stale"} {
		if info, ok := code.Info(); ok || info.Default != readiness.Unknown || info.Code != code {
			t.Errorf("%q is %+v, %v", code, info, ok)
		}
	}
}

func TestCodesReturnsACopy(t *testing.T) {
	t.Parallel()
	readiness.Codes()[0].Default = readiness.Green
	if readiness.Codes()[0].Default == readiness.Green {
		t.Error("a caller changed the table")
	}
}
