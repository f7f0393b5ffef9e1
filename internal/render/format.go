package render

import (
	"fmt"
	"slices"
	"strings"
	"text/template"
)

// Format names a form of output.
type Format string

// Formats of a report.
const (
	Table    Format = "table"
	Wide     Format = "wide"
	Name     Format = "name"
	JSON     Format = "json"
	JSONL    Format = "jsonl"
	YAML     Format = "yaml"
	CSV      Format = "csv"
	Markdown Format = "markdown"
	GitHub   Format = "github"
	JUnit    Format = "junit"
	SARIF    Format = "sarif"
	Template Format = "template"
)

// Formats returns every format, in the order of the help.
func Formats() []Format {
	return []Format{Table, Wide, Name, JSON, JSONL, YAML, CSV, Markdown, GitHub, JUnit, SARIF, Template}
}

// Spec is one value of --output.
type Spec struct {
	Format   Format
	Path     string // file to write; empty for the writer given to Render
	Template string // text of the template, for format template only
}

// Parse reads a value of --output: FORMAT, FORMAT=FILE or template=TEMPLATE. The
// error says what to write instead; a template is checked as far as it can be
// without a report.
func Parse(text string) (Spec, error) {
	name, argument, given := strings.Cut(text, "=")
	format := Format(name)
	switch {
	case !slices.Contains(Formats(), format):
		return Spec{}, fmt.Errorf("output format %q is not one of %s", name, names())
	case format == Template && argument == "":
		return Spec{}, fmt.Errorf("output format template needs a text; write for example %q", "template={{range .Results}}{{.Name}} {{.Status}}{{println}}{{end}}")
	case format == Template:
		if _, err := parseTemplate(argument); err != nil {
			return Spec{}, err
		}
		return Spec{Format: format, Template: argument}, nil
	case given && argument == "":
		return Spec{}, fmt.Errorf("output %q names no file; write %s or %s=FILE", text, name, name)
	default:
		return Spec{Format: format, Path: argument}, nil
	}
}

func names() string {
	var list []string
	for _, f := range Formats() {
		list = append(list, string(f))
	}
	return strings.Join(list, ", ")
}

func parseTemplate(text string) (*template.Template, error) {
	t, err := template.New("output").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	return t, nil
}
