package term

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
)

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}

func TestColor(t *testing.T) {
	t.Parallel()
	xterm := map[string]string{"TERM": "xterm"}
	tests := map[string]struct {
		env     map[string]string
		mode    ColorMode
		tty     bool
		regular bool
		os      string
		want    bool
	}{
		"terminal":                     {env: xterm, tty: true, want: true},
		"not a terminal":               {env: xterm, want: false},
		"terminal without a type":      {tty: true, want: false},
		"console of Windows":           {tty: true, os: "windows", want: true},
		"dumb terminal":                {env: map[string]string{"TERM": "dumb"}, tty: true, want: false},
		"NO_COLOR":                     {env: map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, tty: true, want: false},
		"NO_COLOR is empty":            {env: map[string]string{"TERM": "xterm", "NO_COLOR": ""}, tty: true, want: true},
		"NO_COLOR against force":       {env: map[string]string{"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, want: false},
		"forced":                       {env: map[string]string{"CLICOLOR_FORCE": "1"}, want: true},
		"forced with a dumb terminal":  {env: map[string]string{"CLICOLOR_FORCE": "1", "TERM": "dumb"}, want: true},
		"not forced":                   {env: map[string]string{"CLICOLOR_FORCE": "0"}, want: false},
		"CLICOLOR=0":                   {env: map[string]string{"TERM": "xterm", "CLICOLOR": "0"}, tty: true, want: false},
		"GitHub Actions":               {env: map[string]string{"GITHUB_ACTIONS": "true"}, want: true},
		"GitHub Actions, to a file":    {env: map[string]string{"GITHUB_ACTIONS": "true"}, regular: true, want: false},
		"GitHub Actions with NO_COLOR": {env: map[string]string{"GITHUB_ACTIONS": "true", "NO_COLOR": "1"}, want: false},
		"GitHub Actions, dumb":         {env: map[string]string{"GITHUB_ACTIONS": "true", "TERM": "dumb"}, want: false},
		"always":                       {mode: ColorAlways, env: map[string]string{"NO_COLOR": "1", "TERM": "dumb"}, want: true},
		"never":                        {mode: ColorNever, env: xterm, tty: true, want: false},
		"never against force":          {mode: ColorNever, env: map[string]string{"CLICOLOR_FORCE": "1"}, want: false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stream{mode: ColorAuto, os: "linux", lookup: lookup(tt.env), tty: tt.tty, regular: tt.regular, width: 80}
			if tt.mode != "" {
				s.mode = tt.mode
			}
			if tt.os != "" {
				s.os = tt.os
			}
			if got := s.profile().Color; got != tt.want {
				t.Errorf("color = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestUnicode(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env  map[string]string
		os   string
		want bool
	}{
		"no locale":                 {want: false},
		"LANG":                      {env: map[string]string{"LANG": "de_DE.UTF-8"}, want: true},
		"spelled utf8":              {env: map[string]string{"LANG": "C.utf8"}, want: true},
		"Latin 1":                   {env: map[string]string{"LANG": "de_DE.ISO-8859-1"}, want: false},
		"LC_ALL hides LANG":         {env: map[string]string{"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, want: false},
		"LC_CTYPE hides LANG":       {env: map[string]string{"LC_CTYPE": "C.UTF-8", "LANG": "C"}, want: true},
		"an empty LC_ALL is none":   {env: map[string]string{"LC_ALL": "", "LANG": "C.UTF-8"}, want: true},
		"Windows Terminal":          {env: map[string]string{"WT_SESSION": "1"}, os: "windows", want: true},
		"old console of Windows":    {os: "windows", want: false},
		"WT_SESSION on another one": {env: map[string]string{"WT_SESSION": "1"}, want: false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stream{os: "linux", lookup: lookup(tt.env)}
			if tt.os != "" {
				s.os = tt.os
			}
			if got := s.profile().Unicode; got != tt.want {
				t.Errorf("unicode = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	env := lookup(map[string]string{"TERM": "xterm", "LANG": "C.UTF-8"})
	if got, want := Detect(&bytes.Buffer{}, env), (Profile{Unicode: true, Width: DefaultWidth}); got != want {
		t.Errorf("Detect(buffer) = %+v, want %+v", got, want)
	}
	if got := Detect(&bytes.Buffer{}, env, WithColor(ColorAlways)); !got.Color {
		t.Error("Detect(buffer, always) has no color")
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() }) // nothing was written
	actions := lookup(map[string]string{"GITHUB_ACTIONS": "true"})
	if got := Detect(file, actions); got.Color {
		t.Error("a regular file has color in GitHub Actions")
	}
	if got := Detect(&bytes.Buffer{}, actions); !got.Color {
		t.Error("a pipe has no color in GitHub Actions")
	}
}

func TestParseColorMode(t *testing.T) {
	t.Parallel()
	if m, err := ParseColorMode("never"); m != ColorNever || err != nil {
		t.Errorf("ParseColorMode(never) = %v, %v", m, err)
	}
	if _, err := ParseColorMode("yes"); err == nil || !strings.Contains(err.Error(), "auto, always, never") {
		t.Errorf("ParseColorMode(yes) = %v, want an error with the three words", err)
	}
}

// No escape code may appear unless the profile says so.
func TestPaintNeedsColor(t *testing.T) {
	t.Parallel()
	for s := Plain; s <= Doubt; s++ {
		if got := (Profile{TTY: true, Unicode: true}).Paint(s, "text"); got != "text" {
			t.Errorf("style %d without color = %q", s, got)
		}
		got := Profile{Color: true}.Paint(s, "text")
		if painted := strings.Contains(got, "\x1b["); painted != (s != Plain) {
			t.Errorf("style %d with color = %q", s, got)
		}
		if Width(got) != 4 {
			t.Errorf("style %d is %d cells wide, want 4", s, Width(got))
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	want := map[readiness.Status][2]string{
		readiness.Red:        {"x RED", "✗ RED"},
		readiness.Yellow:     {"! YELLOW", "! YELLOW"},
		readiness.Green:      {"ok GREEN", "✓ GREEN"},
		readiness.Unknown:    {"? UNKNOWN", "? UNKNOWN"},
		readiness.Status(99): {"? UNKNOWN", "? UNKNOWN"},
	}
	for s, texts := range want {
		if got := (Profile{}).Status(s); got != texts[0] {
			t.Errorf("ASCII status = %q, want %q", got, texts[0])
		}
		if got := (Profile{Unicode: true}).Status(s); got != texts[1] {
			t.Errorf("status = %q, want %q", got, texts[1])
		}
	}
	if got := (Profile{Color: true}).Status(readiness.Green); !strings.Contains(got, "\x1b[32m") {
		t.Errorf("painted green = %q", got)
	}
	if got := (Profile{Color: true}).Status(readiness.Unknown); strings.Contains(got, "\x1b[32m") {
		t.Errorf("unknown is painted green: %q", got)
	}
}
