package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/verdict"
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
was approved, and writes it to the ledger, where no edit and no deletion of the
comment can undo it. It counts from the requester, an approver or an operator. A
request that was never published is withdrawn by deleting its branch.`,
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
			said, err := c.SayExactly(ctx, found.Number, line)
			if err != nil {
				return forgeError(err)
			}
			k, err := a.verdicts(r, c).Read(ctx, verdict.Query{Pull: found.Number, Path: found.Path, Mode: approval.ModeReview})
			if err != nil {
				return forgeError(fmt.Errorf("the comment %d is posted, and whether it counts is not known: %w", said.ID, err))
			}
			v := approval.Verify(k.Case)
			if !v.Withdrawn {
				return fail(exitNotApproved, fmt.Errorf("comment %d is posted and withdraws nothing: you are neither the requester nor an approver nor an operator (RUN-03)", said.ID), "ask one of them, or object: a review that requests changes stops a request too, from anybody on the roster")
			}
			if err := keepWithdrawal(ctx, a.records(r), v, a.Now()); err != nil {
				a.remark("the withdrawal is posted and counts, and is not in the ledger yet: %v. Do not delete the comment: GitHub keeps no trace of one that its author deletes", err)
			}
			_, err = fmt.Fprintf(a.Stdout, "withdrawn: %s\n%s\n", v.Request, found.URL)
			return err
		},
	}
	f := pflag.NewFlagSet("safety", pflag.ContinueOnError)
	f.BoolVar(&dryRun, "dry-run", false, "say what would be posted, and post nothing")
	sections(cmd, flagSection{"Safety", f})
	return cmd
}

// records are those of a repository's ledger.
func (a *app) records(r *repository) ledger.Records {
	return a.ledgerStore(r)
}

// keepWithdrawal writes to the ledger that a request was withdrawn, where that was
// seen (RUN-03).
func keepWithdrawal(ctx context.Context, records ledger.Records, v approval.Verdict, now time.Time) error {
	if !v.Withdrawn {
		return nil
	}
	err := records.Add(ctx, ledger.Record{Kind: ledger.Withdrawn, Request: v.Request, Digest: string(v.Digest), At: now.UTC()})
	if errors.Is(err, ledger.ErrExists) {
		return nil // written before
	}
	return err
}
