package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// eachText calls f with every string in the sources that a pattern matches, tests left
// out, and every selector as ".Name".
func eachText(t *testing.T, pattern string, f func(at token.Position, text string)) (files int) {
	t.Helper()
	set := token.NewFileSet()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files++
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					f(set.Position(n.Pos()), n.Value)
				}
			case *ast.SelectorExpr:
				f(set.Position(n.Pos()), "."+n.Sel.Name)
			}
			return true
		})
	}
	return files
}

// No action of a platform reads a heartbeat: whether data would be lost is decided by
// positions. What an action may know of it is the database that its own write goes to.
func TestSI13NoActionReadsAHeartbeat(t *testing.T) {
	t.Parallel()
	reads := regexp.MustCompile(`(?i)^\.heartbeat$|^"heartbeat\.|\b(from|join)\s+[\w.\[\]"]*heartbeat`)
	files := eachText(t, "../pkg/connectors/*/action*.go", func(at token.Position, text string) {
		if reads.MatchString(text) {
			t.Errorf("%s: an action reads a heartbeat: %s", at, text)
		}
	})
	if files < 15 {
		t.Errorf("only %d files were read: this test looks in the wrong place", files)
	}
	for _, text := range []string{".heartbeat", ".Heartbeat", `"heartbeat.lag_seconds"`, "`SELECT written_at FROM bcctl.heartbeat`"} { // the test can fail
		if !reads.MatchString(text) {
			t.Errorf("%s is not found", text)
		}
	}
}

// No statement of a connector deletes anything, but one: a slot, by an action of its
// own with a name that says so. There is none for backups, snapshots, databases, rows.
func TestSI27NothingIsDeletedAsASideEffect(t *testing.T) {
	t.Parallel()
	deletes := regexp.MustCompile("(?i)^[\"`]\\s*(drop|delete|truncate|purge|undrop)\\s+\\w|\\bpg_drop_replication_slot\\(|\\bpg_archivecleanup\\b|^\"(drop|dropDatabase|delete|deleteMany|remove|truncate)\"$|\\bxp_delete_file\\b|\\bsp_delete_backup|\\bWITH\\s+REPLACE\\b")
	found := map[string]int{}
	files := eachText(t, "../pkg/connectors/*/*.go", func(at token.Position, text string) {
		if !deletes.MatchString(text) {
			return
		}
		if strings.Contains(text, "pg_drop_replication_slot(") && strings.Contains(filepath.Base(at.Filename), "action_") {
			found[filepath.Base(filepath.Dir(at.Filename))]++
			return
		}
		t.Errorf("%s: it deletes something: %s", at, text)
	})
	if files < 80 || found["postgres"] == 0 {
		t.Errorf("%d files were read, and the one statement that may delete was found %d times: this test looks in the wrong place", files, found["postgres"])
	}
	for _, text := range []string{`"DROP DATABASE x"`, "`DELETE FROM t`", "`TRUNCATE t`", `"dropDatabase"`, "`RESTORE DATABASE x FROM y WITH REPLACE`"} {
		if !deletes.MatchString(text) {
			t.Errorf("%s is not found", text)
		}
	}
}
