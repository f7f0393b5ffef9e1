package term

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSanitize(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want string }{
		"plain":                        {"connection refused", "connection refused"},
		"other scripts":                {"Größe 数据库 مرحبا", "Größe 数据库 مرحبا"},
		"emoji joined":                 {"a👩‍💻b", "a👩‍💻b"},
		"color":                        {"\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		"title of the window":          {"\x1b]0;owned\x07", `\x1b]0;owned\x07`},
		"eight-bit escape":             {"a\u009b31mb", `a\x9b31mb`},
		"line breaks":                  {"ERROR: x\nDETAIL:\ty\r\nz", "ERROR: x DETAIL: y  z"},
		"overwriting the line":         {"bad\rgood", "bad good"},
		"backspace":                    {"red\b\b\bok", `red\x08\x08\x08ok`},
		"null and delete":              {"a\x00b\x7f", `a\x00b\x7f`},
		"text turned round":            {"a\u202eb", `a\u202eb`},
		"unseen characters":            {"a\u200bb\ufeffc\U000e0041", `a\u200bb\ufeffc\U000e0041`},
		"not UTF-8":                    {"a\xffb", `a\xffb`},
		"no-break space":               {"a\u00a0b", "a b"},
		"line separator":               {"a\u2028b", `a\u2028b`},
		"workflow command":             {"::error::x", ": :error::x"},
		"workflow command, indented":   {"  ::error file=a::x", "  : :error file=a::x"},
		"workflow command, broken off": {"a\n::stop-commands::t", "a ::stop-commands::t"},
		"old workflow command":         {"a ##[error]x", "a # #[error]x"},
		"old workflow command, twice":  {"###[set-env]##[x]", "## #[set-env]# #[x]"},
		"cast of SQL":                  {"column x::text", "column x::text"},
		"address":                      {"::1", "::1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Sanitize(tt.in); got != tt.want {
				t.Errorf("Sanitize(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestGuardLines(t *testing.T) {
	t.Parallel()
	in := "x RED\n    ::error::x\nmiddle ::error::x\n##[debug]y\n"
	want := "x RED\n    : :error::x\nmiddle ::error::x\n# #[debug]y\n"
	if got := GuardLines(in); got != want {
		t.Errorf("GuardLines = %q, want %q", got, want)
	}
}

func FuzzSanitize(f *testing.F) {
	for _, seed := range []string{"", "a\x1b[2Jb", "::error::x", "\xff\xfe", "###[x]", " \n::a::", "\u202e", "##\u200b[", "::\x00::"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := Sanitize(in)
		if !utf8.ValidString(got) {
			t.Fatalf("Sanitize(%q) = %q is not UTF-8", in, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) && !joiner(r) {
				t.Fatalf("Sanitize(%q) = %q holds %U", in, got, r)
			}
		}
		if strings.Contains(got, "##[") {
			t.Fatalf("Sanitize(%q) = %q holds an old workflow command", in, got)
		}
		if rest, ok := strings.CutPrefix(strings.TrimSpace(got), "::"); ok && strings.Contains(rest, "::") {
			t.Fatalf("Sanitize(%q) = %q is a workflow command", in, got)
		}
	})
}
