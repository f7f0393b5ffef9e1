package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/pkg/approval"
)

// openPull opens the pull request for a branch that was pushed, and returns its
// address.
func (a *app) openPull(ctx context.Context, r *repository, n newRequestText) (string, error) {
	c, err := a.forge(ctx, r.settings)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_, address, err := c.OpenPull(ctx, forge.NewPull{Branch: n.branch(), Title: n.title(), Body: n.view.Markdown()})
	if address != "" && err != nil {
		a.remark("%v", err) // the pull request is there; the rest is a courtesy
		err = nil
	}
	return address, err
}

func newWithdraw(a *app) *cobra.Command {
	dryRun := false
	cmd := &cobra.Command{
		Use:   "withdraw REQUEST",
		Short: "End a request for good, by a comment on its pull request",
		Long: `Posts the comment that withdraws a request: from then on it never runs, whatever
was approved. It counts from the requester, an approver or an operator. A request
that was never published is withdrawn by deleting its branch.`,
		Example: exampleLines("bcctl withdraw 20261126-ledger-switchover-k3f9", "bcctl withdraw 20261126-ledger-switchover-k3f9 --dry-run"),
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			r, err := a.openSettings(ctx, cmd.Flags())
			if err != nil {
				return err
			}
			c, err := a.forge(ctx, r.settings)
			if err != nil {
				return err
			}
			defer c.Close()
			found, err := findPull(ctx, c, args[0])
			if err != nil {
				return err
			}
			line := approval.WithdrawalLine(requestID(found.Path))
			if dryRun {
				_, err := fmt.Fprintf(a.Stdout, "would comment on pull request %d:\n  %s\n", found.Number, line)
				return err
			}
			if _, err := c.SayExactly(ctx, found.Number, line); err != nil {
				return forgeError(err)
			}
			_, err = fmt.Fprintf(a.Stdout, "withdrawn: %s\n%s\n", requestID(found.Path), found.URL)
			return err
		},
	}
	f := pflag.NewFlagSet("safety", pflag.ContinueOnError)
	f.BoolVar(&dryRun, "dry-run", false, "say what would be posted, and post nothing")
	sections(cmd, flagSection{"Safety", f})
	return cmd
}
