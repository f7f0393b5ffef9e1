// Package docs_test reads the project's documentation and checks what it says
// against the code: a document that went stale fails like code that did.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the top of the project, as seen from this folder.
const root = ".."

// page is a Markdown document.
type page struct {
	path   string // from the top of the project, with slashes
	text   string
	prose  string // the text without fenced blocks
	blocks []block
}

// block is a fenced block.
type block struct {
	language string
	text     string
}

// spans returns what stands between backquotes, each on one line.
func (p page) spans() []string {
	var spans []string
	for paragraph := range strings.SplitSeq(p.prose, "\n\n") {
		for _, m := range span.FindAllStringSubmatch(paragraph, -1) {
			spans = append(spans, strings.Join(strings.Fields(m[1]), " "))
		}
	}
	return spans
}

var span = regexp.MustCompile("`([^`]+)`")

// pages reads every document but the generated description of commands.
func pages(t *testing.T) []page {
	t.Helper()
	var found []page
	add := func(path string) {
		found = append(found, readPage(t, path))
	}
	add("README.md")
	add("CONTRIBUTING.md")
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path == "cli" {
			return fs.SkipDir
		}
		if err == nil && filepath.Ext(path) == ".md" {
			add("docs/" + filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 15 {
		t.Fatalf("found %d documents only", len(found))
	}
	return found
}

func readPage(t *testing.T, path string) page {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	p := page{path: path, text: string(data)}
	var prose strings.Builder
	var open *block
	for line := range strings.Lines(p.text) {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			open = &block{language: strings.TrimSpace(fence)}
		case isFence:
			p.blocks = append(p.blocks, *open)
			open = nil
		case open != nil:
			open.text += line
		default:
			prose.WriteString(line)
		}
	}
	if open != nil {
		t.Errorf("%s: a fenced block is not closed", path)
	}
	p.prose = prose.String()
	return p
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	links := 0
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(p.prose, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				t.Errorf("%s: link to %s: documents link to files of this project only", p.path, m[1])
				continue
			}
			links++
			file := filepath.Join(root, filepath.Dir(p.path), filepath.FromSlash(target))
			if target == "" {
				file = filepath.Join(root, p.path)
			}
			data, err := os.ReadFile(file)
			if info, statErr := os.Stat(file); statErr != nil {
				t.Errorf("%s: link to %s: %v", p.path, m[1], statErr)
			} else if anchor != "" && (err != nil || info.IsDir() || !anchors(string(data))[anchor]) {
				t.Errorf("%s: link to %s: no such heading", p.path, m[1])
			}
		}
	}
	if links < 30 {
		t.Errorf("only %d links were found", links)
	}
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// anchors are the names of a document's headings, as GitHub makes them.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(text) {
		if heading := strings.TrimLeft(line, "#"); heading != line {
			name := notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			names[strings.ReplaceAll(name, " ", "-")] = true
		}
	}
	return names
}
