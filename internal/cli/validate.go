package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/pkg/config"
)

func newValidate(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Find every problem of the configuration, each with its place",
		Long: `Checks all documents against their schemas and against each other, thresholds
against the indicators they are for, and expressions. Makes no connection and
resolves no secret. All problems of all files are printed in one run.`,
		Example: exampleLines(
			"bcctl validate",
			"bcctl validate --as-of HEAD~1",
			"bcctl validate -o json | jq '.problems[].file'",
		),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.openSettings(cmd.Context(), cmd.Flags())
			if err != nil {
				return err
			}
			problems := r.load()
			return a.printProblems(r, problems, output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text, json or github (annotations)")
	cmd.Flags().StringVar(&a.globals.asOf, "as-of", "", "validate the configuration of this Git commit")
	return cmd
}

// validation is the JSON form of a validation.
type validation struct {
	Schema    string           `json:"schema"`
	Commit    string           `json:"commit"`
	Documents int              `json:"documents"`
	Problems  []config.Problem `json:"problems"`
}

func (a *app) printProblems(r *repository, problems config.Problems, output string) error {
	count := r.repo.Count()
	switch output {
	case "json":
		v := validation{Schema: "https://bcctl.dev/schemas/validation/v1", Commit: r.commit, Documents: count, Problems: problems}
		if v.Problems == nil {
			v.Problems = config.Problems{}
		}
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			return err
		}
	case "github":
		for _, p := range problems {
			message := p.What
			if p.Instead != "" {
				message += "; " + p.Instead
			}
			fmt.Fprintf(a.Stdout, "::error file=%s,line=%d,col=%d::%s\n", escapeProperty(p.File), p.Line, p.Col, escapeData(message))
		}
	case "text":
		for _, p := range problems {
			fmt.Fprintln(a.Stdout, p)
		}
	default:
		return usage(fmt.Errorf("output %q is not known; write text, json or github", output), "bcctl validate --help")
	}
	if len(problems) > 0 {
		return fail(exitConfig, fmt.Errorf("%s in %d documents", plural(len(problems), "problem"), count), "")
	}
	if output == "text" {
		fmt.Fprintf(a.Stdout, "ok: %s, no problem\n", plural(count, "document"))
	}
	return nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
