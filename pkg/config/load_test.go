package config_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var update = flag.Bool("update", false, "write the expected messages")

// catalog is what a connector of PostgreSQL would offer.
type catalog struct{}

func (catalog) Platforms() []string { return []string{"postgresql"} }

func (catalog) Indicators(platform string) []readiness.Indicator {
	if platform != "postgresql" {
		return nil
	}
	return []readiness.Indicator{
		{ID: "replication.lag_bytes", Unit: readiness.Bytes},
		{ID: "replay.backlog_bytes", Unit: readiness.Bytes},
		{ID: "heartbeat.lag_seconds", Unit: readiness.Seconds},
		{ID: "archive.backlog_files", Unit: readiness.Count},
		{ID: "slots.safe_bytes", Unit: readiness.Bytes, LowIsBad: true},
		{ID: "replay.state"},
		{ID: "node.reachable"},
	}
}

// complete is the repository in testdata/complete, as files in memory. With
// overlay it has the files of another folder in addition, or in place of its own.
func complete(t testing.TB, overlay string) fstest.MapFS {
	t.Helper()
	return files(t, "testdata/complete", overlay)
}

func files(t testing.TB, roots ...string) fstest.MapFS {
	t.Helper()
	tree := fstest.MapFS{}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			inside, err := filepath.Rel(root, name)
			tree[filepath.ToSlash(inside)] = &fstest.MapFile{Data: data}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

func load(t testing.TB, tree fs.FS) (*config.Repo, config.Problems) {
	t.Helper()
	return config.Load(tree, config.Options{Catalog: catalog{}})
}

// Each folder of testdata/bad is laid over a repository without problems; the
// messages are compared word by word.
func TestMessages(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("testdata/bad")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		name := entry.Name()
		dir := filepath.Join("testdata/bad", name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := load(t, complete(t, dir))
			got := []byte(problems.Error() + "\n")
			golden := filepath.Join("testdata", "bad", name+".txt")
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
				t.Errorf("messages are\n%s\nwant\n%s", got, want)
			}
			if len(problems) == 0 {
				t.Error("nothing was found wrong")
			}
			if strings.Contains(string(got), "canary") || strings.Contains(string(got), "31415926") || strings.Contains(string(got), "27182818") {
				t.Errorf("a message repeats a secret:\n%s", got)
			}
		})
	}
}
