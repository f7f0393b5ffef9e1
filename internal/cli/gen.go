package cli

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newGen writes what releases ship: it is hidden because nobody else needs it.
func newGen(a *app) *cobra.Command {
	gen := &cobra.Command{Use: "gen", Short: "Generate documentation for a release", Hidden: true}
	gen.AddCommand(
		&cobra.Command{
			Use: "docs DIR", Short: "Markdown of every command", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				dir := a.path(args[0])
				if err := os.MkdirAll(dir, 0o755); err != nil {
					return err
				}
				cmd.Root().DisableAutoGenTag = true
				return doc.GenMarkdownTree(cmd.Root(), dir)
			},
		},
		&cobra.Command{
			Use: "man DIR", Short: "Manual pages", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				dir := a.path(args[0])
				if err := os.MkdirAll(dir, 0o755); err != nil {
					return err
				}
				return doc.GenManTree(cmd.Root(), &doc.GenManHeader{Title: "BCCTL", Section: "1", Source: "bcctl " + version()}, dir)
			},
		},
	)
	return gen
}
