package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bcctl/bcctl/pkg/config"
)

const head = "apiVersion: bcctl/v1\nkind: Resource\nmetadata:\n  name: x\n  annotations:\n"

// Files that would cost time or memory are refused at once, with a place.
func TestLimits(t *testing.T) {
	t.Parallel()
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x, x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	for name, c := range map[string]struct{ text, want string }{
		"too large": {
			head + "    a: " + strings.Repeat("x", 1<<20) + "\n",
			"x.yaml:1:1: file has 1048655 bytes, more than 1048576 (1 MiB); split it into several files",
		},
		"too deep": {
			head + "    a: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\n",
			"x.yaml:6:69: nested deeper than 64 levels; no document needs that; check the brackets and the indentation",
		},
		"far too deep": {
			"a: " + strings.Repeat("[", 50_000) + "\n",
			"x.yaml:1:1: nested far too deep; no document needs that; check the brackets and the indentation",
		},
		"too many": {
			head + "    a: [" + strings.Repeat("1,", 110_000) + "1]\n",
			"x.yaml:6:199989: file has more than 100000 keys and values; split it into several files",
		},
		"alias bomb": {
			bomb.String(),
			"x.yaml:1:5: anchor (&) is not allowed; remove it; quotes make a text of it that starts with &",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := config.Load(fstest.MapFS{"x.yaml": {Data: []byte(c.text)}}, config.Options{})
			if !slices.ContainsFunc(problems, func(p config.Problem) bool { return p.String() == c.want }) {
				t.Errorf("problems are\n%s\nwant among them\n%s", problems.Error(), c.want)
			}
		})
	}
}

func TestProblemsAreSortedAndComplete(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{}
	var want []string
	for _, name := range []string{"a.yaml", "b/c.yml", "b/d.yaml"} {
		tree[name] = &fstest.MapFile{Data: []byte("apiVersion: bcctl/v1\nkind: Group\nmetadata: {name: g}\nspec:\n  membres: []\n  tier: x\n")}
		want = append(want, name+":5", name+":6")
	}
	_, problems := config.Load(tree, config.Options{})
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%s:%d", p.File, p.Line))
	}
	// The second and third document have the name of the first as well.
	want = slices.Insert(want, 4, "b/d.yaml:3")
	want = slices.Insert(want, 2, "b/c.yml:3")
	if !slices.Equal(got, want) {
		t.Errorf("problems at %v, want %v", got, want)
	}
}

func TestSymbolicLinks(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside.yaml")
	write(t, outside, "apiVersion: bcctl/v1\nkind: SiteList\nmetadata: {name: outside}\nspec: {sites: [{name: o}]}\n")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "..data/real.yaml"), "apiVersion: bcctl/v1\nkind: SiteList\nmetadata: {name: inside}\nspec: {sites: [{name: i}]}\n")
	write(t, filepath.Join(dir, "sub/ok.yaml"), "apiVersion: bcctl/v1\nkind: SiteList\nmetadata: {name: ok}\nspec: {sites: [{name: k}]}\n")
	for name, target := range map[string]string{
		"mounted.yaml":  "..data/real.yaml", // as a Kubernetes volume has it
		"absolute.yaml": outside,
		"upwards.yaml":  "../" + filepath.Base(filepath.Dir(outside)) + "/outside.yaml",
		"hop.yaml":      "sub/away/outside.yaml",
		"sub/away":      filepath.Dir(outside),
		"loop.yaml":     "loop.yaml",
		"gone.yaml":     "nothing.yaml",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, load := range map[string]func() (*config.Repo, config.Problems){
		"os.DirFS": func() (*config.Repo, config.Problems) { return config.Load(os.DirFS(dir), config.Options{}) },
		"os.Root":  func() (*config.Repo, config.Problems) { return config.Load(root.FS(), config.Options{}) },
	} {
		repo, problems := load()
		want := []string{
			"absolute.yaml:1:1: symbolic link leads out of the repository; put the file itself here",
			"gone.yaml:1:1: cannot be read: no such file or directory",
			"hop.yaml:1:1: symbolic link leads out of the repository; put the file itself here",
			"loop.yaml:1:1: cannot be read: too many symbolic links",
			"sub/away:1:1: symbolic link leads out of the repository; put the file itself here",
			"upwards.yaml:1:1: symbolic link leads out of the repository; put the file itself here",
		}
		if got := strings.Split(problems.Error(), "\n"); !slices.Equal(got, want) {
			t.Errorf("%s: problems are\n%s\nwant\n%s", name, problems.Error(), strings.Join(want, "\n"))
		}
		if _, ok := repo.Site("o"); ok {
			t.Errorf("%s: a document outside of the repository was read", name)
		}
		for _, site := range []string{"i", "k"} {
			if _, ok := repo.Site(site); !ok {
				t.Errorf("%s: site %s, which is inside, was not read", name, site)
			}
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
