package term

import (
	"io"

	"github.com/charmbracelet/x/term"
)

// Discard throws away what was typed at a terminal and not read yet, so that the next line
// answers the question that is asked now. What is no terminal keeps everything.
func Discard(in io.Reader) {
	if f, ok := in.(interface{ Fd() uintptr }); ok && term.IsTerminal(f.Fd()) {
		discard(f.Fd())
	}
}
