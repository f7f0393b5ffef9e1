package cli

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/check"
)

func newRules(a *app) *cobra.Command {
	rules := &cobra.Command{Use: "rules", Short: "Work with the rules of this repository"}
	rules.AddCommand(newRulesTest(a))
	return rules
}

func newRulesTest(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Run the repository's StatusTests: given these observations, this verdict",
		Long: `Judges the observations of every StatusTest document with the repository's own
thresholds and compares with what its owners expect. Makes no connection.`,
		Example: exampleLines("bcctl rules test", "bcctl rules test --as-of HEAD~1", "bcctl rules test -o json"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.openRepository(cmd.Context(), cmd.Flags())
			if err != nil {
				return err
			}
			outcomes, err := check.RunStatusTests(r.repo, r.rules)
			if err != nil {
				return err
			}
			return a.printOutcomes(outcomes, output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	cmd.Flags().StringVar(&a.globals.asOf, "as-of", "", "use the configuration of this Git commit")
	return cmd
}

func (a *app) printOutcomes(outcomes []check.TestOutcome, output string) error {
	failed := 0
	for _, o := range outcomes {
		if !o.Passed {
			failed++
		}
	}
	switch output {
	case "json":
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(outcomes); err != nil {
			return err
		}
	case "text":
		for _, o := range outcomes {
			if o.Passed {
				fmt.Fprintf(a.Stdout, "ok    %s / %s\n", o.Test, o.Case)
				continue
			}
			fmt.Fprintf(a.Stdout, "FAIL  %s / %s (%s)\n", o.Test, o.Case, o.Place)
			for _, w := range o.Wrong {
				fmt.Fprintf(a.Stdout, "        %s\n", w)
			}
		}
	default:
		return usage(fmt.Errorf("output %q is not known; write text or json", output), "bcctl rules test --help")
	}
	switch {
	case len(outcomes) == 0:
		return fail(exitFailed, errors.New("there is no StatusTest; a test that does not exist proves nothing"), "bcctl schema StatusTest")
	case failed > 0:
		return fail(exitFailed, fmt.Errorf("%d of %s failed", failed, plural(len(outcomes), "case")), "")
	}
	if output == "text" {
		fmt.Fprintf(a.Stdout, "%s passed\n", plural(len(outcomes), "case"))
	}
	return nil
}
