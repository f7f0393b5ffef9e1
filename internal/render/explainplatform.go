package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Platform is what this build can do with a database platform.
type Platform struct {
	Name         string
	Capabilities []connectors.Capability
	Indicators   []readiness.Indicator
}

// ExplainPlatform writes in which forms a platform is run and how far bcctl goes
// with each, and what it measures.
func ExplainPlatform(w io.Writer, x Platform, p term.Profile) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", p.Paint(term.Strong, term.Sanitize(x.Name)))
	matrix := term.Table{Columns: []term.Column{{Title: "FORM"}, {Title: "MONITOR"}, {Title: "PROVE"}, {Title: "EXECUTE"}, {Title: "RUN AGAINST", Fold: true}}}
	notes := term.Table{Columns: []term.Column{{Title: "FORM"}, {Title: "TO KNOW", Fold: true}}}
	for _, c := range x.Capabilities {
		matrix.Row(plainCell(c.Form), plainCell(string(c.Monitor)), plainCell(string(c.Prove)), plainCell(string(c.Execute)), plainCell(c.Against))
		if c.Note != "" {
			notes.Row(plainCell(c.Form), plainCell(c.Note))
		}
	}
	b.WriteString(matrix.Render(p))
	b.WriteString("\nMONITOR: bcctl check judges it. PROVE: readings bound what a change of sides loses.\nEXECUTE: bcctl changes it. RUN AGAINST: where this was tried.\n\n")
	b.WriteString(notes.Render(p))
	measured := term.Table{Columns: []term.Column{{Title: "INDICATOR"}, {Title: "NEEDED"}, {Title: "WHAT IT SAYS", Fold: true}}}
	for _, i := range x.Indicators {
		needed := ""
		if i.Required {
			needed = "yes"
		}
		measured.Row(plainCell(string(i.ID)), plainCell(needed), plainCell(i.Help))
	}
	b.WriteString("\n" + measured.Render(p))
	b.WriteString("\nNEEDED: without it no verdict is green.\n")
	_, err := io.WriteString(w, b.String())
	if err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

func plainCell(s string) term.Cell { return term.Cell{Text: s} }
