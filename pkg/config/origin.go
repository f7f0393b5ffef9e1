package config

import (
	"fmt"

	"github.com/bcctl/bcctl/internal/yamldoc"
)

// Origin is where a document stands.
type Origin struct {
	File string // path in the repository, with slashes
	Line int    // first line of the document's content
	doc  *yamldoc.Document
}

// String returns "file:line".
func (o Origin) String() string { return fmt.Sprintf("%s:%d", o.File, o.Line) }

// At returns the place of the value at path, whose parts are keys (string) and
// positions (int) from the top of the document: At("spec", "endpoints", 0,
// "site"). Where the path leads to nothing it is the nearest place around it. A
// document that was not read from a file is at 1, 1.
func (o Origin) At(path ...any) (line, col int) {
	if o.doc == nil {
		return max(o.Line, 1), 1
	}
	p := o.doc.At(path...)
	return p.Line, p.Col
}

// Problem makes a problem about the value at path.
func (o Origin) Problem(what, instead string, path ...any) Problem {
	line, col := o.At(path...)
	return Problem{File: o.File, Line: line, Col: col, What: what, Instead: instead}
}

// keyProblem makes a problem about the key at the end of path.
func (o Origin) keyProblem(what, instead string, path ...any) Problem {
	p := Problem{File: o.File, Line: max(o.Line, 1), Col: 1, What: what, Instead: instead}
	if o.doc != nil {
		at := o.doc.KeyAt(path...)
		p.Line, p.Col = at.Line, at.Col
	}
	return p
}

// lineOf returns "file:line" of the value at path.
func (o Origin) lineOf(path ...any) string {
	line, _ := o.At(path...)
	return fmt.Sprintf("%s:%d", o.File, line)
}

// scalar returns the text at path as it stands in the file, and whether it was
// quoted.
func (o Origin) scalar(path ...any) (text string, quoted, ok bool) {
	if o.doc == nil {
		return "", false, false
	}
	return o.doc.Scalar(path...)
}
