package term

import (
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Style is how a piece of text is emphasized. It never carries meaning alone:
// without colour every text still says the same.
type Style uint8

// Styles. The zero Style is plain text.
const (
	Plain Style = iota
	Strong
	Grey
	Good
	Warn
	Bad
	Doubt
)

// Paint returns text in a style, or text unchanged where there is no colour.
// Only the sixteen basic colours are used: every terminal that has colour has
// them, and shows them as its owner likes to see them.
func (p Profile) Paint(s Style, text string) string {
	if !p.Color || s == Plain || text == "" {
		return text
	}
	style := lipgloss.NewStyle().TabWidth(lipgloss.NoTabConversion)
	switch s {
	case Strong:
		style = style.Bold(true)
	case Grey:
		style = style.Foreground(lipgloss.BrightBlack)
	case Good:
		style = style.Foreground(lipgloss.Green)
	case Warn:
		style = style.Foreground(lipgloss.Yellow)
	case Bad:
		style = style.Foreground(lipgloss.Red).Bold(true)
	case Doubt:
		style = style.Foreground(lipgloss.Magenta)
	}
	return style.Render(text)
}

// StyleOf returns the style of a verdict.
func StyleOf(s readiness.Status) Style {
	switch s {
	case readiness.Red:
		return Bad
	case readiness.Yellow:
		return Warn
	case readiness.Green:
		return Good
	default:
		return Doubt
	}
}

// Word returns a verdict as a word: "RED".
func Word(s readiness.Status) string { return strings.ToUpper(s.String()) }

// Label returns a verdict as sign and word, not painted: "x RED".
func (p Profile) Label(s readiness.Status) string { return p.sign(s) + " " + Word(s) }

// Status returns a verdict as sign and word, painted.
func (p Profile) Status(s readiness.Status) string { return p.Paint(StyleOf(s), p.Label(s)) }

func (p Profile) sign(s readiness.Status) string {
	signs := map[readiness.Status]string{readiness.Red: "x", readiness.Yellow: "!", readiness.Green: "ok"}
	if p.Unicode {
		signs = map[readiness.Status]string{readiness.Red: "✗", readiness.Yellow: "!", readiness.Green: "✓"}
	}
	if sign, ok := signs[s]; ok {
		return sign
	}
	return "?"
}
