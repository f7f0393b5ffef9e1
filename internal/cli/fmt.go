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

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/pkg/config"
)

func newFmt(a *app) *cobra.Command {
	var checkOnly bool
	cmd := &cobra.Command{
		Use:   "fmt [path...]",
		Short: "Rewrite documents in canonical order and quoting, comments kept",
		Example: exampleLines(
			"bcctl fmt",
			"bcctl fmt resources/ledger.yaml",
			"bcctl fmt --check        # for CI: lists files that would change, changes none",
		),
		RunE: func(_ *cobra.Command, args []string) error { return a.format(args, checkOnly) },
	}
	cmd.Flags().BoolVar(&checkOnly, "check", false, "list files that would change and fail if there are any; change nothing")
	return cmd
}

func (a *app) format(args []string, checkOnly bool) error {
	files, err := a.formatFiles(args)
	if err != nil {
		return err
	}
	var failed []error
	changed := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		shown := a.relative(file)
		formatted, err := config.Format(shown, data)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if bytes.Equal(data, formatted) {
			continue
		}
		changed++
		fmt.Fprintln(a.Stdout, shown)
		if checkOnly {
			continue
		}
		if err := atomicfile.Write(file, formatted); err != nil {
			failed = append(failed, err)
		}
	}
	switch {
	case len(failed) > 0:
		return fail(exitConfig, errors.Join(failed...), "bcctl validate")
	case checkOnly && changed > 0:
		return fail(exitFailed, fmt.Errorf("%s not in canonical form", plural(changed, "file")), "bcctl fmt")
	default:
		return nil
	}
}

// formatFiles lists what to format: files as they are, folders with all they
// hold, the whole repository when nothing is given.
func (a *app) formatFiles(args []string) ([]string, error) {
	if len(args) == 0 {
		dir, err := a.findRepository()
		if err != nil {
			return nil, err
		}
		args = []string{dir}
	}
	var files []string
	for _, arg := range args {
		root := a.path(arg)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && path != root && strings.HasPrefix(d.Name(), "."):
				return filepath.SkipDir
			case d.Type().IsRegular() && isDocumentFile(d.Name()):
				files = append(files, path)
			}
			return nil
		})
		if err != nil {
			return nil, fail(exitFailed, err, "")
		}
	}
	return files, nil
}

func isDocumentFile(name string) bool {
	ext := filepath.Ext(name)
	return (ext == ".yaml" || ext == ".yml") && name != marker
}

// relative shortens a path for people.
func (a *app) relative(path string) string {
	if rel, err := filepath.Rel(a.Dir, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}
