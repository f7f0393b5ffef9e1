package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/examples"
	"github.com/bcctl/bcctl/schemas"
)

// starter is the example that is not a replay.
const starter = "starter"

func newInit(a *app) *cobra.Command {
	var demo, fleet, dryRun bool
	cmd := &cobra.Command{
		Use:   "init [dir]",
		Short: "Start a configuration repository; never overwrites a file",
		Long: `Writes a small, complete repository with comments: sites, one resource, a group,
thresholds, rule tests, the schemas for your editor, and workflows for GitHub Actions.
With
--demo, a repository with observations recorded from real servers, to try every
reading command without a database; with --fleet, one on four platforms, recorded from
the laboratory.`,
		Example: exampleLines("bcctl init dr-config", "bcctl init demo --demo && cd demo && bcctl check", "bcctl init fleet --fleet && cd fleet && bcctl check", "bcctl init --dry-run"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			name := starter
			switch {
			case demo && fleet:
				return usage(errors.New("--demo and --fleet are two repositories"), "bcctl init fleet --fleet")
			case demo:
				name = "demo"
			case fleet:
				name = "fleet"
			}
			return a.scaffold(dir, name, dryRun)
		},
	}
	cmd.Flags().BoolVar(&demo, "demo", false, "with observations recorded from real servers")
	cmd.Flags().BoolVar(&fleet, "fleet", false, "with observations of a fleet on four platforms, recorded from the laboratory")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "list what would be written, write nothing")
	return cmd
}

// scaffold copies an example. Files that exist stay as they are, and are named.
func (a *app) scaffold(dir, name string, dryRun bool) error {
	files, err := scaffoldFiles(name)
	if err != nil {
		return err
	}
	target := a.path(dir)
	if err := a.otherRepository(target, name, files); err != nil {
		return err
	}
	var written, kept, same int
	for _, f := range files {
		path := filepath.Join(target, filepath.FromSlash(f.name))
		existing, err := os.ReadFile(path)
		switch {
		case err == nil && bytes.Equal(existing, f.data):
			same++
			continue
		case err == nil:
			kept++
			fmt.Fprintf(a.Stdout, "kept    %s (exists)\n", filepath.Join(dir, f.name))
			continue
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("look at %s: %w", path, err)
		}
		written++
		if dryRun {
			fmt.Fprintf(a.Stdout, "would write %s\n", filepath.Join(dir, f.name))
			continue
		}
		if err := writeNew(path, f.data); err != nil {
			return err
		}
		fmt.Fprintf(a.Stdout, "wrote   %s\n", filepath.Join(dir, f.name))
	}
	fmt.Fprintf(a.Stdout, "%s written, %d kept, %d unchanged.\nNext:\n", plural(written, "file"), kept, same)
	if dir != "." {
		fmt.Fprintf(a.Stdout, "  cd %s\n", dir)
	}
	if name != starter {
		fmt.Fprintf(a.Stdout, "  bcctl check\n  bcctl explain orders\n  bcctl report page\n")
	} else {
		fmt.Fprintf(a.Stdout, "  bcctl validate\n  bcctl doctor\n")
	}
	return nil
}

// otherRepository refuses to mix two repositories: the demo's documents without its
// settings would be looked for on servers that do not exist.
func (a *app) otherRepository(target, name string, files []scaffoldFile) error {
	existing, err := os.ReadFile(filepath.Join(target, marker))
	if err != nil || name == starter {
		return nil
	}
	for _, f := range files {
		if f.name == marker && !bytes.Equal(existing, f.data) {
			return fail(exitFailed, fmt.Errorf("%s is another repository already", target), fmt.Sprintf("bcctl init %[1]s --%[1]s", name))
		}
	}
	return nil
}

// writeNew creates a file that does not exist; if one appears meanwhile it wins.
func writeNew(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

type scaffoldFile struct {
	name string
	data []byte
}

// scaffoldFiles lists an example's files and the schemas beside them.
func scaffoldFiles(name string) ([]scaffoldFile, error) {
	var files []scaffoldFile
	example, err := fs.Sub(examples.FS, name)
	if err != nil {
		return nil, err
	}
	add := func(fsys fs.FS, prefix string, keep func(string) bool) error {
		return fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !keep(p) {
				return err
			}
			data, err := fs.ReadFile(fsys, p)
			files = append(files, scaffoldFile{prefix + p, data})
			return err
		})
	}
	if err := add(example, "", func(string) bool { return true }); err != nil {
		return nil, err
	}
	err = add(schemas.FS, "schemas/", func(p string) bool { return strings.HasSuffix(p, ".json") })
	return files, err
}
