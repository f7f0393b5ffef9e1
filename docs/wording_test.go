package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
)

// overclaims are words that no evidence of a run or a sweep can justify, where bcctl
// tells people what it saw: a narrower list than the one for readings of a server,
// because a command also explains itself.
var overclaims = regexp.MustCompile(`(?i)\b(in sync|fully (synchroni[sz]ed|replicated|protected)|(with )?(no|zero|without)[- ](any )?(data )?loss|guarantee[sd]?|100 ?%|safely|healthy|always works|cannot fail|never fails)\b`)

// What bcctl says of a run, a plan, a verdict or a record claims no more than it saw:
// every text in the sources of the commands and of what they print, every runbook and
// every page that is written for people to read.
func TestSI40NoWordingBeyondEvidence(t *testing.T) {
	t.Parallel()
	connectortest.ModestSource(t, overclaims, 2500,
		"../internal/cli/*.go", "../internal/check/*.go", "../internal/render/*.go", "../internal/plan/*.go", "../internal/execute/*.go", "../internal/verdict/*.go",
		"../internal/render/*/*.go", "../pkg/readiness/*.go", "../pkg/rules/*.go", "../pkg/runbook/*.go", "../pkg/approval/*.go", "../pkg/audit/*.go")
	read := 0
	for _, root := range []string{"../pkg/runbook", "../internal/render", "../internal/cli", "../examples"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.Contains(path, "testdata") {
				return err
			}
			switch filepath.Ext(path) {
			case ".yaml", ".yml", ".tmpl", ".html", ".js", ".md":
			default:
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			read++
			for n, line := range strings.Split(string(text), "\n") {
				if words := overclaims.FindString(line); words != "" {
					t.Errorf("%s:%d: %q claims more than evidence", path, n+1, words)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 40 {
		t.Errorf("only %d files were read: this test looks in the wrong place", read)
	}
}
