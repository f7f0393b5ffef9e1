// Package render turns a report into every form of output: tables and
// explanations for people, and formats for programs.
//
// It decides nothing. Every verdict is shown as readiness.Result.At gives it for
// the reader's clock, so that nothing old is shown green; forms that cannot
// expire say until when they hold. It collects nothing and opens no connection.
package render

import (
	"fmt"
	"io"

	"github.com/bcctl/bcctl/internal/term"
)

// Render writes the view in the format of spec: to w, or to the file that spec
// names, which is replaced as a whole or not at all. Nothing is written if the
// view cannot be encoded.
func Render(w io.Writer, spec Spec, view View) error {
	if spec.Path != "" {
		view.Profile = term.File()
	}
	data, err := encode(spec, view)
	if err != nil {
		return fmt.Errorf("make output %s: %w", spec.Format, err)
	}
	if spec.Path != "" {
		return WriteFile(spec.Path, data)
	}
	return write(w, data)
}

func encode(spec Spec, v View) ([]byte, error) {
	switch spec.Format {
	case Table:
		return text(v.table(false)), nil
	case Wide:
		return text(v.table(true)), nil
	case Name:
		return text(v.names()), nil
	case JSON:
		return v.json()
	case JSONL:
		return v.jsonLines()
	case YAML:
		return v.yaml()
	case CSV:
		return v.csv()
	case Markdown:
		return []byte(v.markdown(markdownLimit)), nil
	case GitHub:
		return []byte(v.annotations()), nil
	case JUnit:
		return v.junit()
	case SARIF:
		return v.sarif(defaultSARIFLimits)
	case Template:
		return v.template(spec.Template)
	default:
		return nil, fmt.Errorf("format %q is not known", spec.Format)
	}
}

// text is the bytes of what people read in lines.
func text(lines string) []byte { return []byte(term.GuardLines(lines)) }

func write(w io.Writer, data []byte) error {
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
