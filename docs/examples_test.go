package docs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/cli"
	"github.com/bcctl/bcctl/internal/yamldoc"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors/all"
	"github.com/bcctl/bcctl/schemas"
)

// writeExamples writes the blocks of pages that begin with "# file: PATH" into a
// repository, and returns the files.
func writeExamples(t *testing.T, dir string, from ...string) []string {
	t.Helper()
	var written []string
	for _, path := range from {
		for _, b := range readPage(t, path).blocks {
			if b.language != "yaml" {
				continue
			}
			first, rest, _ := strings.Cut(b.text, "\n")
			name, ok := strings.CutPrefix(first, "# file: ")
			if !ok {
				t.Errorf("%s: a YAML block does not say which file it is:\n%s", path, b.text)
				continue
			}
			file := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(file); err == nil {
				t.Errorf("%s: %s is shown twice", path, name)
			}
			if err := os.WriteFile(file, []byte(rest), 0o644); err != nil {
				t.Fatal(err)
			}
			written = append(written, name)
		}
	}
	return written
}

// examplePages are the pages whose examples are one repository.
var examplePages = []string{"docs/configuration.md", "docs/rules.md", "docs/postgresql.md", "docs/sqlserver.md", "docs/mongodb.md", "docs/snowflake.md", "docs/requests.md"}

// The examples of all pages together are one repository: it loads, is in
// canonical form, and its rule tests pass.
func TestExamplesAreARepository(t *testing.T) {
	dir := t.TempDir()
	files := writeExamples(t, dir, examplePages...)
	if len(files) < 15 {
		t.Fatalf("only %d examples were found", len(files))
	}
	repo, problems := config.Load(os.DirFS(dir), config.Options{Catalog: all.Registry()})
	for _, p := range problems {
		t.Error(p)
	}
	if t.Failed() {
		return
	}
	_, problems = check.Validate(repo, all.Registry())
	for _, p := range problems {
		t.Error(p)
	}
	for _, args := range [][]string{{"validate"}, {"fmt", "--check"}, {"rules", "test"}} {
		stdout, stderr, code := bcctl(t, dir, args...)
		if code != 0 {
			t.Errorf("bcctl %s: exit %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
		}
	}
}

// No YAML is shown that bcctl validate would not take: what is no whole document of the
// repository above is put where it belongs. Workflows of GitHub are not ours to check.
func TestEveryExampleIsChecked(t *testing.T) {
	whole := map[string]string{}
	for _, path := range examplePages {
		for _, b := range readPage(t, path).blocks {
			if first, rest, _ := strings.Cut(b.text, "\n"); strings.HasPrefix(first, "# file: ") {
				whole[strings.TrimPrefix(first, "# file: ")] = rest
			}
		}
	}
	book := whole["runbooks/switchover.yaml"]
	policy, _, _ := strings.Cut(whole["policies/tier1.yaml"], "    replay.backlog_bytes:")
	checked := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			first, rest, _ := strings.Cut(b.text, "\n")
			name, named := strings.CutPrefix(first, "# file: ")
			files := map[string]string{}
			switch {
			case b.language != "yaml", strings.Contains(b.text, "uses: actions/"), strings.Contains(b.text, "uses: bcctl/"):
				continue
			case named && strings.HasSuffix(name, ", in addition"):
				name = strings.TrimSuffix(name, ", in addition")
				files[name] = merged(t, whole[name], rest)
				files["policies/more.yaml"] = "apiVersion: bcctl/v1\nkind: ApprovalPolicy\nmetadata: {name: more}\nspec:\n  entries:\n"
				for _, action := range []string{"drill", "failback", "failover"} {
					files["policies/more.yaml"] += "    - {tier: 1, action: " + action + ", slots: [{role: it}, {role: business}]}\n"
				}
			case named:
				if !slices.Contains(examplePages, p.path) {
					t.Errorf("%s: the examples of this page are not checked; add it to examplePages", p.path)
				}
				continue
			case strings.HasPrefix(first, "- id: "):
				files["runbooks/switchover.yaml"] = strings.Replace(book, "    - id: switch\n", "    "+strings.ReplaceAll(b.text, "\n", "\n    ")+"\n    - id: switch\n", 1)
			case strings.HasPrefix(first, "    ") && strings.Contains(first, "."):
				files["policies/tier1.yaml"] = policy + b.text + "\n"
			case first == "# bcctl.yaml":
				files["bcctl.yaml"] = b.text
			default: // settings of a person
				files[".config/bcctl/config.yaml"] = b.text
			}
			checked++
			dir := t.TempDir()
			writeExamples(t, dir, examplePages...)
			for name, text := range files {
				file := filepath.Join(dir, filepath.FromSlash(name))
				if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			if stdout, stderr, code := bcctl(t, dir, "validate"); code != 0 {
				t.Errorf("%s: exit %d of\n%s\n%s%s", p.path, code, b.text, stdout, stderr)
			}
		}
	}
	if checked < 5 {
		t.Errorf("only %d examples were put where they belong", checked)
	}
}

// merged adds to a document what another one has.
func merged(t *testing.T, document, more string) string {
	t.Helper()
	var values []any
	for _, text := range []string{document, more} {
		docs, problems := yamldoc.Parse([]byte(text))
		if len(docs) != 1 || len(problems) > 0 {
			t.Fatalf("%v:\n%s", problems, text)
		}
		values = append(values, docs[0].Value)
	}
	var add func(to, from any) any
	add = func(to, from any) any {
		a, isMap := to.(map[string]any)
		b, also := from.(map[string]any)
		if !isMap || !also {
			return from
		}
		for key, value := range b {
			a[key] = add(a[key], value)
		}
		return a
	}
	text, err := yamldoc.Marshal(add(values[0], values[1]))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// docs/configuration.md shows every kind of document.
func TestEveryKindIsShown(t *testing.T) {
	text := readPage(t, "docs/configuration.md").text
	for _, kind := range config.Kinds() {
		if !strings.Contains(text, "\nkind: "+string(kind)+"\n") {
			t.Errorf("docs/configuration.md has no example of kind %s", kind)
		}
	}
}

// The report shown is one: it fits the published schema, and every field of it is
// known to this version.
func TestReportExample(t *testing.T) {
	var shown []string
	for _, b := range readPage(t, "docs/json-output.md").blocks {
		if b.language == "json" {
			shown = append(shown, b.text)
		}
	}
	if len(shown) != 1 {
		t.Fatalf("docs/json-output.md shows %d reports, not one", len(shown))
	}
	decoder := json.NewDecoder(strings.NewReader(shown[0]))
	decoder.DisallowUnknownFields()
	var report check.Report
	if err := decoder.Decode(&report); err != nil {
		t.Errorf("the report shown: %v", err)
	}
	if report.Schema != check.ReportSchema || len(report.Results) == 0 || len(report.Results[0].Reasons) == 0 {
		t.Error("the report shown explains nothing")
	}
	schemaText, ok := schemas.For("Report")
	if !ok {
		t.Fatal("there is no schema of the report")
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("report.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("report.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(shown[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(value); err != nil {
		t.Errorf("the report shown does not fit its schema: %v", err)
	}
}

// docs/exit-codes.md has the rows of the one table, in its order, and no others.
func TestExitCodes(t *testing.T) {
	var printed bytes.Buffer
	cli.PrintExitCodes(&printed)
	table, _, _ := strings.Cut(printed.String(), "\n\n") // remarks may follow
	var want []string
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "CODE" {
			want = append(want, strings.Join(fields, " "))
		}
	}
	var got []string
	for line := range strings.Lines(readPage(t, "docs/exit-codes.md").prose) {
		if row, ok := strings.CutPrefix(line, "| "); ok && row[0] >= '0' && row[0] <= '9' {
			got = append(got, strings.Join(strings.Fields(strings.ReplaceAll(row, "|", " ")), " "))
		}
	}
	if len(want) < 10 || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("docs/exit-codes.md has\n%s\n\nbcctl help exit-codes prints\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What the README promises for the first minute works, and needs no server.
func TestFirstMinute(t *testing.T) {
	text := readPage(t, "README.md").text
	for _, line := range []string{"$ bcctl init demo --demo && cd demo && bcctl check\n", "$ bcctl explain orders\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("README.md does not show %q", line)
		}
	}
	dir := t.TempDir()
	if _, stderr, code := bcctl(t, dir, "init", "demo", "--demo"); code != 0 {
		t.Fatalf("bcctl init: exit %d: %s", code, stderr)
	}
	demo := filepath.Join(dir, "demo")
	table, _, code := bcctl(t, demo, "check")
	if code != 4 || !strings.Contains(table, "orders") {
		t.Errorf("bcctl check: exit %d, want 4 and orders among the targets:\n%s", code, table)
	}
	for _, target := range []string{"orders", "catalog", "DIVERGED"} {
		out, stderr, code := bcctl(t, demo, "explain", target)
		if code != 0 || !strings.Contains(out, target) {
			t.Errorf("bcctl explain %s: exit %d: %s%s", target, code, out, stderr)
		}
	}
	if out, stderr, code := bcctl(t, demo, "rules", "test"); code != 0 {
		t.Errorf("bcctl rules test: exit %d: %s%s", code, out, stderr)
	}
}
