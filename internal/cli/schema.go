package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/schemas"
)

func newSchema(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [kind]",
		Short: "Print the JSON Schema of a kind of document, of a report, of a plan or of an audit log's entry",
		Long: `Prints the schema that this version validates with, so that an editor completes
without the repository's own copies. Without a kind, lists the kinds.`,
		Example: exampleLines("bcctl schema", "bcctl schema Resource > resource.schema.json", "bcctl schema AuditEntry"),
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return schemaNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := fmt.Fprintln(a.Stdout, strings.Join(schemaNames(), "\n"))
				return err
			}
			for _, kind := range schemaNames() {
				if strings.EqualFold(kind, args[0]) {
					data, ok := schemas.For(kind)
					if !ok {
						return fmt.Errorf("the schema of %s is missing in this build", kind)
					}
					_, err := a.Stdout.Write(data)
					return err
				}
			}
			message := fmt.Sprintf("no kind %q", args[0])
			if near := config.Nearest(args[0], schemaNames()); near != "" {
				message += fmt.Sprintf("; did you mean %q?", near)
			}
			return usage(fmt.Errorf("%s", message), "bcctl schema")
		},
	}
}

// schemaNames are the kinds of documents, and what the program writes.
func schemaNames() []string { return append(kindNames(), "Report", "Plan", "AuditEntry") }

func kindNames() []string {
	var names []string
	for _, k := range config.Kinds() {
		names = append(names, string(k))
	}
	return names
}
