package config_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/config"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	input, err := os.ReadFile("testdata/format/input.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := config.Format("input.yaml", input)
	if err != nil {
		t.Fatal(err)
	}
	golden := "testdata/format/want.yaml"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("formatted is\n%s\nwant\n%s", got, want)
	}
	again, err := config.Format("input.yaml", got)
	if err != nil || !bytes.Equal(again, got) {
		t.Errorf("formatted twice (%v) is\n%s\nwant\n%s", err, again, got)
	}
}

// The documents of testdata/complete are canonical, also after their keys were
// reversed and back.
func TestFormatKeepsCanonicalDocuments(t *testing.T) {
	t.Parallel()
	n := 0
	root := os.DirFS("testdata/complete")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(path.Ext(name), ".y") || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "recorded/") {
			return err
		}
		if name == config.SettingsFile {
			return nil
		}
		n++
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		got, err := config.Format(name, data)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s (%v) is not canonical; it would be\n%s", name, err, got)
		}
		return nil
	})
	if err != nil || n < 10 {
		t.Errorf("%d files, %v", n, err)
	}
}

// Formatting changes no meaning: the repository loads the same.
func TestFormatKeepsTheMeaningOfEveryExample(t *testing.T) {
	t.Parallel()
	dirs, err := os.ReadDir("testdata/bad")
	if err != nil {
		t.Fatal(err)
	}
	formatted := 0
	for _, dir := range dirs {
		if !dir.IsDir() {
			continue
		}
		tree := files(t, filepath.Join("testdata/bad", dir.Name()))
		_, before := load(t, tree)
		for name, file := range tree {
			if name == config.SettingsFile || !strings.HasPrefix(path.Ext(name), ".y") {
				continue
			}
			if data, err := config.Format(name, file.Data); err == nil {
				file.Data = data
				formatted++
			}
		}
		_, after := load(t, tree)
		if a, b := messages(before), messages(after); a != b {
			t.Errorf("%s: after formatting the problems are\n%s\nbefore they were\n%s", dir.Name(), b, a)
		}
	}
	if formatted < 40 {
		t.Errorf("only %d files were formatted", formatted)
	}
}

// messages are the problems without their places, which formatting may move.
func messages(problems config.Problems) string {
	lines := make(map[string]int)
	for _, p := range problems {
		text, _, _ := strings.Cut(p.What, "; first ")
		text, _, _ = strings.Cut(text, ".yaml:")
		lines[text]++
	}
	var all []string
	for line := range lines {
		all = append(all, line)
	}
	return strings.Join(slices.Sorted(slices.Values(all)), "\n")
}

func TestFormatRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"a syntax error":  {"a: [1\n", "x.yaml:1:4: bracket is opened and not closed, or a comma is missing; check the brackets [ ] { } and the commas, and put quotes around texts between them"},
		"a duplicate key": {"a: 1\na: 2\n", "x.yaml:2:1: key \"a\" is given twice; first on line 1; keep one of them"},
		"a lost comment":  {"a: [1, # one\n  2]\nb: {c: 1, # see\n  d: 2}\n", ""},
	} {
		got, err := config.Format("x.yaml", []byte(c.text))
		if c.want == "" {
			// Either the comment is kept or the file is left alone.
			if err == nil && strings.Count(string(got), "#") != strings.Count(c.text, "#") {
				t.Errorf("%s: it is gone from\n%s", name, got)
			}
			continue
		}
		var problems config.Problems
		if !errors.As(err, &problems) || problems.Error() != c.want {
			t.Errorf("%s: error is %v, want %s", name, err, c.want)
		}
	}
}

func TestModeline(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"roster.yaml":             "# yaml-language-server: $schema=schemas/roster.schema.json",
		"resources/eu/pg/db.yaml": "# yaml-language-server: $schema=../../../schemas/roster.schema.json",
	} {
		if got := config.Modeline(file, config.KindRoster); got != want {
			t.Errorf("modeline of %s is %q, want %q", file, got, want)
		}
	}
}
