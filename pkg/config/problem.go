package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a repository.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // from 1
	Col     int    `json:"col"`  // from 1, in characters
	What    string `json:"what"`
	Instead string `json:"instead,omitempty"` // what to write instead
}

// String returns "file:line:col: what; instead".
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Col, p.What)
	if p.Instead != "" {
		s += "; " + p.Instead
	}
	return s
}

// Problems is everything wrong with a repository, in the order of files, lines
// and columns.
type Problems []Problem

// Error returns the problems, one per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns the problems as an error, and nil when there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// maxText is how many characters of a message are kept: what is repeated from a
// file must not flood a terminal.
const maxText = 300

// Sorted returns the problems in their order, without repeats.
func (ps Problems) Sorted() Problems {
	for i := range ps {
		ps[i].What, ps[i].Instead = clip(ps[i].What), clip(ps[i].Instead)
	}
	slices.SortFunc(ps, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Col, b.Col),
			cmp.Compare(a.What, b.What),
			cmp.Compare(a.Instead, b.Instead),
		)
	})
	return slices.Compact(ps)
}

func clip(text string) string {
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText]) + "..."
	}
	return text
}
