package render

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/term"
)

func TestParse(t *testing.T) {
	t.Parallel()
	good := map[string]Spec{
		"table":                          {Format: Table},
		"json=report.json":               {Format: JSON, Path: "report.json"},
		"sarif=a=b.sarif":                {Format: SARIF, Path: "a=b.sarif"},
		"template={{.Verdict}}":          {Format: Template, Template: "{{.Verdict}}"},
		"template={{if eq 1 1}}={{end}}": {Format: Template, Template: "{{if eq 1 1}}={{end}}"},
	}
	for text, want := range good {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
	bad := map[string]string{
		"pdf":              "is not one of table, wide, name, json",
		"":                 "is not one of",
		"JSON":             "is not one of",
		"json=":            "write json or json=FILE",
		"template":         "needs a text",
		"template=":        "needs a text",
		"template={{.A":    "read template",
		"template={{nah}}": "read template",
	}
	for text, want := range bad {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %v, want an error with %q", text, err, want)
		}
	}
}

func TestParseHintsAtWorkingTemplate(t *testing.T) {
	t.Parallel()
	_, err := Parse("template")
	_, quoted, _ := strings.Cut(err.Error(), `"`)
	example := strings.TrimSuffix(quoted, `"`)
	if out := render(t, example, viewOf(healthy())); out != "pg/catalog green\npg/users green\n" {
		t.Errorf("the example %q gives %q", example, out)
	}
}

func TestRenderToFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "report.txt")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	v := viewOf(sample())
	v.Profile = term.Profile{Color: true, Width: 400}
	var stdout strings.Builder
	if err := Render(&stdout, Spec{Format: Table, Path: path}, v); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v.Profile = term.File()
	if want := render(t, "table", v); string(data) != want || strings.Contains(want, "\x1b") {
		t.Errorf("the file holds %q", data)
	}
	if stdout.Len() > 0 {
		t.Errorf("stdout got %q", stdout.String())
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
}

func TestRenderToFileThatCannotBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "none", "report.json")} {
		if err := Render(&strings.Builder{}, Spec{Format: JSON, Path: path}, viewOf(sample())); err == nil {
			t.Errorf("writing to %s is no error", path)
		}
	}
	path := filepath.Join(dir, "keep")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Render(&strings.Builder{}, Spec{Format: Template, Template: "{{.Nothing}}", Path: path}, viewOf(sample())); err == nil {
		t.Error("a failing template is no error")
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "old" {
		t.Errorf("an output that failed left %q, %v", data, err)
	}
}

// Replacing /dev/null or a link would destroy it.
func TestRenderToWhatIsNoFile(t *testing.T) {
	t.Parallel()
	if err := WriteFile(os.DevNull, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s was replaced: %v, %v", os.DevNull, info, err)
	}
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	if err := WriteFile(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(target); err != nil || string(data) != "new" {
		t.Errorf("the target of the link holds %q, %v", data, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v", err)
	}
}

func TestRenderToPipe(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() }) // everything was read
	path := fmt.Sprintf("/dev/fd/%d", w.Fd())
	if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() {
		t.Skipf("this system names no pipe %s", path)
	}
	if err := Render(&strings.Builder{}, Spec{Format: Name, Path: path}, viewOf(sample())); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if want := render(t, "name", viewOf(sample())); string(data) != want {
		t.Errorf("the pipe got %q, want %q", data, want)
	}
}
