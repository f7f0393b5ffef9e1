package action_test

import (
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors/action"
)

func TestOneStatement(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SELECT 1":                                  "",
		"SELECT 1; -- the end\n /* of ; it */ ;":    "",
		"SELECT ';', 'it''s; so', \";\"":            "",
		"SELECT 1 /* a /* nested ; */ comment ; */": "",
		"DO $x$ BEGIN a; b; END $x$":                "",
		"DO $$ a; b $$;":                            "",
		`SELECT E'\'; '`:                            "",
		"SELECT 1; DROP TABLE x":                    "it holds more than one statement",
		"SELECT 'a'; SELECT ';'":                    "it holds more than one statement",
		"SELECT 1 -- ;\n; SELECT 2":                 "it holds more than one statement",
		"SELECT $1; SELECT 2":                       "it holds more than one statement",
		" ; -- nothing":                             "it holds no statement",
		"":                                          "it holds no statement",
		"/* never ends":                             "it holds no statement",
	} {
		got := ""
		if err := action.OneStatement(text, false, true); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	// Each platform quotes in its own way.
	for text, one := range map[string]bool{"SELECT [a;b] FROM x": true, "SELECT $a$; x": false, "SELECT e'\\'; x": false} {
		if err := action.OneStatement(text, true, false); (err == nil) != one {
			t.Errorf("%q with brackets: %v", text, err)
		}
	}
}

func FuzzOneStatement(f *testing.F) {
	f.Add("SELECT 1; /* ' */ $a$ x", true)
	f.Fuzz(func(t *testing.T, text string, brackets bool) {
		if action.OneStatement(text+"\n-- x", brackets, !brackets) == nil && action.OneStatement(text, brackets, !brackets) != nil {
			t.Errorf("%q: a comment made one of it", text)
		}
	})
}
