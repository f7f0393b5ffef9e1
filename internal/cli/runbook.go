package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
)

func newRunbook(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runbook",
		Short: "The procedures that bcctl brings along, and those of this repository",
		Long: `A procedure such as pg.native is a set of runbooks, one for each type. They are
ordinary Runbook documents: print one, put it into the repository under the same
name, and that one is used instead.`,
		Example: exampleLines("bcctl runbook list", "bcctl runbook show pg.native/switchover"),
	}
	cmd.AddCommand(newRunbookList(a), newRunbookShow(a))
	return cmd
}

func newRunbookList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List runbooks with what they are for and what this version can run of them",
		Example: exampleLines("bcctl runbook list"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t := term.Table{Columns: []term.Column{{Title: "RUNBOOK"}, {Title: "PLATFORM"}, {Title: "STEPS"}, {Title: "RUNS HERE"}, {Title: "WHAT IT DOES", Fold: true, Lines: 2}}}
			for _, name := range runbook.BuiltinNames() {
				book, ok := config.BuiltinRunbook(name)
				if !ok {
					return fmt.Errorf("runbook %s of this build is damaged", name)
				}
				t.Row(term.Cell{Text: name}, term.Cell{Text: book.Spec.For.Platform}, term.Cell{Text: fmt.Sprint(len(book.Spec.Steps))},
					term.Cell{Text: a.runsHere(book.Spec)}, term.Cell{Text: book.Spec.Description})
			}
			_, err := fmt.Fprint(a.Stdout, t.Render(a.profile(a.Stdout)))
			return err
		},
	}
}

// runsHere says how much of a runbook this version can run: what the platform's
// actions are known to be is one list for plan and execute.
func (a *app) runsHere(spec runbook.Runbook) string {
	missing := config.MissingActions(spec, a.Registry())
	switch {
	case len(missing) == 0:
		return "yes"
	default:
		return fmt.Sprintf("no, %d missing", len(missing))
	}
}

func newRunbookShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Print a runbook as it is written, with its comments",
		Example: exampleLines("bcctl runbook show pg.native/switchover", "bcctl runbook show pg.native/switchover > runbooks/switchover.yaml"),
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return runbook.BuiltinNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if data, ok := runbook.BuiltinSource(args[0]); ok {
				_, err := a.Stdout.Write(data)
				return err
			}
			// One of the repository, where there is one.
			if r, err := a.openRepository(cmd.Context(), cmd.Flags()); err == nil {
				if book, ok := r.repo.Runbook(args[0]); ok {
					data, err := fs.ReadFile(r.fsys, book.Origin.File)
					if err != nil {
						return err
					}
					_, err = a.Stdout.Write(data)
					return err
				}
			}
			message := fmt.Sprintf("there is no runbook %q", args[0])
			var under []string
			for _, name := range runbook.BuiltinNames() {
				if strings.HasPrefix(name, args[0]+"/") {
					under = append(under, name)
				}
			}
			if len(under) > 0 {
				message = fmt.Sprintf("%q is a procedure; its runbooks are %s", args[0], strings.Join(under, ", "))
			} else if near := config.Nearest(args[0], slices.Clone(runbook.BuiltinNames())); near != "" {
				message += fmt.Sprintf("; did you mean %q?", near)
			}
			return usage(errors.New(message), "bcctl runbook list")
		},
	}
}
