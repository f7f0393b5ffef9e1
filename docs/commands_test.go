package docs_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/cli"
	"github.com/bcctl/bcctl/pkg/connectors/all"
)

// bcctl runs a command line in a folder, with nothing of the tester's own
// environment, and returns what it printed and its exit code.
func bcctl(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	env := cli.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Dir: dir, Now: time.Now, Registry: all.Registry,
		Lookup: func(name string) (string, bool) {
			state := filepath.Join(dir, ".state")
			value, ok := map[string]string{"XDG_STATE_HOME": state, "XDG_CONFIG_HOME": filepath.Join(dir, ".config"), "HOME": dir}[name]
			return value, ok
		},
	}
	code = cli.Run(context.Background(), env, args)
	return out.String(), errs.String(), code
}

// commands are the command lines there are, with the flags each takes: "lab up".
// They are what `bcctl gen docs` describes.
func commands(t *testing.T) map[string][]string {
	t.Helper()
	dir := t.TempDir()
	if _, stderr, code := bcctl(t, dir, "gen", "docs", "."); code != 0 {
		t.Fatalf("bcctl gen docs: exit %d: %s", code, stderr)
	}
	files, err := filepath.Glob(filepath.Join(dir, "bcctl*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		name = strings.TrimPrefix(strings.ReplaceAll(strings.TrimPrefix(name, "bcctl"), "_", " "), " ")
		found[name] = flagName.FindAllString(string(data), -1)
	}
	if len(found) < 20 {
		t.Fatalf("only %d commands were found", len(found))
	}
	for _, hidden := range []string{"gen docs", "gen man"} { // for releases; not described
		found[hidden] = nil
	}
	return found
}

var (
	flagName    = regexp.MustCompile(`--[a-z][a-z-]+|-[a-zA-Z]\b`)
	commandWord = regexp.MustCompile(`^[a-z][a-z-]*$`)
	separators  = regexp.MustCompile(`&&|\|\||[|;>]`)
)

// takesValue are the flags that may stand before the command and are followed by
// a value.
var takesValue = []string{"-C", "--repo", "--config", "--color", "--timeout"}

// commandLines returns every bcctl command line a page shows.
func (p page) commandLines() []string {
	var lines []string
	add := func(text string) {
		for _, part := range separators.Split(text, -1) {
			if fields := strings.Fields(part); len(fields) > 0 && fields[0] == "bcctl" {
				lines = append(lines, strings.Join(fields, " "))
			}
		}
	}
	for _, s := range p.spans() {
		add(s)
	}
	for _, b := range p.blocks {
		if b.language != "console" {
			continue
		}
		for line := range strings.Lines(b.text) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				command, _, _ = strings.Cut(command, " #")
				add(command)
			}
		}
	}
	return lines
}

func TestCommandsExist(t *testing.T) {
	known := commands(t)
	topics, _, _ := bcctl(t, t.TempDir(), "--help")
	lines := 0
	for _, p := range pages(t) {
		for _, line := range p.commandLines() {
			lines++
			name, args, flags := split(line, known)
			if name == "help" {
				if len(args) > 0 && !strings.Contains(topics, args[0]) {
					t.Errorf("%s: %q: no such help topic", p.path, line)
				}
				continue
			}
			accepted, ok := known[name]
			if !ok {
				t.Errorf("%s: %q: no command %q", p.path, line, name)
				continue
			}
			if hasSubcommands(name, known) && len(args) > 0 {
				t.Errorf("%s: %q: no command %q", p.path, line, name+" "+args[0])
			}
			for _, f := range flags {
				if !slices.Contains(accepted, f) {
					t.Errorf("%s: %q: command %q has no flag %s", p.path, line, name, f)
				}
			}
		}
	}
	if lines < 40 {
		t.Errorf("only %d command lines were found", lines)
	}
}

// split takes a command line apart: the command with its subcommand, what follows
// it, and its flags.
func split(line string, known map[string][]string) (name string, args, flags []string) {
	fields := strings.Fields(line)[1:]
	for i := 0; i < len(fields); i++ {
		word := fields[i]
		switch {
		case strings.HasPrefix(word, "-"):
			flag, _, _ := strings.Cut(word, "=")
			flags = append(flags, flag)
			if name == "" && slices.Contains(takesValue, word) {
				i++
			}
		case name == "" && commandWord.MatchString(word):
			name = word
			for i+1 < len(fields) {
				if _, ok := known[name+" "+fields[i+1]]; !ok {
					break
				}
				name += " " + fields[i+1]
				i++
			}
		default:
			args = append(args, word)
		}
	}
	return name, args, flags
}

func hasSubcommands(name string, known map[string][]string) bool {
	for other := range known {
		if strings.HasPrefix(other, name+" ") {
			return true
		}
	}
	return false
}

// A flag that is named by itself belongs to some command.
func TestFlagsExist(t *testing.T) {
	var known []string
	for _, flags := range commands(t) {
		known = append(known, flags...)
	}
	for _, p := range pages(t) {
		for _, s := range p.spans() {
			word, _, _ := strings.Cut(s, " ")
			flag, _, _ := strings.Cut(word, "=")
			if flagName.FindString(flag) == flag && !slices.Contains(known, flag) {
				t.Errorf("%s: `%s`: no command has flag %s", p.path, s, flag)
			}
		}
	}
}

var (
	makeTarget = regexp.MustCompile(`(?m)^(?:\$ )?make ([a-z]+)`)
	variable   = regexp.MustCompile(`\bBCCTL_[A-Z_]+\b`)
)

func TestMakeTargetsExist(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range pages(t) {
		shown := p.spans()
		for _, b := range p.blocks {
			shown = append(shown, b.text)
		}
		for _, s := range shown {
			for _, m := range makeTarget.FindAllStringSubmatch(s, -1) {
				found++
				if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
					t.Errorf("%s: make %s: the Makefile has no such target", p.path, m[1])
				}
			}
		}
	}
	if found == 0 {
		t.Error("no document names a make target")
	}
}

// testVariables are those that tests read, and nothing else does.
func testVariables(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasPrefix(filepath.ToSlash(path), root+"/docs/") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`"(BCCTL_TEST_[A-Z_]+)"`).FindAllStringSubmatch(string(text), -1) {
			found = append(found, m[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Variables that are named are read, and those that are read are described.
func TestVariablesExist(t *testing.T) {
	help, _, code := bcctl(t, t.TempDir(), "help", "environment")
	if code != 0 {
		t.Fatalf("bcctl help environment: exit %d", code)
	}
	known := append(variable.FindAllString(help, -1), testVariables(t)...)
	var config bytes.Buffer
	for _, p := range pages(t) {
		for _, name := range variable.FindAllString(p.text, -1) {
			if !slices.Contains(known, name) && name != "BCCTL_" {
				t.Errorf("%s: nothing reads %s", p.path, name)
			}
		}
		if p.path == "docs/configuration.md" {
			_, _ = io.WriteString(&config, p.text) // a bytes.Buffer never fails
		}
	}
	for _, m := range regexp.MustCompile(`BCCTL_(\w+)\s+setting of the same name`).FindAllStringSubmatch(help, -1) {
		words := strings.ReplaceAll(strings.ToLower(m[1]), "_", `[._-]`)
		if !regexp.MustCompile("`" + words + "`").Match(config.Bytes()) {
			t.Errorf("docs/configuration.md does not describe the setting of BCCTL_%s", m[1])
		}
	}
}
