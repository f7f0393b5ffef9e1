// Package term knows what a stream of text can show: colour, signs, width.
//
// It lays text out and makes foreign text harmless. It does not know what the
// text is about, but for the four verdicts, which look alike in every output.
package term

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"charm.land/lipgloss/v2"
	xterm "github.com/charmbracelet/x/term"
)

// DefaultWidth is the width of a stream that is not a terminal, in cells.
const DefaultWidth = 100

// Profile is what a stream can show. The zero value is the most modest stream;
// its Width of 0 means DefaultWidth.
type Profile struct {
	Color   bool // escape codes for colour may be written
	Unicode bool // signs outside ASCII may be written
	Width   int  // cells in a line
	TTY     bool // a person is watching: a line may be rewritten
}

// File is the profile of a file or of another program's input.
func File() Profile { return Profile{Unicode: true, Width: DefaultWidth} }

// Columns returns the number of cells in a line, which is never less than 20.
func (p Profile) Columns() int {
	if p.Width == 0 {
		return DefaultWidth
	}
	return max(p.Width, 20)
}

// ColorMode is what the person asked for with --color.
type ColorMode string

// Values of --color.
const (
	ColorAuto   ColorMode = "auto"
	ColorAlways ColorMode = "always"
	ColorNever  ColorMode = "never"
)

// ParseColorMode reads a value of --color. The error names the three words.
func ParseColorMode(text string) (ColorMode, error) {
	switch m := ColorMode(text); m {
	case ColorAuto, ColorAlways, ColorNever:
		return m, nil
	default:
		return ColorAuto, fmt.Errorf("color %q is not one of auto, always, never", text)
	}
}

// Option changes what Detect finds.
type Option func(*stream)

// WithColor overrides the environment unless the mode is ColorAuto.
func WithColor(m ColorMode) Option { return func(s *stream) { s.mode = m } }

// Detect finds out what w can show. lookup returns environment variables, as
// os.LookupEnv does.
//
// Colour is off for NO_COLOR, for TERM=dumb and for what is not a terminal, and
// on for CLICOLOR_FORCE and in GitHub Actions, whose log shows it; a regular
// file gets none unless it is forced.
func Detect(w io.Writer, lookup func(string) (string, bool), options ...Option) Profile {
	s := stream{mode: ColorAuto, os: runtime.GOOS, lookup: lookup, width: DefaultWidth}
	for _, o := range options {
		o(&s)
	}
	if f, ok := w.(interface{ Fd() uintptr }); ok && xterm.IsTerminal(f.Fd()) {
		s.tty = true
		if width, _, err := xterm.GetSize(f.Fd()); err == nil && width > 0 {
			s.width = width
		}
	}
	if f, ok := w.(interface{ Stat() (fs.FileInfo, error) }); ok {
		info, err := f.Stat()
		s.regular = err == nil && info.Mode().IsRegular()
	}
	p := s.profile()
	if f, ok := w.(*os.File); ok && p.Color && p.TTY {
		lipgloss.EnableLegacyWindowsANSI(f) // does nothing elsewhere
	}
	return p
}

// stream is what a profile is worked out from.
type stream struct {
	mode    ColorMode
	os      string
	lookup  func(string) (string, bool)
	tty     bool
	regular bool // a regular file
	width   int
}

func (s stream) profile() Profile {
	return Profile{Color: s.color(), Unicode: s.unicode(), Width: s.width, TTY: s.tty}
}

func (s stream) get(name string) string {
	value, _ := s.lookup(name)
	return value
}

func (s stream) color() bool {
	term, hasTerm := s.lookup("TERM")
	force := s.get("CLICOLOR_FORCE")
	switch {
	case s.mode == ColorAlways:
		return true
	case s.mode == ColorNever, s.get("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	case term == "dumb":
		return false
	case s.get("GITHUB_ACTIONS") == "true" && !s.regular:
		return true
	case !s.tty, s.get("CLICOLOR") == "0":
		return false
	default:
		// The console of Windows has no TERM.
		return hasTerm && term != "" || s.os == "windows"
	}
}

// unicode follows the locale's order: LC_ALL hides LC_CTYPE, which hides LANG.
func (s stream) unicode() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := strings.ToLower(s.get(name)); value != "" {
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	return s.os == "windows" && s.get("WT_SESSION") != ""
}
